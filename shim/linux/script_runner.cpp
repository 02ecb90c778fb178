#include "shim/linux/script_runner.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/clock.hpp"
#include "shim/linux/process_group.hpp"
#include "shim/linux/spawn.hpp"
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace lockstep {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto poll_gap = std::chrono::milliseconds(20);
constexpr Duration unkillable_wait = seconds(1);

std::string sentence(const std::string& path, int error) {
  struct stat st {};
  bool there = ::stat(path.c_str(), &st) == 0;
  if (error == ENOENT && there)
    return "cannot run " + path +
           ": the interpreter in its first line does not exist (or the line ends as on Windows: save it with Unix line "
           "ends)";
  if (error == ENOENT || error == ENOTDIR) return "cannot run " + path + ": there is no such file";
  if (error == EACCES) return "cannot run " + path + ": it is not executable; chmod +x it";
  return "cannot run " + path + ": " + std::strerror(error);
}

ScriptResult not_run(const std::string& path, int error, std::string log_file) {
  ScriptResult r;
  r.how = error == ENOENT || error == ENOTDIR   ? ScriptResult::How::not_found
          : error == EACCES || error == ENOEXEC ? ScriptResult::How::not_executable
                                                : ScriptResult::How::failed;
  r.text = sentence(path, error);
  r.log_file = std::move(log_file);
  return r;
}

// Ours, with what the run sets on top.
std::vector<std::string> environment_of(const ScriptRun& run) {
  std::map<std::string, std::string> all;
  for (char** e = environ; *e != nullptr; ++e) {
    std::string entry = *e;
    auto eq = entry.find('=');
    if (eq != std::string::npos) all[entry.substr(0, eq)] = entry.substr(eq + 1);
  }
  for (const auto& [name, value] : run.environment) all[name] = value;
  std::vector<std::string> out;
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

int errno_from(int channel) {
  int error = 0;
  return ::read(channel, &error, sizeof error) == static_cast<ssize_t>(sizeof error) ? error : 0;
}

} // namespace

Result<std::string> create_script_log(const std::string& directory, const std::string& script) {
  auto now = wall_now();
  auto base = directory + "/userlog_" + wall_file_text(now) + "_" + script;
  for (int i = 1; i < 1000; ++i) {
    auto path = base + (i == 1 ? "" : "_" + std::to_string(i)) + ".ulog";
    int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0 && errno == EEXIST) continue;
    if (fd < 0) return file_error("create", path, errno);
    auto line = "----------- " + wall_text(now) + " " + script + "\n";
    (void)!::write(fd, line.data(), line.size());
    ::close(fd);
    return path;
  }
  return Error{"cannot create a log for " + script + " in " + directory + ": too many runs in one second"};
}

struct Run {
  explicit Run(const asio::any_io_executor& e) : ended(e), timer(e) {}
  ScriptRunner::Id id = 0;
  std::string path, log_file, log_trouble;
  ProcessGroup group;
  asio::posix::stream_descriptor ended; // the pidfd
  asio::steady_timer timer;
  int errors = -1;
  bool stopping = false, killed = false, reaped = false, finished = false;
  Instant kill_at, give_up_at;
  ScriptResult result;
  std::function<void(ScriptResult)> done;
  ~Run() {
    if (errors >= 0) ::close(errors);
  }
};
using RunPtr = std::shared_ptr<Run>;

struct ScriptRunner::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor e, std::string c) : executor(std::move(e)), cgroup(std::move(c)) {}
  asio::any_io_executor executor;
  std::string cgroup;
  Id last = 0;
  std::map<Id, RunPtr> runs;
  std::vector<ProcessGroup> leftovers; // cgroups in which what a script left running lives on
  bool closed = false;

  int open_log(const ScriptRun& order, Run& run);
  void launch(const ScriptRun& order, const RunPtr& run, Started& started);
  void on_ended(const RunPtr& run);
  void check_group(const RunPtr& run);
  void finish(const RunPtr& run);
};

