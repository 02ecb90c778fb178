// What a machine checks about itself after every step, in the simulator, the exhaustive search and the daemon alike (dst.md 3.3, habit
// 10): each has a name and a sentence, looks only at what one node knows, and costs a few comparisons.
#pragma once
#include <string>

namespace lockstep {

struct Invariant {
  const char* name;
  const char* sentence;
};
struct Broken {
  const Invariant* invariant = nullptr;
  std::string what; // what was seen instead
};

} // namespace lockstep
