// Delta debugging of a failing plan: fewer faults, fewer operations, less that is unusual, rounder times and numbers, while it still
// fails in the same way. Taking one fault out does not reshuffle the rest (sim/hash.hpp), so what is left is what matters.
#pragma once
#include "sim/world.hpp"
#include <cstdint>
#include <functional>
#include <string>

namespace lockstep::sim {

using Fails = std::function<bool(const Plan&)>;
Fails fails_as(const Oracle&); // the same oracle speaks

struct Shrunk {
  struct Effort {
    std::uint64_t runs = 0, kept = 0; // candidates tried, and those that still failed
  };
  Plan plan; // the smallest that failed
  Effort faults, operations, settings, numbers;
  double cpu_seconds = 0;
  bool finished = false; // nothing smaller of this kind fails; false: the time was up
};
Shrunk shrink(const Plan& failing, const Fails&, double cpu_seconds);
std::string told(const Plan& before, const Shrunk&); // in a line or two

} // namespace lockstep::sim
