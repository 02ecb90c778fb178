#include "sim/oracles.hpp"
#include "core/lineage/compare.hpp"

namespace lockstep::sim {

Oracles::Oracles(const Plan& p, const Queue& q, Trace& t) : plan_(p), queue_(q), trace_(t) {
  failover_was_off_ = !p.failover;
}

void Oracles::violated(const Oracle& o, std::string what) {
  if (violation_) return;
  violation_ = Violation{&o, queue_.now(), std::move(what)};
  trace_.line(queue_.now(), 2, [&] { return std::string("VIOLATION ") + o.name + ": " + violation_->what; });
}

namespace {
std::string name_of(const Host& h) { return h.index() == 0 ? "a" : "b"; }
bool serving(const Host& h) { return h.running() && !h.paused() && h.node()->view().serving; }
bool role_serves(Role r) { return r == Role::prim || r == Role::alone; }
} // namespace

Oracles::Era* Oracles::era_of(const Host& h) {
  auto& r = h.disk().state.record;
  if (!r) return nullptr;
  auto e = eras_.find(r->g.nonce);
  return e == eras_.end() ? nullptr : &e->second;
}

// A split brain is documented in modes none and ping: each node may hear only silence. Nothing else excuses two servers.
bool Oracles::split_excused() const {
  Duration longest{};
  for (auto& n : plan_.networks) longest = std::max(longest, n.timeout);
  auto now = queue_.now();
  if (now > Instant{plan_.heal.ns} + longest * 2 + seconds(60)) return false;
  for (auto& e : plan_.events) {
    bool excuses = e.what == What::cut || e.what == What::delay || e.what == What::loss || e.what == What::clog || e.what == What::pause ||
                   e.what == What::restore || e.what == What::lose_record;
    if (excuses && e.at.ns <= now.ns) return true;
  }
  return now < last_operator_force_ + longest * 2 + seconds(60);
}

// ---------------------------------------------------------------- generations
void Oracles::minted(const Host& h, const std::optional<Record>& before) {
  auto& r = *h.disk().state.record;
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
  if (by_operator) era.promises.adopt(h.disk().files.now());
  eras_[r.g.nonce] = std::move(era);
}

void Oracles::record_asked(const Host& h, const Record& r) {
  auto& now = h.disk().state.record;
  if (!now || now->node_uid != r.node_uid) return;
  if (r.rev <= now->rev) violated(oracle::S17, name_of(h) + " asks to record revision " + std::to_string(r.rev) + " over " + std::to_string(now->rev));
  if (r.incarnation < now->incarnation) violated(oracle::S17, name_of(h) + ": incarnation goes back");
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
    bool restored = weak_ || hosts_[0]->went_back || hosts_[1]->went_back;
    if ((mine || theirs) && !restored) {
      auto& owner = mine ? h : other(h);
      violated(oracle::S7, name_of(owner) + " is own while " + name_of(other(owner)) + " is shared at " + to_string(r.g));
    }
  }
  // With failover off the secondary gives its copy up although it is intact: what counts from here on is the disk of the primary
  // that comes back, as a local disk after a crash (control:(iii)13, safekit:1.7).
  bool gave_up = r.state == Freshness::outdated && r.why == Why::failover_off;
  if (gave_up && before && before->state == Freshness::shared) memory_lost(h);
  bool was = before && before->state == Freshness::inconsistent;
  if (r.state == Freshness::inconsistent && !was) becomes_target(h); // also of a record it lost since
  if (eras_.count(r.g.nonce)) newest_[h.index()] = r;
}

