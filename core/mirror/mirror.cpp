#include "core/mirror/mirror.hpp"
#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"

namespace lockstep {

const char* mirror_role_name(MirrorRole r) {
  switch (r) {
    case MirrorRole::idle: return "idle";
    case MirrorRole::alone: return "alone";
    case MirrorRole::prim: return "prim";
    case MirrorRole::preparing: return "preparing";
    case MirrorRole::target: return "target";
    case MirrorRole::second: return "second";
  }
  return "?";
}

Mirror::Mirror(const MirrorConfig& config, std::uint64_t, Instant now) : config_(config), now_(now), batch_not_after_(now) {
  flush_.next = now + config_.checkpoint_interval;
}

void Mirror::step(const MirrorInput& input, MirrorEffects& effects) {
  now_ = later(now_, input.now);
  out_ = &effects;
  at_work_.clear();
  step_ = {};
  std::visit([this](const auto& what) { handle(what); }, input.what); // one overload per alternative
  settle();
  out_ = nullptr;
}

// Everything that may go on now does. Each round that emits nothing ends it.
void Mirror::settle() {
  apply_ready();
  give_receipts();
  for (std::size_t before = out_->size() + 1; before != out_->size();) {
    before = out_->size();
    requeue_expired();
    admit();
    start_drains();
    finish_if_drained();
    pump_exec();
    complete_ready();
  }
  watermark_if_due();
  check_prepare();
  check_leaving();
  start_checkpoint(owes_release());
  check_timeouts();
  report_held();
  report_progress(false);
  say_received();
}

// What is due was done in the last step; a deadline that passed and stands is waiting for a result, not for the clock.
Instant Mirror::next_deadline() const {
  auto next = Instant::never();
  auto at = [&](Instant t) {
    if (t > now_) next = earlier(next, t);
  };
  at(tx_.watermark_due), at(rx_.say_due), at(oldest_wait());
  bool news = flush_.dirty || executed_through() > own_checkpoint_.seq;
  if (role_ != Role::idle && flush_.ticket.value == 0 && !flush_.frozen && news) at(flush_.next);
  if (leaving_.kind != LeaveKind::none && !leaving_.settled) at(leaving_.since + config_.sendtimeout);
  if (session_ && session_->stage == SourceSession::Stage::draining) at(session_->progress_due), at(session_->retry_at);
  return next;
}

Position Mirror::position() const {
  return receives() ? at(rx_.received) : Position{sends() ? stream_.generation : generation_, tx_.next_seq - 1};
}

std::vector<Op> Mirror::in_flight() const {
  std::vector<Op> ops;
  visit_in_flight([&](const Op& op) { ops.push_back(op); });
  return ops;
}

PendingSet Mirror::to_drain() const {
  PendingSet s;
  if (!session_) return s;
  s.dirs = session_->dirs, s.files = session_->files;
  for (auto& [id, d] : session_->drains) switch (d.kind) {
      case Drain::Kind::directory: s.dirs.insert(d.key); break;
      case Drain::Kind::block: s.files[d.key].blocks.add(d.block, d.block + 1); break;
      case Drain::Kind::attrs: s.files[d.key].attrs = true; break;
    }
  return s;
}

void Mirror::handle(const in::Order& o) {
  std::visit([this](const auto& order) { obey(order); }, o.order);
}

void Mirror::handle(const in::Submit& s) {
  hold(s.payload);
  bool here = serves() || (role_ == Role::preparing && from_prim_);
  if (!here || leaving_.kind != LeaveKind::none) {
    complete(s.token, errno_io, 0);
    drop(s.payload);
    return;
  }
  WaitingOp w;
  w.token = s.token, w.op = s.op, w.payload = s.payload, w.touched = touched_by(s.op);
  ensure_marked(w);
  waiting_.push_back(std::move(w));
}

void Mirror::handle(const in::Connected&) {
  if (connected_) unlink("the connection was replaced");
  connected_ = true, hello_sent_ = false;
  peer_hello_.reset();
  send_hello();
}

void Mirror::handle(const in::Disconnected& d) {
  connected_ = false;
  peer_hello_.reset();
  unlink(d.why);
}

void Mirror::handle(const in::Space& s) {
  space_ = s;
  rx_.promised_bytes = rx_.promised_inodes = 0;
  for (auto& g : rx_.queue)
    if (g.seq <= rx_.receipted && !g.applied) rx_.promised_bytes += worst_case_bytes(g), ++rx_.promised_inodes;
  space_fresh_ = true;
}

void Mirror::handle(const in::Differs& d) {
  if (d.marks.empty()) return;
  append(d.marks);
  tell(Rule::D6, static_cast<std::int64_t>(d.marks.size()));
  if (!mutated(Mutant::difference_only_logged)) differs_.add(d.marks);
  bool in_this_copy = session_ && !with_peer();
  differs_late_ = !in_this_copy;
  const char* why = "the two copies differ in what the op stream cannot repair";
  if (in_this_copy) must_drain(d.marks);
  else if (sends()) peer_failed(Rule::D9, why);
  else if (receives()) self_failed(Rule::D9, 0, why);
}

void Mirror::handle(const in::Wake&) {}

void Mirror::obey(const order::LoadSet& o) {
  durable_.add(o.pending);
  own_checkpoint_ = o.checkpoint, peer_checkpoint_ = o.peer_checkpoint;
}

void Mirror::obey(const order::Permit& p) { permit_ = p; }

void Mirror::obey(const order::PrepareAlone&) {
  switch (role_) {
    case Role::idle:
    case Role::alone: say(said::AloneReady{position(), role_ == Role::alone}); return;
    case Role::target: return refuse("PrepareAlone");
    case Role::preparing:
      if (prepare_.ready) say(said::AloneReady{position(), prepare_.covers});
      return;
    case Role::prim:
    case Role::second: return start_prepare();
  }
}

void Mirror::obey(const order::GoAlone& o) {
  switch (role_) {
    case Role::target: return refuse("GoAlone");
    case Role::idle:
    case Role::alone: return become_alone(o.g, o.keeps_detached);
    case Role::prim:
    case Role::second: start_prepare(); [[fallthrough]];
    case Role::preparing:
      prepare_.go = o.g;
      if (prepare_.ready) become_alone(o.g);
  }
}

void Mirror::obey(const order::Unprepare&) {
  if (role_ != Role::preparing) return refuse("Unprepare");
  prepare_ = {};
  role_ = from_prim_ ? Role::prim : Role::second;
  release_durable_at_ = from_prim_ ? tx_.next_seq - 1 : rx_.received;
  announce_checkpoint(); // of meanwhile
  if (rx_.dropped && connected_) {
    rx_.dropped = false;
    out_->push_back(fx::CloseConnection{"operations were refused while this node prepared to serve alone"});
    connected_ = false;
    unlink("this node prepared to serve alone");
  }
}

void Mirror::obey(const order::ServeResync& o) {
  if (role_ != Role::alone || leaving_.kind != LeaveKind::none) return refuse("ServeResync");
  begin_session(o.session);
}

void Mirror::obey(const order::FollowResync& o) {
  if (serves() || (role_ == Role::preparing && from_prim_) || leaving_.kind != LeaveKind::none) return refuse("FollowResync");
  clear_queue();
  prepare_ = {}, target_ = {}, ready_ = broken_ = unfit_ = false;
  differs_late_ = false;
  role_ = Role::target, target_.active = true, target_.session = o.session;
  auto memory = recent_.all();
  if (!durable_.contains(memory)) target_.mark = append(std::move(memory));
  else recent_.clear();
  open_stream(o.session, false);
}

void Mirror::obey(const order::Pair& o) {
  bool drained = session_ && session_->stage == SourceSession::Stage::drained;
  if (role_ != Role::alone || !drained || broken_) return refuse("Pair");
  role_ = Role::prim, ready_ = false;
  generation_ = o.g.counter;
  tell(Rule::R1, 2, static_cast<std::int64_t>(tx_.next_seq - 1));
}

void Mirror::obey(const order::Ready&) {
  if (role_ == Role::prim && !broken_) {
    ready_ = true;
    release_durable_at_ = tx_.next_seq - 1;
    report_progress(true);
    session_.reset();
  } else if (role_ == Role::target && target_.equal) {
    role_ = Role::second, ready_ = true;
    release_durable_at_ = rx_.received;
    target_ = {};
    out_->push_back(fx::PurgeStaging{});
  } else if (role_ != Role::second) return refuse("Ready");
  tell(Rule::R1, 3);
  uncovered_ = false;
  if (!differs_late_) differs_ = {};
  release_sets();
}

void Mirror::obey(const order::Break& o) {
  tell(Rule::R3, 0, 0, o.why);
  switch (role_) {
    case Role::idle:
    case Role::preparing: return;
    case Role::alone: return end_session();
    case Role::prim:
    case Role::second:
      broken_ = true;
      linked_ = false;
      tx_.watermark_due = Instant::never();
      stream_.closed = true;
      return send_hello();
    case Role::target: {
      auto memory = recent_.all();
      if (!durable_.contains(memory)) append(std::move(memory));
      return become_idle();
    }
  }
}

void Mirror::obey(const order::Quiesce& o) { start_leaving(o.fail_held ? LeaveKind::quiesce_failing : LeaveKind::quiesce); }
void Mirror::obey(const order::HandOver&) { start_leaving(LeaveKind::hand_over); }

void Mirror::refuse(const char* order) { tell(Rule::refused, static_cast<std::int64_t>(role_), 0, order); }

void Mirror::tell(Rule rule, std::int64_t x, std::int64_t y, std::string text) {
  out_->push_back(fx::Tell{Note{rule, x, y, std::move(text)}});
}

void Mirror::hold(Payload p) {
  if (p.handle != 0) ++payload_holds_[p.handle];
}
void Mirror::drop(Payload p) {
  if (p.handle == 0) return;
  auto it = payload_holds_.find(p.handle);
  LOCKSTEP_ASSERT(it != payload_holds_.end() && it->second > 0);
  if (--it->second > 0) return;
  payload_holds_.erase(it);
  out_->push_back(fx::Release{p.handle});
}

} // namespace lockstep
