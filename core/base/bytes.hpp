// Little-endian, length-prefixed encoding for everything that leaves a node or reaches its disk. Reading is total: a short
// or oversized field makes the reader fail (ok() == false) and every later read returns zero; nothing throws.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

using Bytes = std::vector<std::uint8_t>;

class Writer {
 public:
  template <class T>
  void integer(T v) {
    auto u = static_cast<std::uint64_t>(v);
    for (std::size_t i = 0; i < sizeof(T); ++i) out_.push_back(static_cast<std::uint8_t>(u >> (8 * i)));
  }
  void u8(std::uint8_t v) { integer(v); }
  void u16(std::uint16_t v) { integer(v); }
  void u32(std::uint32_t v) { integer(v); }
  void u64(std::uint64_t v) { integer(v); }
  void i64(std::int64_t v) { integer(v); }
  void flag(bool v) { u8(v ? 1 : 0); }
  void raw(const void* p, std::size_t n) {
    if (n == 0) return;
    auto b = static_cast<const std::uint8_t*>(p);
    out_.insert(out_.end(), b, b + n);
  }
  void text(std::string_view s) {
    u32(static_cast<std::uint32_t>(s.size()));
    raw(s.data(), s.size());
  }
  const Bytes& bytes() const { return out_; }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

class Reader {
 public:
  Reader(const std::uint8_t* p, std::size_t n) : p_(p), left_(n) {}
  explicit Reader(const Bytes& b) : Reader(b.data(), b.size()) {}
  bool ok() const { return ok_; }
  bool done() const { return ok_ && left_ == 0; }
  std::size_t left() const { return left_; }
  void fail() { ok_ = false, left_ = 0; }
  template <class T>
  T integer() {
    if (left_ < sizeof(T)) return fail(), T{};
    std::uint64_t u = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) u |= static_cast<std::uint64_t>(p_[i]) << (8 * i);
    p_ += sizeof(T), left_ -= sizeof(T);
    return static_cast<T>(u);
  }
  std::uint8_t u8() { return integer<std::uint8_t>(); }
  std::uint16_t u16() { return integer<std::uint16_t>(); }
  std::uint32_t u32() { return integer<std::uint32_t>(); }
  std::uint64_t u64() { return integer<std::uint64_t>(); }
  std::int64_t i64() { return integer<std::int64_t>(); }
  // Only 0 and 1 are booleans; an enumeration checks its bound the same way.
  bool flag() { return static_cast<bool>(bounded(1)); }
  std::uint8_t bounded(std::uint8_t max) {
    auto v = u8();
    if (v > max) return fail(), std::uint8_t{0};
    return v;
  }
  std::string text(std::size_t max) {
    std::size_t n = u32();
    if (n > max || n > left_) return fail(), std::string{};
    std::string s(reinterpret_cast<const char*>(p_), n);
    p_ += n, left_ -= n;
    return s;
  }
  // A count of elements that each take at least `each` bytes: what cannot fit is refused before anything is reserved.
  std::uint32_t count(std::size_t max, std::size_t each) {
    std::uint32_t n = u32();
    if (n > max || static_cast<std::uint64_t>(n) * each > left_) return fail(), 0u;
    return n;
  }

 private:
  const std::uint8_t* p_;
  std::size_t left_;
  bool ok_ = true;
};

} // namespace lockstep
