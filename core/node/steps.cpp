// Rows of the automaton's table, carried out one step at a time. A step either needs no answer, or waits for the result
// that quotes its ticket, or for a condition; every wait that a broken world could make endless has a limit.
#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/node/node.hpp"
#include <algorithm>

namespace lockstep {
namespace {
const Duration vip_limit = seconds(30);

bool is_script(Step s) { return s <= Step::poststop; }
bool is_nice_stop(Step s) { return s >= Step::stop_sec && s <= Step::stop_both; }
bool is_forced(Step s) { return s >= Step::force_sec && s <= Step::force_both; }
bool is_start(Step s) { return s >= Step::start_both && s <= Step::start_second; }

const char* script_of(Step s) {
  switch (s) {
  case Step::force_sec: return "stop_sec";
  case Step::force_prim: return "stop_prim";
  case Step::force_second: return "stop_second";
  case Step::force_both: return "stop_both";
  default: return step_name(s);
  }
}
std::optional<Role> role_step(Step s) {
  switch (s) {
  case Step::to_wait: return Role::wait;
  case Step::to_alone: return Role::alone;
  case Step::to_prim: return Role::prim;
  case Step::to_second: return Role::second;
  case Step::to_stop: return Role::stop;
  default: return std::nullopt;
  }
}
Role role_of(State s) {
  switch (s) {
  case State::stop: return Role::stop;
  case State::wait_transient:
  case State::wait_blocked: return Role::wait;
  case State::alone_transient:
  case State::alone_ready: return Role::alone;
  case State::prim_transient:
  case State::prim_ready: return Role::prim;
  case State::second_transient:
  case State::second_ready: return Role::second;
  }
  return Role::stop;
}
// For mutants: a row's order is its meaning.
void misplace(std::deque<Task>& tasks, Step step, bool to_front) {
  std::stable_partition(tasks.begin(), tasks.end(), [&](const Task& t) { return (t.step == step) == to_front; });
}
} // namespace

Sub Node::sub() const {
  switch (role_) {
  case Role::stop: return Sub::not_ready;
  case Role::wait: {
    bool on_the_way =
        busy() || wait_.kind == Wait::none || wait_.kind == Wait::starting || wait_.kind == Wait::stopping;
    return on_the_way ? Sub::transient : Sub::not_ready;
  }
  case Role::alone: return busy() || (standing_ == Standing::prim && lease_lost_) ? Sub::transient : Sub::ready;
  case Role::prim: return busy() || lease_lost_ || standing_ != Standing::prim ? Sub::transient : Sub::ready;
  case Role::second: return busy() || standing_ != Standing::second ? Sub::transient : Sub::ready;
  }
  return Sub::not_ready;
}

State Node::state() const {
  bool ready = sub() == Sub::ready;
  switch (role_) {
  case Role::stop: return State::stop;
  case Role::wait: return sub() == Sub::transient ? State::wait_transient : State::wait_blocked;
  case Role::alone: return ready ? State::alone_ready : State::alone_transient;
  case Role::prim: return ready ? State::prim_ready : State::prim_transient;
  case Role::second: return ready ? State::second_ready : State::second_transient;
  }
  return State::stop;
}

// Appends the row's steps. What leads down (stop, yield ...) replaces what was still to be done; what is running ends
// first.
bool Node::apply(Event e, const char* action) {
  if (ending_ && e != Event::cmd_forcestop) return false; // on the way to STOP nothing else begins
  const auto& row = transition(state(), e);
  if (row.kind != RowKind::go) return false;
  if (mutated(Mutant::state_without_edge) && e == Event::synced && role_ == Role::wait) return false;
  if (action) action_ = action;
  auto from = state();
  rows_taken_.push_back({from, e});
  bool down = role_of(row.to) == Role::stop || role_of(row.to) == Role::wait;
  if (down && from != State::stop && !row.steps.empty()) interrupt();
  // A pair that breaks while scripts of it still wait: what they were to do is what is done now, or is over.
  if (e == Event::alone) std::erase_if(tasks_, [](const Task& t) { return t.event == Event::alone || t.event == Event::peer_synced; });
  // A row that begins with the new state takes it at once, whatever scripts still run: the lineage is there already.
  std::size_t first = 0;
  if (!row.steps.empty()) {
    if (auto role = role_step(row.steps[0])) set_role(*role), first = 1;
  }
  for (auto i = first; i < row.steps.size(); ++i) tasks_.push_back({row.steps[i], e, from, row.to});
  if (mutated(Mutant::goodbye_before_stop)) misplace(tasks_, Step::leave, true);
  if (mutated(Mutant::mount_goes_first)) misplace(tasks_, Step::mount_read_only, true);
  if (mutated(Mutant::application_before_mount)) misplace(tasks_, Step::mount_replicate, false);
  return true;
}

// Not what stops the application of a former life: a start that is given up before must not leave it behind ((iii) 18).
void Node::interrupt() {
  std::erase_if(tasks_, [](const Task& t) { return t.step != Step::prestart; });
  if (!running_) return;
  auto limit = config_.module.user ? config_.module.user->nicestoptimeout : seconds(0);
  if (is_start(running_->task.step)) running_->limit = earlier(running_->limit, now_ + limit);
}

bool Node::carrying_out(Event e) const {
  if (!busy()) return false;
  return (running_ && running_->task.event == e) ||
         std::any_of(tasks_.begin(), tasks_.end(), [e](const Task& t) { return t.event == e; });
}

void Node::set_role(Role r) {
  if (role_ == r) return;
  role_ = r, beat_now_ = true;
  if (r != Role::wait) wait_ = {};
}

// True: something moved, ask again.
bool Node::pump_task() {
  if (running_) {
    if (!running_->ticket.value && waits_for_condition()) return finish_step(), true;
    return false;
  }
  if (tasks_.empty()) return false;
  running_ = Running{tasks_.front(), {}, {}, Instant::never(), false, false};
  tasks_.pop_front();
  if (!start_step()) finish_step();
  return true;
}

// In WAIT, and no member of the pair any more. A node that was refused has recorded nothing: what it keeps of the set is said now.
void Node::gave_place_up() {
  standing_ = Standing::idle;
  bool covers = quiesced_->second || mutated(Mutant::refused_claims_whole);
  bool whole = covers && durable_.state == Freshness::shared && !mutated(Mutant::refused_forgets_set);
  if (whole) change({.kind = ChangeKind::whole});
  quiesced_.reset();
}

// False: nothing to wait for.
bool Node::start_step() {
  auto step = running_->task.step;
  if (is_script(step)) return start_script(step);
  switch (step) {
  case Step::to_wait:
    if (quiesced_) gave_place_up();
    held_ended_ = false;
    [[fallthrough]];
  case Step::to_alone:
  case Step::to_prim:
  case Step::to_second:
  case Step::to_stop: set_role(*role_step(step)); return false;
  case Step::mount_plain: return start_mount(MountKind::plain);
  case Step::mount_read_only: return start_mount(MountKind::read_only);
  case Step::mount_replicate: return start_mount(MountKind::replicate);
  case Step::vip_up: return start_vip(true);
  case Step::vip_down: return start_vip(false);
  case Step::fail_held: return start_leave(true);
  case Step::leave: return start_leave(false);
  case Step::record_yield: return start_leave(true);
  case Step::await_taken: goodbye_until_ = now_ + liveness_.longest_timeout(); return true;
  case Step::settled:
    // The first beat of an incarnation: the application is stopped, the address gone ((iii) 18).
    if (!prepared_) prepared_ = true;
    return false;
  case Step::exit: return true; // what is still to be made durable first
  default: LOCKSTEP_ASSERT(!"scripts are started above"); return false;
  }
}

void Node::finish_step() { running_.reset(); }

// Current and next state, the first arguments of a script (safekit 5.2). A stop passes through WAIT.
std::pair<Role, Role> Node::script_states() const {
  const auto& t = running_->task;
  auto from = role_of(t.from), to = role_of(t.to);
  if (t.step == Step::prestart) return {Role::stop, Role::wait};
  if (to == Role::stop)
    return role_ == Role::stop || role_ == Role::wait ? std::pair{Role::wait, Role::stop}
                                                      : std::pair{role_, Role::wait};
  return t.step == Step::transition || is_nice_stop(t.step) || is_forced(t.step) ? std::pair{from, to}
                                                                                 : std::pair{to, to};
}

bool Node::start_script(Step step) {
  if (!config_.module.user) return false;
  if (mutated(Mutant::stop_skipped_at_yield) && running_->task.event == Event::yield) return false;
  auto name = script_of(step);
  if (is_nice_stop(step) || is_forced(step)) class_stopping(step);
  // A stop script runs for what was started, a start script for what was not; forced ones and the rest always.
  auto started = [&](Step s) -> bool* {
    switch (s) {
    case Step::start_both:
    case Step::stop_both: return &both_started_;
    case Step::start_prim:
    case Step::stop_prim: return &prim_started_;
    case Step::start_sec:
    case Step::stop_sec: return &sec_started_;
    case Step::start_second:
    case Step::stop_second: return &second_started_;
    default: return nullptr;
    }
  };
  if (auto* flag = started(step)) {
    if (*flag == is_start(step)) return false;
    *flag = is_start(step);
  }
  auto [current, next] = script_states();
  std::vector<std::string> args;
  if (is_forced(step)) args.push_back("force");
  args.insert(args.end(), {role_name(current), role_name(next), action_});
  running_->ticket = new_ticket();
  if (is_nice_stop(step)) running_->limit = now_ + config_.module.user->nicestoptimeout;
  if (is_forced(step) || step == Step::prestart || step == Step::poststop)
    running_->limit = now_ + config_.module.user->forcestoptimeout;
  emit(nfx::RunScript{running_->ticket, name, std::move(args)});
  return !mutated(Mutant::two_scripts_at_once);
}

void Node::handle(const nin::ScriptDone& in) {
  if (!running_ || running_->ticket != in.ticket) return stale(in.ticket);
  auto step = running_->task.step;
  // The exit code decides nothing (design 5); a nice stop that had to be killed is followed by the forced one at once.
  if (!in.absent) tell(Rule::script, in.exit_code, 0, script_of(step));
  if (is_nice_stop(step) && running_->killed_ticket.value) {
    auto forced = running_->task;
    forced.step = static_cast<Step>(static_cast<int>(step) - static_cast<int>(Step::stop_sec) +
                                    static_cast<int>(Step::force_sec));
    tasks_.push_front(forced);
  }
  finish_step();
  if (is_start(step) && !in.absent)
    class_started(step);
  else if (is_start(step) || step == Step::prestart)
    class_started(step);
}

// A script beyond its limit is killed; a mount or an address that does not answer is left behind.
void Node::check_step_limit() {
  if (!running_ || now_ < running_->limit) return;
  auto step = running_->task.step;
  if (is_script(step)) {
    if (running_->killed_ticket.value || mutated(Mutant::hung_script_is_awaited)) return;
    running_->killed_ticket = running_->ticket;
    running_->limit = Instant::never();
    tell(Rule::script_timeout, 0, 0, script_of(step));
    log('E', "userplug", std::string("Script ") + script_of(step) + " did not end in time and is killed");
    return emit(nfx::KillScript{running_->ticket});
  }
  tell(Rule::stale_ticket, static_cast<std::int64_t>(running_->ticket.value), 0, step_name(step));
  log('E', "heart", std::string("No answer in time: ") + step_name(step));
  if (step == Step::leave || step == Step::fail_held || step == Step::record_yield) {
    // Held operations may keep the stream from draining: they end with an error now (control:Y1).
    if (!running_->second_try && !quiesced_) {
      running_->second_try = true, running_->limit = now_ + seconds(60);
      return to_mirror(order::Quiesce{true});
    }
    // What SECOND gave its word for and did not carry out is missing in its copy (control:O1).
    if (!quiesced_) quiesced_ = {Position{}, false}, leave_complete_ = leave_complete_ && standing_ != Standing::second;
    running_->limit = Instant::never();
    return;
  }
  finish_step();
}

// Stop scripts and the mount wait for the application's writes, and held ones wait for the other node. A PRIM on its way out lets
// them wait until it is settled who goes on, and not for ever (control:Y1, (iii) 31).
Instant Node::hold_bound() const {
  bool holds = held_ && standing_ == Standing::prim && !held_ended_ && !quiesced_;
  return holds ? held_since_ + liveness_.longest_timeout() + config_.module.rfs->locktimeout : Instant::never();
}

void Node::watch_held() {
  if (hold_bound() == Instant::never()) return;
  auto ahead = [&](Step s) { return std::any_of(tasks_.begin(), tasks_.end(), [s](const Task& t) { return t.step == s; }); };
  bool behind_mount = running_ && running_->ticket.value && running_->task.step == Step::mount_read_only && ahead(Step::fail_held);
  bool leaves = ahead(Step::leave) || ahead(Step::record_yield);
  if (behind_mount || (leaves && now_ >= hold_bound())) end_held();
}

void Node::end_held() {
  if (hold_bound() == Instant::never() || mutated(Mutant::held_writes_stay)) return;
  if (continuing_ && continuing_->minting) return; // it goes on alone, and they with it
  continuing_.reset();
  held_ended_ = true;
  tell(Rule::Y1, (now_ - held_since_).in_ms());
  log('E', "heart", "Writes that were held end with an error: this node leaves, and nothing lets it go on alone");
  to_mirror(order::Quiesce{true});
}

bool Node::start_mount(MountKind kind) {
  if (!has_rfs() || mount_ == kind) return false;
  running_->ticket = new_ticket();
  bool force = ending_ && action_ == "forcestop";
  emit(nfx::MountFor{running_->ticket, kind, force});
  return true;
}

void Node::handle(const nin::MountDone& in) {
  if (aside_ == Aside::marking && aside_ticket_ == in.ticket) { // of MarkDirs
    aside_ = Aside::none;
    if (in.ok) return;
    marked_dirs_ = boot_.dirs_uid;
    return wait(Wait::directory, Rule::dir_missing,
                "a replicated directory cannot be marked as part of the data set: " + in.problem,
                "a directory that can be written", "repair it, then restart the module");
  }
  if (!running_ || running_->ticket != in.ticket) return stale(in.ticket);
  auto step = running_->task.step;
  auto kind = step == Step::mount_replicate ? MountKind::replicate
              : step == Step::mount_plain   ? MountKind::plain
                                            : MountKind::read_only;
  if (!in.ok) {
    log('C', "rfsplug",
        "The replicated directories cannot be made " + std::string(step_name(step)) + ": " + in.problem);
    if (!running_->second_try && kind != MountKind::replicate) {
      running_->second_try = true, running_->ticket = new_ticket();
      return emit(nfx::MountFor{running_->ticket, kind, true});
    }
    finish_step();
    if (kind == MountKind::replicate) detector(Event::cmd_stopstart, "rfs");
    return;
  }
  mount_ = kind;
  finish_step();
  if (kind == MountKind::replicate) log('E', "rfsplug", "Uptodate replicated file system");
}

bool Node::start_vip(bool up) {
  if (config_.module.vip.interfaces.empty()) return false;
  vip_wanted_ = up;
  if (mutated(Mutant::address_stays) && !up) return vip_raised_ = false;
  running_->ticket = new_ticket(), running_->limit = now_ + vip_limit;
  if (!up) {
    vip_raised_ = false;
    emit(nfx::DropVip{running_->ticket});
    return true;
  }
  if (!lease_holds(now_)) return running_->ticket = {}, false; // refresh_vip raises it when the lease is back
  vip_raised_ = true;
  vip_next_ = now_ + liveness_.shortest_pulse();
  auto until = standing_ == Standing::prim ? earlier(liveness_.lease_until(), now_ + liveness_.longest_timeout())
                                           : now_ + liveness_.longest_timeout();
  emit(nfx::RaiseVip{running_->ticket, until, true});
  return true;
}

void Node::handle(const nin::VipDone& in) {
  bool mine = running_ && running_->ticket == in.ticket;
  if (!in.ok) {
    log('C', "vipplug", "The virtual address: " + in.problem);
    tell(Rule::vip, 0, 0, in.problem);
  }
  if (mine) finish_step();
  if (!in.ok && vip_wanted_) detector(Event::cmd_stopstart, "vip");
}

// leave: hand over as PRIM of a pair, quiesce as anything else. fail_held: what is held ends with an error.
bool Node::start_leave(bool fail_held) {
  if (continuing_ && continuing_->minting) return true; // being made durable: what it was on the way to comes first
  continuing_.reset();
  if (standing_ == Standing::idle) return false;
  running_->asked = true;
  if (quiesced_) return true;
  auto patience = config_.module.user ? config_.module.user->forcestoptimeout : seconds(60);
  running_->limit = now_ + patience;
  if (fail_held || standing_ != Standing::prim)
    to_mirror(order::Quiesce{fail_held});
  else
    running_->limit = earlier(running_->limit, now_ + liveness_.longest_timeout()), to_mirror(order::HandOver{});
  return true;
}

bool Node::waits_for_condition() {
  switch (running_->task.step) {
  case Step::fail_held:
    if (!running_->asked) return !start_leave(true);
    return quiesced_.has_value();
  case Step::leave:
    if (!running_->asked) return !start_leave(false);
    return quiesced_ && leave_recorded();
  case Step::record_yield:
    if (!running_->asked) return !start_leave(true);
    return quiesced_ && yield_recorded();
  case Step::await_taken: return taken_over();
  case Step::exit:
    if (persisting() && persist_failures_ < 3) return false;
    finish_exit();
    return true;
  default: return false;
  }
}

// The durable half of leaving: outdated if there was a pair; who was alone keeps own.
bool Node::leave_recorded() {
  auto kind = leave_why_ == Why::consent        ? ChangeKind::consent
              : leave_why_ == Why::failover_off ? ChangeKind::failover_off
                                                : ChangeKind::goodbye;
  if (changing(kind)) {
    if (persist_failures_ < 3) return false;
    changes_.clear(); // leaves without a goodbye: the other node waits for silence
    return true;
  }
  bool pair = standing_ == Standing::prim || standing_ == Standing::second;
  if (!pair || durable_.state == Freshness::own) return true;
  if (changing(ChangeKind::mint)) return false;
  // With an arbiter PRIM keeps its place then, and may ask for it at its next start (control:E1).
  if (standing_ == Standing::prim && kind == ChangeKind::goodbye && etcd() && now_ >= liveness_.silent_from()) return true;
  // A PRIM that stops while the other node is silent: nobody hears a goodbye, and nobody takes over (control:M5).
  bool none = config_.module.check.splitbrain.mode == ArbiterMode::none;
  if (standing_ == Standing::prim && kind == ChangeKind::goodbye && none && now_ >= liveness_.silent_from() &&
      durable_.state == Freshness::shared) {
    change({.kind = ChangeKind::mint, .rule = Rule::M5, .as = MintedAs::prim, .covers = quiesced_->second});
    return false;
  }
  if (durable_.state == Freshness::shared) {
    change({.kind = kind, .covers = quiesced_->second, .complete = leave_complete_});
    return false;
  }
  if (kind == ChangeKind::goodbye && durable_.state == Freshness::outdated)
    goodbye_ = swapping_ ? Goodbye::swap : Goodbye::stop, goodbye_last_ = quiesced_->first;
  if (kind == ChangeKind::failover_off) goodbye_ = Goodbye::failover_off, goodbye_last_ = quiesced_->first;
  beat_now_ = true;
  return true;
}

bool Node::yield_recorded() {
  if (changing(ChangeKind::yield)) return false;
  if (mutated(Mutant::yield_not_durable)) return true;
  if (durable_.state == Freshness::outdated && durable_.why == Why::yield) return true;
  if (durable_.state == Freshness::inconsistent) return true;
  change({.kind = ChangeKind::yield, .covers = quiesced_->second, .complete = leave_complete_});
  return false;
}

// A goodbye is repeated until the other node has minted, or is silent, or a bound. A stopping writer whose peer left
// too keeps the right to serve (control:GB2).
bool Node::taken_over() {
  if (changing(ChangeKind::mint)) return false;
  if (goodbye_ == Goodbye::none || durable_.state != Freshness::outdated || !hearing() || now_ >= goodbye_until_)
    return true;
  if (!proven()) return false;
  if (peer_->record.g != durable_.g && in_chain(peer_->record, durable_.g)) return true;
  bool whole = leave_complete_ || !peer_->record.complete; // else the other one has what this disk may lack (control:S4)
  if (durable_.g.minted_by == durable_.node_uid && peer_consents() && whole && !mutated(Mutant::stopping_writer_forgets)) {
    change({.kind = ChangeKind::mint, .rule = Rule::GB2, .as = MintedAs::prim, .covers = durable_.covers});
    return false;
  }
  return false;
}

void Node::finish_exit() {
  emit(nfx::WatchProcesses{false});
  report_state();
  if (wanted_id_) answer_wanted(false, "the module was stopped");
  ended_ = true;
  emit(nfx::Exit{restart_, exit_reason_});
}

} // namespace lockstep
