// Times of an open object to the nanosecond; nullopt leaves one alone.
#pragma once
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>

namespace lockstep {

inline timespec to_timespec(std::int64_t ns) {
  std::int64_t s = ns / 1'000'000'000, rest = ns % 1'000'000'000;
  if (rest < 0) s -= 1, rest += 1'000'000'000;
  return {s, rest};
}
inline std::int64_t to_ns(const timespec& t) { return t.tv_sec * 1'000'000'000ll + t.tv_nsec; }

// 0 or an errno; works on every type, on O_PATH descriptors too.
inline int set_times(int fd, std::optional<std::int64_t> atime, std::optional<std::int64_t> mtime) {
  timespec t[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
  if (atime) t[0] = to_timespec(*atime);
  if (mtime) t[1] = to_timespec(*mtime);
  return utimensat(fd, "", t, AT_EMPTY_PATH) ? errno : 0;
}

} // namespace lockstep
