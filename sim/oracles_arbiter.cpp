// Mode etcd: who may change the arbiter's key, and who may go on by it (S2, S6, S12, S16). Nothing is excused here but an operator's word
// that the arbiter did not accept, a node restored from a snapshot, and a store restored to what it held before (design 6, control:(iii) 6).
#include "core/lineage/compare.hpp"
#include "sim/oracles.hpp"
#include <algorithm>

namespace lockstep::sim {

bool Oracles::split_excused_with_arbiter() const { return operator_split_ || ever_restored_ || arbiter_->went_back(); }

namespace {
bool descends(const Record& r, const Generation& g) {
  return in_chain(r, g) || r.candidate == g || std::find(r.voided.begin(), r.voided.end(), g) != r.voided.end();
}
} // namespace

void Oracles::arbiter_asked(const Host& h, const nfx::AskArbiter& q) {
  auto& r = h.disk().state.record;
  if (!q.put) return;
  if (!r || (r->g != *q.put && r->candidate != q.put))
    return violated(oracle::S16, name_of(h) + " asks the arbiter for " + to_string(*q.put) + ", which is not durable (control:E2)");
  bool by_operator = q.put->minted_as == MintedAs::op || forced_[h.index()];
  if (by_operator) return;
  if (!q.expected && r->state != Freshness::own && h.node()->role() != Role::prim)
    return violated(oracle::S16, name_of(h) + " makes a key without the right to serve ((iii) 6)");
  if (q.expected && !descends(*r, *q.expected))
    violated(oracle::S16, name_of(h) + " asks to replace " + to_string(*q.expected) + ", which its data does not descend from (control:E4)");
}

void Oracles::key_changed(const Arbiter::Change& c) {
  auto& h = *hosts_[c.by];
  if (c.from && arbiter_->ever_held(c.to) && !arbiter_->lost_state())
    return violated(oracle::S16, "the key goes back from " + to_string(*c.from) + " to " + to_string(c.to));
  // Carried out late, after the asker gave its claim up, it lets nobody go on: what is void stays void (control:E3).
  auto& r = h.disk().state.record;
  bool claims = r && (r->candidate == c.to || r->g == c.to);
  if (!claims || ever_restored_ || c.to.minted_as == MintedAs::op) return;
  if (r->state == Freshness::inconsistent) return violated(oracle::S12, name_of(h) + " is let go on while it is recorded as inconsistent");
  auto era = era_of(h);
  if (!era || r->g == c.to) return; // serves already: S3 and S4 look at it
  bool remembers = keeps_memory(h, r->g.nonce) || era->writer != h.index();
  auto lost = remembers ? era->promises.check(h.disk().files.now()) : std::string();
  if (!lost.empty()) violated(oracle::S12, name_of(h) + " is let go on and lacks: " + lost);
}

// S6: what was shared is left only with the other's durable consent, or when the arbiter's key held the new generation.
void Oracles::minted_with_arbiter(const Host& h, const std::optional<Record>& before, Era& era) {
  auto& r = *h.disk().state.record;
  auto& beside = other(h).disk().state.record;
  // An operator said that the data are here, on a machine that knew nothing of the other's: two sets have two keys.
  if (beside && !beside->dir_uid.none() && beside->dir_uid != r.dir_uid) operator_split_ = true;
  bool accepted = arbiter_->ever_held(r.g);
  if (r.g.minted_as == MintedAs::op) {
    operator_split_ = operator_split_ || !accepted;
    return;
  }
  if (!before || before->state != Freshness::shared) return;
  auto& theirs = other(h).disk().state.record;
  bool may_think_so = theirs && theirs->g == before->g && theirs->state == Freshness::shared;
  if (!accepted && may_think_so && !ever_restored_)
    violated(oracle::S6, name_of(h) + " goes on alone in " + to_string(r.g) + ": neither the other node nor the arbiter agreed");
  // A writer that lost its memory in a crash and is let go on: what was never flushed is as lost as on a local disk ((iii) 21). The arbiter
  // cannot know that the other node still remembers; what was flushed is still asked for.
  if (accepted && before->g.minted_by == r.node_uid && !keeps_memory(h, before->g.nonce))
    era.promises.lost_memory(h.disk().files.now(), h.disk().files.now());
}

} // namespace lockstep::sim
