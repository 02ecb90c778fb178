// The judges by name and sentence (dst 4.2, 4.3).
#pragma once
#include "core/base/time.hpp"
#include <string>

namespace lockstep::sim {

struct Oracle {
  const char* name;
  const char* sentence;
};
struct Violation {
  const Oracle* oracle = nullptr;
  Instant at;
  std::string what;
};

namespace oracle {
inline constexpr Oracle S1{"S1", "one writer per generation"};
inline constexpr Oracle S2{"S2", "at most one node serves, except in a documented split brain"};
inline constexpr Oracle S3{"S3", "no acknowledged operation is lost"};
inline constexpr Oracle S4{"S4", "no node is promoted that lacks an acknowledged operation"};
inline constexpr Oracle S5{"S5", "a node that calls itself up to date has every acknowledged operation"};
inline constexpr Oracle S6{"S6", "exclusion is durable before it is used"};
inline constexpr Oracle S7{"S7", "the right to start alone ends before the peer counts as in sync"};
inline constexpr Oracle S8{"S8", "operations are applied only by a node that follows their source"};
inline constexpr Oracle S9{"S9", "operations are applied in the order they were sent"};
inline constexpr Oracle S10{"S10", "inconsistent is durable before the first byte is overwritten"};
inline constexpr Oracle S11{"S11", "a resynchronisation ends with equal trees"};
inline constexpr Oracle S12{"S12", "the arbiter's key goes only to a node that has every acknowledged operation"};
inline constexpr Oracle S13{"S13", "the address is up on one node, and only where it is served"};
inline constexpr Oracle S14{"S14", "scripts never overlap; the application runs only on an intercepted tree"};
inline constexpr Oracle S15{"S15", "ready only in PRIM or ALONE, within the lease"};
inline constexpr Oracle S16{"S16", "the arbiter's key changes only by compare-and-set from what its asker descends from, to what it has recorded"};
inline constexpr Oracle S17{"S17", "incarnation, revision and heartbeat number never go back"};
inline constexpr Oracle S18{"S18", "queues and lists keep their bounds"};
inline constexpr Oracle S19{"S19", "a split brain is detected and never merged silently"};
inline constexpr Oracle cover{"I-cover", "whatever may differ is in a set that will be looked at"};
inline constexpr Oracle live{"L1", "after repair the pair is PRIM and SECOND, Ready, or waits for a named reason"};
inline constexpr Oracle mirror_first{"S3m", "what was acknowledged in a pair, the secondary has received"};
inline constexpr Oracle determinism{"S20", "the same plan has the same effects"};
inline constexpr Oracle expected{"expect", "a plan's own expectation"};
inline constexpr Oracle busy{"S18b", "a core that does nothing but wake itself"};
} // namespace oracle

} // namespace lockstep::sim
