// One FIFO of local executions and of the reads that drains need, in the order of decision (data:D7): what was decided before
// a read is carried out before it, whatever it waits for.
#include "core/mirror/mirror.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>

namespace lockstep {

bool Mirror::may_execute(const LiveOp& l) const {
  if (!permitted()) return false;
  bool first = mutated(Mutant::executed_before_receipt) || mutated(Mutant::acknowledged_before_receipt);
  return role_ == Role::alone || (!broken_ && (l.seq <= tx_.received || first)); // the mirror knows first
}

// All executions under way carry the same `not_after`: if one expires, so do all behind it, and their order is kept.
// Late in the permit the queue runs empty once, to take over the renewed one.
bool Mirror::renew_batch() {
  if (outstanding_.empty() || permit_.until < batch_not_after_) batch_not_after_ = permit_.until;
  if (batch_not_after_ == permit_.until) return true;
  if (permit_.until == Instant::never()) return false;
  return (batch_not_after_ - now_) * 2 >= permit_.until - now_;
}

void Mirror::pump_exec() {
  if (!expired_.empty()) return;
  while (!exec_queue_.empty()) {
    auto e = exec_queue_.front();
    if (e.read) {
      start_read(e.id);
    } else if (auto it = live_.find(e.id); it != live_.end()) {
      auto& l = it->second;
      if (!may_execute(l) || !renew_batch()) return;
      auto t = new_ticket();
      l.stage = LiveOp::Stage::executing;
      outstanding_[t] = e.id;
      if (role_ == Role::prim) step_.begun = std::max(step_.begun, l.seq);
      out_->push_back(fx::Execute{t, l.op, l.payload, batch_not_after_});
      if (mutated(Mutant::completed_before_executed)) complete(l.token, 0, l.op.length);
    }
    exec_queue_.pop_front();
  }
}

// An expired execution did nothing; so did all behind it. They go back in front, in order, when the last result is here.
void Mirror::requeue_expired() {
  if (expired_.empty() || !outstanding_.empty()) return;
  for (auto it = expired_.rbegin(); it != expired_.rend(); ++it) exec_queue_.push_front({false, *it});
  expired_.clear();
}

} // namespace lockstep
