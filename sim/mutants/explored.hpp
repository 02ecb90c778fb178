// Planted bugs that the exhaustive search must find within small bounds: `lockstep-sim mutants --explore`.
#pragma once
#include "core/base/mutant.hpp"
#include <vector>

namespace lockstep::sim {

// Prints a line per mutant; with `paths` the shortest way to what it does. `only`: these; empty: all. 0: each does what the table says,
// and without it the search holds to the fixpoint of the same bounds.
int explore_mutants(bool paths, const std::vector<Mutant>& only);

} // namespace lockstep::sim
