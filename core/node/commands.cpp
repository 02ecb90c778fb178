// Operators and detectors: guards of safekit 1.4 and 2.1, maxloop (1.11). Every command gets exactly one answer.
#include "core/node/node.hpp"
#include "core/base/mutant.hpp"

namespace lockstep {

void Node::answer(std::uint64_t id, bool ok, std::string sentence) {
  if (id) emit(nfx::Answer{id, ok, std::move(sentence)});
}

void Node::answer_wanted(bool ok, std::string sentence) {
  answer(wanted_id_, ok, std::move(sentence));
  wanted_id_ = 0;
}

// What was asked while the decision was on its way to the disk: it is not kept for the day when the pair ends.
void Node::wanted_too_late(bool serves) {
  if (want_ == Want::start || mutated(Mutant::late_wish_is_kept)) return;
  bool there = serves ? want_ == Want::prim : want_ == Want::second;
  auto begun = std::string("this node had just begun to ") + (serves ? "serve" : "copy from the other one");
  answer_wanted(there, there ? "" : begun + ": stop it first, then say it again");
  want_ = Want::start;
}

void Node::handle(const nin::Operator& in) {
  const auto& c = in.command;
  tell(Rule::command, static_cast<std::int64_t>(c.verb), 0, c.who);
  switch (c.verb) {
  case Verb::failover_on:
  case Verb::failover_off:
  case Verb::errd_on:
  case Verb::errd_off: return settings(c);
  default: break;
  }
  if (begun_) return command(c);
  if (starts(c.verb)) return begin(c);
  bool harmless = c.verb == Verb::stop || c.verb == Verb::forcestop;
  answer(c.id, harmless, harmless ? "the module is already stopped" : "the module is stopped: use start");
}

void Node::settings(const Command& c) {
  Change s{.kind = ChangeKind::settings};
  if (c.verb == Verb::failover_on || c.verb == Verb::failover_off)
    s.failover = c.verb == Verb::failover_on;
  else
    s.errd = c.verb == Verb::errd_on;
  log('U', "heart", std::string("Action ") + verb_name(c.verb) + " called by " + c.who);
  set_resource(s.failover ? "usersetting.failover" : "usersetting.errd",
               s.failover.value_or(false) || s.errd.value_or(false) ? "on" : "off", c.who);
  change(s);
  answer(c.id, true, "");
}

static Want want_of(Verb v) {
  switch (v) {
  case Verb::prim: return Want::prim;
  case Verb::prim_fullsync: return Want::prim_fullsync;
  case Verb::primforce: return Want::primforce;
  case Verb::second: return Want::second;
  case Verb::second_fullsync: return Want::second_fullsync;
  default: return Want::start;
  }
}

// The first command of an incarnation: transition and prestart run, the address goes, the incarnation becomes durable.
void Node::begin(const Command& c) {
  if (boot_.record_state == RecordState::present && !boot_.record)
    return; // a host's mistake: said by nothing it can hear
  begun_ = true;
  auto verb = c.verb == Verb::start ? "start" : verb_name(c.verb);
  bool plain = c.who == "at boot time" || c.who == "automatically";
  log('U', "heart", std::string("Action ") + verb + " called " + (plain ? "" : "by ") + c.who);
  wanted_id_ = c.id, want_ = want_of(c.verb);
  started_by_want_ = want_ != Want::start;
  if (!boot_.record_problem.empty() && !boot_.record_damaged) { // a newer format is not "lost" ((iii) 27)
    ended_ = true;
    log('C', "heart", "The module cannot start: " + boot_.record_problem);
    answer_wanted(false, boot_.record_problem);
    return emit(nfx::Exit{false, boot_.record_problem});
  }
  if (boot_state_ == RecordState::lost) {
    tell(Rule::record_damaged);
    log('C', "heart",
        "The durable record of this node is lost or damaged: its data are no source" +
            (boot_.record_problem.empty() ? std::string() : ": " + boot_.record_problem));
  }
  for (const auto& i : implied_interfaces()) set_resource("intf." + i, "init", "intfcheck");
  change({.kind = ChangeKind::boot});
  if (c.identity.empty() && c.who != "automatically" && durable_.loop_count != 0)
    change({.kind = ChangeKind::settings, .loop_count = 0});
  if (want_ == Want::start) answer_wanted(true, "");
  auto event = want_ == Want::start                                      ? Event::cmd_start
               : want_ == Want::second || want_ == Want::second_fullsync ? Event::cmd_second
                                                                         : Event::cmd_prim;
  apply(event, "start");
}

// The command that began this incarnation, or one given while it waited, cannot be carried out.
void Node::abort_start(std::string sentence) {
  tell(Rule::refused, 0, 0, sentence);
  log('E', "heart",
      std::string("Requested ") +
          (want_ == Want::second || want_ == Want::second_fullsync ? "second"
           : want_ == Want::start                                  ? "start"
                                                                   : "prim") +
          " start aborted");
  bool never_up = durable_.incarnation != incarnation_;
  bool back_to_stop = started_by_want_ || never_up;
  exit_reason_ = sentence;
  answer_wanted(false, std::move(sentence));
  want_ = Want::start, started_by_want_ = false;
  if (back_to_stop) down(Event::cmd_stop, "stop");
}

void Node::want(const Command& c, Event e, Want w) {
  const auto& row = transition(state(), e);
  if (row.kind != RowKind::go) return answer(c.id, row.kind == RowKind::ignore, row.comment);
  if (standing_ != Standing::idle) { // refused by the witness: the operator takes the decision over (control:M4)
    if (e == Event::cmd_prim && key_is() == KeyIs::foreign && w != Want::primforce)
      return answer(c.id, false, "the arbiter let the other node go on: start that node. primforce overrides it, and sets aside what the other node wrote since");
    key_.overrides = w == Want::primforce;
    if (e == Event::cmd_prim) continue_alone(Rule::M4);
    return answer(c.id, e == Event::cmd_prim,
                  e == Event::cmd_prim ? "" : "this node keeps its place in the pair and waits for the other node");
  }
  if (wanted_id_) answer_wanted(false, "another command took its place");
  refused_ = false;
  key_.known = key_.silent = false; // an operator wants to know what it holds now
  wanted_id_ = c.id, want_ = w;
}

void Node::command(const Command& c) {
  log('U', "heart",
      std::string("Action ") + verb_name(c.verb) + " called by " + (c.identity.empty() ? c.who : c.identity));
  if (ending_ && c.verb != Verb::forcestop) {
    bool stop = c.verb == Verb::stop;
    if (stop) restart_ = false;
    return answer(c.id, stop, stop ? "" : "the module is stopping: wait until it is stopped");
  }
  if (c.verb == Verb::restart || c.verb == Verb::stopstart) {
    auto e = c.verb == Verb::restart ? Event::cmd_restart : Event::cmd_stopstart;
    const auto& row = transition(state(), e);
    if (row.kind != RowKind::go) return answer(c.id, false, row.comment);
  }
  if (!within_maxloop(c.identity) && (c.verb == Verb::restart || c.verb == Verb::stopstart))
    return answer(c.id, false, "maxloop is reached: the module stops");
  switch (c.verb) {
  case Verb::start: return answer(c.id, true, "the module is already started");
  case Verb::prim: return want(c, Event::cmd_prim, Want::prim);
  case Verb::prim_fullsync: return want(c, Event::cmd_prim, Want::prim_fullsync);
  case Verb::primforce: return want(c, Event::cmd_prim, Want::primforce);
  case Verb::second: return want(c, Event::cmd_second, Want::second);
  case Verb::second_fullsync: return want(c, Event::cmd_second, Want::second_fullsync);
  case Verb::stop: down(Event::cmd_stop, "stop"); break;
  case Verb::forcestop: down(Event::cmd_forcestop, "forcestop"); break;
  case Verb::stopstart: down(Event::cmd_stopstart, "stopstart"); break;
  case Verb::restart: apply(Event::cmd_restart, "restart"); break;
  case Verb::swap: return swap(c);
  case Verb::failover_on:
  case Verb::failover_off:
  case Verb::errd_on:
  case Verb::errd_off: return settings(c);
  }
  answer(c.id, true, "");
}

void Node::swap(const Command& c) {
  const auto& row = transition(state(), Event::cmd_swap);
  if (row.kind != RowKind::go) return answer(c.id, false, row.comment);
  if (!proven() || verdict().who != Who::resume)
    return answer(c.id, false, "the other node is not in step: a swap needs PRIM Ready and SECOND Ready");
  if (standing_ == Standing::second) {
    wants_swap_ = beat_now_ = true;
    return answer(c.id, true, "");
  }
  if (!peer_->swap_ready)
    return answer(c.id, false, "the other node cannot take over now: one of its checkers is down, or it is busy");
  log('E', "heart", "Begin of Swap");
  swapping_ = true, leave_why_ = Why::goodbye;
  apply(Event::cmd_swap, "swap");
  answer(c.id, true, "");
}

void Node::down(Event e, const char* action) {
  bool again = e == Event::cmd_stopstart || e == Event::cmd_wait;
  if (ending_ && e != Event::cmd_forcestop) return;
  if (e == Event::cmd_forcestop && running_ && running_->ticket.value) running_->limit = now_; // killed, or left behind
  if (!apply(e, action)) return;
  ending_ = true, restart_ = again;
  leave_why_ = Why::goodbye;
  if (exit_reason_.empty()) exit_reason_ = action;
  if (role_ == Role::wait) wait(Wait::stopping, Rule::none, "stops", "a moment", "");
}

// Called by errd, checkers, failed mounts: counted (safekit 1.11).
void Node::detector(Event e, const std::string& identity) {
  if (ending_ || !begun_) return;
  const auto& row = transition(state(), e);
  auto name = std::string(e == Event::cmd_wait ? "wait" : event_name(e));
  if (row.kind != RowKind::go && e != Event::cmd_stop) {
    if (e != Event::cmd_restart || role_ == Role::wait || role_ == Role::stop) return;
    return; // restart while the state changes: the next poll asks again
  }
  log('E', "heart", "Action " + name + " called by " + identity);
  if (e != Event::cmd_stop && !within_maxloop(identity)) return;
  if (e == Event::cmd_restart)
    apply(e, "restart");
  else
    down(e, e == Event::cmd_stop ? "stop" : e == Event::cmd_wait ? "stopwait" : "stopstart");
}

// False: one too many; the module stops. An operator (no identity) resets the counter.
bool Node::within_maxloop(const std::string& identity) {
  const auto& service = config_.module.service;
  if (identity.empty()) {
    if (durable_.loop_count != 0) change({.kind = ChangeKind::settings, .loop_count = 0});
    return true;
  }
  auto interval_s = service.loop_interval.ns / 1'000'000'000;
  if (interval_s == 0) return true;
  auto now_s = now_.ns / 1'000'000'000;
  bool expired = now_s - durable_.loop_started_s > interval_s || now_s < durable_.loop_started_s;
  std::uint32_t count = expired ? 1 : durable_.loop_count + 1;
  if (count > service.maxloop && !mutated(Mutant::loops_not_counted)) {
    tell(Rule::maxloop, count);
    log('E', "heart", "Action stop called by maxloop");
    exit_reason_ = "maxloop";
    down(Event::cmd_stop, "stop");
    return false;
  }
  change({.kind = ChangeKind::settings, .loop_count = count});
  return true;
}

} // namespace lockstep
