// Assertions that stay on in every build (design 2.7): a broken one is a bug of ours, never of the world.
// The host installs a hook that saves the flight recorder; then the process aborts.
#pragma once

namespace lockstep {

using AssertHook = void (*)(const char* expression, const char* file, int line);
void set_assert_hook(AssertHook hook);
[[noreturn]] void assert_failed(const char* expression, const char* file, int line);

} // namespace lockstep

#define LOCKSTEP_ASSERT(expr) ((expr) ? (void)0 : ::lockstep::assert_failed(#expr, __FILE__, __LINE__))
