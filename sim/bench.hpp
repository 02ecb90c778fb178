// How fast the simulator is (design 11): simulated hours per CPU second with and without file operations, all oracles on, and what a
// seed of the campaign costs. Figures of one run on one machine; compare only what was measured side by side.
#pragma once
#include <cstdint>

namespace lockstep::sim {

struct BenchOptions {
  std::uint64_t seeds = 200; // of the campaign, all modes in turn
  bool json = false;
};
int bench(const BenchOptions&); // exit code

} // namespace lockstep::sim
