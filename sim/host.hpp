// One machine: power, disks, the module's process with its two cores, and everything that carries out their effects.
#pragma once
#include "core/mirror/mirror.hpp"
#include "core/node/node.hpp"
#include "sim/arbiter.hpp"
#include "sim/disk.hpp"
#include "sim/executor.hpp"
#include "sim/links.hpp"
#include "sim/queue.hpp"
#include "sim/trace.hpp"
#include "sim/weather.hpp"
#include <deque>
#include <functional>
#include <memory>

namespace lockstep::sim {

class Oracles;

inline constexpr std::uint32_t replicated_dirs = 1;
// Labels only: they decide nothing.
inline std::int64_t wall_seconds(const Plan& p, Instant t) {
  auto passed = t.ns / 1'000'000'000;
  return p.wall_s + passed + (p.wall_jumps ? pick(hash_of(p.seed, passed / 3, 91), -1'000'000, 1'000'000) : 0);
}

// A machine that lies, to see that the oracles notice (tests/sim/alarm_test.cpp). A plan cannot ask for it.
enum class Sabotage : std::uint8_t {
  none,
  flush_lies,     // fsync and flush report success and flush nothing
  apply_forgets,  // every twentieth write is not applied on the secondary
  set_log_lies,   // marks are reported durable and are not
  record_lies,    // the record is reported durable and is not
  address_sticks, // the address is not removed
  deaf,           // heartbeats arrive and are lost on the way to the process, on b
  answer_lost,    // one operation in a hundred is never answered
  kill_lost,      // a script that is killed goes on
  mount_lost,     // the mount of the application's tree is never there
};

struct Surroundings { // what all hosts share
  const Plan& plan;
  Queue& queue;
  const Weather& weather;
  Links& links;
  Arbiter& arbiter;
  Trace& trace;
  Oracles& oracles;
  Sabotage sabotage;
};

class Host {
 public:
  Host(NodeIndex index, const Surroundings&);
  Host(const Host&) = delete;

  // ---- power and process
  void power_on();
  void power_off();                 // crash: memory is gone, the disk keeps what it likes
  void kill_process();              // the daemon dies, the machine and the application live on
  void crash_after(std::int64_t effects, bool kill);
  void forget_plans() { effects_to_crash_ = 0, ambushes_.clear(); } // what was to happen after some effect
  void pause(Instant until);
  void freeze(Instant until);            // a pause in which this machine's clock stands still too
  void clock_rate(std::int64_t per_mille);
  void jump_wall(Duration by) { wall_offset_ = wall_offset_ + by; }
  void say_space(bool full);
  void meets_stray();                    // a file that came past the mount is looked up
  void say_checker();                    // what the checker of the watched interface sees now
  struct Ambush { // right after the effect that begins so: a command, or the end of the process or the machine
    std::string effect;
    std::optional<Verb> command;
    bool kill = false;
  };
  void lie_in_wait(Ambush);
  void command(Verb, const std::string& who);
  bool powered() const { return powered_; }
  bool running() const { return node_ != nullptr; }
  std::function<void()> on_down, on_exit; // the operator: power or process is gone; STOP reached

  // ---- the application on this node
  bool application_up() const { return application_; }
  bool stop_was_tried() const { return stop_tried_; } // since it was started; whether it obeyed is its own affair
  bool may_submit() const { return node_ && mirror_ && application_ && mount_ == MountKind::replicate && !paused(); }
  void submit(std::uint64_t token, Op op, Content content);
  Key new_key() { return {key_minter(uid(), incarnation_, life_), ++keys_}; }
  std::function<void(std::uint64_t token, std::int32_t error)> on_complete;
  std::function<void()> on_application_lost; // stopped, or its mount died: nothing in flight will be answered

  // ---- for the oracles
  NodeIndex index() const { return index_; }
  Instant clock() const { return clock_base_ + (queue_.now() - world_base_) * rate_ / 1000; } // this machine's boot time
  std::int64_t wall() const { return wall_seconds(plan_, queue_.now() + wall_offset_); }
  bool frozen() const { return rate_ == 0; }
  Instant paused_until() const { return paused_until_; } // of the last pause; the distant past: of none in this life
  bool paused() const { return queue_.now() < paused_until_; }
  bool serves() const { return node_ && !paused() && node_->serving(clock()); }
  bool vip_up() const { return vip_ && clock() <= vip_until_; }
  MountKind mount() const { return mount_; }
  const Node* node() const { return node_.get(); }
  const Mirror* mirror() const { return mirror_.get(); }
  const Disk& disk() const { return disk_; }
  Disk& disk() { return disk_; }
  Incarnation incarnation() const { return incarnation_; }
  NodeUid uid() const { return disk_.state.record ? disk_.state.record->node_uid : fresh_uid_; }
  std::uint64_t operations_open() const { return open_.size(); }
  bool set_aside = false;                          // the diverged files were copied since the last start

