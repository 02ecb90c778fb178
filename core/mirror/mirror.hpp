// Mirror: the op stream, the sets and the resynchronisation of one module on one node (design 7, 8; data.md part (ii)).
// One machine over several files, each with one concern:
//   mirror.cpp            what arrives, roles, the orders of Node
//   link.cpp              hellos, resume after a cut (data T6), frames to their readers
//   stream_primary.cpp    submit -> note -> send -> receipt -> execute -> watermark -> complete
//   execution_queue.cpp   one FIFO of local executions and drain reads, in decision order (data:D7)
//   stream_secondary.cpp  receive -> note -> receipt; apply in order up to the watermark
//   sets.cpp              durable marks, `recent`, checkpoints (data:D1-D5, T3, T4)
//   takeover.cpp          prepare to serve alone, leave a role
//   resync_source.cpp     drain the union (data:D6-D8); resync_drain.cpp: one item of it
//   resync_target.cpp     be drained
//   invariants.cpp        what must hold after every step
// What the host must guarantee: the executor queue (Execute, Apply, ReadItem, ReadData) starts its effects in order; an
// Execute whose not_after has passed reports `expired` and does nothing; the set log makes its effects durable in order.
#pragma once
#include "core/mirror/invariants.hpp"
#include "core/mirror/io.hpp"
#include "core/mirror/mirror_state.hpp"
#include "core/mirror/recent.hpp"

namespace lockstep {

class Mirror {
 public:
  using Role = MirrorRole;

  Mirror(const MirrorConfig& config, std::uint64_t seed, Instant now);
  void step(const MirrorInput& input, MirrorEffects& effects);
  Instant next_deadline() const;

  // ---- for the state display and the simulator's oracles (I-cover)
  Role role() const { return role_; }
  bool ready() const { return ready_; } // PRIM with a Ready SECOND, or that SECOND
  bool linked() const { return linked_; }
  bool unfit() const { return unfit_; }
  std::uint64_t generation() const { return generation_; }
  Position position() const; // PRIM, source: the newest sent; SECOND, target: the newest received
  const PendingSet& durable_set() const { return durable_; }
  PendingSet recent_items() const { return recent_.all(); }
  template <class Predicate>
  bool recent_any(Predicate of_set) const { // the same without a copy
    return recent_.any(of_set);
  }
  bool resyncing() const { return session_.has_value(); }
  std::size_t recent_spans() const { return recent_.spans(); } // fewer than before: something was forgotten
  std::vector<Op> in_flight() const; // decided or received, and not yet carried out here
  template <class Visitor>
  void visit_in_flight(Visitor of_op) const { // the same without a copy
    for (auto& [id, l] : live_)
      if (l.stage != LiveOp::Stage::executed || l.unknown) of_op(l.op);
    for (auto& g : rx_.queue)
      if (!g.applied) of_op(g.op);
  }
  template <class Visitor>
  void visit_unanswered(Visitor of_op) const { // what the application waits for, also what was executed and waits for a receipt
    for (auto& [id, l] : live_) of_op(l.op);
  }
  PendingSet to_drain() const;       // of a session
  const PendingSet& differing() const { return differs_; } // told by in::Differs, and in no copy yet that was Ready
  Position own_checkpoint() const { return own_checkpoint_; }
  Position peer_checkpoint() const { return peer_checkpoint_; }
  MirrorFacts facts() const; // of this moment, for its invariants

  // Shows every member that what this machine does next depends on, for a hash of its state (as Node::walk).
  template <class Walker>
  void walk(Walker& w) const {
    w(role_, ready_, from_prim_, broken_, unfit_, permit_, prepare_, leaving_, stream_, connected_, linked_, hello_sent_, peer_hello_);
    w.generation(generation_);
    w(waiting_, live_, exec_queue_, outstanding_, batch_not_after_, tx_, held_, done_.size(), expired_.size());
    for (auto id : done_) w.id(id);
    for (auto id : expired_) w.id(id);
    w(rx_, space_fresh_, durable_, appends_, differs_, differs_late_, recent_, own_checkpoint_, peer_checkpoint_, flush_);
    w.seq(release_durable_at_);
    w(session_, target_);
  }

  const RulesAtWork& at_work() const { return at_work_; } // in the last step, told to nobody: coverage counts them

