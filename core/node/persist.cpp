// The durable record, one change at a time. A change is computed from what is durable when its turn comes; what depends
// on it happens in persisted(). Nothing that cannot be made durable is ever promised: a node that cannot write stays
// what it is.
#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/node/node.hpp"
#include <algorithm>

namespace lockstep {

void Node::change(Change c) { changes_.push_back(std::move(c)); }

bool Node::changing(ChangeKind k) const {
  if (writing_ && writing_->change.kind == k) return true;
  for (const auto& c : changes_)
    if (c.kind == k) return true;
  return false;
}

void Node::pump_persist() {
  while (!writing_ && !changes_.empty() && now_ >= persist_retry_) {
    auto record = durable_;
    if (!mutate(changes_.front(), record)) { // overtaken by events
      changes_.pop_front();
      continue;
    }
    record.rev = durable_.rev + 1;
    record.arbiter = config_.module.check.splitbrain.mode;
    bool store = changes_.front().kind == ChangeKind::store;
    if (!store && !key_.went_back) record.arbiter_revision = std::max(record.arbiter_revision, key_.revision);
    remember_peer(changes_.front().kind, record);
    remember_checkpoints(record);
    writing_ = Writing{new_ticket(), changes_.front(), record};
    changes_.pop_front();
    emit(nfx::Persist{writing_->ticket, std::move(record)});
  }
}

// In the generation in which both trees were equal last: what the other node announced, and what this one did, for it may have announced
// none in the generation it went on in when they meet (control:T1).
void Node::remember_checkpoints(Record& r) {
  if (r.base != durable_.base) {
    r.peer_checkpoint_seen = r.own_checkpoint = peer_checkpoint_ = 0;
    return;
  }
  r.peer_checkpoint_seen = std::max(r.peer_checkpoint_seen, peer_checkpoint_);
  if (checkpoint_.generation == r.base.counter) r.own_checkpoint = std::max(r.own_checkpoint, checkpoint_.seq);
}

// What the other node must never fall behind (control:T1). Only a copy that ended equal may lower it: a node that went back says less,
// and the evidence must outlive that.
void Node::remember_peer(ChangeKind kind, Record& r) const {
  if (!peer_ || !liveness_.proven()) return;
  bool equal = kind == ChangeKind::share_source || kind == ChangeKind::share_target;
  if (r.peer_uid != peer_->node_uid) {
    if (is_former(r, peer_->node_uid) && !equal) return;
    std::erase(r.former_peers, peer_->node_uid);
    if (!r.peer_uid.none() && !mutated(Mutant::former_peer_forgotten)) r.former_peers.insert(r.former_peers.begin(), r.peer_uid);
    if (r.former_peers.size() > former_limit) r.former_peers.resize(former_limit);
    r.peer_uid = peer_->node_uid;
    r.peer_checkpoint_seen = r.peer_rev_seen = 0, r.peer_incarnation_seen = {};
  }
  if (equal) r.peer_rev_seen = peer_->record.rev, r.peer_incarnation_seen = peer_->incarnation;
  if (equal || heard_.uid != r.peer_uid) return;
  r.peer_rev_seen = std::max(r.peer_rev_seen, heard_.rev), r.peer_incarnation_seen = std::max(r.peer_incarnation_seen, heard_.incarnation);
}

std::uint64_t Node::nonce() {
  auto n = prng_.next();
  return n ? n : 1;
}

// control:E3, E3b: acceptable as the arbiter's old value, never an ancestor.
static void make_void(Record& r, const Generation& g) {
  if (is_void(r, g)) return;
  if (r.voided.size() >= history_hard_limit) r.voided.erase(r.voided.begin());
  r.voided.push_back(g);
}

void Node::void_candidate(Record& r) const {
  if (r.candidate) make_void(r, *r.candidate);
  r.candidate.reset();
}

void Node::void_of_peer(Record& r, const Record& peer) const {
  if (mutated(Mutant::void_not_listed)) return;
  for (const auto& g : peer.voided)
    if (!in_chain(r, g)) make_void(r, g);
  if (peer.candidate && !in_chain(r, *peer.candidate)) make_void(r, *peer.candidate);
}

// A mint: this node continues, or starts, as the only writer of a new generation.
void Node::mint(const Change& c, Record& r) {
  if (mutated(Mutant::cold_start_keeps_generation) && c.rule == Rule::T3) return;
  Generation g;
  g.counter = r.g.counter + 1;
  if (peer_ && peer_->record.g.counter >= g.counter) g.counter = peer_->record.g.counter + 1;
  g.nonce = nonce(), g.minted_by = r.node_uid, g.minted_as = c.as;
  // T3: nobody else ever held the current one, nor began to copy it before this node had noticed.
  bool followed = peer_ && peer_->record.src_gen == r.g && !mutated(Mutant::followed_before_offered);
  bool replaces = c.rule == Rule::T3 && !r.offered && !followed;
  if (c.rule == Rule::T3 && c.as != MintedAs::op) g.minted_as = r.g.minted_as;
  if (c.adopt) g = *r.candidate, r.candidate.reset(); // E2
  if (c.empty_history)
    r.history.clear();
  else if (!replaces && !r.g.none() && (r.complete || c.rule != Rule::M4 || mutated(Mutant::incomplete_is_ancestor)))
    r.history.insert(r.history.begin(), r.g); // O1: else it branches at the parent; a peer that consented is an ancestor
  if (r.history.size() > history_hard_limit) r.history.resize(history_hard_limit);
  if (replaces && etcd() && !r.g.none()) make_void(r, r.g); // the key may hold it
  void_candidate(r);
  // E3: what the other node asked for before it gave way may still be carried out.
  if (c.rule == Rule::M2 && peer_ && liveness_.proven()) void_of_peer(r, peer_->record);
  r.g = g;
  r.state = Freshness::own, r.complete = true, r.why = Why::none, r.offered = false;
  r.src_gen = {}, r.must_full = false;
  r.covers = c.covers;
  if (!c.dir.none()) r.dir_uid = c.dir;
  if (c.full_next || c.empty_history) r.base = {}, r.covers = false;
  r.was_prim = true;
  if (!r.covers && !r.base.none()) at_work_.add(Rule::D14); // its memory of what differs is gone: the next copy is full
}

bool Node::mutate(const Change& c, Record& r) {
  auto outdate = [&](Why why) {
    if (r.state != Freshness::inconsistent) r.state = Freshness::outdated, r.why = why;
    if (!mutated(Mutant::candidate_kept)) void_candidate(r);
  };
  switch (c.kind) {
  case ChangeKind::boot:
    r.incarnation = incarnation_, r.boot_rev = durable_.rev;
    if (mutated(Mutant::candidate_forgotten)) r.candidate.reset();
    // O1: whoever did not leave a pair in order may lack what it completed or received and had not flushed.
    if (r.state == Freshness::shared && (r.g.minted_by == r.node_uid || !r.candidate)) r.complete = false, at_work_.add(Rule::O1);
    // B1: a reader of a shared generation that restarted may have lost what it received; not if it had flushed all before it asked the
    // arbiter, and received nothing since (data:D10).
    if (r.state == Freshness::shared && r.g.minted_by != r.node_uid && !(etcd() && r.candidate) && !mutated(Mutant::reader_stays_shared))
      outdate(Why::boot), r.complete = false;
    if (!boot_.set_readable || boot_.set_everything) r.covers = false;
    return true;
  case ChangeKind::mint:
    if (c.adopt && !r.candidate) return false;
    mint(c, r);
    return true;
  case ChangeKind::claim: {
    bool live = standing_ == Standing::prim || standing_ == Standing::second;
    if (r.candidate && !overruled(r, c.as)) return false;
    if (c.as != MintedAs::op && r.state != Freshness::shared) return false;
    bool prepared = continuing_ && (continuing_->ready || mutated(Mutant::asks_before_flush));
    if (live && !prepared) return false; // the other node was heard meanwhile
    auto counter = std::max({r.g.counter, peer_ ? peer_->record.g.counter : 0, key_.value ? key_.value->counter : 0}) + 1;
    void_candidate(r); // it may still be carried out (control:E3)
    r.candidate = Generation{counter, nonce(), r.node_uid, c.as};
    if (live) r.covers = continuing_->covers;
    return true;
  }
  case ChangeKind::store: r.arbiter_revision = c.revision; return r.arbiter_revision != durable_.arbiter_revision;
  case ChangeKind::offer:
    if (r.state != Freshness::own) return false;
    r.offered = true;
    return true;
  case ChangeKind::follow:
    if (!following_ || following_->session != c.session) return false;
    if (!source_is_there(c.session)) return following_.reset(), false; // gone while the record waited for the disk
    void_candidate(r);
    r.state = Freshness::inconsistent, r.why = Why::resync, r.complete = false;
    r.must_full = r.must_full || c.session.full;
    r.src_gen = c.session.source_gen, r.dir_uid = c.dir, r.offered = false;
    // Of no data set so far: it joins the source's, without anything to be an ancestor of.
    if (r.g.none()) r.g = {1, nonce(), r.node_uid, MintedAs::second};
    r.was_prim = false;
    return true;
  case ChangeKind::equal: // R1 step 1: the source's lineage is adopted
    if (!following_ || following_->session != c.session) return false;
    r.g = c.session.source_gen, r.history = following_->source.history;
    std::erase_if(r.voided, [&](const Generation& g) { return in_chain(r, g); });
    void_of_peer(r, following_->source);
    r.state = Freshness::outdated, r.why = Why::resynced;
    r.complete = false; // what the source completes from here on is only in this node's memory (control:O1)
    r.base = r.g, r.src_gen = {}, r.must_full = false;
    return true;
  case ChangeKind::share_source: // R1 step 2: own is given up
    if (r.state != Freshness::own || r.g != c.session.source_gen) return false;
    r.state = Freshness::shared, r.why = Why::none, r.base = r.g, r.covers = false, r.complete = true;
    void_candidate(r);
    if (peer_) void_of_peer(r, peer_->record);
    if (r.history.size() > history_limit) r.history.resize(history_limit); // only here ((iii) 30)
    if (r.voided.size() > history_limit) r.voided.erase(r.voided.begin(), r.voided.end() - history_limit);
    return true;
  case ChangeKind::share_target: // R1 step 3
    if (!following_ || following_->session != c.session || r.g != c.session.source_gen ||
        r.state != Freshness::outdated)
      return false;
    r.state = Freshness::shared, r.why = Why::none, r.covers = false, r.complete = true;
    r.arbiter_revision = following_->source.arbiter_revision;
    return true;
  case ChangeKind::goodbye: outdate(Why::goodbye), r.covers = c.covers, r.complete = r.complete && c.complete; return true;
  case ChangeKind::failover_off: outdate(Why::failover_off), r.covers = c.covers, r.complete = r.complete && c.complete; return true;
  case ChangeKind::yield:
    // Whether the set is whole since the last Ready was settled when this node went alone: what it marked since proves nothing about
    // the memory of an earlier life (data:D14).
    if (r.state != Freshness::own) r.covers = r.covers || c.covers;
    outdate(Why::yield);
    r.complete = r.complete && c.complete;
    return true;
  case ChangeKind::consent:
    if (r.state != Freshness::shared) return false;
    outdate(Why::consent), r.covers = c.covers, r.complete = r.complete && c.complete;
    return true;
  case ChangeKind::whole:
    if (r.state != Freshness::shared || r.covers) return false;
    r.covers = true;
    return true;
  case ChangeKind::forget: { // second fullsync on data that would not lose by itself: the operator gives this node's
                             // lineage up
    Record blank;
    blank.node_uid = r.node_uid, blank.incarnation = r.incarnation, blank.boot_rev = r.boot_rev, blank.failover = r.failover, blank.errd = r.errd;
    if (peer_ && peer_->node_uid == r.node_uid)
      blank.node_uid = {prng_.next(), prng_.next()}; // a clone becomes its own node
    blank.rev = r.rev;
    r = blank;
    return true;
  }
  case ChangeKind::settings:
    if (c.failover) r.failover = *c.failover;
    if (c.errd) r.errd = *c.errd;
    if (c.loop_count) {
      if (*c.loop_count <= 1) r.loop_started_s = now_.ns / 1'000'000'000;
      r.loop_count = *c.loop_count;
    }
    return r != durable_;
  }
  return false;
}

void Node::handle(const nin::Persisted& in) {
  if (!writing_ || writing_->ticket != in.ticket) return stale(in.ticket);
  auto done = std::move(*writing_);
  writing_.reset();
  if (!in.ok) {
    // Whether to go on alone is looked at again when the disk can write: the other node may be heard by then.
    bool mint = done.change.kind == ChangeKind::mint;
    bool cold = standing_ == Standing::idle && want_ == Want::start && !done.change.adopt && !mutated(Mutant::retried_without_looking);
    if (mint && continuing_ && continuing_->minting) continuing_->minting = false;
    else if (!mint || !cold) changes_.push_front(done.change);
    return persist_failed(in.problem);
  }
  persist_failures_ = 0;
  bool adopted = done.change.kind == ChangeKind::mint && done.change.adopt;
  if (durable_.candidate && !done.record.candidate && !adopted) tell(Rule::E3, static_cast<std::int64_t>(durable_.candidate->counter));
  if (adopted) tell(Rule::E2, static_cast<std::int64_t>(done.record.g.counter));
  durable_ = std::move(done.record);
  if (wait_.kind == Wait::persist_failed) wait_ = {};
  beat_now_ = true;
  persisted(done.change);
}

void Node::persisted(const Change& c) {
  switch (c.kind) {
  case ChangeKind::boot:
    if (durable_.state == Freshness::outdated && durable_.why == Why::boot) tell(Rule::B1, static_cast<std::int64_t>(incarnation_.value));
    return;
  case ChangeKind::mint:
    tell(c.rule, static_cast<std::int64_t>(durable_.g.counter), 0, to_string(durable_.g));
    return went_alone();
  case ChangeKind::offer: offered_for_ = c.session; return;
  case ChangeKind::claim:
  case ChangeKind::whole: return;
  case ChangeKind::store: key_.went_back = false; return;
  case ChangeKind::follow:
    if (!following_ || following_->session != c.session) return;
    following_->started = true;
    goodbye_ = Goodbye::none, wants_swap_ = swapping_ = false, leave_complete_ = true;
    standing_ = Standing::target;
    wanted_too_late(false);
    apply(Event::follow);
    return to_mirror(order::FollowResync{c.session});
  case ChangeKind::equal:
    if (following_ && following_->session == c.session) following_->equal = true;
    return;
  case ChangeKind::share_source:
    heard_ = known_of_peer(durable_);
    if (serving_copy_ && serving_copy_->session == c.session) serving_copy_->shared = true;
    standing_ = Standing::prim;
    tell(Rule::R1, static_cast<std::int64_t>(durable_.g.counter));
    vip_next_ = now_; // the address lives by the lease from now on, not by the longer time of a node that is alone
    return renew_permit();
  case ChangeKind::share_target:
    if (!following_ || following_->session != c.session) { // it could not go on meanwhile: that it had handed in is no longer true
      change({.kind = ChangeKind::consent, .complete = false});
      return;
    }
    standing_ = Standing::second;
    heard_ = known_of_peer(durable_);
    received_ = following_->at;
    to_mirror(order::Ready{durable_.g});
    log('E', "reintegre", "Reintegration ended (synchronize)");
    apply(Event::synced);
    return;
  case ChangeKind::goodbye:
  case ChangeKind::failover_off:
  case ChangeKind::yield:
  case ChangeKind::consent:
  case ChangeKind::settings: return;
  case ChangeKind::forget: boot_.dirs_empty = false; // its files are still there, whatever was there when it started
  }
}

void Node::persist_failed(const std::string& problem) {
  ++persist_failures_;
  log('C', "heart",
      "The durable record cannot be written: " + problem + ". Until it can, this node promises nothing new");
  if (!changes_.empty() && changes_.front().kind == ChangeKind::boot) {
    changes_.clear();
    return abort_start("The module cannot start: its durable record cannot be written: " + problem);
  }
  persist_retry_ = now_ + seconds(1);
  if (role_ == Role::wait)
    wait(Wait::persist_failed, Rule::none, "the durable record cannot be written: " + problem,
         "a disk that can be written", "make room on the disk of the state directory, or repair it");
}

} // namespace lockstep
