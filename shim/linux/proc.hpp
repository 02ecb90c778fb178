// Reading /proc. A process may be gone between two reads: every answer may be "no longer there".
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace lockstep::proc {

std::vector<int> all_pids();

struct Stat {
  std::string name; // at most 15 bytes, may hold any character
  char state = 0;
  int parent = 0, group = 0;
  bool dead() const { return state == 'Z' || state == 'X'; }
};
std::optional<Stat> read_stat(int pid);
std::optional<Stat> parse_stat(const std::string& line);

// "/proc/PID/WHAT" as it is; empty when it cannot be read.
std::string read_text(int pid, const char* what);
// The target of the link /proc/PID/WHAT; empty when it cannot be read.
std::string read_link(int pid, const std::string& what);
// The same of the calling thread: its namespaces, which need not be those of the other threads.
std::string read_own_text(const char* what);
std::string read_own_link(const std::string& what);
// Names in the directory /proc/PID/WHAT.
std::vector<std::string> list(int pid, const char* what);

} // namespace lockstep::proc
