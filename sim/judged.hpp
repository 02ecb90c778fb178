// Whether the machines' own invariants judge a run. Off only while planted bugs are hunted that an invariant would notice first: what is
// asked then is whether the oracles and the exhaustive search notice them too.
#pragma once

namespace lockstep::sim {
inline bool invariants_judge = true;
} // namespace lockstep::sim
