#include "shim/linux/proc.hpp"
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

namespace lockstep::proc {
namespace {

std::string path_of(int pid, const std::string& what) { return "/proc/" + std::to_string(pid) + "/" + what; }

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> out;
  DIR* d = ::opendir(directory.c_str());
  if (d == nullptr) return out;
  while (dirent* e = ::readdir(d))
    if (e->d_name[0] != '.') out.emplace_back(e->d_name);
  ::closedir(d);
  return out;
}

std::string text_at(const std::string& path) {
  std::string text;
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char piece[4096];
  for (ssize_t n; (n = ::read(fd, piece, sizeof piece)) > 0;) text.append(piece, static_cast<std::size_t>(n));
  ::close(fd);
  return text;
}

std::string target_of(const std::string& path) {
  char target[PATH_MAX];
  auto n = ::readlink(path.c_str(), target, sizeof target);
  return n > 0 ? std::string(target, static_cast<std::size_t>(n)) : std::string();
}

} // namespace

std::vector<int> all_pids() {
  std::vector<int> out;
  for (const auto& name : names_in("/proc"))
    if (name.find_first_not_of("0123456789") == std::string::npos) out.push_back(std::atoi(name.c_str()));
  return out;
}

std::string read_text(int pid, const char* what) { return text_at(path_of(pid, what)); }
std::string read_own_text(const char* what) { return text_at(std::string("/proc/thread-self/") + what); }
std::string read_link(int pid, const std::string& what) { return target_of(path_of(pid, what)); }
std::string read_own_link(const std::string& what) { return target_of("/proc/thread-self/" + what); }

std::vector<std::string> list(int pid, const char* what) { return names_in(path_of(pid, what)); }

std::optional<Stat> parse_stat(const std::string& line) {
  // pid (name) state ppid pgrp ...: the name may hold spaces and parentheses, so it ends at the last one.
  auto open = line.find('('), close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
  Stat s;
  s.name = line.substr(open + 1, close - open - 1);
  if (std::sscanf(line.c_str() + close + 1, " %c %d %d", &s.state, &s.parent, &s.group) != 3) return std::nullopt;
  return s;
}

std::optional<Stat> read_stat(int pid) { return parse_stat(read_text(pid, "stat")); }

} // namespace lockstep::proc
