// Generations and records: who may write, who may go on alone, what is overwritten (S1, S6, S7, S17, S19).
#include "sim/oracles.hpp"
#include <algorithm>

namespace lockstep::sim {

void Oracles::minted(const Host& h, const std::optional<Record>& before) {
  auto& r = *h.disk().state.record;
  bool half_copied = before && before->state == Freshness::inconsistent && !before->g.none() && r.state == Freshness::own;
  if (half_copied && !forced_[h.index()]) violated(oracle::S10, name_of(h) + " may serve what it copied in part, and nobody forced it");
  Era era;
  era.g = r.g, era.writer = h.index();
  bool by_operator = r.g.minted_as == MintedAs::op;
  auto parent = before ? eras_.find(before->g.nonce) : eras_.end();
  if (parent != eras_.end()) {
    era.parent = parent->second.g, era.promises = parent->second.promises;
    if (parent->second.writer != h.index()) {
      parent->second.superseded_by_other = true;
      if (!by_operator) era.promises.all_synced();
    }
  }
  if (plan_.mode == Mode::etcd) minted_with_arbiter(h, before, era);
  if (by_operator) {
    era.never_had = lacks(era.promises, h);
    era.promises.adopt(h.disk().files.now(), h.disk().files.on_disk());
  }
  eras_[r.g.nonce] = std::move(era);
}

void Oracles::record_asked(const Host& h, const Record& r) {
  asked_unaware_[h.index()] = hearing_.unheard_since_restored(other(h).index());
  auto& now = h.disk().state.record;
  if (!now || now->node_uid != r.node_uid) return;
  if (r.rev <= now->rev) violated(oracle::S17, name_of(h) + " asks to record revision " + std::to_string(r.rev) + " over " + std::to_string(now->rev));
  if (r.incarnation < now->incarnation) violated(oracle::S17, name_of(h) + ": incarnation goes back");
  bool mints = r.state == Freshness::own && r.g != now->g && r.g.minted_by == r.node_uid;
  if (mints && now->state != Freshness::own && !may_go_on_alone(h, *now, r))
    violated(oracle::S6, name_of(h) + " goes on alone from " + to_string(now->g) + ": it hears the other node, which has given nothing up");
}

void Oracles::recorded(const Host& h, const std::optional<Record>& before) {
  auto& r = *h.disk().state.record;
  if (!r.g.none() && !eras_.count(r.g.nonce)) {
    if (r.g.minted_by != r.node_uid) {
      return violated(oracle::S1, name_of(h) + " records generation " + to_string(r.g) + ", which its writer never recorded");
    }
    minted(h, before);
  }
  auto& o = other(h).disk().state.record;
  if (o && o->g == r.g && !r.g.none()) {
    bool mine = r.state == Freshness::own && o->state == Freshness::shared;
    bool theirs = o->state == Freshness::own && r.state == Freshness::shared;
    if ((mine || theirs) && !stale_[0] && !stale_[1]) {
      auto& owner = mine ? h : other(h);
      violated(oracle::S7, name_of(owner) + " is own while " + name_of(other(owner)) + " is shared at " + to_string(r.g));
    }
  }
  // With failover off the secondary gives its copy up although it is intact: what counts from here on is the disk of the primary
  // that comes back, as a local disk after a crash (control:(iii)13, safekit:1.7). So it does when it could not leave in order while the
  // primary is down: the writer is let go on then (control:S5, data:T32).
  bool by_rule = r.why == Why::failover_off || (r.why == Why::goodbye && !(r.complete && r.failover)) || (r.why == Why::consent && !r.failover);
  bool gave_up = r.state == Freshness::outdated && by_rule;
  if (gave_up && before && (before->state == Freshness::shared || before->failover != r.failover)) memory_lost(h);
  bool was = before && before->state == Freshness::inconsistent;
  if (was && r.state != Freshness::inconsistent && r.why == Why::resynced && h.disk().files.copied_unflushed)
    violated(oracle::S10, name_of(h) + " is recorded as consistent, and what was copied last is not on its disk (data:D15)");
  if (r.state == Freshness::inconsistent && !was) becomes_target(h); // also of a record it lost since
  if (eras_.count(r.g.nonce)) newest_[h.index()] = r;
  check_complete(h, before);
  if (r.state == Freshness::shared && (!before || before->state != Freshness::shared)) pair_formed();
}

// From here on both have the same tree and know of each other: what was excused is over.
void Oracles::pair_formed() {
  const std::optional<Record>&x = hosts_[0]->disk().state.record, &y = hosts_[1]->disk().state.record;
  if (!hosts_[0]->running() || !hosts_[1]->running() || !x || !y || !(x->g == y->g)) return; // a fault was faster
  for (auto* h : hosts_) {
    if (h->node()->standing() == Standing::idle) return; // restarted meanwhile: the other one speaks of its former life
  }
  for (auto* h : hosts_) {
    auto era = era_of(*h);
    if (era && stale_[h->index()] && era->writer == h->index()) settle(*era, *h);
  }
  stale_ = {}, lost_ = {};
  formed_at_ = queue_.now();
}

void Oracles::record_lost(const Host& h) { lost_[h.index()] = true; }

// What only this disk had since the copy was taken is gone without a trace; everything else still stands.
void Oracles::restored(const Host& h) {
  stale_[h.index()] = ever_restored_ = true;
  stream_order_.went_back(h.uid());
  hearing_.restored(h.index());
  asked_unaware_[other(h).index()] = true; // of a record that is still on its way to the disk
  for (auto& [nonce, era] : eras_) era.promises.only_there(other(h).disk().files.now());
}

// The M-rules as ground truth (control (i)): an operator, the other node's durable word, or silence that a living member heard.
bool Oracles::may_go_on_alone(const Host& h, const Record& was, const Record& asked) const {
  if (plan_.mode == Mode::etcd) return true; // S12 and S16 judge it
  if (asked.g.minted_as == MintedAs::op || forced_lately(h) || stale_[0] || stale_[1]) return true;
  auto& peer = other(h).disk().state.record;
  bool gave_up = peer && peer->node_uid != was.node_uid && (peer->state == Freshness::outdated || peer->state == Freshness::inconsistent);
  if (gave_up || !peer) return true;
  bool member = was.state == Freshness::shared;
  auto lately = queue_.now() - seconds(leaves_by_itself(h) ? 60 : 5);
  bool fast = std::any_of(plan_.events.begin(), plan_.events.end(), [](auto& e) { return e.what == What::clock_rate; });
  bool writer_asks_early = plan_.mode == Mode::ping && was.g.minted_by == was.node_uid && hearing_.silent(h.index(), queue_.now(), fast ? 1 : 2);
  bool silent = hearing_.silent(h.index(), queue_.now(), fast ? 2 : 3) || was_silent_[h.index()] >= lately;
  if (!member || (!silent && !writer_asks_early)) return false;
  auto& [at, reachable] = witness_said_[h.index()];
  return plan_.mode == Mode::none || (reachable && at >= lately - longest_timeout());
}

void Oracles::beat_heard(const Host& h, std::uint32_t network, const Beat& b) { hearing_.heard(h.index(), network, b, queue_.now()); }

// S19: what a node acknowledged alone is overwritten only after it was set aside, loudly.
void Oracles::becomes_target(const Host& h) {
  auto& source = newest_[other(h).index()]; // a source that lost its record still has its data
  auto tip = newest_[h.index()] ? newest_[h.index()]->g.nonce : 0;
  // A new node's directories are looked at when it starts: what comes later behind its back was never acknowledged by anyone.
  auto& g = h.disk().state.record->g;
  bool joins_anew = g.counter == 1 && g.minted_as == MintedAs::second;
  bool nothing_to_lose = h.disk().files.now().find(root_key(0))->entries.empty() || (joins_anew && started_empty_[h.index()]);
  if (!source || nothing_to_lose || std::exchange(given_up_[h.index()], false)) return;
  if (auto era = era_of(h); era && !h.set_aside && !stale_[0] && !stale_[1] && lacks(era->promises, h).empty()) {
    auto missing = source->g == era->g ? lacks(era->promises, other(h)) : std::string{};
    for (auto e = eras_.find(source->g.nonce); e != eras_.end(); e = eras_.find(e->second.parent.nonce)) {
      if (e->second.parent == era->g) missing = e->second.never_had;
    }
    if (!missing.empty())
      return violated(oracle::S19, name_of(h) + " has everything acknowledged in " + to_string(era->g) + " and is overwritten from " +
                                       to_string(source->g) + ", which never had " + missing + ", and nothing was set aside");
  }
  // What it decided to follow had gone back in time, unheard: nothing is copied from there.
  auto& r = h.disk().state.record;
  if (asked_unaware_[h.index()] && r && r->src_gen != source->g) return;
  auto in_chain = [&](std::uint64_t nonce) {
    if (source->g.nonce == nonce) return true;
    for (auto& g : source->history) {
      if (g.nonce == nonce) return true;
    }
    return false;
  };
  for (auto e = eras_.find(tip); e != eras_.end(); e = eras_.find(e->second.parent.nonce)) {
    if (in_chain(e->first)) return;
    bool its_own = e->second.writer == h.index() && e->second.acknowledged > 0;
    if (its_own && !h.set_aside) {
      return violated(oracle::S19, name_of(h) + " is overwritten although it alone acknowledged operations in " +
                                       to_string(e->second.g) + ", and nothing was set aside");
    }
  }
}

void Oracles::beat_sent(const Host& h, std::uint32_t network, const Beat& b) {
  auto& seen = beat_seen_[h.index()][network ? 1 : 0];
  auto is = std::pair(b.incarnation.value, b.seq);
  if (is <= seen && !stale_[h.index()] && !lost_[h.index()]) violated(oracle::S17, name_of(h) + ": heartbeat number goes back");
  seen = is;
  speaks(h, b);
  hearing_.said(h.index(), b);
  auto& r = h.disk().state.record;
  if (b.record_state == RecordState::present && (!r || !(b.record == *r)))
    violated(oracle::S6, name_of(h) + " claims a record in a heartbeat that is not durable");
}

} // namespace lockstep::sim
