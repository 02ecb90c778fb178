// Errors as values: what went wrong is one clear sentence (what, where, what to do), ready for a log or a person.
// Nothing of the shim's primitives throws for what the world does wrong.
#pragma once
#include <optional>
#include <string>
#include <utility>

namespace lockstep {

struct Error {
  std::string text;
};

// Success, or a sentence.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error e) : error_(std::move(e.text)) {}
  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  // Empty on success.
  std::string error() const { return error_.value_or(""); }

 private:
  std::optional<std::string> error_;
};

// A value, or a sentence.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Error e) : error_(std::move(e.text)) {}
  Result(const Status& s) : error_(s.error()) {}
  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  const std::string& error() const { return error_; }

 private:
  std::optional<T> value_;
  std::string error_;
};

} // namespace lockstep
