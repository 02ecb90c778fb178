// Node: who may serve. Heartbeats, lineage, arbiter, automaton, scripts, checkers and operator commands of one module
// on one node, as a pure machine (design 2-6). The contract of its inputs and effects is core/node/io.hpp. One object
// is one incarnation: the first Operator input that starts the module begins it, nfx::Exit ends it; the host then
// destroys Node and Mirror and, if Exit says restart, begins again with a fresh Boot and a Command{start,
// "automatically"}. One machine over several files, each with one concern:
//   node.cpp       what arrives, order of work in a step, deadlines
//   commands.cpp   operators and detectors: guards (safekit 1.4), maxloop
//   steps.cpp      rows of the automaton's table, one step at a time: scripts, mounts, address, leaving
//   beats.cpp      whose claim counts; what this node claims
//   persist.cpp    the durable record: one change at a time (control (ii))
//   decide.cpp     a waiting node: golden table -> serve, follow or wait, always with a reason
//   takeover.cpp   a pair: lease, silence, goodbye, consent, yield
//   resync.cpp     source and target of a copy, READY in three durable steps (control:R1)
//   arbiter.cpp    may I go on after silence: the witness, or the arbiter's key (control:E1-E6)
//   watchers.cpp   processes and checkers (safekit 3.8, 3.9)
//   view.cpp       what people see
//   invariants.cpp what must hold after every step
#pragma once
#include "core/base/prng.hpp"
#include "core/config/module_config.hpp"
#include "core/node/invariants.hpp"
#include "core/node/io.hpp"
#include "core/node/liveness.hpp"
#include "core/node/node_state.hpp"
#include <map>

namespace lockstep {

struct NodeConfig {
  std::string name, peer_name; // of cluster.xml
  std::uint32_t index =
      0; // of this node among the two: 0 or 1 (decides where nothing else does: a module without data)
  ModuleConfig module;
  std::vector<Network> networks;   // of <heart>, in order; at least one
  std::uint64_t config_digest = 0; // pair_digest(module)
};

// What this incarnation will be called, before it is durable: the host needs it to make Mirror.
NodeUid uid_of(const Boot&);
Incarnation next_incarnation(const Boot&);

class Node {
 public:
  Node(const NodeConfig&, const Boot&, std::uint64_t seed, Instant now);
  // Total: every input in every state. `now` never decreases.
  void step(const NodeInput&, NodeEffects&);
  Instant next_deadline() const;
  NodeView view() const;
  // PRIM or ALONE, settled, and inside the lease: what ready.txt says and what dangerous effects ask again
  // (design 2.10).
  bool serving(Instant now) const;

  // ---- for the simulator's oracles, which ask after every step: a view copies too much for that
  Role role() const { return role_; }
  Sub sub() const;
  const WaitReason& waiting() const { return wait_; }
  Standing standing() const { return standing_; }
  const Record& durable() const { return durable_; }
  bool ended() const { return ended_; }
  bool live() const; // a member of a pair that reached Ready in this incarnation
  // Rows of the automaton's table that the last step took, and rules that nobody is told of: what the coverage gate counts.
  const std::vector<std::pair<State, Event>>& rows_taken() const { return rows_taken_; }
  const RulesAtWork& at_work() const { return at_work_; }
  NodeFacts facts() const; // of this moment, for its invariants

