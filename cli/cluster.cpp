// The cluster's configuration and keys (safekit 2.5): check, apply here, show, hand over (remote.cpp).
#include "cli/command.hpp"
#include "shim/common/crypto/access_key.hpp"
#include "shim/common/site.hpp"
#include "shim/common/storage/files.hpp"
#include <cstdio>
#include <unistd.h>

namespace lockstep::cli {
using nlohmann::json;

namespace {
Result<ClusterConfig> checked(const Session& s, const std::string& file, std::string& text) {
  auto read = read_text_file(file);
  if (!read) return Error{read.error()};
  text = *read;
  auto parsed = parse_cluster_config(text, file);
  for (const Diagnostic& d : parsed.diagnostics)
    if (!s.as_json || d.severity == Severity::error) std::fprintf(stderr, "%s\n", to_string(d).c_str());
  if (!parsed.value) return Error{file + " is not a valid cluster configuration: nothing was changed"};
  return std::move(*parsed.value);
}

bool running_module(const Session& s, std::string& which) {
  for (const std::string& am : applied_modules(s.paths)) {
    auto view = control_call(s.paths.module_socket(am), json{{"op", "view"}}, seconds(5));
    if (view && view->value("role", "STOP") != "STOP") return which = am, true;
  }
  return false;
}

int tell_agent(const Session& s, const std::string& sentence) {
  auto answer = ask_agent(s, {{"op", "reload_cluster"}}, seconds(30));
  if (!answer) return done(s, sentence + " (lockstepd does not run: it will read it when it starts)");
  if (!answer->value("ok", false)) return fail(s, answer->value("error", ""));
  return done(s, sentence);
}
} // namespace

int cluster_confcheck(const Session& s, const std::string& file) {
  std::string text;
  auto config = checked(s, file, text);
  return config ? done(s, file + " is valid") : fail(s, config.error());
}

int cluster_config(const Session& s, const std::string& file) {
  std::string source = file.empty() ? s.paths.cluster_xml() : file, text, which;
  auto config = checked(s, source, text);
  if (!config) return fail(s, config.error());
  auto self = find_self(*config);
  if (!self) return fail(s, self.error());
  if (running_module(s, which)) return fail(s, "module " + which + " is running: stop it on both nodes before the cluster is configured");
  if (Status st = make_open_directories(s.paths.etc()); !st) return fail(s, st.error());
  if (::access(s.paths.cluster_key().c_str(), F_OK) != 0) // one key for the life of the cluster; genkey makes a new one
    if (Status st = ClusterKey::generate().save(s.paths.cluster_key()); !st) return fail(s, st.error());
  if (!file.empty())
    if (Status st = write_text_file(s.paths.cluster_xml(), text); !st) return fail(s, st.error());
  return tell_agent(s, "cluster configured; this node is " + *self + ". Hand it to the others with: lockstep -H \"*\" -G");
}

int cluster_genkey(const Session& s) {
  std::string which;
  if (running_module(s, which)) return fail(s, "module " + which + " is running: stop it on both nodes before the key is changed");
  if (auto site = load_cluster(s.paths); !site && ::access(s.paths.cluster_xml().c_str(), F_OK) != 0) return fail(s, site.error());
  std::string old = s.paths.cluster_key() + ".old"; // -G reaches the other nodes under it
  if (::access(s.paths.cluster_key().c_str(), F_OK) == 0 && ::rename(s.paths.cluster_key().c_str(), old.c_str()) != 0)
    return fail(s, "cannot keep the old key as " + old);
  if (Status st = ClusterKey::generate().save(s.paths.cluster_key()); !st) return fail(s, st.error());
  return tell_agent(s, "a new cluster key was made. Hand it to the others with: lockstep -H \"*\" -G");
}

int cluster_confinfo(const Session& s) {
  auto state = ask_agent(s, {{"op", "cluster_state"}});
  if (!state) return fail(s, state.error(), Exit::unreachable);
  if (s.as_json) return std::printf("%s\n", state->dump().c_str()), Exit::ok;
  std::printf("%-16s %-18s %s\n", "Node", "Signature", "State");
  for (const json& n : (*state)["nodes"])
    std::printf("%-16s %016llx   %s\n", n.value("name", "").c_str(),
                static_cast<unsigned long long>(n.value("cluster_signature", std::uint64_t{0})), n.value("online", false) ? "online" : "offline");
  for (const json& d : (*state)["differences"]) std::printf("%s\n", d.get<std::string>().c_str());
  if (!state->value("problem", "").empty()) return fail(s, state->value("problem", ""));
  return (*state)["differences"].empty() ? Exit::ok : Exit::failed;
}

int cluster_state(const Session& s) {
  auto state = ask_agent(s, {{"op", "cluster_state"}});
  if (!state) return fail(s, state.error(), Exit::unreachable);
  if (s.as_json) return std::printf("%s\n", state->dump().c_str()), Exit::ok;
  std::printf("%-16s %-8s %-16s %-4s %s\n", "Node", "State", "Module", "Id", "Signature");
  for (const json& n : (*state)["nodes"]) {
    std::string name = n.value("name", ""), online = n.value("online", false) ? "online" : "offline";
    json modules = n.value("modules", json::array());
    if (modules.empty()) std::printf("%-16s %-8s -\n", name.c_str(), online.c_str());
    for (const json& m : modules)
      std::printf("%-16s %-8s %-16s %-4u %016llx\n", name.c_str(), online.c_str(), m.value("name", "").c_str(), m.value("id", 0u),
                  static_cast<unsigned long long>(m.value("signature", std::uint64_t{0})));
  }
  for (const json& d : (*state)["differences"]) std::printf("%s\n", d.get<std::string>().c_str());
  if (!state->value("problem", "").empty()) return fail(s, state->value("problem", ""));
  return Exit::ok;
}

// `webservercfg -passwd`: the same on both nodes. A node that has no cluster key yet takes the cluster's configuration and
// key (-G) from whoever proves to know it.
int set_password(const Session& s, const std::string& password) {
  if (password.size() < 3) return fail(s, "the password must have at least 3 characters", Exit::usage);
  if (Status st = make_open_directories(s.paths.etc()); !st) return fail(s, st.error());
  auto key = access_key_from_password(password);
  if (!key) return fail(s, key.error());
  if (Status st = key->save(s.paths.access_key()); !st) return fail(s, st.error());
  return tell_agent(s, "password set");
}

} // namespace lockstep::cli