 private:
  // ---- host.cpp
  void start_process(const Command*);
  void stop_process();
  template <class Effects, class Machine, class Facts, class Input>
  bool step_machine(Machine& machine, Facts& facts, const Input& input, Effects& effects, const char* arrow, const char* indent, std::size_t kind);
  void watch_busy();
  void step_node(NodeInput&&);
  void step_mirror(MirrorInput&&);
  template <class T>
  void to_node(T what) {
    if (node_) step_node({clock(), wall(), std::move(what)});
  }
  template <class T>
  void to_mirror(T what) {
    if (mirror_) step_mirror({clock(), std::move(what)});
  }
  void wake_at(Instant deadline, bool of_node);
  // Runs `f` after `d` if this incarnation still lives; a pause holds it back.
  template <class F>
  void later_here(Duration d, F f) {
    queue_.at(queue_.now() + d, index_, [this, life = life_, f = std::move(f)]() mutable {
      if (life != life_) return;
      if (paused()) held_back_.push_back(std::move(f));
      else f();
    });
  }
  void run_held_back();
  void attach_links();
  bool one_more_effect(); // false: the crash planned for here happened
  template <class Effect>
  bool ambushed(const Effect&); // true: it crashes here
  std::uint64_t chance(std::uint64_t salt); // a fresh hash about this node
  Instant disk_start(Instant free) const; // when a queue that is free then begins its next piece of work
  Duration disk_time(Instant start, std::int64_t low_us, std::int64_t high_us);

  // ---- node_effects.cpp
  void carry(const nfx::SendBeat&);
  void carry(const nfx::Persist&);
  void carry(const nfx::MarkDirs&);
  void carry(const nfx::SetAside&);
  void carry(const nfx::RunScript&);
  void carry(const nfx::KillScript&);
  void carry(const nfx::AskWitness&);
  void carry(const nfx::AskArbiter&);
  void carry(const nfx::MountFor&);
  void carry(const nfx::RaiseVip&);
  void carry(const nfx::DropVip&);
  void carry(const nfx::ToMirror&);
  void carry(const nfx::WatchProcesses&);
  void poll_processes(std::uint64_t watch);
  void carry(const nfx::Answer&);
  void carry(const nfx::Log&);
  void carry(const nfx::Tell&);
  void carry(const nfx::Exit&);
  void script_ends(Ticket, const std::string& name, bool force, std::uint64_t run);
  void try_mount(const nfx::MountFor&);
  void fail_open();

  // ---- mirror_effects.cpp
  void carry(const fx::Execute&);
  void carry(const fx::Complete&);
  void carry(const fx::Apply&);
  void carry(const fx::ReadItem&);
  void carry(const fx::ReadData&);
  void carry(const fx::Send&);
  void carry(const fx::Release&);
  void carry(const fx::Flush&);
  void carry(const fx::AppendSet&);
  void carry(const fx::RewriteSet&);
  void carry(const fx::CloseConnection&);
  void carry(const fx::PurgeStaging&);
  void carry(const fx::Say&);
  void carry(const fx::Tell&);
  template <class F>
  void on_executor(F work);
  Payload keep(Content);
  Payload keep(std::shared_ptr<const Content>);
  std::shared_ptr<const Content> content_of(Payload) const; // null: none
  Injected injected_for(std::uint64_t units);

  NodeIndex index_;
  const Plan& plan_;
  Queue& queue_;
  const Weather& weather_;
  Links& links_;
  Arbiter& arbiter_;
  Trace& trace_;
  Oracles& oracles_;
  Sabotage sabotage_;
  std::uint64_t lies_ = 0, strays_ = 0;
  Instant busy_since_;
  std::uint64_t busy_steps_ = 0;
  Disk disk_;
  NodeUid fresh_uid_;

  bool powered_ = false;
  Instant clock_base_, world_base_; // when the clock last began to run at its rate
  std::int64_t rate_ = 1000;        // per mille of world time; 0: frozen
  Duration wall_offset_;
  std::vector<Ambush> ambushes_;
  std::uint64_t life_ = 0;      // of the process: what was under way for another one is void
  std::uint64_t power_life_ = 0;
  std::uint64_t chances_ = 0;
  Instant paused_until_ = Instant::distant_past();
  std::deque<std::function<void()>> held_back_;
  std::int64_t effects_to_crash_ = 0; // 0: none planned
  bool crash_is_kill_ = false, stepping_ = false, exiting_ = false, exit_restart_ = false;

  std::unique_ptr<Node> node_;
  std::unique_ptr<Mirror> mirror_;
  NodeFacts node_facts_; // after their last step
  MirrorFacts mirror_facts_;
  NodeEffects node_effects_; // of the last step
  MirrorEffects mirror_effects_;
  Incarnation incarnation_;
  Instant node_wake_, mirror_wake_;
  std::uint64_t commands_ = 0;

  // devices
  bool application_ = false, stop_tried_ = false, vip_ = false;
  Instant vip_until_;
  MountKind mount_ = MountKind::plain;
  std::uint64_t script_run_ = 0; // of the one that runs
  std::uint64_t watches_ = 0;    // of processes; the newest one counts
  struct Script {
    Ticket ticket;
    std::string name;
    bool force = false, killed = false;
  };
  std::optional<Script> script_;
  Instant record_free_, log_free_, executor_free_, flush_free_;
  std::optional<Record> record_in_flight_; // a crash now leaves the old or the new one
  std::deque<std::pair<bool, PendingSet>> log_in_flight_; // (rewrite, set)

  // the application's side
  std::uint64_t keys_ = 0;
  std::set<std::uint64_t> open_; // submitted, not answered
  std::map<std::uint64_t, std::shared_ptr<const Content>> payloads_;
  std::uint64_t handles_ = 0;
};

} // namespace lockstep::sim
