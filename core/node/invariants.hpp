// Node's invariants (core/base/invariant.hpp). The facts are taken before and after a step; the check is a function of both, of what went
// in and of what came out. A broken one is a bug of ours: the host carries out nothing of that step (Life::break_off).
#pragma once
#include "core/base/invariant.hpp"
#include "core/node/node_state.hpp"
#include <optional>
#include <vector>

namespace lockstep {

namespace invariant {
// persist.cpp: what is made durable
inline constexpr Invariant record_in_order{"record-in-order", "records are written one after the other, one revision later, by the node they belong to"};
inline constexpr Invariant generation_grows{"generation-grows", "the counter of a generation falls only where the lineage of a source is adopted"};
inline constexpr Invariant own_by_mint{"own-by-mint", "own is recorded only with a new generation, minted here"};
inline constexpr Invariant shared_by_handing_over{"shared-by-handing-over", "shared follows own or resynced of the same generation"};
inline constexpr Invariant inconsistent_stays{"inconsistent-stays", "half-copied data are healed by their source, or forced by an operator"};
inline constexpr Invariant one_candidate{"one-candidate", "the arbiter is asked for one generation at a time, an operator's voids the node's own, and it is taken when the key was seen to hold it"};
inline constexpr Invariant right_to_go_on{"right-to-go-on", "a member leaves its pair by consent, by the arbiter, by an operator, or by the silence its mode allows"};
// what is said and served
inline constexpr Invariant claims_what_is_durable{"claims-what-is-durable", "a heartbeat claims the durable record"};
inline constexpr Invariant echo_lease{"echo-lease", "the lease runs from a beat of this life that a SECOND proved to have heard"};
inline constexpr Invariant permit_in_lease{"permit-in-lease", "Mirror may complete alone when own is durable, in a pair within the lease, else not"};
inline constexpr Invariant serves_what_it_wrote{"serves-what-it-wrote", "only PRIM or ALONE serves, in a generation of its own, on a replicated tree"};
inline constexpr Invariant address_in_lease{"address-in-lease", "the address is up in PRIM or ALONE, no longer than its lease, and goes by an order"};
// the automaton
inline constexpr Invariant role_by_row{"role-by-row", "a role changes by a step of a row of the automaton's table"};
inline constexpr Invariant one_script{"one-script", "a script starts when the one before it has ended"};
inline constexpr Invariant mount_fits{"mount-fits", "WAIT, SECOND and STOP at rest do not offer the replicated tree"};
// the arbiter
inline constexpr Invariant store_goes_on{"store-goes-on", "the arbiter's store is never believed at an older revision than one seen"};
inline constexpr Invariant asks_what_it_may{"asks-what-it-may", "the key is replaced by what is durable here, from a value that this node descends from"};
inline constexpr Invariant node_bounds{"node-bounds", "history, voided generations, tasks, changes and effects stay within their bounds"};
} // namespace invariant

// What the checks look at. Pointers are into the node, valid until its next step.
struct NodeFacts {
  Instant now;
  Role role = Role::stop;
  Standing standing = Standing::idle;
  bool busy = false, serving = false, replicates = true, address = false, script = false;
  MountKind mount = MountKind::plain;
  std::uint8_t roles_ahead = 0; // a bit for each role that the tasks to be done lead to
  Rule going_on = Rule::none; // by which right it is about to go on alone
  bool writes_record = false;
  LifeId life;
  Instant echo_sent = Instant::distant_past(); // of the newest own beat that a SECOND proved to have heard
  Duration longest_timeout;
  ArbiterMode mode = ArbiterMode::none;
  bool witness_accepted = false, forced = false; // forced: primforce
  std::uint64_t arbiter_revision = 0;
  bool store_went_back = false;
  std::size_t tasks = 0, changes = 0;
  const Record* record = nullptr; // durable
  const Change* change = nullptr; // being made durable
  const Beat* peer = nullptr;
  const ArbiterKey* key = nullptr;
  const std::vector<std::pair<State, Event>>* rows = nullptr; // taken in the step
};

std::optional<Broken> check(const NodeFacts& before, const NodeFacts& after, const NodeInput&, const NodeEffects&);

} // namespace lockstep
