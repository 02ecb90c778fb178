// Continue alone, and leave a role: what was received is applied and flushed, the memory set is durable, then the word is given
// (data:D10, D12, T11).
#include "core/mirror/mirror.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>

namespace lockstep {

void Mirror::start_prepare() {
  if (role_ == Role::second && unfit_) return say(said::SelfFailed{Rule::apply_failed, "this node could not apply what it received"});
  from_prim_ = role_ == Role::prim;
  role_ = Role::preparing;
  prepare_ = {};
  prepare_.active = true;
  prepare_.flushed = from_prim_ || mutated(Mutant::takeover_without_flush); // PRIM's applications flushed what they asked to be flushed
  auto memory = recent_.all();   // with all that is in flight (data:D1)
  if (durable_.contains(memory) || mutated(Mutant::break_forgets_memory)) prepare_.marked = true;
  else prepare_.mark = append(std::move(memory));
  apply_ready();
}

void Mirror::check_prepare() {
  if (!prepare_.active || prepare_.ready || unfit_) return;
  if (!from_prim_ && !rx_.queue.empty() && !mutated(Mutant::promoted_without_tail)) return;
  if (!prepare_.flushed && !prepare_.flushing) {
    prepare_.flushing = true;
    prepare_.flush = new_ticket();
    out_->push_back(fx::Flush{prepare_.flush, at(rx_.applied)});
  }
  if (!prepare_.flushed || !prepare_.marked) return;
  prepare_.ready = true;
  auto last = at(executed_through());
  tell(Rule::D10, static_cast<std::int64_t>(last.seq), prepare_.covers);
  say(said::AloneReady{last, prepare_.covers});
  if (prepare_.go) become_alone(*prepare_.go);
}

void Mirror::become_alone(Generation g, bool keeps_detached) {
  // A target that was equal, and never heard READY: what its copy detached is in no tree, and must not be read as if it were.
  if (!keeps_detached && !mutated(Mutant::detached_is_read)) out_->push_back(fx::PurgeStaging{});
  if (role_ != Role::alone) {
    if (!mutated(Mutant::session_outlives_pair)) abort_drains(), session_.reset(); // of a pair that never was ready: nobody answers for it any more
    if (prepare_.active && !prepare_.covers) fail_unmarked_ops();
    for (auto both = both_flushed(); auto& [id, l] : live_) l.on_both = l.seq > 0 && l.seq <= both;
    if (role_ == Role::preparing && !from_prim_) tx_.next_seq = std::max(tx_.next_seq, rx_.received + 1);
    clear_queue();
    close_stream();
    recent_.clear(); // durable now
  }
  uncovered_ = uncovered_ || (prepare_.active && !prepare_.covers);
  prepare_ = {};
  role_ = Role::alone;
  ready_ = broken_ = unfit_ = from_prim_ = false;
  generation_ = g.counter;
  // A generation that begins here has no checkpoint: one of this number is of a lineage that was lost.
  if (own_checkpoint_.generation >= g.counter && !mutated(Mutant::fork_checkpoint_counts)) own_checkpoint_ = {g.counter, 0};
  tell(Rule::D5, static_cast<std::int64_t>(live_.size()), static_cast<std::int64_t>(waiting_.size()));
  for (auto& w : waiting_) ensure_marked(w);
}

void Mirror::start_leaving(LeaveKind kind) {
  if (leaving_.kind != LeaveKind::none) {
    if (kind == LeaveKind::quiesce_failing) leaving_.kind = kind;
    return;
  }
  if (role_ == Role::idle) return say(said::Quiesced{position(), false});
  if (role_ == Role::target) {
    auto last = position();
    obey(order::Break{"this node leaves"});
    return say(said::Quiesced{last, false});
  }
  if (role_ == Role::alone) end_session(); // what waits for a target completes without it
  leaving_ = {};
  leaving_.kind = kind, leaving_.since = now_;
  prepare_.active = false;
  tell(Rule::D12, static_cast<std::int64_t>(role_), static_cast<std::int64_t>(live_.size() + waiting_.size()));
  apply_ready();
}

void Mirror::check_leaving() {
  if (leaving_.kind == LeaveKind::none) return;
  bool sender = serves() || (role_ == Role::preparing && from_prim_);
  if (!leaving_.settled) {
    bool give_up = !mutated(Mutant::held_writes_stay) && (leaving_.kind == LeaveKind::quiesce_failing || now_ >= leaving_.since + config_.sendtimeout);
    if (sender && give_up) fail_held_ops();
    bool drops = mutated(Mutant::leaves_without_applying);
    if (sender ? !waiting_.empty() || !live_.empty() : !unfit_ && !rx_.queue.empty() && !drops) return;
    leaving_.settled = true;
    // What is added to the set now is not flushed there before this, whatever READY the set was kept for (data:D2).
    if (!mutated(Mutant::left_marks_freed_early)) release_durable_at_ = receives() ? rx_.received : tx_.next_seq - 1;
    leaving_.flush = new_ticket();
    out_->push_back(fx::Flush{leaving_.flush, Position{stream_.open ? stream_.generation : generation_, executed_through()}});
    auto memory = recent_.all();
    if (durable_.contains(memory) || mutated(Mutant::leaves_without_marking)) leaving_.marked = true;
    else leaving_.mark = append(std::move(memory));
  }
  if (!leaving_.flushed || !leaving_.marked) return;
  bool complete = (!flush_.frozen || mutated(Mutant::unflushed_is_complete)) && !rx_.guessed;
  said::Quiesced q{Position{stream_.open ? stream_.generation : generation_, executed_through()}, leaving_.covers, complete};
  become_idle();
  say(q);
}

// data:D5: what is not marked durably is not executed alone. What was executed here was received there, and is in that set.
void Mirror::fail_unmarked_ops() {
  for (auto it = live_.begin(); it != live_.end();) {
    auto& l = it->second;
    if (l.stage != LiveOp::Stage::queued) {
      ++it;
      continue;
    }
    tell(Rule::D5, static_cast<std::int64_t>(l.seq), errno_io, op_name(l.op.kind));
    complete(l.token, errno_io, 0);
    drop(l.payload);
    expired_.erase(it->first);
    it = live_.erase(it);
  }
}

// control:Y1, data T11: what is held ends with an error; it may live on the peer, and stays in the set.
void Mirror::fail_held_ops() {
  if (!waiting_.empty() || !live_.empty()) at_work_.add(Rule::Y1);
  for (auto& w : waiting_) complete(w.token, errno_io, 0), drop(w.payload);
  waiting_.clear();
  for (auto it = live_.begin(); it != live_.end();) {
    auto& l = it->second;
    bool executed = l.stage == LiveOp::Stage::executed;
    bool runs = l.stage == LiveOp::Stage::executing || (executed && !outstanding_.empty());
    if (runs) {
      ++it;
      continue;
    }
    complete(l.token, l.error ? l.error : errno_io, 0);
    if (!executed) drop(l.payload);
    done_.erase(it->first), expired_.erase(it->first);
    it = live_.erase(it);
  }
}

void Mirror::become_idle() {
  role_ = Role::idle;
  ready_ = broken_ = unfit_ = from_prim_ = false;
  prepare_ = {}, leaving_ = {}, target_ = {};
  session_.reset();
  exec_queue_.clear();
  clear_queue();
  close_stream();
}

} // namespace lockstep
