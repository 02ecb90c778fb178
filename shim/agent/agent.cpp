#include "shim/agent/agent.hpp"
#include "core/config/digest.hpp"
#include "shim/agent/remote_command.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/clock.hpp"
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>
#include <unistd.h>

namespace lockstep {
using nlohmann::json;

Agent::Agent(const Paths& paths) : paths_(paths) {}
Agent::~Agent() = default;

void Agent::log(const std::string& sentence) {
  std::fprintf(stderr, "%s lockstepd: %s\n", wall_text(wall_now()).c_str(), sentence.c_str());
}

int Agent::run() {
  if (Status s = begin(); !s) {
    std::fprintf(stderr, "lockstepd: %s\n", s.error().c_str());
    return 1;
  }
  boost::asio::signal_set signals(loop_.context(), SIGTERM, SIGINT);
  signals.async_wait([this](auto ec, int) {
    if (ec) return;
    log("stopping: all modules are stopped first");
    supervisor_->keep({}); // who ends now, told by us or by whoever ends us, is not started again
    std::thread([this] { // stop scripts take their time; the loop goes on answering meanwhile
      stop_modules();
      loop_.stop();
    }).detach();
  });
  loop_.run();
  return 0;
}

Status Agent::begin() {
  if (::geteuid() != 0) return Error{"must run as root: it mounts file systems and sets addresses; use sudo or the service"};
  for (const std::string& directory : {paths_.etc(), paths_.modules_etc(), paths_.run(), paths_.safe_bin(), paths_.modules_var()})
    if (Status s = make_open_directories(directory); !s) return s;
  auto lock = StateLock::acquire(paths_.var());
  if (!lock) return Error{lock.error()};
  lock_.emplace(std::move(*lock));
  if (Status s = link_programs(paths_); !s) return s;
  auto control = ControlServer::open(loop_, paths_.control_socket(),
                                     [this](const json& request, ControlServer::Respond respond) { this->control(request, respond); });
  if (!control) return Error{control.error()};
  control_ = std::move(*control);
  auto http = HttpServer::start(
      Endpoint::any_v4(web_port),
      [this](const HttpRequest& request) { return ready_route(request, [this](const std::string& am) { return ready(am); }); }, {});
  if (!http) return Error{http.error()};
  http_ = std::move(*http);
  supervisor_ = std::make_unique<Supervisor>(loop_, paths_, [this](const std::string& s) { log(s); });
  retry_timer_ = std::make_unique<Timer>(loop_);
  pages_timer_ = std::make_unique<Timer>(loop_);
  load_site();
  load_modules();
  refresh_pages();
  log("ready on " + paths_.root() + (site_ ? " as " + site_->self : "")); // why it has no cluster was said
  return {};
}

// Without a cluster the agent still answers `cluster config` and, when a console password is set, `-G` from another node.
void Agent::load_site() {
  members_.reset();
  api_.reset();
  site_.reset();
  auto report = [this](const std::string& s) { log(s); };
  auto site = load_cluster(paths_);
  if (!site) {
    site_problem_ = site.error();
  } else {
    site_.emplace(std::move(*site));
    site_problem_.clear();
    auto members = MembershipHost::open(loop_, *site_, report);
    if (members) members_ = std::move(*members);
    else site_problem_ = members.error();
  }
  auto key = site_ ? Result<ClusterKey>(site_->key) : ClusterKey::load(paths_.access_key());
  if (key) {
    auto api = NodeApiServer::open(loop_, Endpoint::any_v4(node_api_port), *key,
                                   [this](std::string text, const Endpoint& from, NodeApiServer::Respond respond) {
                                     node_request(text, from, std::move(respond));
                                   },
                                   report);
    if (api) api_ = std::make_unique<NodeApiServer>(std::move(*api));
    else site_problem_ = api.error();
  }
  if (!site_problem_.empty()) { // an address may come up later, a port may become free
    if (said_problem_ != site_problem_) log(site_problem_);
    if (site_ || ::access(paths_.cluster_xml().c_str(), F_OK) == 0) retry_timer_->after(seconds(5), [this] {
      if (!site_problem_.empty()) load_site(), load_modules();
    });
  }
  said_problem_ = site_problem_;
}

void Agent::load_modules() {
  std::vector<ModuleSignature> signatures;
  std::vector<std::string> names;
  for (const std::string& am : applied_modules(paths_)) {
    auto module = load_applied_module(paths_, am);
    if (!module) {
      log(module.error());
      continue;
    }
    names.push_back(am);
    signatures.push_back({am, module->id, module->config.text_digest, pair_digest(module->config)});
  }
  if (members_) members_->set_modules(signatures);
  if (site_) supervisor_->keep(names);
}

// What load_modules() starts has the new configuration; only what ran before must begin anew.
int Agent::reload_modules(const std::vector<std::string>& modules) {
  int former = 0;
  for (const std::string& am : modules) former = supervisor_->reload(am);
  load_modules();
  return former;
}

void Agent::refresh_pages() {
  for (const std::string& am : applied_modules(paths_)) {
    std::lock_guard lock(pages_mutex_);
    if (pages_.contains(am)) continue;
    if (auto page = StatusPage::open(paths_.status_page(am))) pages_[am] = std::move(*page);
  }
  pages_timer_->after(ms(500), [this] { refresh_pages(); });
}

bool Agent::ready(const std::string& am) {
  std::shared_ptr<StatusPage> page;
  {
    std::lock_guard lock(pages_mutex_);
    auto it = pages_.find(am);
    if (it != pages_.end()) page = it->second;
  }
  return page && page->ready(boot_now());
}

json Agent::cluster_state() {
  json out{{"ok", true}, {"nodes", json::array()}, {"problem", site_problem_}, {"differences", json::array()}};
  if (site_) out["self"] = site_->self;
  if (!members_) return out;
  Instant now = boot_now();
  for (const MemberView& m : members_->table().members(now)) {
    json node{{"name", m.node}, {"online", m.online}};
    if (m.beat) {
      node["cluster_signature"] = m.beat->cluster_digest;
      for (const ModuleSignature& s : m.beat->modules)
        node["modules"].push_back({{"name", s.name}, {"id", s.id}, {"signature", s.text_digest}});
    }
    out["nodes"].push_back(node);
  }
  for (const std::string& s : members_->table().differences(now)) out["differences"].push_back(s);
  for (const std::string& s : members_->table().refusals()) out["differences"].push_back(s);
  return out;
}

void Agent::control(const json& request, ControlServer::Respond respond) {
  std::string op = request.value("op", "");
  if (op == "ping") return respond({{"ok", true}, {"root", paths_.root()}});
  if (op == "cluster_state") return respond(cluster_state());
  if (op == "reload_cluster") {
    load_site();
    reload_modules(applied_modules(paths_));
    return respond({{"ok", site_problem_.empty()}, {"error", site_problem_}});
  }
  if (op == "reload_module") {
    int former = reload_modules({request.value("module", "")});
    return respond({{"ok", true}, {"former", former}});
  }
  respond({{"ok", false}, {"error", "the agent does not know the request \"" + op + "\""}});
}

void Agent::node_request(const std::string& text, const Endpoint& from, NodeApiServer::Respond respond) {
  json request = json::parse(text, nullptr, false);
  if (!request.is_object()) return respond(json{{"ok", false}, {"error", "the request is not a JSON object"}}.dump());
  if (request.contains("put_cluster")) {
    json answer = put_cluster(request);
    respond(answer.dump());
    // The new key needs a new server, which closes this connection: the answer must have left by then.
    if (answer.value("ok", false)) retry_timer_->after(ms(300), [this] { load_site(), reload_modules(applied_modules(paths_)); });
    return;
  }
  std::thread([this, request, from, respond] { respond(run_command(request, from).dump(-1, ' ', false, json::error_handler_t::replace)); })
      .detach();
}

json Agent::put_cluster(const json& request) {
  std::string xml = request.value("put_cluster", ""), key = request.value("key", "");
  auto parsed = parse_cluster_config(xml, "cluster.xml");
  if (!parsed.value) return {{"ok", false}, {"error", parsed.diagnostics.empty() ? "cluster.xml is not valid" : to_string(parsed.diagnostics.front())}};
  auto self = find_self(*parsed.value);
  if (!self) return {{"ok", false}, {"error", self.error()}};
  auto parsed_key = ClusterKey::parse(key, "the key sent by the other node");
  if (!parsed_key) return {{"ok", false}, {"error", parsed_key.error()}};
  for (const std::string& am : applied_modules(paths_)) {
    auto view = control_call(paths_.module_socket(am), json{{"op", "view"}}, seconds(2));
    if (view && view->value("role", "STOP") != "STOP")
      return {{"ok", false}, {"error", "module " + am + " is running on " + *self + ": stop it on both nodes before the cluster is configured"}};
  }
  if (Status s = parsed_key->save(paths_.cluster_key()); !s) return {{"ok", false}, {"error", s.error()}};
  if (Status s = write_text_file(paths_.cluster_xml(), xml); !s) return {{"ok", false}, {"error", s.error()}};
  log("cluster.xml and its key were received from another node; this node is " + *self);
  return {{"ok", true}, {"node", *self}};
}

json Agent::run_command(const json& request, const Endpoint& from) { return run_local_command(paths_, request, address_text(from)); }

void Agent::stop_modules() {
  for (const std::string& am : applied_modules(paths_)) {
    auto answer = control_call(paths_.module_socket(am), json{{"op", "command"}, {"verb", "stop"}, {"who", "at shutdown"}}, seconds(600));
    if (!answer) continue;
    for (int i = 0; i < 6000; ++i) { // scripts have their own bounds
      auto view = control_call(paths_.module_socket(am), json{{"op", "view"}}, seconds(5));
      if (!view || view->value("role", "STOP") == "STOP") break;
      ::usleep(100'000);
    }
    if (auto end = control_call(paths_.module_socket(am), json{{"op", "end"}}, seconds(5)); !end) log(end.error());
  }
}

} // namespace lockstep
