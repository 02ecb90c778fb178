// Linked with the build of the core that has switches (core/base/mutant.hpp), this makes a real daemon in which SIGUSR2 plants a bug: PRIM's
// lease is longer than the silence after which SECOND acts. What notices it is the invariant permit-in-lease.
#include "core/base/mutant.hpp"
#include <csignal>

namespace {
[[maybe_unused]] const auto waits_for_the_signal =
    std::signal(SIGUSR2, [](int) { lockstep::planted[static_cast<std::size_t>(lockstep::Mutant::lease_outlives_takeover)] = true; });
} // namespace