 private:
  // ---- mirror.cpp
  void handle(const in::Order&);
  void handle(const in::Submit&);
  void handle(const in::Executed&);
  void handle(const in::Applied&);
  void handle(const in::ItemRead&);
  void handle(const in::DataRead&);
  void handle(const in::Connected&);
  void handle(const in::Disconnected&);
  void handle(const in::FromPeer&);
  void handle(const in::Flushed&);
  void handle(const in::SetDurable&);
  void handle(const in::Space&);
  void handle(const in::Differs&);
  void handle(const in::Wake&);
  void obey(const order::LoadSet&);
  void obey(const order::PrepareAlone&);
  void obey(const order::GoAlone&);
  void obey(const order::Unprepare&);
  void obey(const order::ServeResync&);
  void obey(const order::FollowResync&);
  void obey(const order::Pair&);
  void obey(const order::Ready&);
  void obey(const order::Break&);
  void obey(const order::Permit&);
  void obey(const order::Quiesce&);
  void obey(const order::HandOver&);
  void settle(); // everything that may go on now does
  bool serves() const { return role_ == Role::alone || role_ == Role::prim; }
  bool sends() const { return stream_.open && stream_.source; }
  bool receives() const { return stream_.open && !stream_.source; }
  Ticket new_ticket() { return {++last_ticket_}; }
  Position at(std::uint64_t seq) const { return {stream_.generation, seq}; }
  void refuse(const char* order);
  void tell(Rule rule, std::int64_t x = 0, std::int64_t y = 0, std::string text = {});
  void say(MirrorSaid what) { out_->push_back(fx::Say{std::move(what)}); }
  void hold(Payload p);
  void drop(Payload p);

  // ---- link.cpp
  void send(Frame f, Payload p = {}, Bytes bytes = {});
  void send_hello();
  void open_stream(const Session&, bool as_source);
  void close_stream();
  void check_link();
  void unlink(const std::string& why);
  void read(const HelloFrame&, Payload);
  void read(const OpFrame&, Payload);
  void read(const WatermarkFrame&, Payload);
  void read(const ReceiptFrame&, Payload);
  void read(const CheckpointFrame&, Payload);
  void read(const SetFrame&, Payload);
  void read(const LacksFrame&, Payload);
  void read(const NeedFrame&, Payload);
  void read(const FailedFrame&, Payload);
  // In this stream; 0: not known of both.
  std::uint64_t both_flushed() const { return ours(own_checkpoint_) && ours(peer_checkpoint_) ? std::min(own_checkpoint_.seq, peer_checkpoint_.seq) : 0; }
  bool ours(Position p) const { return p.generation == stream_.generation; }
  void protocol_error(const char* what);
  void peer_failed(Rule, std::string why);
  void self_failed(Rule, std::int32_t error, std::string why);

  // ---- stream_primary.cpp
  void ensure_marked(WaitingOp&);
  void admit();
  bool may_admit(const WaitingOp&) const;
  void decide(WaitingOp&&);
  bool to_be_sent(const Op&, const PendingSet& touched) const;
  std::uint64_t send_op(const Op&, Payload, Bytes, bool is_fact);
  void put_on_wire(std::uint64_t seq, const SentOp&);
  void resend();
  void note_outcome(LiveOp&, const in::Executed&);
  void note_exception(const OutcomeNote&);
  void unknown_effect(LiveOp&);
  void advance_executed();
  bool exceptions_to_tell() const;
  void send_watermark();
  void watermark_if_due();
  bool with_peer() const;
  bool may_complete(const LiveOp&) const;
  void complete_ready();
  void complete(std::uint64_t token, std::int32_t error, std::uint64_t amount);
  void note_completed(const LiveOp&);
  void take_receipt(std::uint64_t received, std::uint64_t applied, std::uint64_t outcomes);
  void forget_sent();
  void check_timeouts();
  Instant oldest_wait() const;
  void report_held();
  bool marking() const { return role_ == Role::alone || (role_ == Role::prim && !ready_); }
  bool permitted() const { return serves() && permit_.generation == generation_ && now_ <= permit_.until; }

  // ---- execution_queue.cpp
  void pump_exec();
  bool may_execute(const LiveOp&) const;
  bool renew_batch();
  void requeue_expired();

  // ---- stream_secondary.cpp
  void apply_ready();
  void pop_applied();
  void give_receipts();
  bool room_for(const GotOp&) const;
  static std::uint64_t worst_case_bytes(const GotOp&);
  void clear_queue();
  void say_received();

