// The automaton's table: (state, event) -> what happens. Total: every pair is decided, by exactly one row. It drives
// Node (its steps are carried out in order, one at a time) and it prints itself as the documentation. Sources:
// safekit 1.3, 1.4, 5.3.
#pragma once
#include "core/wire/beat.hpp"
#include <string>
#include <vector>

namespace lockstep {

// Transient: the steps of the row that led here are still being carried out, or a copy is running.
enum class State : std::uint8_t {
  stop,
  wait_transient,
  wait_blocked,
  alone_transient,
  alone_ready,
  prim_transient,
  prim_ready,
  second_transient,
  second_ready,
};
inline constexpr std::size_t state_count = 9;

enum class Event : std::uint8_t {
  // operators and detectors
  cmd_start,
  cmd_prim,
  cmd_second,
  cmd_stop,
  cmd_stopstart,
  cmd_wait,
  cmd_forcestop,
  cmd_restart,
  cmd_swap,
  // lineage: each has its durable record behind it
  may_serve,    // a cold node has the right to serve (control:M1, M2, M4)
  follow,       // the other node serves and its data win: be its target
  synced,       // this target handed in its last step (control:R1 step 3)
  peer_synced,  // the other node is SECOND Ready
  alone,        // the pair is left and this node goes on (control:M2, M3, M5)
  consent,      // replication is broken: SECOND leaves the pair and says so (design 4 (b))
  yield,        // the other node's data win over what this one has
  refused,      // no witness answered
  source_gone,  // the source of the running copy is gone or another one
  failover_off, // PRIM is gone and failover is off (safekit 1.7)
};
inline constexpr std::size_t event_count = 19;

enum class Step : std::uint8_t {
  // scripts: nice, then the forced ones
  transition,
  prestart,
  start_both,
  start_prim,
  start_sec,
  start_second,
  stop_sec,
  stop_prim,
  stop_second,
  stop_both,
  force_sec,
  force_prim,
  force_second,
  force_both,
  poststop,
  // the state others see
  to_wait,
  to_alone,
  to_prim,
  to_second,
  to_stop,
  // the world
  mount_plain,
  mount_read_only,
  mount_replicate,
  vip_up,
  vip_down,
  // lineage
  fail_held,    // held writes end with an error (control:Y1)
  leave,        // Mirror hands over or quiesces, then the record says goodbye if there was a pair
  record_yield, // durable outdated (control:Y2)
  await_taken,  // until the other node has taken over, or a bound
  settled,      // nothing: the row is complete
  exit,
};

enum class RowKind : std::uint8_t {
  go,     // carry out the steps
  refuse, // an operator's mistake: said with the reason
  ignore, // nothing to do here
};

struct Transition {
  std::vector<State> from;
  Event event;
  RowKind kind;
  State to; // reached when the steps are done (go only)
  std::vector<Step> steps;
  const char* comment; // guard, or why it is refused or ignored
};

const std::vector<Transition>& transitions();
// The row of a pair. Never fails: totality is tested.
const Transition& transition(State, Event);
const char* state_name(State); // "WAIT Transient"
const char* event_name(Event);
const char* step_name(Step);
// The table as it is printed into the documentation.
std::string transitions_markdown();

} // namespace lockstep
