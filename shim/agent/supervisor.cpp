#include "shim/agent/supervisor.hpp"
#include "shim/common/control.hpp"
#include "shim/common/site.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/clock.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lockstep {
using nlohmann::json;

namespace {
// A process that dies right after its start is not started again at once: a second, so that the log stays readable.
constexpr Duration restart_delay = seconds(1);

// Asks whoever listens on the module's socket for its pid: a module process that outlived an agent.
int running_pid(const Paths& paths, const std::string& am) {
  auto answer = control_call(paths.module_socket(am), json{{"op", "pid"}}, seconds(2));
  return answer && answer->contains("pid") && (*answer)["pid"].is_number_integer() ? (*answer)["pid"].get<int>() : 0;
}
} // namespace

Supervisor::Supervisor(Loop& loop, const Paths& paths, Log log) : loop_(loop), paths_(paths), log_(std::move(log)) {}

Supervisor::~Supervisor() {
  for (auto& [name, child] : children_) {
    child.watch.reset();
    if (child.pidfd >= 0) ::close(child.pidfd);
  }
}

bool Supervisor::running(const std::string& am) const {
  auto it = children_.find(am);
  return it != children_.end() && it->second.pid != 0;
}

void Supervisor::keep(const std::vector<std::string>& modules) {
  for (auto& [name, child] : children_) child.wanted = false;
  for (const std::string& am : modules) {
    Child& child = children_[am];
    child.wanted = true;
    if (child.pid != 0 || child.again) continue;
    if (int pid = running_pid(paths_, am)) adopt(am, pid);
    else start(am);
  }
}

int Supervisor::reload(const std::string& am) {
  auto it = children_.find(am);
  if (it == children_.end() || it->second.pid == 0) return 0;
  it->second.started_ns = 0; // meant to end: started again at once
  ::kill(it->second.pid, SIGTERM); // ended() starts it again
  return it->second.pid;
}

void Supervisor::start(const std::string& am) {
  Child& child = children_[am];
  child.started_ns = boot_now().ns;
  std::string root = paths_.root(), log = paths_.log(am) + "/daemon.log";
  if (Status s = make_open_directories(paths_.log(am)); !s) log_(s.error());
  // Until exec the child shares our handlers, and with them the pipe that tells our loop of a signal: one meant for the child
  // (reload) must not end the agent.
  sigset_t every, before;
  ::sigfillset(&every);
  ::sigprocmask(SIG_SETMASK, &every, &before);
  int pid = ::fork();
  if (pid != 0) ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) {
    log_("cannot start the process of module " + am + ": " + std::strerror(errno));
    child.pid = 0;
    return ended(am);
  }
  if (pid == 0) {
    ::setsid();
    int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (out >= 0) ::dup2(out, 1), ::dup2(out, 2);
    int null = ::open("/dev/null", O_RDONLY);
    if (null >= 0) ::dup2(null, 0);
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::signal(number, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int fd = 3; fd < 1024; ++fd) ::close(fd);
    ::execl("/proc/self/exe", "lockstepd", "--root", root.c_str(), "--module", am.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  child.pid = pid;
  watch(am, child);
}

void Supervisor::adopt(const std::string& am, int pid) {
  Child& child = children_[am];
  child.pid = pid;
  log_("module " + am + " is running already (process " + std::to_string(pid) + "): adopted");
  watch(am, child);
}

void Supervisor::watch(const std::string& am, Child& child) {
  child.pidfd = static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0));
  if (child.pidfd < 0) {
    child.pid = 0;
    return ended(am);
  }
  child.watch = std::make_unique<Watch>(loop_, child.pidfd, [this, am] { ended(am); });
}

void Supervisor::ended(const std::string& am) {
  Child& child = children_[am];
  int status = 0;
  bool crashed = false;
  if (child.pid != 0 && ::waitpid(child.pid, &status, WNOHANG) == child.pid)
    crashed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  child.watch.reset();
  if (child.pidfd >= 0) ::close(child.pidfd);
  child.pidfd = -1;
  child.pid = 0;
  if (crashed)
    log_("the process of module " + am + " ended" +
         (WIFSIGNALED(status) ? " by signal " + std::to_string(WTERMSIG(status)) : " with code " + std::to_string(WEXITSTATUS(status))) +
         ": see " + paths_.log(am) + "/daemon.log; it is started again");
  if (!child.wanted) return;
  bool soon = child.started_ns != 0 && Instant{child.started_ns} + restart_delay > boot_now();
  child.again = std::make_unique<Timer>(loop_);
  child.again->after(soon ? restart_delay : ms(1), [this, am] {
    Child& c = children_[am];
    auto spent = std::move(c.again); // ends after this call
    if (c.wanted && c.pid == 0) start(am);
  });
}

} // namespace lockstep
