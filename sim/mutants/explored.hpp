// Planted bugs that the exhaustive search must find within small bounds: `lockstep-sim mutants --explore`.
#pragma once

namespace lockstep::sim {

// Prints a line per mutant; with `paths` the shortest way to what it does. 0: each is found, and without it nothing is.
int explore_mutants(bool paths);

} // namespace lockstep::sim
