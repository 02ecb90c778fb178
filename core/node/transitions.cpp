#include "core/node/transitions.hpp"
#include "core/base/assert.hpp"
#include <algorithm>

namespace lockstep {
namespace {
using S = State;
using E = Event;
using P = Step;
using Steps = std::vector<Step>;
using States = std::vector<State>;

const States waits{S::wait_transient, S::wait_blocked};
const States alones{S::alone_transient, S::alone_ready};
const States prims{S::prim_transient, S::prim_ready};
const States seconds{S::second_transient, S::second_ready};

template <class... Lists>
States join(const Lists&... lists) {
  States all;
  (all.insert(all.end(), lists.begin(), lists.end()), ...);
  return all;
}
const States running = join(alones, prims, seconds);
const States up = join(waits, running);
const States all = join(States{S::stop}, up);
States without(States from, const States& out) {
  std::erase_if(from, [&](State s) { return std::find(out.begin(), out.end(), s) != out.end(); });
  return from;
}

Steps operator+(Steps a, const Steps& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
// A stop script runs only for what was started, a start script only for what was not: the lists name all that can
// apply.
const Steps nice{P::stop_sec, P::stop_prim, P::stop_second, P::stop_both};
const Steps force{P::force_sec, P::force_prim, P::force_second, P::force_both};
// The application first, then the address, then the mount (which hands over every dirty page, data:T23), then the
// stream is drained and the record says goodbye; only then may the other side start (design 5).
const Steps give_up_role{P::transition, P::vip_down, P::mount_read_only, P::leave, P::to_wait};
const Steps to_end = force + Steps{P::mount_plain, P::await_taken, P::poststop, P::to_stop, P::transition, P::exit};
const Steps stop_all = nice + give_up_role + to_end;
const Steps stop_by_force = Steps{P::fail_held} + force + give_up_role + to_end;
const Steps yield_role =
    nice + Steps{P::transition, P::vip_down, P::mount_read_only} + force + Steps{P::record_yield, P::to_wait};

std::vector<Transition> make_table() {
  using O = RowKind;
  const auto to_wait = S::wait_transient;
  return {
      // ---- starting
      {{S::stop},
       E::cmd_start,
       O::go,
       to_wait,
       {P::to_wait, P::transition, P::prestart, P::vip_down, P::mount_read_only, P::settled},
       "the first beat leaves when this is done and the incarnation is durable"},
      {{S::stop},
       E::cmd_prim,
       O::go,
       to_wait,
       {P::to_wait, P::transition, P::prestart, P::vip_down, P::mount_read_only, P::settled},
       "then serves, unless the other node already does or the data is inconsistent"},
      {{S::stop},
       E::cmd_second,
       O::go,
       to_wait,
       {P::to_wait, P::transition, P::prestart, P::vip_down, P::mount_read_only, P::settled},
       "then copies from the other node, which must serve"},
      {up, E::cmd_start, O::ignore, {}, {}, "already started"},
      {waits,
       E::cmd_prim,
       O::go,
       to_wait,
       {},
       "serves, unless the other node already does or the data is inconsistent"},
      {join(alones, prims), E::cmd_prim, O::ignore, {}, {}, "already primary"},
      {seconds, E::cmd_prim, O::refuse, {}, {}, "this node is secondary: use swap, or stop the other node"},
      {waits, E::cmd_second, O::go, to_wait, {}, "copies from the other node, which must serve"},
      {join(alones, prims), E::cmd_second, O::refuse, {}, {}, "this node is primary: stop it first, or use swap"},
      {seconds, E::cmd_second, O::ignore, {}, {}, "already secondary"},
      // ---- stopping
      {{S::stop}, E::cmd_stop, O::ignore, {}, {}, "already stopped"},
      {up, E::cmd_stop, O::go, S::stop, stop_all,
       "goodbye only if there was a pair; otherwise the right to serve is kept"},
      {{S::stop}, E::cmd_stopstart, O::refuse, {}, {}, "the module is stopped: use start"},
      {up, E::cmd_stopstart, O::go, S::stop, stop_all, "then starts again automatically"},
      {{S::stop}, E::cmd_wait, O::ignore, {}, {}, "a checker of a stopped module"},
      {waits, E::cmd_wait, O::ignore, {}, {}, "waits already"},
      {running, E::cmd_wait, O::go, S::stop, stop_all, "then starts again and is blocked until the resource is up"},
      {{S::stop}, E::cmd_forcestop, O::ignore, {}, {}, "already stopped"},
      {up, E::cmd_forcestop, O::go, S::stop, stop_by_force,
       "held writes end with an error, then only forced stop scripts"},
      // ---- restart and swap
      {{S::stop}, E::cmd_restart, O::refuse, {}, {}, "the module is stopped: use start"},
      {waits, E::cmd_restart, O::refuse, {}, {}, "nothing is running: the module waits"},
      {{S::alone_transient, S::prim_transient, S::second_transient},
       E::cmd_restart,
       O::refuse,
       {},
       {},
       "the module is changing its state: try again when it is Ready"},
      {{S::alone_ready},
       E::cmd_restart,
       O::go,
       S::alone_ready,
       nice + Steps{P::start_both, P::start_prim, P::start_sec, P::settled},
       "scripts only"},
      {{S::prim_ready},
       E::cmd_restart,
       O::go,
       S::prim_ready,
       nice + Steps{P::start_both, P::start_prim, P::settled},
       "scripts only"},
      {{S::second_ready},
       E::cmd_restart,
       O::go,
       S::second_ready,
       nice + Steps{P::start_both, P::start_second, P::start_sec, P::settled},
       "scripts only"},
      {{S::prim_ready},
       E::cmd_swap,
       O::go,
       to_wait,
       Steps{P::stop_sec, P::stop_prim, P::force_prim, P::transition, P::vip_down, P::mount_read_only, P::leave,
             P::to_wait, P::settled},
       "if SECOND says it will take over; then this node copies back and is SECOND"},
      {{S::second_ready}, E::cmd_swap, O::go, S::second_ready, {}, "asks PRIM to do it"},
      {without(all, {S::prim_ready, S::second_ready}),
       E::cmd_swap,
       O::refuse,
       {},
       {},
       "a swap needs PRIM Ready and SECOND Ready"},
      // ---- serving
      {waits,
       E::may_serve,
       O::go,
       S::alone_ready,
       {P::to_alone, P::mount_replicate, P::vip_up, P::transition, P::start_both, P::start_prim, P::start_sec,
        P::settled},
       "own is durable (control:M1, M2, M4)"},
      {without(all, waits), E::may_serve, O::ignore, {}, {}, "only a cold node asks"},
      {alones,
       E::peer_synced,
       O::go,
       S::prim_ready,
       {P::to_prim, P::stop_sec, P::transition, P::settled},
       "shared is durable on both nodes (control:R1)"},
      {without(all, alones), E::peer_synced, O::ignore, {}, {}, "only the source of a copy pairs"},
      {prims,
       E::alone,
       O::go,
       S::alone_ready,
       {P::to_alone, P::mount_replicate, P::vip_up, P::transition, P::start_both, P::start_prim, P::start_sec,
        P::settled},
       "the application keeps running; an unfinished swap is undone"},
      {seconds,
       E::alone,
       O::go,
       S::alone_ready,
       {P::to_alone, P::mount_replicate, P::vip_up, P::stop_second, P::transition, P::start_both, P::start_prim,
        P::start_sec, P::settled},
       "everything received is applied and flushed, own is durable (data:D10)"},
      {waits,
       E::alone,
       O::go,
       S::alone_ready,
       {P::to_alone, P::mount_replicate, P::vip_up, P::transition, P::start_both, P::start_prim, P::start_sec,
        P::settled},
       "refused by the witness, then the other node consents"},
      {join(States{S::stop}, alones), E::alone, O::ignore, {}, {}, "there is no pair to leave"},
      // ---- following
      {waits,
       E::follow,
       O::go,
       S::second_transient,
       {P::to_second, P::transition, P::start_both, P::start_second, P::start_sec, P::settled},
       "inconsistent is durable; what will be lost is aside (data:T25)"},
      {without(all, waits), E::follow, O::ignore, {}, {}, "only a waiting node follows"},
      {seconds, E::synced, O::go, S::second_ready, {P::to_second, P::settled}, "shared is durable (control:R1 step 3)"},
      {waits,
       E::synced,
       O::go,
       S::second_ready,
       {P::to_second, P::transition, P::start_both, P::start_second, P::start_sec, P::settled},
       "refused by the witness, then the pair resumed (control:S2)"},
      {without(all, join(waits, seconds)), E::synced, O::ignore, {}, {}, "only a target hands in"},
      {{S::second_transient},
       E::source_gone,
       O::go,
       to_wait,
       nice + Steps{P::transition, P::leave, P::to_wait, P::settled},
       "stays inconsistent until the next copy"},
      {without(all, {S::second_transient}), E::source_gone, O::ignore, {}, {}, "no copy is running"},
      // ---- leaving a pair without the right to go on
      {seconds, E::consent, O::go, to_wait, Steps{P::leave, P::to_wait} + nice + Steps{P::transition, P::settled},
       "outdated is durable before it is said (control:R2)"},
      {without(all, seconds), E::consent, O::ignore, {}, {}, "only SECOND consents"},
      {seconds, E::failover_off, O::go, to_wait, Steps{P::leave, P::to_wait} + nice + Steps{P::transition, P::settled},
       "keeps complete: prim lists its generation ((iii) 13)"},
      {waits, E::failover_off, O::go, to_wait, {P::leave, P::to_wait, P::settled},
       "refused by the witness, then failover was switched off: its place in the pair is given up"},
      {without(all, join(waits, seconds)), E::failover_off, O::ignore, {}, {}, "only SECOND would take over"},
      {seconds, E::yield, O::go, to_wait, yield_role, "the other node went on with newer data"},
      {join(alones, prims), E::yield, O::go, to_wait, yield_role, "split brain recovery: exiting alone (control:Y2)"},
      {waits,
       E::yield,
       O::go,
       to_wait,
       {P::record_yield, P::to_wait, P::settled},
       "refused by the witness, then the other node went on: its place in the pair is given up"},
      {{S::stop}, E::yield, O::ignore, {}, {}, "nothing to give up"},
      // A source whose copy is whole and recorded, and whose new SECOND was lost before it said so, is ALONE by its name only.
      {join(alones, prims), E::refused, O::go, S::wait_blocked,
       Steps{P::vip_down, P::fail_held} + nice + Steps{P::transition, P::mount_read_only} + force +
           Steps{P::to_wait, P::settled},
       "held writes end with an error first (control:Y1)"},
      {seconds, E::refused, O::go, S::wait_blocked, nice + Steps{P::transition, P::to_wait, P::settled},
       "keeps all it received, and its place in the pair"},
      {join(States{S::stop}, waits), E::refused, O::ignore, {}, {}, "only a pair asks"},
  };
}
} // namespace

const std::vector<Transition>& transitions() {
  static const auto table = make_table();
  return table;
}

const Transition& transition(State s, Event e) {
  for (const auto& t : transitions())
    if (t.event == e && std::find(t.from.begin(), t.from.end(), s) != t.from.end()) return t;
  LOCKSTEP_ASSERT(!"every pair of state and event has a row");
  return transitions().front();
}

const char* state_name(State s) {
  switch (s) {
  case S::stop: return "STOP NotReady";
  case S::wait_transient: return "WAIT Transient";
  case S::wait_blocked: return "WAIT NotReady";
  case S::alone_transient: return "ALONE Transient";
  case S::alone_ready: return "ALONE Ready";
  case S::prim_transient: return "PRIM Transient";
  case S::prim_ready: return "PRIM Ready";
  case S::second_transient: return "SECOND Transient";
  case S::second_ready: return "SECOND Ready";
  }
  return "?";
}

const char* event_name(Event e) {
  switch (e) {
  case E::cmd_start: return "start";
  case E::cmd_prim: return "prim";
  case E::cmd_second: return "second";
  case E::cmd_stop: return "stop";
  case E::cmd_stopstart: return "stopstart";
  case E::cmd_wait: return "wait";
  case E::cmd_forcestop: return "forcestop";
  case E::cmd_restart: return "restart";
  case E::cmd_swap: return "swap";
  case E::may_serve: return "may serve";
  case E::follow: return "follow";
  case E::synced: return "synced";
  case E::peer_synced: return "peer synced";
  case E::alone: return "alone";
  case E::consent: return "consent";
  case E::yield: return "yield";
  case E::refused: return "refused";
  case E::source_gone: return "source gone";
  case E::failover_off: return "failover off";
  }
  return "?";
}

const char* step_name(Step p) {
  switch (p) {
  case P::transition: return "transition";
  case P::prestart: return "prestart";
  case P::start_both: return "start_both";
  case P::start_prim: return "start_prim";
  case P::start_sec: return "start_sec";
  case P::start_second: return "start_second";
  case P::stop_sec: return "stop_sec";
  case P::stop_prim: return "stop_prim";
  case P::stop_second: return "stop_second";
  case P::stop_both: return "stop_both";
  case P::force_sec: return "stop_sec force";
  case P::force_prim: return "stop_prim force";
  case P::force_second: return "stop_second force";
  case P::force_both: return "stop_both force";
  case P::poststop: return "poststop";
  case P::to_wait: return "WAIT";
  case P::to_alone: return "ALONE";
  case P::to_prim: return "PRIM";
  case P::to_second: return "SECOND";
  case P::to_stop: return "STOP";
  case P::mount_plain: return "directory plain";
  case P::mount_read_only: return "directory read-only";
  case P::mount_replicate: return "directory replicated";
  case P::vip_up: return "address up";
  case P::vip_down: return "address down";
  case P::fail_held: return "held writes end";
  case P::leave: return "drain and say goodbye";
  case P::record_yield: return "yield durable";
  case P::await_taken: return "wait until taken over";
  case P::settled: return "done";
  case P::exit: return "exit";
  }
  return "?";
}

std::string transitions_markdown() {
  std::string out = "| state | event | outcome | then | steps | remark |\n|---|---|---|---|---|---|\n";
  for (const auto& t : transitions()) {
    std::string from, steps;
    for (auto s : t.from) from += (from.empty() ? "" : ", ") + std::string(state_name(s));
    for (auto p : t.steps) steps += (steps.empty() ? "" : " · ") + std::string(step_name(p));
    const char* outcome = t.kind == RowKind::go ? "go" : t.kind == RowKind::refuse ? "refuse" : "ignore";
    out += "| " + from + " | " + event_name(t.event) + " | " + outcome + " | " +
           (t.kind == RowKind::go ? state_name(t.to) : "-") + " | " + steps + " | " + t.comment + " |\n";
  }
  return out;
}

} // namespace lockstep
