// What a reader of a configuration says about it: one clear sentence per finding, with the place (design 2.7, policy of
// core/config/README.md).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;         // as the caller named it, e.g. "userconfig.xml"
  std::uint32_t line = 0;   // 1-based; 0 when the finding is about the whole file
  std::uint32_t column = 0; // 1-based, in bytes; 0 when unknown
  std::string sentence;
  bool operator==(const Diagnostic&) const = default;
};

// "userconfig.xml:7: <heart timeout="30000x"> is not a time: ..."; a warning says so after the place.
std::string to_string(const Diagnostic&);

bool has_error(const std::vector<Diagnostic>&);

// A value is there exactly when no diagnostic is an error; warnings are to be shown to the user in both cases.
template <class T>
struct ParseResult {
  std::optional<T> value;
  std::vector<Diagnostic> diagnostics; // in the order of the file
};

} // namespace lockstep
