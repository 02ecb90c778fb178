#include "core/mirror/invariants.hpp"
#include "core/mirror/mirror.hpp"
#include <algorithm>

namespace lockstep {

namespace {
bool serves(const MirrorFacts& f) { return f.role == MirrorRole::alone || f.role == MirrorRole::prim; }

class Check : Requirements {
 public:
  Check(const MirrorFacts& before, const MirrorFacts& after, const MirrorInput& in) : before_(before), after_(after), in_(in) {}
  std::optional<Broken> run(const MirrorEffects&);

 private:
  void look(const fx::Complete&);
  void look(const fx::Apply&);
  void look(const fx::RewriteSet&);
  template <class Other>
  void look(const Other&) {}
  void operations();
  void positions();
  void sets();
  void bounds();

  const MirrorFacts &before_, &after_;
  const MirrorInput& in_;
  std::size_t completed_ = 0;
  bool applies_ = false; // in this step
};

std::optional<Broken> Check::run(const MirrorEffects& effects) {
  for (const auto& e : effects) std::visit([this](const auto& x) { look(x); }, e);
  operations();
  positions();
  sets();
  bounds();
  return std::move(broken_);
}

void Check::look(const fx::Complete& e) {
  if (e.error) return;
  ++completed_;
  const auto& p = after_.permit;
  bool permitted = p.generation == after_.generation && after_.now <= p.until && e.not_after <= p.until;
  require(permitted && (serves(before_) || serves(after_)), invariant::completes_in_permit, "an operation completes without the right");
}

void Check::look(const fx::Apply& e) {
  applies_ = true;
  require(!is_drain(e.op.kind) || after_.role == MirrorRole::target || before_.role == MirrorRole::target, invariant::drained_as_target, "an item is overwritten");
}

// data:D2, D4.
void Check::look(const fx::RewriteSet&) {
  require(after_.ready && after_.both_flushed >= after_.release_at, invariant::marks_are_durable, "the durable set is erased too early");
}

void Check::operations() {
  require(completed_ == after_.completed, invariant::completed_is_known, "an operation completes that was not executed");
  require(after_.acknowledged <= after_.sent_received, invariant::completed_is_known, "an operation completes that SECOND has not received");
  require(!after_.uncounted, invariant::completed_is_known, "an operation completes alone and is in no durable set");
  require(after_.begun <= after_.sent_received, invariant::mirror_knows_first, "an operation is executed that SECOND has not received");
  require(!after_.ahead || !applies_ || after_.leaving || before_.leaving, invariant::applies_what_is_decided, "an operation is applied whose outcome is not known");
}

void Check::positions() {
  const auto& f = after_;
  bool sent = f.executed < f.next && f.sent_applied <= f.sent_received && f.sent_received < f.next && f.told <= f.executed;
  bool got = f.receipted <= f.received && f.applied <= f.received;
  require(sent && got, invariant::stream_in_order, "a position is ahead of what it follows");
  const auto& b = before_;
  bool same = f.stream == b.stream && f.session == b.session && f.peer == b.peer && f.source == b.source && f.receives == b.receives && f.role == b.role;
  if (!same) return;
  bool sending = !f.source || (f.next >= b.next && f.sent_received >= b.sent_received && f.executed >= b.executed);
  bool receiving = !f.receives || (f.received >= b.received && f.applied >= b.applied && f.receipted >= b.receipted);
  require(sending && receiving, invariant::stream_in_order, "a position goes back");
}

void Check::sets() {
  if (const auto* x = std::get_if<in::SetDurable>(&in_.what); x && x->error != 0)
    require(after_.marks <= before_.marks && after_.everything == before_.everything, invariant::marks_are_durable, "a mark that was not written counts");
  if (after_.checkpoint == before_.checkpoint) return;
  const auto* flushed = std::get_if<in::Flushed>(&in_.what);
  bool ordered = std::holds_alternative<in::Order>(in_.what);
  bool worked = flushed && flushed->error == 0;
  bool forward = after_.checkpoint.generation != before_.checkpoint.generation || after_.checkpoint.seq >= before_.checkpoint.seq;
  require(ordered || (worked && forward), invariant::checkpoint_is_flushed, "a checkpoint moves by itself, or back");
}

// data T27, T28.
void Check::bounds() {
  const auto& f = after_;
  require(f.in_flight <= f.most_in_flight && f.recent <= f.most_recent, invariant::mirror_bounds, "more operations or items than configured");
  require(f.receipted_bytes <= f.most_bytes + f.largest, invariant::mirror_bounds, "SECOND has promised to keep more bytes than configured");
}
} // namespace

std::optional<Broken> check(const MirrorFacts& before, const MirrorFacts& after, const MirrorInput& in, const MirrorEffects& effects) {
  return Check(before, after, in).run(effects);
}

MirrorFacts Mirror::facts() const {
  MirrorFacts f;
  f.now = now_, f.role = role_, f.ready = ready_, f.permit = permit_;
  f.leaving = role_ == Role::preparing || leaving_.kind != LeaveKind::none;
  f.generation = generation_, f.stream = stream_.generation, f.session = stream_.session, f.peer = stream_.peer;
  f.source = sends(), f.receives = receives();
  f.begun = step_.begun, f.acknowledged = step_.acknowledged, f.completed = step_.completed, f.uncounted = step_.uncounted;
  f.next = tx_.next_seq, f.sent_received = tx_.received, f.sent_applied = tx_.applied, f.executed = tx_.executed, f.told = tx_.watermark;
  f.received = rx_.received, f.receipted = rx_.receipted, f.applied = rx_.applied;
  if (rx_.emitted > 0) {
    const auto& g = rx_.queue[rx_.emitted - 1];
    f.ahead = g.seq > rx_.watermark && !is_drain(g.op.kind);
  }
  f.checkpoint = own_checkpoint_;
  f.marks = durable_.size(), f.everything = durable_.everything;
  f.release_at = release_durable_at_;
  f.both_flushed = both_flushed();
  f.in_flight = live_.size(), f.most_in_flight = config_.max_in_flight, f.recent = recent_.size(), f.most_recent = config_.max_recent;
  f.receipted_bytes = rx_.receipted_bytes, f.most_bytes = config_.max_queue_bytes;
  return f;
}

} // namespace lockstep
