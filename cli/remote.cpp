// Commands on other nodes of the cluster over the authenticated node API (safekit 2.6): -H NODES COMMAND, -G, -E AM.
#include "cli/command.hpp"
#include "shim/agent/agent.hpp"
#include "shim/agent/remote_command.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/clock.hpp"
#include <algorithm>
#include <cstdio>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lockstep::cli {
using nlohmann::json;

namespace {
Result<Endpoint> address_of(const ClusterSite& site, const std::string& node) {
  const ClusterNode* n = find_node(command_lan(site.config), node);
  if (!n) return Error{"cluster.xml has no node \"" + node + "\""};
  return Endpoint::resolve(n->addr, node_api_port);
}

Result<json> call_with(const ClusterKey& key, const Endpoint& where, const json& request, Duration deadline) {
  auto text = node_api_call(key, where, request.dump(-1, ' ', false, json::error_handler_t::replace), deadline);
  if (!text) return Error{text.error()};
  json answer = json::parse(*text, nullptr, false);
  if (!answer.is_object()) return Error{"the answer of " + to_string(where) + " is not understood"};
  return answer;
}

// A node that has no cluster key yet, or still the old one, is reached under the console's password or that old key.
Result<json> hand_over_cluster(const Session& s, const ClusterSite& site, const std::string& node) {
  auto where = address_of(site, node);
  if (!where) return Error{where.error()};
  json request{{"put_cluster", site.text}, {"key", site.key.text()}};
  auto answer = call_with(site.key, *where, request, seconds(10));
  for (const std::string& file : {s.paths.cluster_key() + ".old", s.paths.access_key()}) {
    if (answer) break;
    if (auto key = ClusterKey::load(file)) {
      auto again = call_with(*key, *where, request, seconds(10));
      if (again) answer = again;
    }
  }
  if (answer && answer->value("ok", false)) { // the node takes up its new key now: done when it answers under it
    Instant end = boot_now() + seconds(10);
    for (;;) {
      auto up = call_with(site.key, *where, {{"ping", true}}, seconds(2));
      if (up || boot_now() > end) break;
      ::usleep(50'000);
    }
  }
  if (answer) return answer;
  return Error{answer.error() + ". A node without a cluster key is reached by the console's password, the same on both nodes (`lockstep "
               "webservercfg -passwd PASSWORD`). If " + node + " has another key, remove " + s.paths.cluster_key() +
               " there and restart its lockstepd first; or copy that file and " + s.paths.cluster_xml() +
               " there and run `lockstep cluster config`"};
}

void collect_files(const std::string& base, const std::string& under, json& files) {
  DIR* d = ::opendir((base + "/" + under).c_str());
  if (!d) return;
  while (dirent* e = ::readdir(d)) {
    std::string name = under.empty() ? e->d_name : under + "/" + e->d_name;
    struct stat st{};
    if (e->d_name[0] == '.' || ::stat((base + "/" + name).c_str(), &st) != 0) continue;
    if (S_ISDIR(st.st_mode)) collect_files(base, name, files);
    else if (auto text = read_text_file(base + "/" + name)) files.push_back({{"name", name}, {"text", *text}, {"mode", st.st_mode & 0777}});
  }
  ::closedir(d);
}

Result<json> export_module(const Session& s, const std::string& node, const std::string& am) {
  json module{{"name", am}, {"files", json::array()}};
  collect_files(s.paths.module_etc(am), "", module["files"]);
  auto put = node_call(s, node, {{"put_module", module}}, seconds(30));
  if (!put || !put->value("ok", false)) return put;
  bool configured = false;
  for (const std::string& name : applied_modules(s.paths)) configured |= name == am;
  if (!configured) return put;
  return node_call(s, node, {{"argv", {"config", "-m", am}}}, seconds(60));
}

Result<std::vector<std::string>> chosen(const ClusterSite& site, const std::string& nodes) {
  std::vector<std::string> all = node_names(site.config), out;
  if (nodes == "*") return all;
  for (std::size_t at = 0; at <= nodes.size();) {
    std::size_t comma = std::min(nodes.find(',', at), nodes.size());
    std::string name = nodes.substr(at, comma - at);
    if (std::find(all.begin(), all.end(), name) == all.end()) return Error{"cluster.xml has no node \"" + name + "\""};
    out.push_back(name);
    at = comma + 1;
  }
  return out;
}
} // namespace

Result<json> node_call(const Session& s, const std::string& node, const json& request, Duration deadline) {
  auto site = load_cluster(s.paths);
  if (!site) return Error{site.error()};
  if (node == site->self) return run_local_command(s.paths, request, "127.0.0.1");
  auto where = address_of(*site, node);
  if (!where) return Error{where.error()};
  return call_with(site->key, *where, request, deadline);
}

int on_nodes(const Session& s, const std::string& nodes, const std::vector<std::string>& argv) {
  auto site = load_cluster(s.paths);
  if (!site) return fail(s, site.error());
  auto targets = chosen(*site, nodes);
  if (!targets) return fail(s, targets.error(), Exit::usage);
  if (argv.empty()) return fail(s, "-H needs a command, -G or -E MODULE", Exit::usage);
  bool give_cluster = argv[0] == "-G", give_module = argv[0] == "-E";
  std::string am = give_module && argv.size() > 1 ? argv[1] : "";
  if (give_module) {
    auto known = module_or_default(s, am);
    if (!known) return fail(s, known.error());
    am = *known;
  }
  int worst = Exit::ok;
  json all = json::array();
  for (const std::string& node : *targets) {
    if (!s.as_json) std::printf("---------------- Server=%s ----------------\n", node.c_str());
    Result<json> answer = json{{"ok", true}};
    if (give_cluster && node != site->self) answer = hand_over_cluster(s, *site, node);
    else if (give_module && node != site->self) answer = export_module(s, node, am);
    else if (!give_cluster && !give_module) answer = node_call(s, node, {{"argv", argv}}, seconds(700));
    json out = answer ? *answer : json{{"ok", false}, {"error", "node " + node + ": " + answer.error()}};
    int code = !out.value("ok", false) ? Exit::failed : out.value("rc", 0);
    if (code != 0) worst = code;
    out["node"] = node;
    all.push_back(out);
    if (s.as_json) continue;
    if (out.contains("out")) std::printf("%s", out.value("out", "").c_str());
    else std::printf("%s\n", out.value("ok", false) ? "Success" : ("Error: " + out.value("error", "")).c_str());
    std::fflush(stdout);
  }
  if (s.as_json) std::printf("%s\n", all.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  return worst;
}

} // namespace lockstep::cli