  // Shows every member that what this machine does next depends on, for a hash of its state (the exhaustive search). Left out: its
  // configuration, its random numbers, and what only people read. A member added below is added here; the search notices it
  // when two states that look alike go on differently.
  template <class Walker>
  void walk(Walker& w) const {
    w(last_step_, started_, begun_, ended_, ending_, restart_, prepared_, beating_, incarnation_, role_, said_role_, said_sub_, action_);
    w(boot_.dirs_ok, boot_.dirs_empty, boot_.dirs_uid, boot_.set_readable, boot_.set_everything, boot_state_, went_back_);
    w(tasks_, running_, both_started_, prim_started_, sec_started_, second_started_, mount_, quiesced_, want_, started_by_want_);
    w(durable_, changes_, writing_, persist_retry_, persist_failures_);
    w(liveness_, peer_, lived_twice_, peer_saw_me_leave_, beat_now_, announced_, checkpoint_);
    w.peer_incarnation(announced_by_);
    w.seq(peer_checkpoint_), w.peer_incarnation(heard_.incarnation), w.peer_rev(heard_.rev);
    w(heard_.uid, heard_.went_back, offered_for_);
    for (auto n : left_floor_) w.beat_seq(n);
    for (auto n : echo_floor_) w.beat_seq(n);
    w(standing_, continuing_, following_, serving_copy_, ended_copy_, full_next_, follow_from_);
    w.session_number(session_number_);
    w(aside_, aside_ticket_, aside_for_, stays_for_, marked_dirs_, received_);
    w(goodbye_, goodbye_last_, goodbye_until_, leave_why_, leave_complete_, asks_consent_, wants_swap_, swapping_);
    w(refused_, episode_, key_, aside_needed_, deaf_from_, mute_from_, lease_lost_from_, permit_, lease_lost_, vip_wanted_, vip_raised_, vip_next_, distrust_until_, held_, hold_bound(), held_ended_);
    w(wait_.kind, wait_.rule, listen_until_);
  }

 private:
  // ---- node.cpp
  void handle(const nin::Wake&);
  void handle(const nin::BeatIn&);
  void handle(const nin::Persisted&);
  void handle(const nin::ScriptDone&);
  void handle(const nin::WitnessAnswer&);
  void handle(const nin::ArbiterAnswer&);
  void handle(const nin::MountDone&);
  void handle(const nin::AsideDone&);
  void handle(const nin::VipDone&);
  void handle(const nin::Mirror&);
  void handle(const nin::Operator&);
  void handle(const nin::ProcessCount&);
  void handle(const nin::CheckerSaid&);
  void handle(const nin::SetResource&);
  void handle(const nin::PeerRejected&);
  void settle();
  void notice_pause();
  template <class Effect>
  void emit(Effect e) { out_->emplace_back(std::move(e)); } // a beat is large: moved once
  Ticket new_ticket() { return {++last_ticket_}; }
  void log(char level, const char* origin, std::string message) { emit(nfx::Log{level, origin, std::move(message)}); }
  void tell(Rule rule, std::int64_t x = 0, std::int64_t y = 0, std::string text = {}) {
    emit(nfx::Tell{{rule, x, y, std::move(text)}});
  }
  void stale(Ticket t) { tell(Rule::stale_ticket, static_cast<std::int64_t>(t.value)); }
  void to_mirror(MirrorOrder order);
  void heard_from_mirror(const MirrorSaid&);
  bool has_rfs() const { return config_.module.rfs.has_value(); }

  // ---- commands.cpp
  void begin(const Command&);
  void command(const Command&);
  void settings(const Command&);
  void detector(Event, const std::string& identity);
  bool within_maxloop(const std::string& identity);
  void down(Event, const char* action);
  void swap(const Command&);
  void want(const Command&, Event, Want);
  void answer(std::uint64_t id, bool ok, std::string sentence);
  void answer_wanted(bool ok, std::string sentence);
  void wanted_too_late(bool serves);
  void abort_start(std::string sentence);

  // ---- steps.cpp
  State state() const;
  bool apply(Event, const char* action = nullptr);
  bool pump_task();
  bool start_step();
  void gave_place_up();
  bool waits_for_condition();
  void finish_step();
  void check_step_limit();
  bool start_script(Step);
  std::pair<Role, Role> script_states() const;
  bool start_mount(MountKind);
  bool start_vip(bool up);
  bool start_leave(bool fail_held);
  Instant hold_bound() const;
  void watch_held();
  void end_held();
  bool leave_recorded();
  bool yield_recorded();
  bool taken_over();
  void set_role(Role);
  void interrupt();
  bool carrying_out(Event) const; // steps of its row are still to be done
  void finish_exit();
  bool busy() const { return running_ || !tasks_.empty(); }
  void report_state();

  // ---- beats.cpp
  LifeId life() const { return {incarnation_, life_nonce_}; }
  bool accept_sender(const nin::BeatIn&);
  void take_claim(const Beat&);
  void send_beats();
  Beat claim() const;
  RecordState claimed_record_state() const;
  bool hearing() const { return peer_ && liveness_.any_heard(now_); }
  bool peer_is_primary() const { return peer_->role == Role::alone || peer_->role == Role::prim; } // what it says; there is one
  bool proven() const { return hearing() && liveness_.proven(); }
  Side my_side() const;
  Side peer_side() const;
  Verdict verdict() const { return compare(my_side(), peer_side()); }
  void watch_links();

