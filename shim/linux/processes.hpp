// The processes of this machine, from /proc: what errd counts (safekit 3.8). Only processes of our own pid namespace
// (not those inside containers), no kernel threads, no zombies, never ourselves.
#pragma once
#include "shim/common/result.hpp"
#include <memory>
#include <string>
#include <vector>

namespace lockstep {

struct Process {
  int pid = 0;
  int parent = 0;
  std::string name;    // as the kernel has it: at most 15 bytes
  std::string command; // the full command line, arguments separated by one space
};

std::vector<Process> list_processes();

// <proc name= nameregex= argregex=>: nameregex, when given, takes the place of name; argregex must match as well. Both
// are POSIX extended regular expressions that match anywhere. A name longer than 15 bytes is compared by its first 15.
class ProcessFilter {
 public:
  // The sentence quotes the expression that is wrong, and why.
  static Result<ProcessFilter> make(std::string name, const std::string& nameregex = {},
                                    const std::string& argregex = {});
  bool matches(const Process& p) const;

 private:
  struct Regex;
  std::string name_;
  std::shared_ptr<const Regex> name_regex_, arg_regex_;
};

int count_processes(const std::vector<Process>& all, const ProcessFilter& filter);

} // namespace lockstep
