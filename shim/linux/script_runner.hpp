// Runs executables: module scripts, custom checkers, errd handlers. Each in its own process group, and in its own
// cgroup v2 where one is writable; standard output and error go to a log file of the run. It decides nothing: order,
// timeouts and what an exit code means are the core's (safekit 5).
//
// All calls on, and all callbacks from, the executor given (one thread or a strand). Completion comes by pidfd: no
// SIGCHLD handler, and nobody else may reap with waitpid(-1). What a script leaves running (a daemon started by
// start_prim) lives on after the run; a group is signalled only when stop() asks for it.
#pragma once
#include "core/base/time.hpp"
#include "shim/common/result.hpp"
#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lockstep {

struct ScriptRun {
  std::string path;                                             // absolute
  std::string name;                                             // "start_prim": first line and file name of the log
  std::vector<std::string> arguments;                           // without argv[0]
  std::vector<std::pair<std::string, std::string>> environment; // set on top of ours
  std::string working_directory;                                // empty: "/"
  std::string log_directory;                                    // empty: output to /dev/null (logging="none")
};

struct ScriptResult {
  enum class How : std::uint8_t { exited, signalled, not_found, not_executable, failed } how = How::failed;
  int exit_code = 0;    // exited
  int signal = 0;       // signalled
  std::string text;     // a sentence when the script could not be run
  std::string log_file; // path of this run's log; empty: none
};

class ScriptRunner {
 public:
  // `cgroup`: a directory on a cgroup v2 mount under which a subtree per run is made; empty or not writable: process
  // group only.
  explicit ScriptRunner(boost::asio::any_io_executor executor, std::string cgroup = {});
  ~ScriptRunner(); // callbacks of what still runs are dropped; nothing is killed
  ScriptRunner(const ScriptRunner&) = delete;

  using Id = std::uint64_t; // of a run, from 1, never reused
  struct Started {
    Id id = 0;
    int pid = 0;          // 0: could not be started; the result says why
    std::string log_file; // known at once, for the line `Script NAME "args" > FILE`
  };
  // `done` is always called exactly once and never from inside start().
  Started start(ScriptRun run, std::function<void(ScriptResult)> done);
  // TERM to the whole group now, KILL after `grace` to what is left of it; `done` is called when the script and its
  // whole group are gone (or unkillable for a second more). A finished run: no effect.
  void stop(Id id, Duration grace);
  bool running(Id id) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Log file of a run: userlog_YYYY-MM-DDThhmmss_<script>.ulog, made unique by _2, _3 ... when two runs share a second.
Result<std::string> create_script_log(const std::string& directory, const std::string& script);

} // namespace lockstep