// The run's output; a log that cannot be made does not keep a script from running: a full disk must not stop a stop.
int ScriptRunner::State::open_log(const ScriptRun& order, Run& run) {
  if (order.log_directory.empty()) return -1;
  auto path = create_script_log(order.log_directory, order.name);
  int fd = path ? ::open(path->c_str(), O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
  if (fd >= 0)
    run.log_file = *path;
  else
    run.log_trouble = path ? file_error("open", *path, errno).text : path.error();
  return fd;
}

void ScriptRunner::State::launch(const ScriptRun& order, const RunPtr& run, Started& started) {
  std::erase_if(leftovers, [](const ProcessGroup& g) { return g.remove(); });
  SpawnOrder spawn_order{.path = order.path,
                         .arguments = {order.path},
                         .environment = environment_of(order),
                         .working_directory = order.working_directory.empty() ? "/" : order.working_directory};
  spawn_order.arguments.insert(spawn_order.arguments.end(), order.arguments.begin(), order.arguments.end());
  run->group = ProcessGroup::make(cgroup, "run-" + std::to_string(::getpid()) + "-" + std::to_string(run->id));
  spawn_order.output = open_log(order, *run);
  spawn_order.cgroup_procs = run->group.open_procs();
  auto spawned = spawn(spawn_order);
  if (spawn_order.output >= 0) ::close(spawn_order.output);
  if (spawn_order.cgroup_procs >= 0) ::close(spawn_order.cgroup_procs);
  started.log_file = run->log_file;
  if (!spawned) {
    run->result.text = "cannot run " + order.path + ": " + spawned.error();
    run->result.log_file = run->log_file;
    asio::post(executor, [self = shared_from_this(), run] { self->finish(run); });
    return;
  }
  started.pid = spawned->pid;
  run->group.set_leader(spawned->pid);
  run->errors = spawned->errors;
  run->ended.assign(spawned->pidfd);
  run->ended.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this(), run](error_code e) {
    if (!e && !self->closed) self->on_ended(run);
  });
}

void ScriptRunner::State::on_ended(const RunPtr& run) {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(run->ended.native_handle()), &info, WEXITED) != 0) info.si_code = 0;
  run->reaped = true;
  run->ended.close();
  auto& r = run->result;
  if (int error = errno_from(run->errors); error != 0)
    r = not_run(run->path, error, "");
  else if (info.si_code == CLD_EXITED)
    r.how = ScriptResult::How::exited, r.exit_code = info.si_status;
  else if (info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED)
    r.how = ScriptResult::How::signalled, r.signal = info.si_status;
  else
    r.text = "the end of " + run->path + " was missed: something else in this program reaped it";
  r.log_file = run->log_file;
  if (r.text.empty()) r.text = run->log_trouble;
  if (run->stopping)
    check_group(run);
  else
    finish(run);
}

// While stopping: until the whole group is gone, KILL at the end of the grace, not longer than a second after that.
void ScriptRunner::State::check_group(const RunPtr& run) {
  if (run->finished) return; // the group's number may be somebody else's by now
  auto now = boot_now();
  if (!run->killed && now >= run->kill_at) {
    run->group.signal(SIGKILL);
    run->killed = true;
    run->give_up_at = now + unkillable_wait;
  }
  bool gone = run->reaped && !run->group.alive();
  if (gone || (run->killed && now >= run->give_up_at)) {
    if (!gone && !run->reaped)
      run->result.text = run->path + " cannot be killed: it hangs in the kernel, on a disk or a network file system";
    return finish(run);
  }
  run->timer.expires_after(poll_gap);
  run->timer.async_wait([self = shared_from_this(), run](error_code e) {
    if (!e && !self->closed) self->check_group(run);
  });
}

void ScriptRunner::State::finish(const RunPtr& run) {
  if (closed || runs.erase(run->id) == 0) return;
  run->finished = true;
  error_code ignored;
  run->ended.close(ignored);
  run->timer.cancel();
  if (!run->group.remove()) leftovers.push_back(run->group);
  auto done = std::move(run->done);
  done(std::move(run->result));
}

ScriptRunner::ScriptRunner(asio::any_io_executor executor, std::string cgroup)
    : state_(std::make_shared<State>(std::move(executor), std::move(cgroup))) {}

ScriptRunner::~ScriptRunner() {
  state_->closed = true;
  for (auto& [id, run] : state_->runs) {
    error_code ignored;
    run->ended.close(ignored);
    run->timer.cancel();
  }
  state_->runs.clear();
}

ScriptRunner::Started ScriptRunner::start(ScriptRun order, std::function<void(ScriptResult)> done) {
  auto run = std::make_shared<Run>(state_->executor);
  run->id = ++state_->last;
  run->path = order.path;
  run->done = std::move(done);
  state_->runs[run->id] = run;
  Started started{.id = run->id};
  state_->launch(order, run, started);
  return started;
}

void ScriptRunner::stop(Id id, Duration grace) {
  auto it = state_->runs.find(id);
  if (it == state_->runs.end()) return;
  auto run = it->second;
  auto kill_at = boot_now() + grace;
  run->kill_at = run->stopping ? earlier(run->kill_at, kill_at) : kill_at;
  if (run->stopping) return;
  run->stopping = true;
  run->group.signal(SIGTERM);
  run->group.signal(SIGCONT);
  state_->check_group(run);
}

bool ScriptRunner::running(Id id) const { return state_->runs.count(id) != 0; }

} // namespace lockstep
