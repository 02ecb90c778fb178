// Mirror's invariants (core/base/invariant.hpp), as core/node/invariants.hpp: facts before and after a step, and a pure check.
#pragma once
#include "core/base/invariant.hpp"
#include "core/mirror/io.hpp"
#include "core/mirror/mirror_state.hpp"
#include <optional>

namespace lockstep {

namespace invariant {
inline constexpr Invariant completes_in_permit{"completes-in-permit", "an operation completes only in the generation and the time that Node permits"};
inline constexpr Invariant completed_is_known{"completed-is-known", "what completes was executed, and SECOND has received it or a durable set counts it"};
inline constexpr Invariant mirror_knows_first{"mirror-knows-first", "PRIM executes what SECOND has received"};
inline constexpr Invariant stream_in_order{"stream-in-order", "the positions of the op stream keep their order, and none goes back"};
inline constexpr Invariant applies_what_is_decided{"applies-what-is-decided", "SECOND applies what is known to have happened, or all of it when it leaves"};
inline constexpr Invariant drained_as_target{"drained-as-target", "only the target of a copy is overwritten"};
inline constexpr Invariant checkpoint_is_flushed{"checkpoint-is-flushed", "a checkpoint moves when a flush worked, forward, and never after one that failed"};
inline constexpr Invariant marks_are_durable{"marks-are-durable", "the durable set counts what was written, and is erased when both checkpoints have passed it"};
inline constexpr Invariant mirror_bounds{"mirror-bounds", "operations in flight, the queue of SECOND and the memory set stay within their bounds"};
} // namespace invariant

struct MirrorFacts {
  Instant now;
  MirrorRole role = MirrorRole::idle;
  bool ready = false, leaving = false;
  std::uint64_t generation = 0, stream = 0, session = 0; // stream: its generation
  Incarnation peer;
  bool source = false, receives = false;
  order::Permit permit;
  // of the step
  std::uint64_t begun = 0, acknowledged = 0; // highest position executed from here, or completed with a peer; 0: none
  std::size_t completed = 0;                 // without an error
  bool uncounted = false;                    // one of them is in no set
  // positions
  std::uint64_t next = 1, sent_received = 0, sent_applied = 0, executed = 0, told = 0;
  std::uint64_t received = 0, receipted = 0, applied = 0;
  bool ahead = false; // something that is applied is not known to have happened
  Position checkpoint;
  std::size_t marks = 0;            // durable
  bool everything = false;
  std::uint64_t release_at = 0, both_flushed = 0;
  // bounds
  std::size_t in_flight = 0, most_in_flight = 0, recent = 0, most_recent = 0;
  std::uint64_t receipted_bytes = 0, most_bytes = 0, largest = 1u << 20; // a single operation may be larger than what is left
};

std::optional<Broken> check(const MirrorFacts& before, const MirrorFacts& after, const MirrorInput&, const MirrorEffects&);

} // namespace lockstep