  // ---- persist.cpp
  void change(Change);
  bool changing(ChangeKind) const;
  bool persisting() const { return writing_ || !changes_.empty(); }
  void pump_persist();
  void remember_checkpoints(Record&);
  void remember_peer(ChangeKind, Record&) const;
  bool mutate(const Change&, Record&);
  void void_candidate(Record&) const;
  void void_of_peer(Record&, const Record& peer) const;
  void mint(const Change&, Record&);
  void persisted(const Change&);
  void persist_failed(const std::string& problem);
  std::uint64_t nonce();

  // ---- decide.cpp
  void decide();
  bool directory_problem();
  void decide_unheard();
  void decide_heard();
  void decide_prim();
  void decide_second();
  void nobody_wins(const Verdict&);
  void wait_for_peer(const Verdict&);
  void serve_cold(Rule, bool by_operator = false);
  void start_following(const Verdict&);
  void wait_for_room();
  void wait(Wait kind, Rule rule, std::string why, std::string needs, std::string to_do);
  bool listened() const { return now_ >= listen_until_; }

  // ---- takeover.cpp
  void watch_pair();
  bool peer_consents() const;
  void continue_alone(Rule);
  void prepare_early();
  void unprepare();
  void check_continuing();
  void went_alone();
  void renew_permit();
  void on_silence(bool former_life_over = false);
  bool unconfirmed() const;
  void yield(const Verdict&);
  bool gives_way_to(const Record&) const;
  void leave_by_consent(const std::string& why);
  bool mute() const;
  void refresh_vip();
  bool lease_holds(Instant now) const;

  // ---- resync.cpp
  bool may_follow() const;
  bool flow_works() const;
  bool source_is_there(const Session&) const;
  void watch_target();
  void watch_source();
  void end_following(const std::string& why, Duration pause);
  void restart_following(const std::string& why);
  void stop_serving_copy(const std::string& why);
  void serve_copy(const Session&);
  bool names_me(const Session&) const;
  void watch_defaultprim();

  // ---- arbiter.cpp
  enum class Arbitration : std::uint8_t { yes, no, pending };
  Arbitration may_continue();
  bool etcd() const { return config_.module.check.splitbrain.mode == ArbiterMode::etcd; }
  KeyIs key_is() const;
  void ask_key(Duration pause, std::optional<Generation> put = {});
  Arbitration claim(bool ready, MintedAs as, bool force = false);
  void claim_after_silence(bool heard);
  bool claim_cold();
  bool own_may_start();
  bool operator_may_serve();
  // What an operator decides is an operator's branch ((iii) 15): a claim that this node made by itself gives way to one.
  static bool overruled(const Record& r, MintedAs as) { return as == MintedAs::op && r.candidate && r.candidate->minted_as != MintedAs::op; }
  void watch_key();
  void wait_for_arbiter();
  bool key_is_my_candidate() const { return key_.known && durable_.candidate && key_.value == durable_.candidate; }
  void key_silent(std::string problem);

  // ---- watchers.cpp
  void class_started(Step);
  void class_stopping(Step);
  void watch_class(ProcClass, bool on);
  void check_process(std::uint32_t proc);
  void process_action(const ProcConfig&);
  std::optional<std::string> pre_checker_down() const;
  void set_resource(const std::string& name, const std::string& value, const std::string& who);
  std::vector<std::string> implied_interfaces() const;

  NodeConfig config_;
  Boot boot_;
  Prng prng_;
  Instant now_, last_step_, started_;
  std::int64_t wall_s_ = 0;
  NodeEffects* out_ = nullptr;
  std::uint64_t last_ticket_ = 0;
  std::deque<MirrorSaid> loopback_; // without <rfs> there is no Mirror: its answers are ours, at once

