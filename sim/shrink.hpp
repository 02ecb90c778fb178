// Delta debugging of a failing plan: fewer events, fewer operations, shorter phases, while it still fails the same oracle.
#pragma once
#include "sim/world.hpp"

namespace lockstep::sim {

Plan shrink(const Plan& failing, const Oracle& oracle, int attempts);

} // namespace lockstep::sim
