// A node of a pair: lease, silence, goodbye, consent, yield (control:M2, M5, R2, Y1, (iii) 1-4, 7-10; design 4).
#include "core/node/node.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>
#include <utility>

namespace lockstep {

// The other node cannot go on in my generation, durably, and says so from a role that accepts nothing (control:R2):
// hello from WAIT, goodbye, an explicit consent; or a target that began another copy of my generation and so left the
// old READY behind.
bool Node::peer_consents() const {
  if (mutated(Mutant::no_record_is_consent) && proven() && peer_->record_state != RecordState::present) return true;
  if (!proven() || claimed_record_state() != RecordState::present || peer_->record_state != RecordState::present)
    return false;
  const auto& r = peer_->record;
  if ((peer_->role == Role::wait || mutated(Mutant::outdated_is_consent)) && r.g == durable_.g)
    return r.state == Freshness::outdated || r.state == Freshness::inconsistent;
  if (r.state == Freshness::outdated && r.g == durable_.g) at_work_.add(Rule::R2); // said from a role that may still go on
  bool other_session = !serving_copy_ || peer_->session != serving_copy_->session;
  return r.state == Freshness::inconsistent && r.src_gen == durable_.g && (peer_->role == Role::wait || other_session);
}

// Two nodes that serve data of two sets under one address help nobody (control:G0 is silent there). The set that was a pair's goes on, then
// the one with more generations; the data of the other stay as they are, for an operator. A clone is told from nobody: both go on.
bool Node::gives_way_to(const Record& other) const {
  auto rank = [](const Record& r) { return std::pair(!r.base.none(), r.g.counter); };
  if (rank(durable_) != rank(other)) return rank(durable_) < rank(other);
  return other.node_uid < durable_.node_uid; // as in a fork (control:F2)
}

void Node::watch_pair() {
  if (standing_ == Standing::alone) {
    if (proven() && !ending_ && !quiesced_ && !changing(ChangeKind::share_source)) {
      auto v = verdict();
      bool other_set = v.rule == Rule::G0 && peer_is_primary();
      if (v.who == Who::peer_wins || (other_set && gives_way_to(peer_->record) && !mutated(Mutant::two_sets_serve)))
        yield(v);
      else if ((other_set || (v.rule == Rule::F2 && v.who == Who::i_win)) && stays_for_ != peer_->record.g) {
        stays_for_ = peer_->record.g;
        log('E', "heart", "Split brain recovery: staying alone");
      }
    }
    return;
  }
  if (standing_ != Standing::prim && standing_ != Standing::second) return;
  if (standing_ == Standing::prim) renew_permit();
  bool leaving = carrying_out(Event::consent) || carrying_out(Event::yield) || carrying_out(Event::failover_off) ||
                 carrying_out(Event::refused);
  if (leaving || quiesced_ || held_ended_ || (running_ && running_->asked) || durable_.state != Freshness::shared) return;
  if (now_ >= liveness_.silent_from() || (standing_ == Standing::prim && now_ >= liveness_.quiet_from()))
    return on_silence();
  if (unconfirmed() && !peer_consents()) return on_silence(true);
  bool waits = refused_ && !mutated(Mutant::refused_prepares_again); // it prepares when it may ask again
  if (standing_ == Standing::second && !waits && now_ >= liveness_.uneasy_from()) prepare_early();
  // Refused before, and what it then tried to flush failed: it cannot act and must not stand in the way of who can.
  bool minting = continuing_ && continuing_->minting && !mutated(Mutant::gives_way_while_minting); // all was flushed, and it may act
  bool stuck = standing_ == Standing::second && role_ == Role::wait && !leave_complete_;
  if (stuck && !minting && !busy() && !ending_) {
    continuing_.reset();
    apply(Event::yield, "stopstart");
    return;
  }
  if (!proven()) return;
  auto v = verdict();
  if (v.who == Who::resume) {
    at_work_.add(Rule::S2);
    refused_ = false, episode_ = {}, key_.since = Instant::never();
    if (now_ < liveness_.uneasy_from() && !mutated(Mutant::minted_without_looking)) unprepare();
    // The store was armed again by the one that serves ((iii) 6).
    bool rearmed = peer_->record.arbiter_revision < std::max(durable_.arbiter_revision, key_.revision);
    if (etcd() && standing_ == Standing::second && rearmed && !changing(ChangeKind::store)) {
      key_.revision = peer_->record.arbiter_revision, key_.went_back = false;
      change({.kind = ChangeKind::store, .revision = key_.revision});
    }
    if (standing_ == Standing::second && role_ == Role::wait && !busy()) apply(Event::synced);
    if (standing_ == Standing::second && peer_->asks_consent) leave_by_consent("the primary asks for it");
    return;
  }
  // Its former life is over, and what came back can neither follow nor consent: that is silence (control:K3). As a new incarnation it
  // has stopped what it served, so nothing has to run out first.
  // The same if it serves data of another set now; its former SECOND does not go on beside it but gives its place up, and says why it waits.
  bool elsewhere = v.rule == Rule::G0 && !peer_->live && peer_is_primary();
  if (elsewhere && standing_ == Standing::second) return role_ == Role::second ? leave_by_consent("the other node serves data of another set") : yield(v);
  bool over = v.who == Who::nobody && (peer_->role == Role::wait || elsewhere) && !peer_->live && !peer_consents();
  if (over && !mutated(Mutant::former_life_is_awaited)) return on_silence(true);
  if (v.who == Who::peer_wins && peer_->record.g != durable_.g) return yield(v);
  if (v.who == Who::peer_wins && standing_ == Standing::prim && v.rule != Rule::S3) return yield(v);
  // One of them had asked the arbiter: SECOND gives its place up, so that PRIM may go on (control:S3, E3).
  if (v.who == Who::peer_wins && v.rule == Rule::S3)
    return role_ == Role::second ? leave_by_consent("the arbiter was asked meanwhile") : yield(v);
  if (!peer_consents()) return;
  if (standing_ == Standing::second && !durable_.failover) {
    leave_why_ = Why::failover_off;
    log('E', "heart", "Failover-off configured");
    apply(Event::failover_off, "stopstart");
    return;
  }
  // A goodbye names the last operation: everything up to it must have arrived ((iii) 3).
  bool arrived = !has_rfs() || peer_->goodbye == Goodbye::none || !(received_ < peer_->last);
  if (standing_ == Standing::second && !arrived) return;
  continue_alone(Rule::M2);
}

// With an arbiter nobody has to wait for ever on one-way loss: a peer that restarted and does not hear this node, or no longer, or a SECOND
// that is heard and confirms nothing, had its time to act. Who restarted asks the arbiter when it hears nobody for two timeouts: before that
// the member that lived on, and knows what was never flushed there, has gone on (data:D11).
bool Node::unconfirmed() const {
  if (!etcd() || !hearing()) return false;
  bool restarted = peer_->role == Role::wait && !peer_->live && !mutated(Mutant::deaf_peer_is_awaited);
  bool deaf = (!liveness_.proven() || (restarted && now_ >= liveness_.unechoed_from())) && now_ >= deaf_from_;
  bool unechoed = standing_ == Standing::prim && lease_lost_ && now_ >= lease_lost_from_ + liveness_.longest_timeout() * 2;
  return deaf || unechoed;
}

void Node::on_silence(bool former_life_over) {
  bool minting = continuing_ && continuing_->minting;
  if (minting && !mutated(Mutant::refusal_overtakes_mint)) return; // first what is being made durable: the right was there
  bool second = standing_ == Standing::second;
  if (refused_ && !etcd() && !mutated(Mutant::refused_asks_again)) return;
  if (second && !durable_.failover && !mutated(Mutant::failover_off_ignored)) {
    leave_why_ = Why::failover_off;
    log('E', "heart", "Failover-off configured");
    apply(Event::failover_off, "stopstart");
    return;
  }
  bool none = config_.module.check.splitbrain.mode == ArbiterMode::none;
  // PRIM asks when its lease ends, SECOND when the silence is complete; without an arbiter both wait for the latter.
  if (!former_life_over && now_ < liveness_.silent_from() && (second || none || lease_holds(now_))) return;
  if (etcd() && !mutated(Mutant::arbiter_not_asked)) return claim_after_silence(former_life_over);
  switch (may_continue()) {
  case Arbitration::pending: return prepare_early();
  case Arbitration::yes: return continue_alone(Rule::M5);
  case Arbitration::no: break;
  }
  if (mutated(Mutant::refused_asks_again)) episode_ = {};
  if (ending_) return end_held();
  if (refused_) return;
  refused_ = true;
  unprepare();
  tell(Rule::witness_refused);
  log('E', "splitbraincheck", "No witness answered: this node does not go on alone and waits for the other one");
  log('E', "heart", "Action wait from failover rule splitbrain_failure");
  apply(Event::refused, "stopwait");
  wait(Wait::witness_refused, Rule::witness_refused, "no witness answered when the other node fell silent",
       "the other node to be heard", "repair the network; or run prim here if the other node is surely off");
}

// SECOND applies and flushes while the silence lasts, so that only the tail is left when it must act (data:D10).
void Node::prepare_early() {
  if (continuing_) return;
  continuing_ = Continuing{};
  to_mirror(order::PrepareAlone{});
}

void Node::unprepare() {
  if (!continuing_ || continuing_->minting) return;
  continuing_.reset();
  to_mirror(order::Unprepare{});
}

void Node::continue_alone(Rule rule) {
  if (continuing_ && continuing_->rule != Rule::none) return;
  prepare_early();
  continuing_->rule = rule;
  log('E', "heart",
      std::string("Action alone called by heart: ") + (rule == Rule::M5 || rule == Rule::M3 ? "no heartbeat" : "remote stop"));
}

void Node::check_continuing() {
  if (!continuing_ || continuing_->rule == Rule::none || !continuing_->ready || continuing_->minting) return;
  if (now_ < persist_retry_) return; // what is heard by then counts
  if (carrying_out(Event::refused)) return; // first it stops, then it may go on from WAIT
  bool looks = !mutated(Mutant::minted_without_looking);
  if (looks && continuing_->rule == Rule::M5 && now_ < liveness_.quiet_from() && proven() && verdict().who == Who::resume)
    return unprepare();
  if (standing_ == Standing::second && continuing_->rule == Rule::M2 && has_rfs() && peer_ &&
      peer_->goodbye != Goodbye::none && continuing_->last < peer_->last)
    return unprepare(); // not all of it was applied: wait for the rest
  continuing_->minting = true;
  if (mutated(Mutant::exclusion_not_awaited))
    to_mirror(order::GoAlone{durable_.g}), to_mirror(order::Permit{durable_.g.counter, Instant::never()});
  bool by_operator = continuing_->rule == Rule::M4; // (iii) 15
  auto as = by_operator ? MintedAs::op : standing_ == Standing::prim ? MintedAs::prim : MintedAs::second;
  bool adopt = continuing_->rule == Rule::M3;
  change({.kind = ChangeKind::mint, .rule = continuing_->rule, .as = as, .adopt = adopt, .covers = continuing_->covers});
}

// `own` is durable at a new generation: from here this node completes operations by itself.
void Node::went_alone() {
  goodbye_ = Goodbye::none, asks_consent_ = false, wants_swap_ = false, refused_ = false, episode_ = {},
  lease_lost_ = false;
  key_.since = Instant::never();
  continuing_.reset();
  // Minted while leaving (control:GB2): kept for the next start.
  if (quiesced_ || ended_ || (ending_ && standing_ == Standing::idle)) return;
  bool cold = standing_ == Standing::idle;
  standing_ = Standing::alone;
  leave_complete_ = true;
  wanted_too_late(true);
  swapping_ = false;
  // What was to lead out of the pair is void: nobody is there to take over.
  auto out = [](const Task& t) {
    return t.event == Event::cmd_swap || t.event == Event::consent || t.event == Event::failover_off;
  };
  std::erase_if(tasks_, out);
  if (running_ && out(running_->task) && running_->task.step == Step::leave && !running_->asked) running_.reset();
  following_.reset(), serving_copy_.reset(), progress_.reset();
  to_mirror(order::GoAlone{durable_.g, durable_.base.none()});
  permit_ = {durable_.g.counter, Instant::never()};
  to_mirror(permit_);
  set_resource("rfs.uptodate", "up", "rfsplug");
  if (!ending_) apply(cold ? Event::may_serve : Event::alone);
}

// PRIM may complete while the other node has proved, recently enough, that it will not act (the echo lease).
void Node::renew_permit() {
  if (quiesced_) return;
  auto until = mutated(Mutant::no_lease) ? Instant::never() : liveness_.lease_until();
  if (permit_.generation != durable_.g.counter || permit_.until != until) {
    permit_ = {durable_.g.counter, until};
    to_mirror(permit_);
  }
  bool lost = now_ > until;
  if (lost == lease_lost_) return;
  lease_lost_ = lost, beat_now_ = true;
  lease_lost_from_ = lost ? now_ : Instant::never();
  tell(lost ? Rule::lease_lost : Rule::lease_back);
  if (lost)
    log('E', "heart",
        "The other node no longer confirms: writes are held and the virtual address goes until this is settled");
  else
    log('E', "heart", "The other node confirms again: writes go on");
}

bool Node::lease_holds(Instant now) const {
  if (mutated(Mutant::healthy_pair_needs_key) && key_.silent) return false;
  if (standing_ == Standing::alone) return now >= distrust_until_;
  return standing_ == Standing::prim && (now <= liveness_.lease_until() || mutated(Mutant::no_lease));
}

// The address lives only as long as it is refreshed: a hung node loses it.
void Node::refresh_vip() {
  if (!vip_wanted_ || (running_ && (running_->task.step == Step::vip_up || running_->task.step == Step::vip_down)))
    return;
  if (!lease_holds(now_)) {
    if (!vip_raised_) return;
    vip_raised_ = false;
    return emit(nfx::DropVip{new_ticket()});
  }
  if (vip_raised_ && now_ < vip_next_) return;
  vip_next_ = now_ + liveness_.shortest_pulse();
  auto until = now_ + liveness_.longest_timeout();
  if (standing_ == Standing::prim) until = earlier(until, liveness_.lease_until());
  emit(nfx::RaiseVip{new_ticket(), until, !vip_raised_});
  vip_raised_ = true;
}

// The other node went on with what wins over this one's data: leave the role, durably outdated, then copy (control:Y1,
// Y2).
void Node::yield(const Verdict& v) {
  if (ending_) return end_held();
  if (changing(ChangeKind::yield) || carrying_out(Event::yield)) return;
  if (continuing_ && continuing_->minting) return; // first what is being made durable
  continuing_.reset();
  tell(v.rule, 0, 0, peer_->node_name);
  // It went on after a crash without its memory (data:D14); this node remembers more, and that is kept.
  if (standing_ == Standing::second && !peer_->record.covers) aside_needed_ = true;
  if (standing_ == Standing::alone) log('E', "heart", "Split brain recovery: exiting alone");
  bool held = standing_ == Standing::prim;
  if (!apply(Event::yield, "stopstart")) return;
  if (held)
    tasks_.push_front({Step::fail_held, Event::yield, state(), State::wait_transient}); // Y1: before the stop scripts
}

void Node::leave_by_consent(const std::string& why) {
  if (standing_ != Standing::second || quiesced_ || role_ != Role::second || ending_) return;
  if (carrying_out(Event::consent) || carrying_out(Event::yield) || (continuing_ && continuing_->minting)) return;
  leave_why_ = Why::consent;
  mute_from_ = now_ + liveness_.longest_timeout();
  log('E', "heart", "Replication is broken: this node leaves the pair and will copy again (" + why + ")");
  apply(Event::consent, "stopwait");
}

// Leaving takes a disk. While it hangs the primary must not wait for this node's word: it stops beating, so that the rules of silence
// apply to it (design 3). It never acts itself: it is on its way out.
bool Node::mute() const {
  return !mutated(Mutant::hung_second_beats) && carrying_out(Event::consent) && durable_.state == Freshness::shared && now_ >= mute_from_;
}

} // namespace lockstep
