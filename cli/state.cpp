// `lockstep state`: a person's first command. Both nodes, both colours, why a node waits, since when, what it needs, what to
// do, and a progress bar while data is copied. --json has the same for programs.
#include "cli/command.hpp"
#include "shim/common/site.hpp"
#include "shim/linux/clock.hpp"
#include <algorithm>
#include <cstdio>
#include <map>
#include <unistd.h>

namespace lockstep::cli {
using nlohmann::json;

namespace {

const char* colour(const std::string& sub) { return sub == "Ready" ? "green" : sub == "Transient" ? "orange" : "red"; }
std::string painted(const std::string& text, const std::string& sub) {
  if (!::isatty(1)) return text;
  const char* code = sub == "Ready" ? "\033[32m" : sub == "Transient" ? "\033[33m" : sub == "NotReady" ? "\033[31m" : "\033[90m";
  return code + text + "\033[0m";
}

std::string amount(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int u = 0;
  while (bytes >= 1024 && u < 4) bytes /= 1024, ++u;
  char text[32];
  std::snprintf(text, sizeof text, u == 0 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
  return text;
}
std::string span(std::int64_t s) {
  if (s < 60) return std::to_string(s) + " s";
  if (s < 3600) return std::to_string(s / 60) + " min " + std::to_string(s % 60) + " s";
  return std::to_string(s / 3600) + " h " + std::to_string(s % 3600 / 60) + " min";
}

void print_progress(const json& view) {
  if (!view.contains("resync")) return;
  const json& p = view["resync"];
  double done = p.value("bytes_compared", 0.0), total = std::max(done, p.value("bytes_total", 0.0));
  double ratio = total > 0 ? done / total : 0.0;
  int filled = static_cast<int>(ratio * 30);
  std::printf("  copying (%s): [%s%s] %3.0f %%  %s checked of %s, %s sent, %llu of %llu files", p.value("full", false) ? "everything" : "what changed",
              std::string(static_cast<std::size_t>(filled), '#').c_str(), std::string(static_cast<std::size_t>(30 - filled), '.').c_str(),
              ratio * 100, amount(done).c_str(), amount(total).c_str(), amount(p.value("bytes_sent", 0.0)).c_str(),
              p.value("files_done", 0ull), p.value("files_total", 0ull));
  double rate = view.value("resync_rate", 0.0);
  if (rate > 0) std::printf(", %s/s, about %s left", amount(rate).c_str(), span(static_cast<std::int64_t>((total - done) / rate)).c_str());
  std::printf("\n");
}

void print_node(const std::string& node, const json& view) {
  std::string role = view.value("role", "UNKNOWN"), sub = view.value("sub", "Unknown");
  bool known = role != "UNKNOWN";
  std::string state = role + " " + sub;
  std::printf("  %-16s %s  (%s)%s\n", node.c_str(), painted(state, sub).c_str(), known ? colour(sub) : "grey",
              !known                           ? ""
              : view.value("unreachable", false) ? "  as its heartbeat last said"
              : view.value("uptodate", false)    ? "  up to date"
                                                 : "  not up to date");
  if (view.contains("wait")) {
    const json& w = view["wait"];
    std::printf("    why:   %s (for %s, rule %s)\n", w.value("why", "").c_str(), span(w.value("seconds", std::int64_t{0})).c_str(),
                w.value("rule", "").c_str());
    if (!w.value("needs", "").empty()) std::printf("    needs: %s\n", w.value("needs", "").c_str());
    if (!w.value("to_do", "").empty()) std::printf("    do:    %s\n", w.value("to_do", "").c_str());
  }
  if (view.contains("problem")) std::printf("    why:   %s\n", view.value("problem", "").c_str());
  if (role == "STOP") {
    std::string am = view.value("module", ""), start = "`lockstep start -m " + am + "`";
    if (view.value("incarnation", std::uint64_t{0}) > 0) std::printf("    do:    %s\n", start.c_str());
    else std::printf("    do:    never started: `lockstep prim -m %s` on the node whose data counts, %s on the other\n", am.c_str(), start.c_str());
  }
  if (view.value("writes_held", false))
    std::printf("    writes wait since %s until it is settled who goes on\n", span(view.value("held_seconds", std::int64_t{0})).c_str());
  print_progress(view);
}

void print_resources(const json& view) {
  for (const json& r : view.value("resources", json::array())) {
    WallTime t{r.value("since", std::int64_t{0}), 0};
    std::printf("    %-28s %-16s %s\n", r.value("name", "").c_str(), r.value("value", "").c_str(), wall_text(t).c_str());
  }
}

int level(const std::string& role) {
  static const std::map<std::string, int> levels{{"STOP", 0}, {"WAIT", 1}, {"ALONE", 2}, {"UP", 2}, {"PRIM", 3}, {"SECOND", 4}};
  auto it = levels.find(role);
  return it == levels.end() ? 0 : it->second;
}

// The rate is what was checked between two looks: the module reports totals, a person wants speed.
Result<json> view_with_rate(const Session& s, const std::string& am, int& code) {
  auto first = ask_module(s, am, {{"op", "view"}}, seconds(10), &code);
  if (!first || !first->contains("resync")) return first;
  Instant begin = boot_now();
  ::usleep(300'000);
  auto second = ask_module(s, am, {{"op", "view"}}, seconds(10));
  if (!second || !second->contains("resync")) return second ? second : first;
  double passed = static_cast<double>((boot_now() - begin).ns) / 1e9;
  double moved = (*second)["resync"].value("bytes_compared", 0.0) - (*first)["resync"].value("bytes_compared", 0.0);
  if (passed > 0 && moved > 0) (*second)["resync_rate"] = moved / passed;
  return second;
}

// Asks the other node itself; when it cannot be reached, what its heartbeat last said.
json peer_view(const Session& s, const std::string& am, const json& own) {
  std::string peer = own.value("peer", "");
  auto answer = node_call(s, peer, {{"argv", {"state", "-m", am, "--json", "--local"}}}, seconds(3));
  if (answer && answer->value("ok", false)) {
    json view = json::parse(answer->value("out", ""), nullptr, false);
    if (view.is_object() && view.contains("role")) return view;
  }
  json view{{"role", own.value("peer_role", "UNKNOWN")}, {"sub", own.value("peer_sub", "Unknown")}, {"unreachable", true}};
  if (own.contains("peer_refused")) view["problem"] = own["peer_refused"];
  else if (view["role"] == "UNKNOWN")
    view["problem"] = "node " + peer + " does not answer: it is off, not reachable, or its lockstepd does not run";
  return view;
}

int show_module(const Session& s, const std::string& am, bool verbose, bool local_only, json* collect) {
  int code = Exit::failed;
  auto own = view_with_rate(s, am, code);
  if (!own) return fail(s, own.error(), code);
  if (local_only) {
    if (collect) *collect = *own;
    else print_node(own->value("node", ""), *own);
    return Exit::ok;
  }
  json peer = peer_view(s, am, *own);
  if (collect) {
    *collect = *own;
    (*collect)["peer_view"] = peer;
    return Exit::ok;
  }
  std::printf("Module %s\n", am.c_str());
  bool mine_first = own->value("node", "") < own->value("peer", "");
  if (!mine_first) print_node(own->value("peer", ""), peer);
  print_node(own->value("node", ""), *own);
  if (verbose) print_resources(*own);
  if (mine_first) print_node(own->value("peer", ""), peer);
  return Exit::ok;
}

} // namespace

namespace {
// What differs between the nodes' configurations is said on both, by name.
json differences(const Session& s) {
  auto state = ask_agent(s, {{"op", "cluster_state"}}, seconds(2));
  return state ? state->value("differences", json::array()) : json::array();
}
} // namespace

int show_state(const Session& s, const std::string& am, bool verbose, bool level_quiet, bool local_only) {
  if (level_quiet) {
    auto view = ask_module(s, am, {{"op", "view"}}, seconds(10));
    if (!view) return fail(s, view.error(), 0); // a module that does not run is STOP (safekit 2.2)
    std::printf("%s\n", view->value("role", "STOP").c_str());
    return level(view->value("role", "STOP"));
  }
  std::vector<std::string> modules = am.empty() ? applied_modules(s.paths) : std::vector<std::string>{am};
  if (modules.empty()) {
    auto site = load_cluster(s.paths);
    return fail(s, !site ? site.error() : "no module is configured on this node: run `lockstep config -m NAME` (installed ones: `lockstep module list`)");
  }
  json all = json::array(), differ = local_only ? json::array() : differences(s);
  int worst = Exit::ok;
  for (const std::string& name : modules) {
    json one;
    int code = show_module(s, name, verbose, local_only, s.as_json ? &one : nullptr);
    if (code != Exit::ok) worst = code;
    else if (s.as_json) all.push_back(one);
    if (s.as_json && worst == Exit::ok && !local_only) all.back()["differences"] = differ;
  }
  if (!s.as_json)
    for (const json& d : differ) std::printf("Warning: %s\n", d.get<std::string>().c_str());
  if (s.as_json && worst == Exit::ok) std::printf("%s\n", (am.empty() ? all : all.front()).dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  return worst;
}

int get_resource(const Session& s, const std::string& am, const std::string& resource) {
  int code = Exit::failed;
  auto view = ask_module(s, am, {{"op", "view"}}, seconds(10), &code);
  if (!view) return fail(s, view.error(), code);
  if (resource == "state.local") return done(s, view->value("role", "") + " " + view->value("sub", ""));
  if (resource == "state.remote") return done(s, view->value("peer_role", "") + " " + view->value("peer_sub", ""));
  for (const json& r : view->value("resources", json::array()))
    if (r.value("name", "") == resource) return done(s, r.value("value", ""));
  return fail(s, "module " + am + " has no resource " + resource + ": `lockstep state -v -m " + am + "` lists them");
}

int set_resource(const Session& s, const std::string& am, const std::string& resource, const std::string& value, const std::string& who) {
  int code = Exit::failed;
  json request{{"op", "set"}, {"resource", resource}, {"value", value}, {"who", who.empty() ? s.who : who}};
  auto answer = ask_module(s, am, request, seconds(30), &code);
  if (!answer) return fail(s, answer.error(), code);
  if (!answer->value("ok", false)) return fail(s, answer->value("error", "refused"));
  return Exit::ok;
}

} // namespace lockstep::cli
