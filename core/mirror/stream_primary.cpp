// The primary's half of the op stream: submit -> note -> send -> receipt -> execute -> watermark -> complete (design 7).
#include "core/mirror/mirror.hpp"
#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>

namespace lockstep {
namespace {
constexpr Duration watermark_delay = ms(1);
constexpr std::uint64_t watermark_ops = 64;
constexpr std::uint64_t frame_overhead = 256; // counted per operation, so that a million small ones are bounded too
std::uint64_t weight(const SentOp& s) { return s.payload.size + s.bytes.size() + frame_overhead; }
} // namespace

// data:D5: alone, and as source until Ready, what an operation touches is durable before it is sent or executed.
void Mirror::ensure_marked(WaitingOp& w) {
  if (w.marked || w.failed || w.mark.value != 0 || !marking()) return;
  bool unmarked = mutated(Mutant::alone_marks_nothing) || (mutated(Mutant::session_marks_nothing) && session_);
  if (durable_.contains(w.touched) || unmarked) w.marked = true;
  else if (!appends_.empty() && appends_.rbegin()->second.contains(w.touched)) w.mark = appends_.rbegin()->first;
  else w.mark = append(w.touched);
  if (mutated(Mutant::marked_late)) w.marked = true;
}

bool Mirror::may_admit(const WaitingOp& w) const {
  if (!permitted() || live_.size() >= config_.max_in_flight || tx_.sent_bytes >= config_.max_queue_bytes) return false;
  if (marking() && !w.marked) return false;
  if (role_ == Role::prim && (broken_ || !linked_)) return false;
  return !locked_against(w.op, w.touched);
}

void Mirror::admit() {
  while (!waiting_.empty()) {
    auto& w = waiting_.front();
    if (w.failed) {
      complete(w.token, errno_io, 0);
      drop(w.payload);
    } else {
      ensure_marked(w);
      if (!may_admit(w)) return;
      decide(std::move(w));
    }
    waiting_.pop_front();
  }
}

// Sent or not: decided once, in order with every other operation and drain (data:D7, D8).
void Mirror::decide(WaitingOp&& w) {
  LiveOp l;
  bool local_sync = w.op.kind == OpKind::sync && !(config_.sync_on_second && role_ == Role::prim);
  bool sent = !local_sync && (role_ == Role::prim || (session_ && to_be_sent(w.op, w.touched)));
  if (sent) {
    if (session_) sent_in_session(w.op);
    l.seq = send_op(w.op, w.payload, {}, false);
  } else if (session_) at_work_.add(Rule::D8), must_drain(w.touched);
  l.token = w.token, l.op = std::move(w.op), l.payload = w.payload, l.order = tx_.next_seq - 1;
  auto id = next_id_++;
  live_[id] = std::move(l);
  exec_queue_.push_back({false, id});
}

std::uint64_t Mirror::send_op(const Op& op, Payload payload, Bytes bytes, bool is_fact) {
  auto seq = tx_.next_seq++;
  if (is_fact) at_work_.add(Rule::D3);
  if (!is_fact || !mutated(Mutant::drained_not_noted)) note(seq, op); // data:D1, D3
  SentOp s;
  s.op = op, s.payload = payload, s.bytes = std::move(bytes), s.holds = true, s.since = now_, s.executed = is_fact;
  hold(payload);
  tx_.sent_bytes += weight(s);
  auto& kept = tx_.sent[seq] = std::move(s);
  if (is_fact) advance_executed();
  if (linked_) put_on_wire(seq, kept);
  return seq;
}

void Mirror::put_on_wire(std::uint64_t seq, const SentOp& s) {
  if (exceptions_to_tell()) send_watermark();
  tx_.watermark = tx_.executed;
  tx_.watermark_due = Instant::never();
  send(OpFrame{at(seq), tx_.executed, s.op}, s.payload, s.bytes);
}

// data T6: later operations, cancels and amendments again.
void Mirror::resend() {
  if (!mutated(Mutant::cancel_not_repeated)) tx_.exceptions_told = tx_.outcomes;
  if (mutated(Mutant::resumed_without_resend)) return;
  for (auto it = tx_.sent.upper_bound(tx_.received); it != tx_.sent.end(); ++it) {
    it->second.since = now_;
    put_on_wire(it->first, it->second);
  }
  send_watermark();
}

void Mirror::read(const ReceiptFrame& f, Payload) {
  if (!linked_ || !sends() || !ours(f.received) || !ours(f.applied)) return;
  if (f.received.seq >= tx_.next_seq || f.applied.seq > f.received.seq) return protocol_error("a receipt for what was not sent");
  take_receipt(f.received.seq, f.applied.seq, f.outcomes);
}

void Mirror::take_receipt(std::uint64_t received, std::uint64_t applied, std::uint64_t outcomes) {
  for (auto it = tx_.sent.upper_bound(tx_.received); it != tx_.sent.end() && it->first <= received; ++it) {
    tx_.sent_bytes -= weight(it->second);
    drop(it->second.payload);
    it->second.holds = false;
    it->second.bytes.clear();
  }
  if (received > tx_.received || applied > tx_.applied || outcomes > tx_.outcomes) tx_.progress_since = now_;
  tx_.received = std::max(tx_.received, received);
  tx_.applied = std::max(tx_.applied, applied);
  tx_.outcomes = std::max(tx_.outcomes, outcomes);
  tx_.exceptions.erase(tx_.exceptions.begin(), tx_.exceptions.upper_bound(tx_.outcomes));
  if (tx_.exceptions.empty()) tx_.exception_since = Instant::never();
  forget_sent();
}

void Mirror::forget_sent() {
  auto end = tx_.sent.upper_bound(std::min(tx_.received, tx_.executed));
  tx_.sent.erase(tx_.sent.begin(), end);
}

void Mirror::handle(const in::Executed& x) {
  auto it = outstanding_.find(x.ticket);
  if (it == outstanding_.end()) return tell(Rule::stale_ticket, static_cast<std::int64_t>(x.ticket.value));
  auto id = it->second;
  outstanding_.erase(it);
  auto& l = live_.at(id);
  if (x.expired) {
    l.stage = LiveOp::Stage::queued;
    expired_.insert(id);
    return;
  }
  l.stage = LiveOp::Stage::executed;
  flush_.dirty = true;
  note_outcome(l, x);
  drop(l.payload);
  l.payload = {};
  done_.insert(id);
}

// data:D9: a failure is a result. Done, cancelled (no effect), amended (a short write), or nobody knows.
void Mirror::note_outcome(LiveOp& l, const in::Executed& x) {
  bool write = l.op.kind == OpKind::write;
  bool short_write = write && x.amount > 0 && x.amount < l.op.length;
  l.error = x.error, l.amount = x.amount;
  OutcomeNote note{l.seq, Outcome::done, 0};
  if (short_write && mutated(Mutant::short_write_is_whole)) l.error = 0;
  else if (short_write) note.outcome = Outcome::amended, note.amount = x.amount, l.error = 0;
  else if (x.error == 0 && write && x.amount == 0 && l.op.length > 0) note.outcome = Outcome::cancelled, l.error = errno_io;
  else if (x.error != 0 && x.partial && !mutated(Mutant::unknown_is_nothing)) return unknown_effect(l);
  else if (x.error != 0) note.outcome = Outcome::cancelled;
  if (l.op.kind == OpKind::sync && x.error != 0 && !mutated(Mutant::failed_flush_counts)) { // Linux says it once: this disk cannot vouch for a checkpoint any more (T4)
    flush_.frozen = true;
    tell(Rule::disk_error, x.error);
  }
  auto it = l.seq ? tx_.sent.find(l.seq) : tx_.sent.end();
  if (it == tx_.sent.end()) return;
  if (note.outcome != Outcome::done && !mutated(Mutant::failure_not_told)) {
    l.failed = note.outcome == Outcome::cancelled;
    tell(Rule::D9, static_cast<std::int64_t>(l.seq), x.error, op_name(l.op.kind));
    note_exception(note);
  }
  it->second.executed = true;
  advance_executed();
}

void Mirror::note_exception(const OutcomeNote& note) {
  tx_.exceptions[note.seq] = note;
  if (tx_.exception_since == Instant::never()) tx_.exception_since = now_;
}

void Mirror::unknown_effect(LiveOp& l) {
  tell(Rule::D9, static_cast<std::int64_t>(l.seq), l.error, op_name(l.op.kind));
  if (!sends() || l.seq <= tx_.base) return; // not of this stream: what it touches is marked, and drained after it
  if (session_ && session_->stage != SourceSession::Stage::drained) {
    if (!mutated(Mutant::unknown_not_drained)) must_drain(touched_by(l.op));
    l.failed = true;
    note_exception({l.seq, Outcome::cancelled, 0});
  } else {
    l.unknown = tx_.unknown = true; // never counted as executed: its item stays in `recent`, no checkpoint passes it
    if (!mutated(Mutant::unknown_is_executed)) return;
  }
  tx_.sent.at(l.seq).executed = true;
  advance_executed();
}

void Mirror::advance_executed() {
  for (auto it = tx_.sent.upper_bound(tx_.executed); it != tx_.sent.end() && it->first == tx_.executed + 1 && it->second.executed; ++it)
    tx_.executed = it->first;
  forget_sent();
}

bool Mirror::exceptions_to_tell() const {
  auto it = tx_.exceptions.upper_bound(tx_.exceptions_told);
  return it != tx_.exceptions.end() && it->first <= tx_.executed;
}

void Mirror::send_watermark() {
  WatermarkFrame f;
  f.through = at(tx_.executed);
  for (auto it = tx_.exceptions.upper_bound(tx_.exceptions_told); it != tx_.exceptions.end() && it->first <= tx_.executed; ++it)
    f.exceptions.push_back(it->second);
  tx_.exceptions_told = tx_.executed;
  tx_.watermark = tx_.executed;
  tx_.watermark_due = Instant::never();
  send(f);
}

void Mirror::watermark_if_due() {
  if (!linked_ || !sends() || (tx_.executed <= tx_.watermark && !exceptions_to_tell())) return;
  bool now = exceptions_to_tell() || config_.sync_on_second || session_ || leaving_.kind != LeaveKind::none ||
             tx_.executed - tx_.watermark >= watermark_ops || now_ >= tx_.watermark_due;
  if (now) send_watermark();
  else if (tx_.watermark_due == Instant::never()) tx_.watermark_due = now_ + watermark_delay;
}

// In a pair; and as source from the end of the drain on: what completes before READY must be on the target when READY leaves.
bool Mirror::with_peer() const {
  if (mutated(Mutant::source_completes_alone) && !ready_) return false;
  return role_ == Role::prim || (session_ && session_->stage == SourceSession::Stage::drained);
}

bool Mirror::may_complete(const LiveOp& l) const {
  if (!permitted()) return false;
  if (!with_peer()) return true;
  if (broken_ || l.unknown || (l.seq > tx_.received && !mutated(Mutant::acknowledged_before_receipt))) return false;
  bool waits = !tx_.exceptions.empty() && !mutated(Mutant::completed_before_outcome);
  if (waits && tx_.exceptions.begin()->first <= l.order) return false; // data:D9
  return !config_.sync_on_second || mutated(Mutant::applied_not_awaited) || l.failed || l.seq <= tx_.applied;
}

void Mirror::complete_ready() {
  for (auto it = done_.begin(); it != done_.end();) {
    auto l = live_.find(*it);
    LOCKSTEP_ASSERT(l != live_.end());
    if (!may_complete(l->second)) {
      ++it;
      continue;
    }
    complete(l->second.token, l->second.error, l->second.amount);
    if (l->second.error == 0) note_completed(l->second);
    live_.erase(l);
    it = done_.erase(it);
  }
}

void Mirror::note_completed(const LiveOp& l) {
  ++step_.completed;
  bool pair = role_ == Role::prim || (session_ && session_->stage == SourceSession::Stage::drained);
  if (pair) step_.acknowledged = std::max(step_.acknowledged, l.seq);
  else if (marking() && !uncovered_ && !l.on_both && !durable_.contains(touched_by(l.op))) step_.uncounted = true;
}

void Mirror::complete(std::uint64_t token, std::int32_t error, std::uint64_t amount) {
  out_->push_back(fx::Complete{token, error, error ? 0 : amount, error ? Instant::never() : permit_.until});
}

// The moment the peer was too slow, if nothing moves before: for receipts, outcomes, applied positions and the link itself.
Instant Mirror::oldest_wait() const {
  auto t = Instant::never();
  // A hanging disk leaves the pair only while the primary is there: without it this node may be the only one that has all.
  if (receives() && linked_ && role_ != Role::preparing && leaving_.kind == LeaveKind::none && !unfit_ && !rx_.applying.empty())
    t = rx_.queue.front().since + std::max(config_.sendtimeout, config_.locktimeout);
  if (!sends() || stream_.closed || broken_ || tx_.failed_said) return t;
  if (!linked_) return earlier(t, tx_.progress_since + config_.sendtimeout);
  auto it = tx_.sent.upper_bound(tx_.received);
  if (it != tx_.sent.end()) t = earlier(t, it->second.since + config_.sendtimeout);
  if (tx_.exception_since != Instant::never()) t = earlier(t, tx_.exception_since + config_.sendtimeout);
  if ((config_.sync_on_second || session_) && tx_.applied < tx_.watermark)
    t = earlier(t, tx_.progress_since + config_.locktimeout);
  return t;
}

void Mirror::check_timeouts() {
  if (tx_.unknown && linked_) peer_failed(Rule::D9, "an operation failed here with an unknown effect");
  if (now_ < oldest_wait() || mutated(Mutant::slow_second_is_awaited)) return;
  if (receives()) return self_failed(Rule::apply_failed, errno_io, "the disk did not carry out an operation in time");
  peer_failed(Rule::peer_too_slow, linked_ ? "no answer on the replication connection in time"
                                           : "the replication connection did not come back in time");
}

void Mirror::report_held() {
  bool here = serves() || (role_ == Role::preparing && from_prim_);
  bool stands = role_ == Role::preparing || !permitted() || (with_peer() && (broken_ || !linked_));
  bool holding = here && stands && !(waiting_.empty() && live_.empty());
  if (holding == held_.said) return;
  held_.said = holding;
  if (holding) held_.since = now_;
  say(said::Held{holding, held_.since});
}

} // namespace lockstep
