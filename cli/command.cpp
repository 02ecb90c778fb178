#include "cli/command.hpp"
#include "shim/common/site.hpp"
#include "shim/linux/clock.hpp"
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace lockstep::cli {
using nlohmann::json;

int fail(const Session& s, const std::string& sentence, int code) {
  if (s.as_json) std::printf("%s\n", json{{"ok", false}, {"error", sentence}}.dump().c_str());
  else std::fprintf(stderr, "Error: %s\n", sentence.c_str());
  return code;
}
int done(const Session& s, const std::string& sentence) {
  if (s.as_json) std::printf("%s\n", json{{"ok", true}, {"sentence", sentence}}.dump().c_str());
  else if (!sentence.empty()) std::printf("%s\n", sentence.c_str());
  return Exit::ok;
}

Result<std::string> module_or_default(const Session& s, const std::string& option) {
  std::string am = option;
  if (am.empty())
    if (const char* env = std::getenv("SAFEMODULE")) am = env;
  auto installed = installed_modules(s.paths);
  if (am.empty()) {
    if (installed.size() == 1) return installed.front();
    return Error{installed.empty() ? "no module is installed: run `lockstep module install -m NAME`"
                                   : "which module? give -m NAME (see `lockstep module list`)"};
  }
  if (!is_module_name(am)) return Error{"\"" + am + "\" is not a module name: letters, digits, '-' and '_', at most 32"};
  for (const std::string& name : installed)
    if (name == am) return am;
  std::string known;
  for (const std::string& name : installed) known += (known.empty() ? " (installed: " : ", ") + name;
  return Error{"there is no module " + am + (known.empty() ? ": run `lockstep module install -m " + am + "`" : known + ")")};
}

Result<json> ask_agent(const Session& s, const json& request, Duration deadline) {
  auto answer = control_call(s.paths.control_socket(), request, deadline);
  if (!answer) return Error{"the lockstepd agent does not answer: " + answer.error() + "; start it with `systemctl start lockstep` or `lockstepd`"};
  return answer;
}

bool await_module(const Session& s, const std::string& am, int former) {
  for (Instant end = boot_now() + seconds(10);;) {
    auto answer = control_call(s.paths.module_socket(am), {{"op", "pid"}}, seconds(10));
    if (answer && answer->value("pid", 0) != former) return true;
    if (boot_now() >= end || !ask_agent(s, {{"op", "ping"}}, seconds(2))) return false;
    ::usleep(20'000);
  }
}

Result<json> ask_module(const Session& s, const std::string& am, const json& request, Duration deadline, int* code) {
  if (code) *code = Exit::failed;
  auto applied = load_applied_module(s.paths, am);
  bool awake = control_listens(s.paths.module_socket(am)) || (applied && load_cluster(s.paths) && await_module(s, am));
  auto answer = awake ? control_call(s.paths.module_socket(am), request, deadline) : Result<json>(Error{"nobody listens"});
  if (answer) return answer;
  if (!applied) return Error{applied.error()};
  if (auto agent = ask_agent(s, {{"op", "ping"}}, seconds(2)); !agent) {
    if (code) *code = Exit::unreachable;
    return Error{agent.error()};
  }
  if (auto cluster = load_cluster(s.paths); !cluster) return Error{cluster.error()};
  return Error{"the process of module " + am + " does not answer (" + answer.error() + "): see " + s.paths.log(am) + "/daemon.log"};
}

} // namespace lockstep::cli
