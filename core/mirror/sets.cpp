// What is durable, what is in memory, and when either may be forgotten (data:D1-D5, T3, T4).
#include "core/mirror/mirror.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>

namespace lockstep {

Ticket Mirror::append(PendingSet marks) {
  auto t = new_ticket();
  appends_[t] = marks;
  out_->push_back(fx::AppendSet{t, std::move(marks)});
  return t;
}

void Mirror::handle(const in::SetDurable& d) {
  auto it = appends_.find(d.ticket);
  if (it == appends_.end()) return;
  bool ok = d.error == 0 || mutated(Mutant::failed_mark_counts);
  if (ok) durable_.add(it->second);
  else tell(Rule::D5, d.error, static_cast<std::int64_t>(it->second.size()), "the pending set could not be made durable");
  appends_.erase(it);
  for (auto& w : waiting_)
    if (w.mark == d.ticket) w.mark = {}, w.marked = ok, w.failed = !ok;
  if (prepare_.mark == d.ticket) prepare_.mark = {}, prepare_.marked = true, prepare_.covers = ok;
  if (leaving_.mark == d.ticket) leaving_.mark = {}, leaving_.marked = true, leaving_.covers = ok || mutated(Mutant::left_unmarked_covers);
  if (target_.mark == d.ticket) {
    target_.mark = {};
    target_.everything = !ok;
    recent_.clear();
    send_set();
  }
  if (session_) session_marked(d.ticket, ok);
}

void Mirror::note(std::uint64_t seq, const Op& op) {
  at_work_.add(Rule::D1);
  recent_.note(seq, touched_by(op));
  auto n = recent_.size();
  if (n * 2 > config_.max_recent) start_checkpoint(true);
  if (n <= config_.max_recent) return;
  recent_.coarsen();
  tell(Rule::set_coarsened, static_cast<std::int64_t>(n));
}

// Contiguous, here, of the stream this node is in.
std::uint64_t Mirror::executed_through() const {
  if (mutated(Mutant::received_is_executed) && !receives()) return std::max(tx_.executed, tx_.received);
  return receives() ? rx_.applied : tx_.executed;
}

// After Ready the durable set of the copy (everything, after a full one) is kept until both nodes have flushed what came up to
// there: at once, since a node that leaves before that makes the next copy as large again.
bool Mirror::owes_release() const {
  bool passed = ours(own_checkpoint_) && own_checkpoint_.seq >= release_durable_at_;
  return ready_ && stream_.open && !stream_.closed && !durable_.empty() && !passed && executed_through() >= release_durable_at_;
}

// data T3: the position is taken when the flush starts, announced when it has returned 0.
void Mirror::start_checkpoint(bool forced) {
  if (role_ == Role::idle || flush_.ticket.value != 0 || flush_.frozen || (!forced && now_ < flush_.next)) return;
  flush_.next = now_ + config_.checkpoint_interval;
  Position p{stream_.open ? stream_.generation : generation_, executed_through()};
  if (!flush_.dirty && p <= own_checkpoint_) return;
  flush_.ticket = new_ticket(), flush_.position = p, flush_.dirty = false;
  recent_.cut();
  out_->push_back(fx::Flush{flush_.ticket, p});
}

void Mirror::handle(const in::Flushed& f) {
  bool ok = f.error == 0 || mutated(Mutant::failed_flush_counts);
  if (!ok) {
    flush_.frozen = true;
    tell(Rule::disk_error, f.error);
    if (receives()) self_failed(Rule::disk_error, f.error, "a flush of the replicated directories failed");
  }
  if (f.ticket == flush_.ticket) {
    flush_.ticket = {};
    if (mutated(Mutant::position_after_flush)) flush_.position.seq = executed_through();
    if (ok) own_checkpoint_ = flush_.position, announce_checkpoint();
  }
  if (f.ticket == prepare_.flush) prepare_.flush = {}, prepare_.flushed = ok;
  if (f.ticket == leaving_.flush) leaving_.flush = {}, leaving_.flushed = true;
  if (f.ticket == target_.flush && target_.active) {
    target_.flush = {}, target_.equal = ok;
    if (!ok) return;
    own_checkpoint_ = at(target_.drained);
    announce_checkpoint();
    tell(Rule::D15, static_cast<std::int64_t>(target_.drained));
    say(said::EqualAt{target_.session, at(target_.drained)});
  }
}

void Mirror::announce_checkpoint() {
  say(said::Checkpointed{own_checkpoint_, peer_checkpoint_, stream_.peer});
  // The record with which this node goes on alone tells what it announced before (control:T1), and may be on its way to the disk.
  bool may_mint = role_ == Role::preparing && !mutated(Mutant::announced_while_it_mints);
  if (linked_ && ours(own_checkpoint_) && !may_mint) send(CheckpointFrame{own_checkpoint_});
  release_sets();
}

// data:D2: an item is forgotten when the durable checkpoints of both nodes have passed its last touch or drain.
void Mirror::release_sets() {
  bool in_stream = role_ != Role::preparing && role_ != Role::idle && stream_.open && !stream_.closed;
  bool mine = ours(own_checkpoint_) || mutated(Mutant::former_checkpoint_counts);
  if (!in_stream || !mine || !ours(peer_checkpoint_)) return;
  auto both = std::min(own_checkpoint_.seq, peer_checkpoint_.seq);
  if (mutated(Mutant::own_checkpoint_frees)) both = own_checkpoint_.seq;
  if (tx_.received > tx_.executed && !receives()) at_work_.add(Rule::P1); // the other node has it, this one does not yet
  recent_.release(both);
  if (mutated(Mutant::ready_frees_at_once)) both = UINT64_MAX;
  if (!ready_ || durable_.empty() || !appends_.empty() || !differs_.empty() || both < release_durable_at_) return;
  tell(Rule::D2, static_cast<std::int64_t>(both), static_cast<std::int64_t>(durable_.size()));
  durable_ = {};
  if (!mutated(Mutant::waiting_keeps_its_mark))
    for (auto& w : waiting_) w.marked = false; // held since before Ready: alone, it is marked again before it runs (data:D5)
  out_->push_back(fx::RewriteSet{new_ticket(), durable_});
}

} // namespace lockstep
