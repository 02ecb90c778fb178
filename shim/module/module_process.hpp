// The process of one module (design 1): waits in STOP for a start, lives one incarnation after another, answers the control
// socket and keeps the status page. A module that was started before its process died is started again automatically.
#pragma once
#include "shim/common/control.hpp"
#include "shim/common/state_lock.hpp"
#include "shim/common/status_page.hpp"
#include "shim/module/life.hpp"
#include <optional>

namespace lockstep {

class ModuleProcess {
 public:
  ModuleProcess(const Paths& paths, std::string am);
  ~ModuleProcess();
  // Until `end`, or SIGTERM (an orderly stop first). The exit code of the process.
  int run();

 private:
  using Respond = ControlServer::Respond;
  Status begin();
  void control(const nlohmann::json& request, Respond respond);
  void command(const nlohmann::json& request, Respond respond);
  void start_life(Command first, Respond respond);
  void stopped_command(const Command& c, const Respond& respond);
  void life_over(bool restart, const std::string& reason);
  void answer(std::uint64_t id, bool ok, const std::string& sentence);
  nlohmann::json view();
  nlohmann::json stopped_view();
  void refresh_page();
  void remember_started(bool started);
  bool was_started();
  void terminate();

  Paths paths_;
  std::string am_;
  Loop loop_;
  std::optional<StateLock> lock_;
  std::optional<ClusterSite> cluster_;
  std::optional<ModuleSite> module_;
  std::unique_ptr<ModuleLog> log_;
  std::unique_ptr<StatusPage> page_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<Life> life_;
  std::unique_ptr<Timer> page_timer_, end_timer_;
  std::map<std::uint64_t, Respond> waiting_; // answers owed, by command id
  std::uint64_t last_command_ = 0;
  bool ending_ = false;
  std::optional<ResyncProgress> last_resync_; // what the last copy did, whichever side this node was on
  std::string last_problem_; // why the last start failed, shown in STOP
};

} // namespace lockstep
