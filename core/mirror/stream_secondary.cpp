// The secondary's half of the op stream: receive -> note -> receipt; apply in order, up to the watermark (design 7). A receipt
// is a promise to apply: given only while there is room for the worst case (data T1, T28).
#include "core/mirror/mirror.hpp"
#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>

namespace lockstep {
namespace {
constexpr std::uint64_t space_margin_bytes = 16u << 20, space_margin_inodes = 64, per_op_bytes = 8192;
constexpr Duration received_said_every = ms(5);
std::uint64_t weight(const GotOp& g) { return g.payload.size + 256; }
} // namespace

std::uint64_t Mirror::worst_case_bytes(const GotOp& g) {
  bool allocates = g.op.kind == OpKind::write || g.op.kind == OpKind::fallocate || g.op.kind == OpKind::drain_data;
  return per_op_bytes + (allocates ? std::max(g.op.length, g.payload.size) : g.payload.size);
}

void Mirror::read(const OpFrame& f, Payload payload) {
  if (!linked_ || !receives() || !ours(f.at)) return;
  if (role_ == Role::preparing || leaving_.kind != LeaveKind::none || unfit_) {
    rx_.dropped = true;
    return;
  }
  if (f.at.seq <= rx_.received) return; // sent again after a cut, and already here
  if (f.at.seq != rx_.received + 1) return protocol_error("a gap in the op stream");
  GotOp g;
  g.seq = f.at.seq, g.op = f.op, g.payload = payload;
  hold(payload);
  if (!mutated(Mutant::second_notes_nothing)) note(g.seq, g.op); // data:D1
  rx_.queue.push_back(std::move(g));
  rx_.received = f.at.seq;
  rx_.watermark = std::max(rx_.watermark, f.watermark);
}

void Mirror::read(const WatermarkFrame& f, Payload) {
  if (!linked_ || !receives() || !ours(f.through)) return;
  for (auto& n : f.exceptions) {
    rx_.receipt_owed = true;
    if (n.seq <= rx_.outcomes) continue; // sent again after a cut
    auto emitted = rx_.emitted > 0 ? rx_.queue[rx_.emitted - 1].seq : rx_.applied;
    if (n.seq <= emitted && !mutated(Mutant::applied_before_outcome))
      return self_failed(Rule::outcome_differs, 0, "an operation was applied here that the primary did not carry out as sent");
    rx_.notes[n.seq] = n;
    rx_.outcomes = std::max(rx_.outcomes, n.seq);
  }
  rx_.watermark = std::max(rx_.watermark, f.through.seq);
  if (rx_.guessed && rx_.guessed <= rx_.watermark) // without an exception: it was done there
    return self_failed(Rule::outcome_differs, 0, "an operation was refused here that the primary carried out");
}

void Mirror::apply_ready() {
  bool all = (role_ == Role::preparing && !from_prim_) || leaving_.kind != LeaveKind::none;
  while (receives() && !unfit_ && rx_.emitted < rx_.queue.size()) {
    auto& g = rx_.queue[rx_.emitted];
    bool certain = g.seq <= rx_.watermark || is_drain(g.op.kind) || mutated(Mutant::applied_before_outcome);
    if (!certain && !all) break;
    // The end of a drain is carried out between everything before it and everything after it: it says whether all found its place.
    bool barrier = g.op.kind == OpKind::drained || rx_.queue[rx_.emitted ? rx_.emitted - 1 : 0].op.kind == OpKind::drained;
    if (rx_.emitted > 0 && barrier) break;
    if (mutated(Mutant::applied_out_of_order) && g.seq % 8 == 0 && rx_.emitted + 1 < rx_.queue.size() && !is_drain(g.op.kind)) {
      auto& next = rx_.queue[rx_.emitted + 1];
      if (!is_drain(next.op.kind)) std::swap(g.op, next.op), std::swap(g.payload, next.payload);
    }
    auto note = rx_.notes.find(g.seq);
    g.cancelled = note != rx_.notes.end() && note->second.outcome == Outcome::cancelled;
    if (note != rx_.notes.end() && note->second.outcome == Outcome::amended)
      g.op.length = std::min(g.op.length, note->second.amount);
    g.emitted = true, g.without_watermark = !certain, g.since = now_;
    ++rx_.emitted;
    if (g.cancelled) {
      g.applied = true;
      drop(g.payload), g.payload = {};
      pop_applied();
      continue;
    }
    auto t = new_ticket();
    rx_.applying[t] = g.seq;
    out_->push_back(fx::Apply{t, g.op, g.payload, !certain});
  }
}

void Mirror::pop_applied() {
  while (!rx_.queue.empty() && rx_.queue.front().applied) {
    auto& g = rx_.queue.front();
    rx_.applied = g.seq;
    if (g.seq <= rx_.receipted) rx_.receipted_bytes -= std::min(rx_.receipted_bytes, weight(g));
    rx_.notes.erase(g.seq);
    rx_.queue.pop_front();
    --rx_.emitted;
  }
}

void Mirror::handle(const in::Applied& x) {
  auto it = rx_.applying.find(x.ticket);
  if (it == rx_.applying.end()) return tell(Rule::stale_ticket, static_cast<std::int64_t>(x.ticket.value));
  auto seq = it->second;
  rx_.applying.erase(it);
  LOCKSTEP_ASSERT(!rx_.queue.empty() && seq >= rx_.queue.front().seq && seq <= rx_.queue.back().seq);
  auto& g = rx_.queue[seq - rx_.queue.front().seq];
  flush_.dirty = true;
  drop(g.payload), g.payload = {};
  // At a takeover, without the primary's word: what equal trees refuse, they refused there too, and nobody was told otherwise.
  bool refused_there = g.without_watermark && (x.error == 2 || x.error == 17 || x.error == 20 || x.error == 21 ||
                                               x.error == 22 || x.error == 39); // ENOENT EEXIST ENOTDIR EISDIR EINVAL ENOTEMPTY
  if (refused_there) {
    if (!rx_.guessed && !mutated(Mutant::refused_is_complete)) rx_.guessed = seq;
    tell(Rule::D9, static_cast<std::int64_t>(seq), x.error, op_name(g.op.kind));
  } else if (x.error != 0 && !mutated(Mutant::failed_apply_ignored))
    return self_failed(x.error == errno_nospc || x.error == errno_io ? Rule::apply_failed : Rule::outcome_differs, x.error,
                       "cannot carry out a received operation: " + to_string(g.op));
  if (linked_ && g.op.kind == OpKind::drain_dir) send(LacksFrame{at(seq), x.lacks});
  if (linked_ && g.op.kind == OpKind::drain_query) send(NeedFrame{at(seq), x.need});
  if (mutated(Mutant::deleted_instead_of_staged) && g.op.kind == OpKind::drain_dir) out_->push_back(fx::PurgeStaging{});
  g.applied = true;
  bool end_of_drain = g.op.kind == OpKind::drained;
  pop_applied();
  if (end_of_drain) drained_reached(seq);
  if (config_.sync_on_second || role_ == Role::target) rx_.receipt_owed = true;
}

bool Mirror::room_for(const GotOp& g) const {
  if (!space_) return true;
  auto bytes = rx_.promised_bytes + worst_case_bytes(g) + space_margin_bytes;
  return space_->free_bytes >= bytes && space_->free_inodes >= rx_.promised_inodes + 1 + space_margin_inodes;
}

void Mirror::give_receipts() {
  if (!receives() || unfit_ || role_ == Role::preparing || leaving_.kind != LeaveKind::none) return;
  bool given = rx_.receipted < rx_.applied; // facts of a source are applied without waiting for a receipt
  if (given) rx_.receipted = rx_.applied;
  while (rx_.receipted < rx_.received) {
    auto& g = rx_.queue[rx_.receipted + 1 - rx_.queue.front().seq];
    if (rx_.receipted_bytes > 0 && rx_.receipted_bytes + weight(g) > config_.max_queue_bytes) break;
    if (!room_for(g)) {
      // Nothing queued whose end could make room, and the news is fresh: say so instead of letting the primary wait.
      if (space_fresh_ && rx_.emitted == 0 && rx_.applied == rx_.receipted)
        return self_failed(Rule::apply_failed, errno_nospc, "no space left for what the primary sends");
      break;
    }
    rx_.receipted = g.seq, rx_.receipted_bytes += weight(g);
    rx_.promised_bytes += worst_case_bytes(g), ++rx_.promised_inodes;
    given = true;
  }
  space_fresh_ = false;
  if (given && rx_.say_due == Instant::never()) rx_.say_due = now_ + received_said_every;
  if (!linked_ || (!given && !rx_.receipt_owed)) return;
  rx_.receipt_owed = false;
  send(ReceiptFrame{at(rx_.receipted), at(rx_.applied), rx_.outcomes});
}

void Mirror::say_received() {
  if (now_ < rx_.say_due) return;
  rx_.say_due = Instant::never();
  if (receives()) say(said::Received{at(rx_.received)});
}

void Mirror::clear_queue() {
  for (auto& g : rx_.queue) drop(g.payload);
  rx_ = ReceiveSide{};
}

} // namespace lockstep
