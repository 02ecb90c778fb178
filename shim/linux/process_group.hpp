// Everything one script run started: its process group and, where possible, its cgroup (which also holds what left the
// group). Signals go to all of it.
#pragma once
#include <string>

namespace lockstep {

class ProcessGroup {
 public:
  ProcessGroup() = default;
  // A new cgroup `parent`/`name`; none when `parent` is empty or it cannot be made there.
  static ProcessGroup make(const std::string& parent, const std::string& name);
  // Opens cgroup.procs for the child to join; -1: no cgroup. The caller closes it.
  int open_procs() const;
  void set_leader(int pid) { leader_ = pid; }
  void signal(int number) const;
  bool alive() const;  // any member left that is not a zombie
  bool remove() const; // the cgroup's directory; false: processes still live in it
 private:
  int leader_ = 0;
  std::string cgroup_;
};

} // namespace lockstep
