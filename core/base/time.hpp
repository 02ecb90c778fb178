// Time as the core sees it: boot time (CLOCK_BOOTTIME, counts suspend) in int64 nanoseconds, given in every Input.
// There is no now() here, and no Instant is ever persisted or sent to be compared with another node's (control (iii) 22).
#pragma once
#include <compare>
#include <cstdint>

namespace lockstep {

struct Duration {
  std::int64_t ns = 0;
  constexpr auto operator<=>(const Duration&) const = default;
  constexpr std::int64_t in_ms() const { return ns / 1'000'000; }
};
constexpr Duration ns(std::int64_t v) { return {v}; }
constexpr Duration us(std::int64_t v) { return {v * 1'000}; }
constexpr Duration ms(std::int64_t v) { return {v * 1'000'000}; }
constexpr Duration seconds(std::int64_t v) { return {v * 1'000'000'000}; }
constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
constexpr Duration operator*(Duration a, std::int64_t k) { return {a.ns * k}; }
constexpr Duration operator/(Duration a, std::int64_t k) { return {a.ns / k}; }

struct Instant {
  std::int64_t ns = 0;
  constexpr auto operator<=>(const Instant&) const = default;
  // Later than every deadline: "nothing to wait for".
  static constexpr Instant never() { return {INT64_MAX}; }
  // Earlier than everything that can have happened.
  static constexpr Instant distant_past() { return {INT64_MIN / 4}; }
};
constexpr Instant operator+(Instant t, Duration d) {
  return t == Instant::never() ? t : Instant{t.ns + d.ns};
}
constexpr Instant operator-(Instant t, Duration d) {
  return t == Instant::never() ? t : Instant{t.ns - d.ns};
}
constexpr Duration operator-(Instant a, Instant b) { return {a.ns - b.ns}; }
constexpr Instant earlier(Instant a, Instant b) { return a < b ? a : b; }
constexpr Instant later(Instant a, Instant b) { return a < b ? b : a; }

} // namespace lockstep
