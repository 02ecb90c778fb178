// A waiting node decides: serve, follow, or wait with a reason. The golden table says who is the source; the M-rules
// say who may serve (control (i)). Every wait names why, what it needs and what an operator can do (oracle L7).
#include "core/node/node.hpp"
#include "core/base/mutant.hpp"

namespace lockstep {
namespace {
const char* const force_prim = "if this node's data are the right ones, run prim here";
} // namespace

// People know their nodes by name.
static void name_peer(std::string& text, const std::string& peer) {
  const std::string anonymous = "the other node";
  for (auto at = text.find(anonymous); at != std::string::npos; at = text.find(anonymous, at))
    text.replace(at, anonymous.size(), peer);
}

void Node::wait(Wait kind, Rule rule, std::string why, std::string needs, std::string to_do) {
  for (auto* text : {&why, &needs, &to_do}) name_peer(*text, config_.peer_name);
  if (wait_.kind == kind && wait_.rule == rule && wait_.why == why) return;
  bool said = wait_.kind == kind && wait_.rule == rule;
  wait_ = {kind, rule, now_, std::move(why), std::move(needs), std::move(to_do)};
  if (said || kind == Wait::starting || kind == Wait::stopping) return;
  tell(rule, static_cast<std::int64_t>(kind), 0, wait_.why);
  bool stale = kind == Wait::for_peer || kind == Wait::for_fresher_peer || kind == Wait::first_start ||
               kind == Wait::peer_unknown_record || kind == Wait::failover_off;
  if (stale) {
    set_resource("rfs.uptodate", "down", "rfsplug");
    log('E', "heart", "Action wait from failover rule notuptodate_server");
    log('E', "rfsplug",
        "Data may be not uptodate for replicated directories (wait for the start of the remote server)");
    log('E', "rfsplug", "If you are sure that this server has valid data, run safekit prim to force start as primary");
  }
  if (kind == Wait::inconsistent) {
    log('E', "rfsplug", "Data may be inconsistent for replicated directories (stopped during reintegration)");
    log('E', "rfsplug",
        "If you are sure that this server has valid data, run safekit primforce to force start as primary");
  }
  log('E', "heart", "Waits: " + wait_.why + "; needs " + wait_.needs + (wait_.to_do.empty() ? "" : "; " + wait_.to_do));
}

void Node::decide() {
  if (standing_ != Standing::idle || role_ != Role::wait || !begun_ || ending_ || persisting()) return;
  if ((busy() || !prepared_) && !mutated(Mutant::hello_before_prestart)) return;
  if (durable_.incarnation != incarnation_ || now_ < persist_retry_) return;
  if (!beating_) { // the hello of this incarnation may leave now ((iii) 18)
    beating_ = beat_now_ = true;
    last_step_ = now_;
    listen_until_ = now_ + liveness_.listen_time();
    liveness_.distrust(now_, now_);
  }
  if (aside_ == Aside::marking || aside_ == Aside::copying) return;
  if (directory_problem()) return;
  if (auto down = pre_checker_down()) {
    log('I', "heart", "Checker " + *down + " is not up");
    return wait(Wait::checker_down, Rule::checker, "the checker " + *down + " is not up", "this resource to come up",
                "repair what it checks");
  }
  if (refused_ && !proven() && !etcd())
    return wait(Wait::witness_refused, Rule::witness_refused, "no witness answered when the other node fell silent",
                "the other node to be heard", std::string("repair the network; or stop, and ") + force_prim);
  refused_ = false;
  switch (want_) {
  case Want::start: break;
  case Want::prim:
  case Want::prim_fullsync:
  case Want::primforce: return decide_prim();
  case Want::second:
  case Want::second_fullsync: return decide_second();
  }
  if (proven()) return decide_heard();
  decide_unheard();
}

// (iii) 25: a root that is missing, unmounted or another one is never a source, and never scanned as deleted.
bool Node::directory_problem() {
  if (!has_rfs() || want_ == Want::primforce) return false;
  auto problem = boot_.dirs_ok ? std::string() : boot_.dirs_problem;
  if (problem.empty() && !durable_.g.none() && marked_dirs_ != durable_.dir_uid) {
    // A first copy that had not marked yet is done again from its beginning.
    bool refilled = durable_.state == Freshness::inconsistent && durable_.must_full && marked_dirs_.none();
    if (!refilled)
      problem = marked_dirs_.none()
                    ? "a replicated directory has no identity mark: it is not mounted, was emptied or replaced"
                    : "a replicated directory belongs to another data set";
  }
  if (problem.empty()) return false;
  wait(Wait::directory, Rule::dir_missing, problem, "the directory that belongs to this module",
       "mount or restore it and restart the module; primforce takes the directory as it is");
  return true;
}

void Node::decide_unheard() {
  if (!listened() || (hearing() && now_ < started_ + liveness_.longest_timeout()))
    return wait(Wait::starting, Rule::none, "listens for the other node", "a moment", "");
  // Heard, but deaf to us: its claim may hold this node back, never push it on.
  if (hearing() && verdict().who == Who::peer_wins && peer_is_primary())
    return wait(Wait::for_peer, verdict().rule, "the other node serves and does not hear this one",
                "a network that works both ways", "repair the network");
  if (!has_rfs() && !etcd()) return serve_cold(Rule::M1);
  if (durable_.g.none()) {
    if (boot_state_ == RecordState::lost)
      return wait(Wait::peer_unknown_record, Rule::K3, "the record of this node is lost",
                  "the other node with the right to serve", force_prim);
    return wait(Wait::first_start, Rule::K1, "first start: no node was said to hold the data", "an operator",
                "run prim on the node that holds the data, start on the other");
  }
  switch (durable_.state) {
  case Freshness::own:
    if (etcd() && !own_may_start()) return;
    return serve_cold(Rule::T3);
  case Freshness::shared:
    if (mutated(Mutant::silence_serves_cold)) return serve_cold(Rule::M5);
    if (etcd() && claim_cold()) return;
    return wait(Wait::for_peer, Rule::M5, "the other node may have gone on alone", "the other node to start",
                force_prim);
  case Freshness::outdated:
    if (etcd() && claim_cold()) return;
    if (durable_.why == Why::failover_off)
      return wait(Wait::failover_off, Rule::failover_off, "failover is off and the other node is gone",
                  "the other node to start", force_prim);
    if (durable_.why == Why::yield)
      return wait(Wait::yielded_source_gone, Rule::Y2, "this node gave way to the other one, which is gone",
                  "the other node to start", force_prim);
    return wait(Wait::for_fresher_peer, Rule::B1, "the other node has, or may have, newer data",
                "the other node to start", force_prim);
  case Freshness::inconsistent:
    return wait(Wait::inconsistent, Rule::N1, "this node was stopped while it copied from the other one",
                "the other node to serve", "primforce serves the half-copied data");
  }
}

// A cold node mints before it serves (control:T3). The copy that may follow is a delta only if its set was whole.
void Node::serve_cold(Rule rule, bool by_operator) {
  // The first generation has no rival: a fork from it is ranked by what came after (control:F2).
  bool op = by_operator && !durable_.g.none();
  auto as = op                                                         ? MintedAs::op
            : by_operator || durable_.g.minted_by == durable_.node_uid ? MintedAs::prim
                                                                       : MintedAs::second;
  Change c{.kind = ChangeKind::mint, .rule = rule, .as = as, .covers = durable_.covers || mutated(Mutant::lost_set_is_whole)};
  c.adopt = by_operator && key_is_my_candidate();
  c.full_next = want_ == Want::prim_fullsync;
  c.empty_history = want_ == Want::primforce && durable_.state == Freshness::inconsistent;
  if (durable_.dir_uid.none()) c.dir = has_rfs() ? marked_dirs_ : DirUid{prng_.next(), prng_.next()};
  if (want_ == Want::primforce) c.full_next = true;
  change(c);
}

void Node::decide_heard() {
  auto v = verdict();
  if (v.who == Who::nobody) {
    // Without data nothing can be lost: the first of the two serves.
    bool elder =
        !has_rfs() && v.rule != Rule::G0 && v.rule != Rule::G1 && config_.index == 0 && peer_->role == Role::wait &&
        (!etcd() || v.rule == Rule::K1);
    if ((v.rule == Rule::K3 || v.rule == Rule::A2) && etcd() && claim_cold()) return;
    return elder ? serve_cold(Rule::M1) : nobody_wins(v);
  }
  if (v.who == Who::i_win) {
    if (durable_.state == Freshness::own) return serve_cold(Rule::T3); // M1
    if (peer_consents()) return serve_cold(Rule::M2);
    return wait(Wait::for_peer, v.rule, "the other node has to give up its claim first", "the other node to answer",
                "");
  }
  if (v.who == Who::resume) return wait(Wait::for_peer, v.rule, "the pair resumes", "a moment", "");
  // Loser: say so durably, so that the winner may go on (control:M2); then follow when it serves.
  if (durable_.state == Freshness::shared) {
    change({.kind = ChangeKind::consent, .covers = durable_.covers, .complete = durable_.complete && leave_complete_});
    return;
  }
  if (now_ < follow_from_)
    return wait(Wait::starting, v.rule, "this node could not apply what the other one sent, and will copy again in some seconds", "a moment", "");
  if (!may_follow()) return wait_for_peer(v);
  if (flow_works()) return start_following(v);
  bool fresh = now_ < started_ + liveness_.longest_timeout();
  wait(fresh ? Wait::starting : Wait::for_peer, Rule::link_down, "the replication network is silent: nothing can be copied from the other node",
       "the replication network", "repair the network that <heartbeat ident=\"flow\"> names");
}

void Node::wait_for_peer(const Verdict& v) {
  bool stopping = peer_->goodbye != Goodbye::none && peer_->role == Role::wait;
  wait(stopping ? Wait::for_fresher_peer : Wait::for_peer, v.rule,
       "the other node is the source and does not serve yet", "the other node to serve", force_prim);
}

void Node::nobody_wins(const Verdict& v) {
  auto needs_operator = "an operator";
  switch (v.rule) {
  case Rule::G0:
    return wait(Wait::unrelated_peer, v.rule,
                "the other node is a clone of this one, or its data are of another module", needs_operator,
                "second fullsync on the node whose data may be given up");
  case Rule::G1:
    return wait(Wait::config_differs, v.rule,
                "the replicated directories or the arbiter are not configured alike on both nodes",
                "the same configuration", "apply the module's configuration on both nodes");
  case Rule::T2:
    return wait(Wait::went_back, v.rule, "one of the nodes went back in time (a restored disk or snapshot)",
                needs_operator, std::string("compare the data; ") + force_prim);
  case Rule::K1:
    return wait(Wait::first_start, v.rule, "first start: no node was said to hold the data", needs_operator,
                "run prim on the node that holds the data");
  case Rule::K3:
    return wait(Wait::peer_unknown_record, v.rule, "one node has no record, and the other may not serve by itself",
                needs_operator, force_prim);
  case Rule::N1:
  case Rule::N3:
    return wait(Wait::inconsistent, v.rule, "a node was stopped while it copied, and its source is gone",
                needs_operator, "run prim on the consistent node, or primforce");
  default: break;
  }
  wait(Wait::for_fresher_peer, v.rule, rule_sentence(v.rule), needs_operator, force_prim);
}

// prim, prim fullsync, primforce (safekit 1.4): refused when the other node serves or the data are inconsistent.
void Node::decide_prim() {
  if (!listened() && !proven()) return wait(Wait::starting, Rule::none, "listens for the other node", "a moment", "");
  bool force = want_ == Want::primforce || mutated(Mutant::inconsistent_serves);
  if (!force && durable_.state == Freshness::inconsistent && !durable_.g.none()) {
    log('E', "rfsplug", "Data may be inconsistent for replicated directories (stopped during reintegration)");
    log('E', "rfsplug",
        "If you are sure that this server has valid data, run safekit primforce to force start as primary");
    return abort_start(
        "this node was stopped while it copied: its data are inconsistent. Start the other node, or run primforce");
  }
  if (hearing() && peer_is_primary())
    return abort_start("the other node is primary: stop it first, or start this one as secondary");
  bool nothing_here = has_rfs() && durable_.dir_uid.none() && marked_dirs_.none();
  if (nothing_here && !force && hearing() && has_lineage(peer_side()) && !mutated(Mutant::prim_makes_another_set))
    return abort_start("the other node holds the data of this module, and this one none of them: start it, and it copies them. "
                       "primforce would make what is in its directories the module's data instead");
  if (has_rfs() && (durable_.dir_uid.none() || marked_dirs_ != durable_.dir_uid)) {
    auto uid = !durable_.dir_uid.none() ? durable_.dir_uid
               : !marked_dirs_.none()   ? marked_dirs_
                                        : DirUid{prng_.next(), prng_.next()};
    if (marked_dirs_ != uid) {
      marked_dirs_ = uid, aside_ = Aside::marking, aside_ticket_ = new_ticket();
      return emit(nfx::MarkDirs{aside_ticket_, uid});
    }
  }
  // What a former life of this node confirmed may keep the address up over there for as long as a lease lasts (design 3).
  bool may_have_it = etcd() && !durable_.g.none() && durable_.state != Freshness::own && !hearing();
  if (may_have_it && now_ < started_ + liveness_.longest_timeout() && !mutated(Mutant::operator_outruns_the_lease))
    return wait(Wait::starting, Rule::M4, "the other node may still have the address, until its lease ends", "a moment", "");
  if (etcd() && !durable_.g.none() && !operator_may_serve()) return;
  bool own = durable_.state == Freshness::own && !durable_.g.none();
  key_.overrides = force;
  serve_cold(own ? Rule::T3 : Rule::M4, true); // the branch is the operator's from here on ((iii) 15)
  answer_wanted(true, "");
  want_ = Want::start;
}

void Node::decide_second() {
  bool full = want_ == Want::second_fullsync;
  if (!proven()) {
    if (!listened()) return wait(Wait::starting, Rule::none, "listens for the other node", "a moment", "");
    return abort_start("the other node is not heard: a secondary needs a primary");
  }
  if (peer_->role != Role::alone && peer_->role != Role::prim)
    return abort_start("the other node is not primary: a secondary needs a primary");
  auto v = verdict();
  if (v.who != Who::peer_wins && !full) {
    bool pair = peer_->role == Role::prim; // it has not noticed yet that this node restarted
    if (pair)
      return wait(Wait::for_peer, v.rule, "the other node still counts on this one's former life", "a moment", "");
    return abort_start(std::string("the data of the other node do not win over this node's: ") + rule_sentence(v.rule) +
                       ". second fullsync gives this node's data up");
  }
  full_next_ = full;
  if (v.who != Who::peer_wins) return change({.kind = ChangeKind::forget});
  answer_wanted(true, "");
  want_ = Want::start;
}

} // namespace lockstep
