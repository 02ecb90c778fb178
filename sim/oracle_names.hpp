// The judges by name and sentence (dst 4.2, 4.3). What each really looks at is in the file named here.
#pragma once
#include "core/base/invariant.hpp"
#include "core/base/time.hpp"
#include <string>

namespace lockstep::sim {

// What the cores check about themselves after every step (core/node, core/mirror: invariants.hpp) judges here as well.
using Oracle = Invariant;
struct Violation {
  const Oracle* oracle = nullptr;
  Instant at;
  std::string what;
};

namespace oracle {
// oracles_lineage.cpp
inline constexpr Oracle S1{"S1", "one writer per generation"};
inline constexpr Oracle S6{"S6", "exclusion is durable before it is used, and nobody goes on alone beside a node that it hears"};
inline constexpr Oracle S7{"S7", "the right to start alone ends before the peer counts as in sync"};
inline constexpr Oracle S17{"S17", "incarnation, revision and heartbeat number never go back"};
inline constexpr Oracle S19{"S19", "a split brain is detected, and what only one node has is set aside before it is overwritten"};
// oracles_service.cpp
inline constexpr Oracle S2{"S2", "at most one node serves; two only where each was left alone, until they hear each other"};
inline constexpr Oracle S13{"S13", "the address is up on one node, and only where it is served"};
inline constexpr Oracle S14{"S14", "scripts never overlap; the application runs and writes only on an intercepted tree"};
inline constexpr Oracle S15{"S15", "ready in PRIM or ALONE, settled, within the lease, on an intercepted tree, and only there"};
// oracles_data.cpp
inline constexpr Oracle S3{"S3", "no acknowledged operation is lost"};
inline constexpr Oracle S4{"S4", "no node is promoted that lacks an acknowledged operation"};
inline constexpr Oracle S5{"S5", "a record that says complete is of a node that has every acknowledged operation"};
inline constexpr Oracle S10{"S10", "inconsistent is durable before the first byte is overwritten, and never serves"};
inline constexpr Oracle S11{"S11", "a resynchronisation ends with equal trees"};
// oracles_arbiter.cpp
inline constexpr Oracle S12{"S12", "the arbiter's key goes only to a node that has every acknowledged operation"};
inline constexpr Oracle S16{"S16", "the arbiter's key changes only by compare-and-set from what its asker descends from, to what it has recorded"};
inline constexpr Oracle mirror_first{"S3m", "what the application was told in a pair, the secondary knows: received if it was done, heard of if it failed"};
inline constexpr Oracle cover{"I-cover", "whatever may differ is in a set that will be looked at"};
// stream_order.cpp
inline constexpr Oracle S8{"S8", "operations are applied only from the incarnation and generation that is followed"};
inline constexpr Oracle S9{"S9", "operations are applied in the order they were sent, none without its predecessors"};
// oracles_liveness.cpp
inline constexpr Oracle live{"L1", "after repair the pair is PRIM and SECOND, Ready, or waits for a named reason"};
inline constexpr Oracle L2{"L2", "an up-to-date node that is left alone goes on within timeout, lease and scripts"};
inline constexpr Oracle L3{"L3", "after repair no node changes more than twice between primary and not"};
inline constexpr Oracle L4{"L4", "every operation of the application completes or fails in bounded time"};
inline constexpr Oracle L5{"L5", "a stop ends within the time limits of its scripts"};
inline constexpr Oracle L6{"L6", "a broken connection that comes back does not begin a copy again"};
inline constexpr Oracle L6f{"L6f", "after the first pair everything is copied again only if a disk, a memory or a history went wrong"};
inline constexpr Oracle L7{"L7", "who waits for an operator has a reason from the closed list, and it is true"};
// world.cpp, main.cpp
inline constexpr Oracle busy{"S18b", "no core keeps waking itself"};
inline constexpr Oracle determinism{"S20", "the same plan has the same effects"};
inline constexpr Oracle asserted{"assert", "the core's own assertions hold"};
inline constexpr Oracle expected{"expect", "a plan's own expectation"};
} // namespace oracle

} // namespace lockstep::sim
