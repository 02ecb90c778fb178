// A copy: this node as target or as source, and READY in three durable steps (control:R1-R4, data:D13).
#include "core/node/node.hpp"
#include "core/base/mutant.hpp"

namespace lockstep {
namespace {
constexpr Duration restart_pause = seconds(1); // between two sessions with a source that ends them

LifeId in_session(LifeId l) {
  if (mutated(Mutant::copy_of_a_former_life)) l.nonce = 0;
  return l;
}
bool from_source(const Beat& b, const Session& s) { return b.node_uid == s.source && in_session(b.life()) == s.source_life; }
}

bool Node::names_me(const Session& s) const {
  bool lives = s.source_life == in_session(life()) && s.target_life == in_session(peer_->life());
  return lives && s.source == durable_.node_uid && s.source_gen == durable_.g;
}

// ---------------------------------------------------------------- target
// What will be lost is aside first (data:T25), the directory carries the source's identity, `inconsistent` is durable
// (oracle S10): only then the first byte is overwritten.
void Node::start_following(const Verdict& v) {
  const auto& source = peer_->record;
  bool something = !boot_.dirs_empty || !durable_.g.none();
  bool loud = (v.loud && !mutated(Mutant::fork_is_silent)) || aside_needed_;
  if (has_rfs() && loud && something && !(aside_ == Aside::done && aside_for_ == source.g)) {
    if (aside_ == Aside::failed && aside_for_ == source.g) return wait_for_room();
    log('E', "heart",
        std::string("This node gives way: ") + rule_sentence(v.rule) + ". What it will lose is kept aside first");
    tell(v.rule, 0, 0, peer_->node_name);
    aside_ = Aside::copying, aside_for_ = source.g, aside_ticket_ = new_ticket();
    wait(Wait::starting, v.rule, "the files that this node will lose are kept aside", "a complete copy", "");
    return emit(nfx::SetAside{aside_ticket_, to_string(durable_.g)});
  }
  tell(v.rule, 0, 0, peer_->node_name);
  if (has_rfs() && marked_dirs_ != source.dir_uid) {
    marked_dirs_ = source.dir_uid, aside_ticket_ = new_ticket();
    aside_ = Aside::marking;
    return emit(nfx::MarkDirs{aside_ticket_, source.dir_uid});
  }
  Following f;
  f.since = now_;
  f.source = source;
  bool full = v.copy == Copy::full || full_next_ || (heard_.went_back && heard_.uid == source.node_uid);
  f.session = {source.g, peer_->node_uid, in_session(peer_->life()), in_session(life()), full && !mutated(Mutant::full_taken_as_delta), ++session_number_};
  following_ = f;
  wait(Wait::starting, v.rule, "begins to copy from the other node", "a moment", "");
  change({.kind = ChangeKind::follow, .rule = v.rule, .dir = source.dir_uid, .session = f.session});
}

void Node::wait_for_room() {
  wait(Wait::aside_failed, Rule::none, "the files that this node would lose cannot be kept aside: " + aside_problem_,
       "room for a complete copy", "make room and restart the module, or run second fullsync to give them up");
}

// A target that handed in (durable outdated(resynced)) marks itself inconsistent again only when the source has seen it
// leave and still has own: otherwise both could end without the right to serve (N3).
bool Node::may_follow() const {
  bool serves = peer_->role == Role::alone && peer_->record.state == Freshness::own && !peer_->record.g.none();
  if (!serves || now_ < follow_from_ || peer_->goodbye != Goodbye::none) return false;
  bool handed_in =
      durable_.state == Freshness::outdated && durable_.why == Why::resynced && durable_.g == peer_->record.g;
  return !handed_in || (peer_saw_me_leave_ && !peer_->resync_active);
}

// A copy that could not get through would only look like one: this node waits and says so.
bool Node::flow_works() const {
  bool any = false;
  for (std::uint32_t i = 0; i < config_.networks.size(); ++i) {
    if (!config_.networks[i].flow) continue;
    if (liveness_.good(i, now_)) return true;
    any = true;
  }
  return !any || !has_rfs();
}

bool Node::source_is_there(const Session& s) const {
  bool same = proven() && from_source(*peer_, s) && peer_->record.g == s.source_gen;
  return same || mutated(Mutant::followed_without_looking);
}

void Node::watch_target() {
  if (!following_ || standing_ != Standing::target || ending_) return;
  const auto& s = following_->session;
  if (now_ >= liveness_.silent_from()) return end_following("the other node is silent", {});
  if (proven() && !following_->equal && !changing(ChangeKind::equal) && !flow_works())
    return end_following("the replication network is silent", {});
  if (!proven()) {
    bool other = peer_ && !from_source(*peer_, s);
    if (other && !mutated(Mutant::source_may_change))
      end_following("the source restarted", {});
    return;
  }
  const auto& p = *peer_;
  bool same = from_source(p, s) && p.record.g == s.source_gen; // R3
  same = same || mutated(Mutant::source_may_change);
  bool serves = p.role == Role::alone || p.role == Role::prim;
  if (!same || !serves) return end_following("the source changed or stopped", {});
  bool mine = p.resync_active && p.session == s;
  bool ended = following_->acknowledged || p.session == s;
  if (mine)
    following_->acknowledged = true;
  else if (ended && !changing(ChangeKind::follow) && now_ >= following_->since + restart_pause)
    return restart_following("the source ended the copy");
  bool ready = mine && p.ready_for && (p.record.state == Freshness::shared || mutated(Mutant::own_given_up_late)); // R2
  if (!ready || !following_->equal || following_->handing_in) return;
  following_->handing_in = true;
  full_next_ = aside_needed_ = false, aside_ = Aside::none;
  change({.kind = ChangeKind::share_target, .rule = Rule::R1, .session = s});
}

void Node::end_following(const std::string& why, Duration pause) {
  if (standing_ != Standing::target) return;
  log('E', "reintegre", "The copy from the other node ends: " + why);
  tell(Rule::R3, 0, 0, why);
  to_mirror(order::Break{why});
  following_.reset(), progress_.reset();
  standing_ = Standing::idle;
  for (std::uint32_t i = 0; i < left_floor_.size(); ++i) left_floor_[i] = liveness_.sent_seq(i);
  peer_saw_me_leave_ = false;
  follow_from_ = now_ + pause;
  apply(Event::source_gone, "stopwait");
}

// The same source, another session: scripts keep running, the copy goes on where it stopped.
void Node::restart_following(const std::string& why) {
  if (standing_ != Standing::target || changing(ChangeKind::follow) || !proven()) return;
  // Handed in: the source may have given up own already. Only from WAIT is it asked again (see may_follow).
  if (following_->equal || changing(ChangeKind::equal)) return end_following(why, {});
  log('I', "reintegre", "The copy from the other node begins again: " + why);
  to_mirror(order::Break{why});
  Following f;
  f.since = now_;
  f.source = following_->source, f.session = following_->session;
  f.session.number = ++session_number_;
  following_ = f;
  change({.kind = ChangeKind::follow, .rule = Rule::R3, .dir = durable_.dir_uid, .session = f.session});
}

// ---------------------------------------------------------------- source
void Node::serve_copy(const Session& s) {
  // From here the target may hold this generation (control:T3). Every copy moves the record's number, so that a source that is restored to
  // before it is noticed (control:T1).
  if (offered_for_ != s) {
    if (!changing(ChangeKind::offer)) change({.kind = ChangeKind::offer, .session = s});
    return;
  }
  if (serving_copy_) to_mirror(order::Break{"another session"});
  serving_copy_ = Serving{s};
  log('E', "reintegre", s.full ? "Full synchronization of the other node" : "Synchronization of the other node");
  to_mirror(order::ServeResync{s});
  beat_now_ = true;
}

void Node::stop_serving_copy(const std::string& why) {
  if (!serving_copy_ || serving_copy_->pairing) return;
  ended_copy_ = serving_copy_->session; // the target begins the next one under a new number
  if (has_rfs()) change({.kind = ChangeKind::offer}); // what the target got is in what was marked until now
  serving_copy_.reset(), progress_.reset();
  tell(Rule::R3, 0, 0, why);
  to_mirror(order::Break{why});
  beat_now_ = true;
}

void Node::watch_source() {
  if (standing_ != Standing::alone && standing_ != Standing::prim) return;
  if (ending_ || quiesced_) return;
  if (standing_ == Standing::alone && serving_copy_ && now_ >= liveness_.silent_from())
    return stop_serving_copy("the other node is silent");
  if (!proven()) return;
  const auto& p = *peer_;
  bool proposes = p.resync_active && p.role == Role::second && names_me(p.session);
  if (standing_ == Standing::alone && !changing(ChangeKind::share_source)) {
    bool known = serving_copy_ && serving_copy_->session == p.session;
    if (!proposes) return stop_serving_copy("the other node left the copy");
    if (!known && (p.record.state == Freshness::inconsistent || !has_rfs()) && p.session != ended_copy_)
      return serve_copy(p.session);
    if (!known) return;
  }
  if (!serving_copy_ || p.session != serving_copy_->session || !proposes) return;
  if (p.equal && !serving_copy_->pairing && p.record.g == durable_.g && p.record.state == Freshness::outdated) {
    serving_copy_->pairing = true, asks_consent_ = false;
    to_mirror(order::Pair{durable_.g}); // from here nothing completes without the target
    return change({.kind = ChangeKind::share_source, .rule = Rule::R1, .session = p.session});
  }
  if (serving_copy_->shared && !serving_copy_->done && p.live && p.record.state == Freshness::shared &&
      p.record.g == durable_.g) {
    serving_copy_->done = true;
    progress_.reset();
    to_mirror(order::Ready{durable_.g});
    apply(Event::peer_synced);
  }
}

// ---------------------------------------------------------------- the preferred node (safekit 1.6, (iii) 12)
void Node::watch_defaultprim() {
  const auto& service = config_.module.service;
  if (standing_ == Standing::second && role_ == Role::second && !busy() && !wants_swap_) {
    bool preferred = (service.defaultprim == DefaultPrim::server && service.defaultprim_server == config_.name) ||
                     (service.defaultprim == DefaultPrim::lastprim && boot_.record && boot_.record->was_prim);
    // Once, and only while no detector acted: an undone swap is counted and stops the see-saw until an operator acts.
    if (preferred && durable_.loop_count == 0 && proven() && peer_->role == Role::prim && peer_->sub == Sub::ready && verdict().who == Who::resume) {
      tell(Rule::defaultprim);
      log('E', "heart", "Transition SWAP from defaultprim");
      wants_swap_ = beat_now_ = true;
      change({.kind = ChangeKind::settings, .loop_count = 1});
    }
  }
  if (standing_ != Standing::prim || !proven() || !peer_->wants_swap || state() != State::prim_ready ||
      !peer_->swap_ready)
    return;
  if (verdict().who != Who::resume) return;
  log('E', "heart", "Begin of Swap");
  swapping_ = true, leave_why_ = Why::goodbye;
  apply(Event::cmd_swap, "swap");
}

} // namespace lockstep
