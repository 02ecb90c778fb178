// The agent: one per node (design 1). Cluster membership on UDP 4800, the web port 9010 (ready.txt), the node API on 9453,
// the control socket for the operator's command, and the module processes. It decides nothing about a module.
#pragma once
#include "shim/agent/membership_host.hpp"
#include "shim/agent/supervisor.hpp"
#include "shim/common/control.hpp"
#include "shim/common/net/http_server.hpp"
#include "shim/common/net/node_api.hpp"
#include "shim/common/site.hpp"
#include "shim/common/state_lock.hpp"
#include "shim/common/status_page.hpp"
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace lockstep {

inline constexpr std::uint16_t web_port = 9010, node_api_port = 9453;

class Agent {
 public:
  explicit Agent(const Paths& paths);
  ~Agent();
  // Until SIGTERM or SIGINT; the exit code of the process. Everything that stops it from starting is one sentence.
  int run();

 private:
  Status begin();
  void load_site();     // (re)reads cluster.xml and key; opens what depends on them
  void load_modules();  // (re)reads the applied modules
  int reload_modules(const std::vector<std::string>& modules); // the same for processes that run; the pid that ends, or 0
  void log(const std::string& sentence);
  bool ready(const std::string& am);
  void refresh_pages();
  void control(const nlohmann::json& request, ControlServer::Respond respond);
  nlohmann::json cluster_state();
  void node_request(const std::string& text, const Endpoint& from, NodeApiServer::Respond respond);
  nlohmann::json put_cluster(const nlohmann::json& request);
  nlohmann::json run_command(const nlohmann::json& request, const Endpoint& from);
  void stop_modules();

  Paths paths_;
  Loop loop_;
  std::optional<StateLock> lock_;
  std::optional<ClusterSite> site_;
  std::string site_problem_, said_problem_;
  std::unique_ptr<MembershipHost> members_;
  std::unique_ptr<NodeApiServer> api_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<Timer> pages_timer_, retry_timer_;
  std::mutex pages_mutex_; // held for a map lookup only: ready() must not wait
  std::map<std::string, std::shared_ptr<StatusPage>> pages_;
};

} // namespace lockstep
