#include "core/base/assert.hpp"
#include <cstdlib>

namespace lockstep {
namespace {
AssertHook hook = nullptr;
}
void set_assert_hook(AssertHook h) { hook = h; }
void assert_failed(const char* expression, const char* file, int line) {
  if (hook) hook(expression, file, line);
  std::abort();
}
} // namespace lockstep
