#include "core/lineage/compare.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>

namespace lockstep {
namespace {

enum class Relation : std::uint8_t { same, i_newer, peer_newer, fork };

bool contains(const std::vector<Generation>& list, const Generation& g) {
  return std::find(list.begin(), list.end(), g) != list.end();
}

Relation relation(const Record& a, const Record& b) {
  if (a.g == b.g) return Relation::same;
  if (mutated(Mutant::newer_counter_wins)) return a.g.counter > b.g.counter ? Relation::i_newer : Relation::peer_newer;
  bool newer = contains(a.history, b.g), older = contains(b.history, a.g);
  if (newer == older) return Relation::fork; // each in the other's history is no honest lineage: loud
  return newer ? Relation::i_newer : Relation::peer_newer;
}

bool is(const Side& s, Freshness f) { return s.record->state == f; }
bool ready(const Side& s) { return s.live != LiveAs::no; }
bool is_live(const Side& s) { return ready(s) && !s.record->candidate; }
bool writer(const Side& s) { return s.record->g.minted_by == s.record->node_uid; }
// It left the pair in order, or flushed all before it asked the arbiter: what was acknowledged is on its disk. With failover off it gave
// that up to a primary that comes back ((iii) 13).
bool intact(const Side& s) { return s.record->complete && s.record->failover; }

Verdict nobody(Rule r, bool loud = false) { return {Who::nobody, r, Copy::none, loud}; }
Verdict win(Rule r, Copy c, bool loud = false) { return {Who::i_win, r, c, loud}; }

// `target` was a copy of `own` in the generation of its base, and had said so; `own` stopped before it could say the same. Its set counts
// from an older generation of the same line without a gap, so it holds whatever a count from the newer one would.
bool counts_longer(const Record& own, const Record& target) {
  if (own.state != Freshness::own || !own.covers || mutated(Mutant::unsaid_equality_is_lost)) return false;
  const auto &from = own.base, &later = target.base;
  return !from.none() && !later.none() && later.minted_by == own.node_uid && in_chain(own, later) && contains(own.history, from) && from.counter < later.counter;
}

// D2, D3: nothing but a whole set over a common base proves a delta.
Copy proven(const Side& a, const Side& b) {
  bool common = (!a.record->base.none() && a.record->base == b.record->base) || mutated(Mutant::base_not_compared);
  bool base = common || counts_longer(*a.record, *b.record) || counts_longer(*b.record, *a.record);
  bool full = a.record->must_full || b.record->must_full;
  bool covers = a.record->covers || b.record->covers || mutated(Mutant::delta_without_proof);
  return base && !full && covers ? Copy::delta : Copy::full;
}

// The rank of a fork is that of the first mint after the newest common ancestor (F2); none in common: the oldest known.
MintedAs fork_rank(const Record& x, const Record& other) {
  auto first = x.g;
  if (in_chain(other, first)) return first.minted_as;
  for (const auto& g : x.history) {
    if (in_chain(other, g)) break;
    first = g;
  }
  return first.minted_as;
}

bool outranks(const Side& a, const Side& b) {
  if (mutated(Mutant::both_win_the_fork)) return true;
  auto mine = fork_rank(*a.record, *b.record), theirs = fork_rank(*b.record, *a.record);
  return mine != theirs ? mine > theirs : a.record->node_uid < b.record->node_uid;
}

// Rows are written for one side; a row that does not fit is tried for the other and mirrored.
template <class Row>
std::optional<Verdict> either(const Side& a, const Side& b, Row row) {
  if (auto v = row(a, b)) return v;
  if (auto v = row(b, a)) return mirror(*v);
  return std::nullopt;
}

std::optional<Verdict> guards(const Side& a, const Side& b) {
  bool both = has_lineage(a) && has_lineage(b);
  bool clone = a.record->node_uid == b.record->node_uid && !a.record->node_uid.none();
  if (clone || (both && a.record->dir_uid != b.record->dir_uid)) return nobody(Rule::G0, true);
  if (std::min(a.version, b.version) == 0 || a.config_digest != b.config_digest) return nobody(Rule::G1);
  return std::nullopt;
}

std::optional<Verdict> time_travel(const Side& a, const Side& b) {
  if (!has_lineage(a) || !has_lineage(b) || is(a, Freshness::inconsistent) || is(b, Freshness::inconsistent))
    return std::nullopt;
  bool a_back = went_back(a, b), b_back = went_back(b, a);
  if (!a_back && !b_back) return std::nullopt;
  bool a_own = is(a, Freshness::own), b_own = is(b, Freshness::own);
  if (!a_own && !b_own) return nobody(Rule::T2, true);
  // Both own: the one that did not go back, else as a fork (H17: a restored node mints at its start).
  bool i = a_own != b_own ? a_own : a_back != b_back ? b_back : outranks(a, b);
  auto v = win(Rule::T1, Copy::full, true);
  return i ? v : mirror(v);
}

std::optional<Verdict> no_record(const Side& a, const Side& b) {
  if (has_lineage(a) && has_lineage(b)) return std::nullopt;
  if (!has_lineage(a) && !has_lineage(b)) return nobody(Rule::K1);
  return either(a, b, [](const Side& x, const Side& y) -> std::optional<Verdict> {
    if (!has_lineage(x)) return std::nullopt;
    if (!is(x, Freshness::own) && !mutated(Mutant::no_record_is_consent)) return nobody(Rule::K3);
    if (y.record_state == RecordState::lost && !mutated(Mutant::lost_is_blank)) return win(Rule::K2L, Copy::full, true);
    return win(Rule::K2, Copy::full, !y.dirs_empty);
  });
}

std::optional<Verdict> inconsistent(const Side& a, const Side& b) {
  bool ia = is(a, Freshness::inconsistent), ib = is(b, Freshness::inconsistent);
  if (!ia && !ib) return std::nullopt;
  if (ia && ib) return nobody(Rule::N1);
  return either(a, b, [](const Side& x, const Side& y) -> std::optional<Verdict> {
    if (!is(y, Freshness::inconsistent)) return std::nullopt;
    if (!is(x, Freshness::own)) return nobody(Rule::N3);
    if (!in_chain(*x.record, y.record->src_gen) && !mutated(Mutant::other_source_by_delta))
      return win(Rule::N2F, Copy::full, true);
    bool full = y.record->must_full || went_back(x, y) || went_back(y, x); // D1
    return win(Rule::N2, full ? Copy::full : proven(x, y));
  });
}

Verdict same_generation(const Side& a, const Side& b) {
  if (is(a, Freshness::own) && is(b, Freshness::own)) return nobody(Rule::S0, true);
  if (is(a, Freshness::own)) return win(Rule::S1, proven(a, b));
  if (is(b, Freshness::own)) return mirror(win(Rule::S1, proven(a, b)));
  bool pair =
      (a.live == LiveAs::prim && b.live == LiveAs::second) || (a.live == LiveAs::second && b.live == LiveAs::prim);
  if (pair && ((is_live(a) && is_live(b)) || mutated(Mutant::resumes_with_candidate))) return {Who::resume, Rule::S2, Copy::none, false};
  // What the living remember since the pair is whole: delta, unless only a full copy heals (D1).
  auto delta = a.record->must_full || b.record->must_full ? Copy::full : Copy::delta;
  if (pair) return a.live == LiveAs::prim ? win(Rule::S3, delta) : mirror(win(Rule::S3, delta));
  // The intact node is the source, also when it had asked the arbiter meanwhile: the one that restarted may have lost what was
  // acknowledged and never flushed, whoever wrote the generation (data:D11).
  if (ready(a) != ready(b) && !mutated(Mutant::writer_beats_living))
    return ready(a) ? win(Rule::S4, delta) : mirror(win(Rule::S4, delta));
  if (mutated(Mutant::shared_beats_outdated) && is(a, Freshness::shared) != is(b, Freshness::shared))
    return is(a, Freshness::shared) ? win(Rule::S5, proven(a, b)) : mirror(win(Rule::S5, proven(a, b)));
  // So of two that wait: the one that left in order lacks nothing, the writer that lost its power may (data:D11, D12).
  if (!mutated(Mutant::writer_beats_complete) && !mutated(Mutant::writer_beats_living)) {
    if (intact(a) && !b.record->complete) return win(Rule::S4c, proven(a, b));
    if (intact(b) && !a.record->complete) return mirror(win(Rule::S4c, proven(a, b)));
  }
  if (writer(a) != writer(b)) return writer(a) ? win(Rule::S5, proven(a, b)) : mirror(win(Rule::S5, proven(a, b)));
  return nobody(Rule::S5); // neither wrote it: a third node did ((iii) 24)
}

Verdict ancestor(const Side& newer, const Side& older) {
  if (!is(newer, Freshness::own)) return nobody(Rule::A2, true);
  return win(Rule::A1, proven(newer, older));
}

Verdict fork(const Side& a, const Side& b) {
  bool a_own = is(a, Freshness::own), b_own = is(b, Freshness::own);
  if (!a_own && !b_own) return nobody(Rule::F3, true);
  auto rule = a_own && b_own ? Rule::F2 : Rule::F1;
  bool i = a_own && b_own ? outranks(a, b) : a_own;
  auto v = win(rule, proven(a, b), true);
  return i ? v : mirror(v);
}
} // namespace

Verdict mirror(Verdict v) {
  if (v.who == Who::i_win)
    v.who = Who::peer_wins;
  else if (v.who == Who::peer_wins)
    v.who = Who::i_win;
  return v;
}

bool has_lineage(const Side& s) { return s.record_state == RecordState::present && !s.record->g.none(); }

bool in_chain(const Record& r, const Generation& g) { return r.g == g || contains(r.history, g); }
bool is_former(const Record& r, const NodeUid& peer) {
  return std::find(r.former_peers.begin(), r.former_peers.end(), peer) != r.former_peers.end();
}
bool is_void(const Record& r, const Generation& g) { return contains(r.voided, g); }

bool went_back(const Side& x, const Side& witness) {
  if (mutated(Mutant::time_travel_unnoticed)) return false;
  if (x.went_back) return true;
  const auto &r = *x.record, &w = *witness.record;
  if (is_void(w, r.g) || is_former(w, r.node_uid)) return true;
  if (w.peer_uid != r.node_uid || r.node_uid.none()) return false;
  if (r.rev < w.peer_rev_seen || r.incarnation < w.peer_incarnation_seen) return true;
  bool began_behind = r.incarnation > w.peer_incarnation_seen && r.boot_rev < w.peer_rev_seen;
  if (began_behind && !mutated(Mutant::restored_source_is_continued)) return true;
  auto remembered = std::max(w.peer_checkpoint_seen, witness.peer_checkpoint);
  if (remembered == 0) return false;
  // Seqs of another generation say nothing (data:T5); in that of the pair it must hold at least what it announced.
  Position announced{w.base.counter, remembered};
  if (r.g == w.base) return x.checkpoint < announced;
  // It went on from there: its record tells how far it was. Restored, it may have done so before anybody heard it.
  bool from_there = r.base == w.base && !mutated(Mutant::restored_before_it_minted);
  return from_there && Position{w.base.counter, r.own_checkpoint} < announced;
}

Verdict compare(const Side& self, const Side& peer) {
  if (auto v = guards(self, peer)) return *v;
  if (auto v = time_travel(self, peer)) return *v;
  if (auto v = no_record(self, peer)) return *v;
  if (auto v = inconsistent(self, peer)) return *v;
  switch (relation(*self.record, *peer.record)) {
  case Relation::same: return same_generation(self, peer);
  case Relation::i_newer: return ancestor(self, peer);
  case Relation::peer_newer: return mirror(ancestor(peer, self));
  case Relation::fork: return fork(self, peer);
  }
  return nobody(Rule::none);
}

} // namespace lockstep