  // incarnation and automaton
  bool begun_ = false, ended_ = false, ending_ = false, restart_ = false, prepared_ = false, beating_ = false;
  std::vector<std::pair<State, Event>> rows_taken_; // in this step
  mutable RulesAtWork at_work_;                     // in this step
  Incarnation incarnation_;
  std::uint64_t life_nonce_;
  Role role_ = Role::stop;
  Role said_role_ = Role::stop;
  Sub said_sub_ = Sub::not_ready;
  std::string action_ = "start"; // third argument of scripts
  std::deque<Task> tasks_;
  std::optional<Running> running_;
  bool both_started_ = false, prim_started_ = false, sec_started_ = false, second_started_ = false;
  std::optional<MountKind> mount_;
  std::optional<std::pair<Position, bool>> quiesced_; // Mirror left: its last position, covers
  std::uint64_t wanted_id_ = 0;                       // the command that `want_` answers
  Want want_ = Want::start;
  bool started_by_want_ = false;
  std::string exit_reason_;

  // record
  Record durable_;
  RecordState boot_state_ = RecordState::blank;
  bool went_back_ = false;
  std::deque<Change> changes_;
  std::optional<Writing> writing_;
  Instant persist_retry_ = Instant::distant_past();
  std::uint32_t persist_failures_ = 0;

  // the other node
  Liveness liveness_;
  std::optional<Beat> peer_;
  std::string peer_refused_; // why its datagrams are not understood, since the last one that was; only shown
  bool lived_twice_ = false; // the peer began again with a number it had reached before: only what answers newer beats of this node is alive
  std::vector<std::uint64_t> left_floor_; // per network: the last beat sent before a copy was left
  bool peer_saw_me_leave_ = true;
  std::vector<std::uint64_t> echo_floor_; // per network: an older incarnation must echo a later beat than this
  std::vector<bool> link_up_;
  bool beat_now_ = false;
  std::string said_remote_;
  struct Heard { // the newest the other node claimed, and whether it then began again from less: so it stays until a copy ends equal (control:T1)
    NodeUid uid;
    Incarnation incarnation;
    std::uint64_t rev = 0;
    bool went_back = false;
  };
  static Heard known_of_peer(const Record& r) { return {r.peer_uid, r.peer_incarnation_seen, r.peer_rev_seen, false}; }
  void note_claim(const Beat&);
  Heard heard_;
  std::uint64_t peer_checkpoint_ = 0;
  Position announced_; // the newest checkpoint that came on the stream, and from which incarnation: its beats say it a pulse later
  Incarnation announced_by_;
  Position checkpoint_;

  // lineage at work
  Standing standing_ = Standing::idle;
  std::optional<Continuing> continuing_;
  std::optional<Following> following_;
  std::optional<Serving> serving_copy_;
  Session ended_copy_; // as source: this session will not be served again
  std::uint64_t session_number_ = 0;
  bool full_next_ = false;
  Session offered_for_; // the copy that the record was last written for
  Instant follow_from_ = Instant::distant_past(); // not before: a copy failed a moment ago
  Aside aside_ = Aside::none;
  Ticket aside_ticket_;
  Generation aside_for_, stays_for_;
  std::string aside_problem_; // why the copy could not be made
  DirUid marked_dirs_;
  Position received_;
  Goodbye goodbye_ = Goodbye::none;
  Position goodbye_last_;
  Instant goodbye_until_;
  Why leave_why_ = Why::goodbye;
  bool leave_complete_ = true;
  bool asks_consent_ = false, wants_swap_ = false, swapping_ = false;
  bool refused_ = false;
  Episode episode_;
  ArbiterKey key_;
  bool aside_needed_ = false;                     // the source lost what this node remembers
  Instant deaf_from_ = Instant::never();          // the other node restarted: it should hear this one by then
  order::Permit permit_;
  bool lease_lost_ = false;
  Instant mute_from_;
  Instant lease_lost_from_ = Instant::never();
  bool vip_wanted_ = false, vip_raised_ = false;
  Instant vip_next_, distrust_until_;
  bool held_ = false;
  Instant held_since_;
  bool held_ended_ = false; // on the way out of the pair: what was held ended with an error
  std::optional<ResyncProgress> progress_;

  // people
  WaitReason wait_;
  Instant listen_until_ = Instant::never();
  std::map<std::string, Resource> resources_;
  std::vector<WatchedProcess> processes_;
};

} // namespace lockstep
