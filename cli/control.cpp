// Commands to a module: start, stop and the rest of safekit 2.1, and the waits.
#include "cli/command.hpp"
#include "shim/common/site.hpp"
#include "shim/linux/clock.hpp"
#include <cstdio>
#include <unistd.h>

namespace lockstep::cli {
using nlohmann::json;

int control_verb(const Session& s, const std::string& am, const std::string& verb, const std::string& identity) {
  int code = Exit::failed;
  auto answer = ask_module(s, am, {{"op", "command"}, {"verb", verb}, {"who", s.who}, {"identity", identity}}, seconds(120), &code);
  if (!answer) return fail(s, answer.error(), code);
  if (!answer->value("ok", false)) return fail(s, answer->value("error", "refused"));
  return done(s, answer->value("sentence", ""));
}

namespace {
// STOP, ALONE Ready ...: "stable" is every NotReady or Ready (safekit 1.1).
bool reached(const json& view, const std::string& state) {
  std::string role = view.value("role", ""), sub = view.value("sub", "");
  if (state == "START") return role != "STOP" && sub != "Transient";
  if (state == "UP") return (role == "PRIM" || role == "ALONE" || role == "SECOND") && sub == "Ready";
  return role == state && sub != "Transient";
}
} // namespace

int wait_for(const Session& s, const std::string& am, const std::string& state, Duration deadline) {
  Instant end = boot_now() + deadline;
  std::string seen = "unknown";
  for (;;) {
    auto view = ask_module(s, am, {{"op", "view"}}, seconds(10));
    if (view) {
      if (reached(*view, state)) return done(s, "");
      seen = view->value("role", "?") + " " + view->value("sub", "?");
      if (state == "START" && view->value("role", "") == "STOP") return fail(s, "module " + am + " is stopped");
    }
    if (boot_now() >= end)
      return fail(s, view ? "module " + am + " is " + seen + " and did not reach " + state + " in time" : view.error(), Exit::timed_out);
    ::usleep(100'000); // polling the local process; the deadline is the caller's
  }
}

int shutdown_all(const Session& s) {
  int worst = Exit::ok;
  for (const std::string& am : applied_modules(s.paths)) {
    int code = control_verb(s, am, "stop", "");
    if (code == Exit::ok) code = wait_for(s, am, "STOP", seconds(700));
    if (code != Exit::ok) worst = code;
  }
  return worst;
}

} // namespace lockstep::cli
