// What the applications were promised, and where it is (S3, S4, S5, S8-S11, I-cover).
#include "sim/oracles.hpp"
#include <algorithm>

namespace lockstep::sim {

bool Oracles::keeps_memory(const Host& h, std::uint64_t nonce) const {
  auto& r = h.disk().state.record;
  if (!h.running() || !r || r->g.nonce != nonce || h.mirror()->unfit()) return false;
  auto role = h.mirror()->role();
  return role == MirrorRole::prim || role == MirrorRole::second || role == MirrorRole::preparing || role == MirrorRole::alone;
}
// It left the pair in order: what was acknowledged is on its disk, and it is the source of a writer that lost its power (control:S4).
bool Oracles::left_complete(const Host& h, std::uint64_t nonce) const {
  auto& r = h.disk().state.record;
  return r && r->g.nonce == nonce && r->state == Freshness::outdated && r->complete && r->failover;
}
void Oracles::memory_lost(const Host& h) {
  auto era = era_of(h);
  if (era && !keeps_memory(other(h), era->g.nonce) && !left_complete(other(h), era->g.nonce)) {
    era->promises.lost_memory(h.disk().files.now(), other(h).disk().files.now());
  }
}
void Oracles::after_crash(const Host& h) {
  remembers_[h.index()] = false;
  deadlines_.process_gone(h.index());
  deadlines_.partner_died(other(h));
  memory_lost(h);
  std::erase_if(pending_, [&](auto& p) { return p.second.host == h.index(); });
  stream_order_.process_gone(h.index());
}
void Oracles::after_kill(const Host& h) {
  remembers_[h.index()] = false;
  deadlines_.process_gone(h.index());
  memory_lost(h);
  std::erase_if(pending_, [&](auto& p) { return p.second.host == h.index(); });
}
void Oracles::disk_failed(const Host& h) {
  auto era = era_of(h);
  auto& peer = other(h);
  bool peer_lost_too = era && !keeps_memory(peer, era->g.nonce) && peer.disk().state.record && peer.disk().state.record->g == era->g;
  if (peer_lost_too) era->promises.lost_memory(h.disk().files.now(), peer.disk().files.now());
}
void Oracles::started(const Host& h) {
  started_empty_[h.index()] = h.disk().files.now().find(root_key(0))->entries.empty();
  deadlines_.process_gone(h.index());
  deadlines_.partner_back(other(h).index());
  unheard_[h.index()].clear();
  hearing_.process_started(h.index(), queue_.now());
  stream_order_.process_gone(h.index());
}
void Oracles::exited(const Host& h) {
  deadlines_.process_gone(h.index());
  memory_lost(h); // an orderly leave while the other node's memory is already gone: its disk is all that was promised
  std::erase_if(pending_, [&](auto& p) { return p.second.host == h.index(); });
}

void Oracles::submitted(const Host& h, std::uint64_t token, const Op& op, const Content* content) {
  ++trace_.counts.operations;
  Pending p{h.index(), op.kind, op.object, cells_of(op, content, h.disk().files.now()), op, queue_.now()};
  if (auto era = era_of(h)) {
    for (auto& [c, v] : p.cells) era->promises.submitted(c, v);
  }
  pending_[token] = std::move(p);
}

// What this disk did not carry out as it was sent: the application hears of it only after the secondary knows (design 7, data:D9).
void Oracles::executed(const Host& h, const Op& op, std::int32_t error, std::uint64_t amount) {
  bool as_sent = error == 0 && (op.kind != OpKind::write || amount >= op.length);
  if (as_sent || h.mirror()->role() != MirrorRole::prim) return;
  if (auto at = stream_order_.position_of(h.uid(), h.incarnation(), h.mirror()->generation(), op)) unheard_[h.index()].push_back(*at);
}
void Oracles::told_of_failure(const Host& h, const Op& op) {
  if (unheard_[h.index()].empty()) return;
  auto at = stream_order_.position_of(h.uid(), h.incarnation(), h.mirror()->generation(), op);
  auto& list = unheard_[h.index()];
  auto it = at ? std::find(list.begin(), list.end(), *at) : list.end();
  if (it == list.end()) return;
  list.erase(it);
  auto& m = *h.mirror();
  bool in_step = m.role() == MirrorRole::prim && m.ready() && m.linked() && h.node()->role() == Role::prim && h.node()->sub() == Sub::ready;
  if (in_step) violated(oracle::mirror_first, name_of(h) + " tells its application that " + to_string(op) + " failed, and the secondary does not know yet");
}

void Oracles::completing(const Host& h, std::uint64_t token, std::int32_t error, std::uint64_t amount) {
  auto p = pending_.find(token);
  if (p == pending_.end()) return;
  auto pending = std::move(p->second);
  pending_.erase(p);
  told_of_failure(h, pending.op);
  if (error) {
    ++trace_.counts.failed;
    return;
  }
  ++trace_.counts.acknowledged;
  auto era = era_of(h);
  auto& r = h.disk().state.record;
  if (!era || !r) return violated(oracle::S6, name_of(h) + " completes an operation without a durable generation");
  if (era->writer != h.index()) violated(oracle::S1, name_of(h) + " completes in " + to_string(r->g) + ", another node's generation");
  // A guest whose clock stood still may tell its application of what the other node had received before it went on.
  bool froze = std::any_of(plan_.events.begin(), plan_.events.end(), [&](auto& e) {
    return e.what == What::freeze && e.node == h.index() && e.at.ns <= queue_.now().ns && queue_.now() < Instant{(e.at + e.length).ns} + longest_timeout();
  });
  if (era->superseded_by_other && !froze)
    violated(oracle::S6, name_of(h) + " completes in " + to_string(r->g) + " after the other node went on from it");
  if (h.mirror()->generation() != r->g.counter)
    violated(oracle::S6, name_of(h) + " completes in generation " + std::to_string(h.mirror()->generation()) + ", durable is " + to_string(r->g));
  serves(h);
  ++era->acknowledged;
  if (pending.kind == OpKind::write) pending.cells.resize(std::min<std::size_t>(pending.cells.size(), amount / unit_size)); // short
  if (pending.kind == OpKind::sync) era->promises.synced(pending.object);
  for (auto& [c, v] : pending.cells) era->promises.acknowledged(c, v);
  if (r->state != Freshness::shared) return;
  auto& peer = other(h);
  // A target that handed in counts from the moment the source gave up `own` for it (control:R1 step 2).
  bool handed_in = peer.running() && peer.mirror()->role() == MirrorRole::target && peer.disk().state.record && peer.disk().state.record->g == r->g;
  if (!keeps_memory(peer, r->g.nonce) && !handed_in) return;
  for (auto& [c, v] : pending.cells) {
    auto there = value_of(peer.disk().files.now(), c);
    if (there && *there == v) continue;
    auto& unknown = h.mirror()->differing().files; // the other node has no such file: it received this, and could not carry it out
    if (unknown.count(c.object) || unknown.count(pending.op.object)) continue;
    bool received = false;
    // With async="none" the other node has carried it out, it is not only under way there (design 7).
    if (!plan_.sync_on_second) {
      peer.mirror()->visit_in_flight([&](const Op& op) {
        received = received || (op.kind == pending.kind && op.object == pending.object && op.offset == pending.op.offset && op.name == pending.op.name);
      });
    }
    if (!received)
      violated(oracle::mirror_first, "the secondary never received " + to_string(pending.op) + ", acknowledged by " + name_of(h));
    return;
  }
}

void Oracles::find(const Host& h, const Deadlines::Finding& f) {
  if (f) violated(*f->first, name_of(h) + " " + f->second);
}
void Oracles::frame_sent(const Host& h, const Frame& f) {
  find(h, stream_order_.sent(h.uid(), h.incarnation(), f));
  if (auto* receipt = std::get_if<ReceiptFrame>(&f)) {
    std::erase_if(unheard_[other(h).index()], [&](const Position& at) { return at.generation == receipt->received.generation && at.seq <= receipt->outcomes; });
  }
}
void Oracles::ordered(const Host& h, const MirrorOrder& o) {
  auto f = std::get_if<order::FollowResync>(&o);
  if (!f) return;
  find(h, deadlines_.follows(h, f->session));
  stream_order_.follows(h.index(), f->session);
}

void Oracles::applying(const Host& h, const Op& op) {
  find(h, stream_order_.applies(h.index(), op));
  auto role = h.mirror()->role();
  if (role != MirrorRole::second && role != MirrorRole::target && role != MirrorRole::preparing)
    violated(oracle::S8, name_of(h) + " applies " + to_string(op) + " without following anybody");
  auto& rec = h.disk().state.record;
  if (auto s = stream_order_.followed_by(h.index()); s && rec && !(s->source_gen == (rec->state == Freshness::inconsistent ? rec->src_gen : rec->g)))
    violated(oracle::S8, name_of(h) + " applies " + to_string(op) + " of " + to_string(s->source_gen) + ", and its record says it follows another generation");
  bool overwrites = op.kind == OpKind::drain_dir || op.kind == OpKind::drain_data || op.kind == OpKind::drain_attrs;
  auto& r = h.disk().state.record;
  if (overwrites && (!r || r->state != Freshness::inconsistent))
    violated(oracle::S10, name_of(h) + " is overwritten by " + to_string(op) + " and not recorded as inconsistent");
}

void Oracles::serves(const Host& h) {
  auto era = era_of(h);
  if (!era) return;
  auto key = std::pair(era->g.nonce, h.incarnation().value);
  if (served_[h.index()] == key) return;
  served_[h.index()] = key;
  if (h.disk().state.record->state == Freshness::inconsistent)
    violated(oracle::S10, name_of(h) + " serves while it is recorded as inconsistent");
  if (!stale_[h.index()]) {
    auto lost = era->promises.check(h.disk().files.now());
    if (!lost.empty()) violated(era->parent.none() ? oracle::S3 : oracle::S4, name_of(h) + " serves in " + to_string(era->g) + ": " + lost);
  }
  settle(*era, h);
}

// What is there now is the truth; what is on its way may become it.
void Oracles::settle(Era& era, const Host& h) {
  era.promises.settle(h.disk().files.now());
  for (auto& [token, p] : pending_) {
    if (p.host != h.index()) continue;
    for (auto& [c, v] : p.cells) era.promises.submitted(c, v);
  }
}

namespace {
// What this machine would say of itself; true: something else than before.
bool refresh(Side& s, std::uint64_t& record_version, const Host& h) {
  auto& st = h.disk().state;
  auto record_state = st.record ? RecordState::present : st.marker.none() ? RecordState::blank : RecordState::lost;
  auto live = LiveAs::no;
  if (h.running() && st.record && st.record->state == Freshness::shared && h.node()->sub() == Sub::ready) {
    auto role = h.node()->role();
    live = role == Role::prim ? LiveAs::prim : role == Role::second ? LiveAs::second : LiveAs::no;
  }
  bool same_record = std::exchange(record_version, st.record.version()) == st.record.version();
  if (same_record && s.record_state == record_state && s.checkpoint == st.checkpoint_file && s.live == live) return false;
  s.record = st.record ? &*st.record : &blank_record;
  s.record_state = record_state, s.checkpoint = st.checkpoint_file, s.live = live;
  return true;
}
} // namespace

Verdict Oracles::what_they_decide() {
  bool a = refresh(sides_[0], record_versions_[0], *hosts_[0]), b = refresh(sides_[1], record_versions_[1], *hosts_[1]);
  if (a || b || !std::exchange(compared_, true)) verdict_ = compare(sides_[0], sides_[1]);
  return verdict_;
}

void Oracles::check_cover() {
  cover_.update(hosts_[0]->disk(), hosts_[1]->disk());
  if (stale_[0] || stale_[1] || violation_) return cover_.look_again();
  if (!cover_.to_look_at(hosts_[0]->disk(), hosts_[1]->disk(), hosts_[0]->mirror(), hosts_[1]->mirror(), queue_.steps())) return;
  auto v = what_they_decide();
  if (v.copy == Copy::full || v.who == Who::nobody) return cover_.look_again();
  auto missing = cover_.uncovered(hosts_[0]->disk(), hosts_[1]->disk(), hosts_[0]->mirror(), hosts_[1]->mirror());
  if (!missing.empty()) violated(oracle::cover, missing + " differs and no set mentions it (" + rule_name(v.rule) + ")");
}

// What of the promises this node has neither on its disk nor on its way there.
std::string Oracles::lacks(const Promises& p, const Host& h) const {
  std::set<Cell> coming;
  if (h.running()) {
    h.mirror()->visit_in_flight([&](const Op& op) {
      Content any;
      any.units.resize((op.length + unit_size - 1) / unit_size, 1);
      for (auto& [c, v] : cells_of(op, &any, h.disk().files.now())) coming.insert(c);
    });
  }
  return p.check(h.disk().files.now(), &coming);
}

// A record may say complete only of a node that has all that was acknowledged in its generation: an operator's prim on it makes
// the other node's data an ancestor, which is overwritten without a word (control:O1).
void Oracles::check_complete(const Host& h, const std::optional<Record>& before) {
  auto& r = *h.disk().state.record;
  auto era = era_of(h);
  bool same = before && before->g == r.g && before->state == r.state && before->complete == r.complete && before->incarnation == r.incarnation;
  if (!r.complete || r.state == Freshness::inconsistent || !era || same || stale_[0] || stale_[1]) return;
  // Handed in, and it failed while that was being written: the next record takes it back, a crash before that does too (control:B1).
  bool taken_back = r.state == Freshness::shared && r.g.minted_by != r.node_uid && h.running() && !h.node()->live();
  if (taken_back) return;
  auto missing = lacks(era->promises, h);
  if (!missing.empty()) violated(oracle::S5, name_of(h) + " is recorded as complete in " + to_string(r.g) + ": " + missing);
}

// SECOND Ready: whatever differs in memory was sent and is on its way, or is being carried out on the primary.
void Oracles::check_ready_equal(const Host& h) {
  if (stale_[0] || stale_[1]) return;
  // A node may finish its way to Ready in a pair that the other one has left meanwhile, or lost its memory of by a crash.
  const std::optional<Record>&mine = h.disk().state.record, &theirs = other(h).disk().state.record;
  if (!mine || !theirs || !(mine->g == theirs->g) || theirs->state != Freshness::shared) return;
  if (!other(h).running() || !role_serves(other(h).node()->role())) return;
  auto coming = stream_order_.on_the_way(h.index());
  for (auto* x : hosts_) {
    if (!x->running()) return;
    auto comes = [&](const Op& op) { coming.insert({op.object, op.dir, op.dir2, op.replaced}); };
    x->mirror()->visit_in_flight(comes);
    // Executed while the connection was lost, and not answered: numbered in the stream, and sent when it is back (data:T6).
    x->mirror()->visit_unanswered(comes);
    for (const PendingSet* met : {&x->mirror()->differing(), &std::as_const(x->disk().state.stray)}) { // after the end of the copy: the pair ends for it
      coming.insert(met->dirs.begin(), met->dirs.end());
      for (auto& [key, marks] : met->files) coming.insert(key);
    }
  }
  cover_.update(hosts_[0]->disk(), hosts_[1]->disk());
  auto missing = cover_.unequal_now(hosts_[0]->disk(), hosts_[1]->disk(), coming);
  if (!missing.empty()) violated(oracle::S11, missing + " differs at READY");
}

void Oracles::at_rest() {
  auto d = difference(hosts_[0]->disk().files.now(), hosts_[1]->disk().files.now());
  if (!d.empty()) return violated(oracle::S11, d);
  for (auto* h : hosts_) {
    auto era = era_of(*h);
    if (!era) continue;
    auto lost = era->promises.check(h->disk().files.now());
    if (!lost.empty()) violated(oracle::S3, name_of(*h) + ": " + lost);
  }
}

} // namespace lockstep::sim