// S19: what a node acknowledged alone is overwritten only after it was set aside, loudly.
void Oracles::becomes_target(const Host& h) {
  auto& source = newest_[other(h).index()]; // a source that lost its record still has its data
  auto tip = newest_[h.index()] ? newest_[h.index()]->g.nonce : 0;
  if (!source) return;
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

// ---------------------------------------------------------------- crashes
bool Oracles::keeps_memory(const Host& h, std::uint64_t nonce) const {
  auto& r = h.disk().state.record;
  if (!h.running() || !r || r->g.nonce != nonce || h.mirror()->unfit()) return false;
  auto role = h.mirror()->role();
  return role == MirrorRole::prim || role == MirrorRole::second || role == MirrorRole::preparing || role == MirrorRole::alone;
}
void Oracles::memory_lost(const Host& h) {
  auto era = era_of(h);
  if (era && !keeps_memory(other(h), era->g.nonce)) {
    era->promises.lost_memory(h.disk().files.now(), other(h).disk().files.now());
  }
}
void Oracles::before_crash(const Host&) {}
void Oracles::after_crash(const Host& h) {
  memory_lost(h);
  std::erase_if(pending_, [&](auto& p) { return p.second.host == h.index(); });
  if (h.went_back) weak_ = true;
}
void Oracles::after_kill(const Host& h) {
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
  if (h.went_back) weak_ = true;
}
void Oracles::exited(const Host& h) {
  memory_lost(h); // an orderly leave while the other node's memory is already gone: its disk is all that was promised
  std::erase_if(pending_, [&](auto& p) { return p.second.host == h.index(); });
}
void Oracles::operator_said(const Host&, Verb v) {
  bool force = v == Verb::prim || v == Verb::prim_fullsync || v == Verb::primforce;
  if (force && !eras_.empty()) last_operator_force_ = queue_.now();
  if (v == Verb::failover_off) failover_was_off_ = true;
}
void Oracles::answered(const Host& h, bool ok, const std::string& sentence) {
  if (!ok && sentence.empty()) violated(oracle::expected, name_of(h) + " refuses a command without a word");
}
void Oracles::told(const Host&, const Note& n) { rules_seen_.insert(rule_name(n.rule)); }

// ---------------------------------------------------------------- operations
void Oracles::submitted(const Host& h, std::uint64_t token, const Op& op, const Content* content) {
  ++trace_.counts.operations;
  Pending p{h.index(), op.kind, op.object, cells_of(op, content, h.disk().files.now()), op};
  if (auto era = era_of(h)) {
    for (auto& [c, v] : p.cells) era->promises.submitted(c, v);
  }
  pending_[token] = std::move(p);
}

void Oracles::executed(const Host& h, const Op& op, std::int32_t) {
  // The mirror knows first: while the pair holds, PRIM's disk has nothing that SECOND never received. Checked at completion.
  (void)h, (void)op;
}

void Oracles::completing(const Host& h, std::uint64_t token, std::int32_t error, std::uint64_t amount) {
  auto p = pending_.find(token);
  if (p == pending_.end()) return;
  auto pending = std::move(p->second);
  pending_.erase(p);
  if (error) {
    ++trace_.counts.failed;
    return;
  }
  ++trace_.counts.acknowledged;
  auto era = era_of(h);
  auto& r = h.disk().state.record;
  if (!era || !r) return violated(oracle::S6, name_of(h) + " completes an operation without a durable generation");
  if (era->writer != h.index()) violated(oracle::S1, name_of(h) + " completes in " + to_string(r->g) + ", another node's generation");
  if (era->superseded_by_other)
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
  if (!keeps_memory(peer, r->g.nonce)) return;
  for (auto& [c, v] : pending.cells) {
    auto there = value_of(peer.disk().files.now(), c);
    if (there && *there == v) continue;
    bool received = false;
    for (auto& op : peer.mirror()->in_flight()) {
      received = received || (op.kind == pending.kind && op.object == pending.object && op.offset == pending.op.offset && op.name == pending.op.name);
    }
    if (!received)
      violated(oracle::mirror_first, "the secondary never received " + to_string(pending.op) + ", acknowledged by " + name_of(h));
    return;
  }
}

void Oracles::applying(const Host& h, const Op& op) {
  auto role = h.mirror()->role();
  if (role != MirrorRole::second && role != MirrorRole::target && role != MirrorRole::preparing)
    violated(oracle::S8, name_of(h) + " applies " + to_string(op) + " without following anybody");
  bool overwrites = op.kind == OpKind::drain_dir || op.kind == OpKind::drain_data || op.kind == OpKind::drain_attrs;
  auto& r = h.disk().state.record;
  if (overwrites && (!r || r->state != Freshness::inconsistent))
    violated(oracle::S10, name_of(h) + " is overwritten by " + to_string(op) + " and not recorded as inconsistent");
}

// ---------------------------------------------------------------- service
void Oracles::serves(const Host& h) {
  auto era = era_of(h);
  if (!era) return;
  auto key = std::pair(era->g.nonce, h.incarnation().value);
  if (served_[h.index()] == key) return;
  served_[h.index()] = key;
  if (h.disk().state.record->state == Freshness::inconsistent)
    violated(oracle::S10, name_of(h) + " serves while it is recorded as inconsistent");
  if (!weak_) {
    auto lost = era->promises.check(h.disk().files.now());
    if (!lost.empty()) violated(era->parent.none() ? oracle::S3 : oracle::S4, name_of(h) + " serves in " + to_string(era->g) + ": " + lost);
  }
  era->promises.settle(h.disk().files.now());
  for (auto& [token, p] : pending_) {
    if (p.host != h.index()) continue;
    for (auto& [c, v] : p.cells) era->promises.submitted(c, v);
  }
}

void Oracles::address_raised(const Host& h) {
  if (!role_serves(h.node()->view().role)) {
    violated(oracle::S13, name_of(h) + " raises the address as " + role_name(h.node()->view().role));
  }
  auto& r = h.disk().state.record;
  if (!r || r->g.minted_by != r->node_uid) violated(oracle::S13, name_of(h) + " raises the address in a generation of the other node");
  serves(h);
}

void Oracles::script_starts(const Host& h, const std::string& name, bool another_runs) {
  if (another_runs) violated(oracle::S14, name_of(h) + " starts " + name + " while another script runs");
  if (name == "start_prim" && h.mount() != MountKind::replicate)
    violated(oracle::S14, name_of(h) + " starts the application on a tree that is not intercepted");
}

void Oracles::beat_sent(const Host& h, std::uint32_t network, const Beat& b) {
  auto& seen = beat_seen_[h.index()][network ? 1 : 0];
  auto is = std::pair(b.incarnation.value, b.seq);
  if (is <= seen && !h.record_was_lost && !h.went_back) violated(oracle::S17, name_of(h) + ": heartbeat number goes back");
  seen = is;
  auto& r = h.disk().state.record;
  if (b.record_state == RecordState::present && (!r || !(b.record == *r)))
    violated(oracle::S6, name_of(h) + " claims a record in a heartbeat that is not durable");
}

// ---------------------------------------------------------------- every step
void Oracles::after_step(const Host& h) {
  if (!h.running() || violation_) return;
  auto v = h.node()->view();
  if (v.serving && !role_serves(v.role)) violated(oracle::S15, name_of(h) + " serves as " + role_name(v.role));
  if (serving(*hosts_[0]) && serving(*hosts_[1]) && !split_excused()) violated(oracle::S2, "both nodes serve");
  if (hosts_[0]->vip_up() && hosts_[1]->vip_up() && !split_excused()) violated(oracle::S13, "both nodes have the address");
  if (v.role == Role::second && v.sub == Sub::ready) check_pair_ready(h);
  if (v.wait.kind == Wait::none && v.role == Role::wait && v.sub == Sub::not_ready && h.disk().state.record)
    violated(oracle::live, name_of(h) + " waits and does not say why");
  if (h.mirror()->in_flight().size() > 100'000) violated(oracle::S18, name_of(h) + ": operations in flight without bound");
  if (queue_.steps() % 16 == 0) check_cover();
}

void Oracles::check_cover() {
  cover_.update(hosts_[0]->disk(), hosts_[1]->disk());
  weak_ = weak_ || hosts_[0]->went_back || hosts_[1]->went_back;
  if (weak_ || violation_) return;
  auto side = [](const Host& h) {
    Side s;
    auto& st = h.disk().state;
    s.record_state = st.record ? RecordState::present : st.marker.none() ? RecordState::blank : RecordState::lost;
    if (st.record) s.record = *st.record;
    s.checkpoint = st.checkpoint_file;
    if (h.running()) {
      auto v = h.node()->view();
      bool live = v.sub == Sub::ready && st.record && st.record->state == Freshness::shared;
      s.live = !live ? LiveAs::no : v.role == Role::prim ? LiveAs::prim : v.role == Role::second ? LiveAs::second : LiveAs::no;
    }
    return s;
  };
  auto a = side(*hosts_[0]), b = side(*hosts_[1]);
  auto v = compare(a, b);
  if (v.copy == Copy::full || v.who == Who::nobody) return;
  auto missing = cover_.uncovered(hosts_[0]->disk(), hosts_[1]->disk(), hosts_[0]->mirror(), hosts_[1]->mirror());
  if (!missing.empty()) violated(oracle::cover, missing + " differs and no set mentions it (" + rule_name(v.rule) + ")");
}

void Oracles::check_pair_ready(const Host& h) {
  auto& r = h.disk().state.record;
  if (!r) return;
  auto key = std::pair(r->g.nonce, h.incarnation().value);
  if (ready_checked_[h.index()] == key) return;
  ready_checked_[h.index()] = key;
  if (h.mount() != MountKind::read_only) violated(oracle::S14, name_of(h) + " is SECOND Ready and its tree is not read-only");
  if (r->state != Freshness::shared) violated(oracle::S5, name_of(h) + " is SECOND Ready and not recorded as shared");
}

bool Oracles::paired() const {
  for (auto* h : hosts_) {
    if (!h->running()) return false;
  }
  auto x = hosts_[0]->node()->view(), y = hosts_[1]->node()->view();
  const std::optional<Record>&r = hosts_[0]->disk().state.record, &s = hosts_[1]->disk().state.record;
  bool roles = (x.role == Role::prim && y.role == Role::second) || (x.role == Role::second && y.role == Role::prim);
  return roles && x.sub == Sub::ready && y.sub == Sub::ready && r && s && r->g == s->g;
}

void Oracles::at_rest() {
  auto d = difference(hosts_[0]->disk().files.now(), hosts_[1]->disk().files.now());
  if (!d.empty()) return violated(oracle::S11, d);
  for (auto* h : hosts_) {
    auto era = era_of(*h);
    if (!era || weak_) continue;
    auto lost = era->promises.check(h->disk().files.now());
    if (!lost.empty()) violated(oracle::S3, name_of(*h) + ": " + lost);
  }
}

std::string Oracles::legitimate_wait() const {
  for (auto* h : hosts_) {
    if (!h->running()) continue;
    auto v = h->node()->view();
    const std::optional<Record>&mine = h->disk().state.record, &theirs = other(*h).disk().state.record;
    auto is = [](auto& r, Freshness f) { return r && r->state == f; };
    bool nobody_own = !is(mine, Freshness::own) && !is(theirs, Freshness::own);
    bool damaged = weak_ || h->record_was_lost || other(*h).record_was_lost;
    switch (v.wait.kind) {
    case Wait::first_start:
      if (eras_.empty() || damaged) return "first start";
      break;
    case Wait::inconsistent:
      if (nobody_own && (is(mine, Freshness::inconsistent) || is(theirs, Freshness::inconsistent))) return "inconsistent";
      break;
    case Wait::peer_unknown_record:
      if (damaged && nobody_own) return "record lost";
      break;
    case Wait::went_back:
    case Wait::unrelated_peer:
      if (weak_) return "went back in time";
      if (damaged) return "record lost";
      break;
    case Wait::failover_off:
      if (failover_was_off_) return "failover off";
      break;
    case Wait::for_fresher_peer:
      if (damaged && nobody_own) return "nobody may serve after a loss";
      break;
    default: break;
    }
  }
  return {};
}

} // namespace lockstep::sim
