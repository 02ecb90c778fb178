// The clocks: boot time for decisions, wall time for labels only (design 3).
#pragma once
#include "core/base/time.hpp"
#include <string>

namespace lockstep {

Instant boot_now(); // CLOCK_BOOTTIME: counts suspend, never goes back

struct WallTime {
  std::int64_t seconds = 0; // since 1970 UTC
  std::int32_t nanoseconds = 0;
};
WallTime wall_now();
std::string wall_text(WallTime t);      // local time, "2024-06-06T15:21:26": log lines, first line of a script's log
std::string wall_text_ms(WallTime t);   // "2024-06-06T15:21:26.123"
std::string wall_file_text(WallTime t); // "2024-06-06T152126": names of files

} // namespace lockstep
