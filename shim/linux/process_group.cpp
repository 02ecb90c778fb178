#include "shim/linux/process_group.hpp"
#include "shim/linux/proc.hpp"
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace lockstep {
namespace {

// A group of nothing but zombies is gone: in some containers nobody reaps orphans.
bool has_living_member(int group) {
  for (int pid : proc::all_pids())
    if (auto stat = proc::read_stat(pid); stat && stat->group == group && !stat->dead()) return true;
  return false;
}

} // namespace

ProcessGroup ProcessGroup::make(const std::string& parent, const std::string& name) {
  ProcessGroup g;
  if (parent.empty()) return g;
  auto path = parent + "/" + name;
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return g;
  if (::access((path + "/cgroup.procs").c_str(), W_OK) == 0)
    g.cgroup_ = path;
  else
    ::rmdir(path.c_str());
  return g;
}

int ProcessGroup::open_procs() const {
  return cgroup_.empty() ? -1 : ::open((cgroup_ + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
}

void ProcessGroup::signal(int number) const {
  if (leader_ > 0) ::kill(-leader_, number);
  if (cgroup_.empty()) return;
  if (number == SIGKILL) {
    std::ofstream all(cgroup_ + "/cgroup.kill"); // Linux 5.14: nothing can fork away from it
    if (all << "1" && all.flush()) return;
  }
  std::ifstream members(cgroup_ + "/cgroup.procs");
  for (int pid = 0; members >> pid;)
    if (pid > 1 && ::getpgid(pid) != leader_) ::kill(pid, number);
}

bool ProcessGroup::alive() const {
  if (leader_ > 0 && ::kill(-leader_, 0) == 0 && has_living_member(leader_)) return true;
  if (cgroup_.empty()) return false;
  std::ifstream members(cgroup_ + "/cgroup.procs");
  int pid = 0;
  return static_cast<bool>(members >> pid);
}

bool ProcessGroup::remove() const { return cgroup_.empty() || ::rmdir(cgroup_.c_str()) == 0 || errno == ENOENT; }

} // namespace lockstep
