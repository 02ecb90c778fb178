#include "shim/linux/clock.hpp"
#include <cstdio>
#include <ctime>

namespace lockstep {
namespace {

timespec read_clock(clockid_t id) {
  timespec t{};
  ::clock_gettime(id, &t);
  return t;
}

std::string formatted(WallTime t, const char* format) {
  std::time_t seconds = t.seconds;
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) return "?";
  char text[64];
  return std::string(text, std::strftime(text, sizeof text, format, &parts));
}

} // namespace

Instant boot_now() {
  auto t = read_clock(CLOCK_BOOTTIME);
  return {static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec};
}

WallTime wall_now() {
  auto t = read_clock(CLOCK_REALTIME);
  return {t.tv_sec, static_cast<std::int32_t>(t.tv_nsec)};
}

std::string wall_text(WallTime t) { return formatted(t, "%Y-%m-%dT%H:%M:%S"); }

std::string wall_text_ms(WallTime t) {
  char part[8];
  std::snprintf(part, sizeof part, ".%03d", static_cast<int>(t.nanoseconds / 1'000'000 % 1000));
  return wall_text(t) + part;
}

std::string wall_file_text(WallTime t) { return formatted(t, "%Y-%m-%dT%H%M%S"); }

} // namespace lockstep
