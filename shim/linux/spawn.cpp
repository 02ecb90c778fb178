#include "shim/linux/spawn.hpp"
#include "shim/linux/descriptor_limit.hpp"
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" { // glibc 2.36 forgot to say so
#include <sys/pidfd.h>
}

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

namespace lockstep {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& t : texts) out.push_back(const_cast<char*>(t.c_str()));
  out.push_back(nullptr);
  return out;
}

// Everything the child needs, made before fork: between fork and exec nothing may allocate or lock.
struct Prepared {
  const char* path;
  const char* directory;
  std::vector<char*> argv, sh_argv, envp;
  int output, cgroup_procs, errors;
  rlimit descriptors;
};

// The service protects the daemon from the kernel's choice of a victim; what scripts start may be chosen like any other.
void forget_oom_protection() {
  int fd = ::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  char first = 0;
  if (fd < 0) return;
  if (::pread(fd, &first, 1, 0) == 1 && first == '-') (void)!::pwrite(fd, "0", 1, 0);
  ::close(fd);
}

// The daemon's own arrangements are not the script's: signals, umask, the I/O flusher mark (data:T37), descriptors.
void undo_daemon_habits(const rlimit& descriptors) {
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  for (int s = 1; s < NSIG; ++s) ::sigaction(s, &plain, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(022);
  ::prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
  ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  ::setrlimit(RLIMIT_NOFILE, &descriptors);
  forget_oom_protection();
}

[[noreturn]] void fail(const Prepared& p, int error) {
  (void)!::write(p.errors, &error, sizeof error);
  ::_exit(127);
}

[[noreturn]] void child(const Prepared& p) {
  ::setpgid(0, 0);
  undo_daemon_habits(p.descriptors);
  if (p.cgroup_procs >= 0) (void)!::write(p.cgroup_procs, "0", 1); // without one the process group has to do
  int null = ::open("/dev/null", O_RDWR);
  int output = p.output >= 0 ? p.output : null;
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0) fail(p, errno);
  if (null > 2) ::close(null);
  if (::chdir(p.directory) != 0) fail(p, errno);
  ::execve(p.path, p.argv.data(), p.envp.data());
  if (errno == ENOEXEC) ::execve("/bin/sh", p.sh_argv.data(), p.envp.data());
  fail(p, errno);
}

} // namespace

Result<Spawned> spawn(const SpawnOrder& order) {
  std::vector<std::string> sh = {"/bin/sh", order.path};
  if (!order.arguments.empty()) sh.insert(sh.end(), order.arguments.begin() + 1, order.arguments.end());
  int channel[2];
  if (::pipe2(channel, O_CLOEXEC | O_NONBLOCK) != 0)
    return Error{std::string("cannot start a process: ") + std::strerror(errno)};
  Prepared p{order.path.c_str(),          order.working_directory.c_str(),
             pointers(order.arguments),   pointers(sh),
             pointers(order.environment), order.output,
             order.cgroup_procs,          channel[1],
             descriptor_limit_at_start()};
  // No signal handler of the daemon may run in the child before it has put them away.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = ::fork();
  if (pid == 0) child(p);
  int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(channel[1]);
  if (pid > 0) {
    ::setpgid(pid, pid); // also here: a signal to the group may be sent before the child came that far
    int pidfd = ::pidfd_open(pid, 0);
    if (pidfd >= 0) return Spawned{pid, pidfd, channel[0]};
    error = errno;
    ::kill(-pid, SIGKILL);
  }
  ::close(channel[0]);
  return Error{std::string("cannot start a process: ") + std::strerror(error)};
}

} // namespace lockstep