  // ---- sets.cpp
  Ticket append(PendingSet marks);
  void note(std::uint64_t seq, const Op&);
  void release_sets();
  void start_checkpoint(bool forced);
  bool owes_release() const;
  void announce_checkpoint();
  std::uint64_t executed_through() const;

  // ---- takeover.cpp
  void start_prepare();
  void check_prepare();
  void become_alone(Generation, bool keeps_detached = false);
  void start_leaving(LeaveKind);
  void check_leaving();
  void fail_unmarked_ops();
  void fail_held_ops();
  void become_idle();

  // ---- resync_source.cpp, resync_drain.cpp
  void begin_session(const Session&);
  void end_session();
  void take_union();
  void session_marked(Ticket, bool ok);
  void start_drains();
  bool start_dir();
  bool start_file();
  void start_drain(Drain);
  void start_read(std::uint64_t drain);
  void abort_drains();
  void end_drain(std::uint64_t id);
  void requeue(const Drain&);
  bool locked_against(const Op&, const PendingSet& touched) const;
  bool dir_in_sync(Key) const;
  bool name_in_sync(Key parent) const;
  bool data_in_sync(const Op&, const PendingSet& touched) const;
  void must_drain(const PendingSet& marks);
  void sent_in_session(const Op&);
  static FileMarks whole_of(FileType);
  void unreadable(std::uint64_t id, std::int32_t error);
  void dir_read(std::uint64_t id, Drain&, const in::ItemRead&);
  void send_dir(Drain&);
  void target_lacks(Drain&, const std::vector<Key>& keys);
  void lacks_marked(Drain&);
  void block_read(std::uint64_t id, Drain&, const in::ItemRead&);
  void load_extents(std::uint64_t id, Drain&, std::uint64_t need);
  void attrs_read(std::uint64_t id, Drain&, const in::ItemRead&);
  void finish_if_drained();
  void report_progress(bool forced);

  // ---- resync_target.cpp
  void send_set();
  void drained_reached(std::uint64_t seq);

  MirrorConfig config_;
  Instant now_;
  MirrorEffects* out_ = nullptr;
  RulesAtWork at_work_;    // in this step
  bool uncovered_ = false; // alone with a set that is not whole: the record says so, and the next copy is full
  std::uint64_t last_ticket_ = 0;

  Role role_ = Role::idle;
  bool ready_ = false;
  bool from_prim_ = false; // preparing: what it was
  bool broken_ = false;    // the pair with this incarnation is over; held until Node decides
  bool unfit_ = false;     // SECOND or target: could not apply, never promotable (data T1)
  std::uint64_t generation_ = 0;
  order::Permit permit_;
  Prepare prepare_;
  Leaving leaving_;

  Stream stream_;
  bool connected_ = false, linked_ = false, hello_sent_ = false;
  std::optional<HelloFrame> peer_hello_;

  // primary side
  std::deque<WaitingOp> waiting_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, LiveOp> live_;
  std::set<std::uint64_t> done_; // executed, not completed
  std::deque<ExecEntry> exec_queue_;
  std::map<Ticket, std::uint64_t> outstanding_; // Execute -> live operation
  std::set<std::uint64_t> expired_;
  Instant batch_not_after_;
  SendSide tx_;
  HeldState held_;

  // secondary side
  ReceiveSide rx_;
  std::optional<in::Space> space_;
  bool space_fresh_ = false; // heard since the last receipt was refused

  // sets
  PendingSet durable_;
  std::map<Ticket, PendingSet> appends_;
  PendingSet differs_; // what the host found to differ, until a Ready that has copied it: whatever becomes of its place in the log
  bool differs_late_ = false; // some of it came when the set of this copy was complete
  Recent recent_;
  Position own_checkpoint_, peer_checkpoint_;
  std::uint64_t release_durable_at_ = 0; // the durable set is erased when both checkpoints have passed this (data:D2)
  FlushState flush_;

  std::map<std::uint64_t, std::uint32_t> payload_holds_;
  std::optional<SourceSession> session_;
  TargetSession target_;
  struct { // of this step, for the invariants
    std::uint64_t begun = 0, acknowledged = 0;
    std::size_t completed = 0;
    bool uncounted = false;
  } step_;
};

const char* mirror_role_name(MirrorRole);

} // namespace lockstep
