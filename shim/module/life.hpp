// One incarnation of a module on this node, from a start to STOP: the Node machine and everything it orders of the world, and
// the Mirror beside it on its own thread. Lives on the module process's loop. It decides nothing.
#pragma once
#include "core/node/node.hpp"
#include "shim/common/site.hpp"
#include "shim/common/storage/record_store.hpp"
#include "shim/linux/processes.hpp"
#include "shim/linux/script_runner.hpp"
#include "shim/module/arbiter_host.hpp"
#include "shim/module/beat_links.hpp"
#include "shim/module/mirror_host.hpp"
#include "shim/module/module_log.hpp"
#include "shim/module/mounts_host.hpp"
#include "shim/module/vip_host.hpp"
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace lockstep {

class Life {
 public:
  struct Context {
    Loop& loop;
    const Paths& paths;
    const ClusterSite& cluster;
    const ModuleSite& module;
    ModuleLog& log;
    std::optional<ResyncProgress>& last_resync; // outlives this life: what the last copy did
  };
  // Called when the life is over; the owner destroys this object afterwards, not inside the call.
  using OnExit = std::function<void(bool restart, std::string reason)>;
  using OnAnswer = std::function<void(std::uint64_t id, bool ok, const std::string& sentence)>;
  using OnChange = std::function<void()>; // after every step

  // Everything that forbids a start is one sentence: directories, ports, record, privilege. Nothing is left behind then.
  static Result<std::unique_ptr<Life>> begin(Context context, OnAnswer on_answer, OnExit on_exit, OnChange on_change);
  ~Life();

  void command(Command c);
  void set_resource(const std::string& name, const std::string& value, const std::string& who);
  NodeView view() const;
  bool ended() const { return ended_; } // on_exit was called: the owner is about to destroy this
  bool serving(Instant now) const { return !over_ && node_->serving(now); }
  Instant serving_until() const { return permit_until_; }

 private:
  explicit Life(Context context, OnAnswer on_answer, OnExit on_exit, OnChange on_change);
  Status open_tree(Boot& boot);
  Status open_record(Boot& boot);
  Status inspect_marker(Boot& boot);
  Status open_machines(const Boot& boot, const ScanReport& scan);
  void open_arbiter();
  Status open_links();
  Status prepare_checkers();

  void step(decltype(NodeInput::what) what);
  void break_off(const Broken&);
  void end(bool restart, std::string reason);
  void stop_by_force(std::size_t next, std::string reason);
  void arm();
  void carry_out(NodeEffect& e);
  void persist(const nfx::Persist& e);
  void mark_dirs(const nfx::MarkDirs& e);
  void set_aside(const nfx::SetAside& e);
  void run_script(const nfx::RunScript& e);
  std::optional<ScriptRunner::Id> start_script(const std::string& name, std::vector<std::string> args, std::function<void(std::int32_t code)> done);
  void ask_witness(Ticket ticket);
  void mount(const nfx::MountFor& e);
  void raise_vip(const nfx::RaiseVip& e);
  void drop_vip(const nfx::DropVip& e);
  void watch_processes(bool on);
  void poll_processes();
  void poll_checkers();
  void look_at_addresses();
  std::vector<std::pair<std::string, std::string>> environment() const;

  Context context_;
  OnAnswer on_answer_;
  OnExit on_exit_;
  OnChange on_change_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); // results that come back later than us are dropped
  std::string state_directory_;
  boost::asio::thread_pool pool_{2};
  RecordStore records_;
  PayloadStore payloads_;
  std::unique_ptr<Tree> tree_;
  std::unique_ptr<MirrorHost> mirror_;
  std::unique_ptr<MountsHost> mounts_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<BeatLinks> beats_;
  std::unique_ptr<VipHost> vip_;
  std::unique_ptr<ArbiterHost> arbiter_; // of exec="etcd"
  ScriptRunner scripts_;
  std::map<std::uint64_t, ScriptRunner::Id> running_scripts_; // by ticket
  std::vector<ProcessFilter> process_filters_;
  Timer timer_, process_timer_, checker_timer_;
  Instant permit_until_ = Instant::distant_past();
  bool over_ = false;  // nothing is decided or carried out any more
  bool ended_ = false; // and the owner knows
  std::unique_ptr<WorkThread> storage_; // record and markers, in order; ends before what it works on
};

} // namespace lockstep
