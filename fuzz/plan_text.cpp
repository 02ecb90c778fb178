// Any text as a plan of the simulator: never a crash; what parses is the same when it is printed and parsed again.
#include "sim/plan.hpp"
#include "core/base/assert.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  std::string text(reinterpret_cast<const char*>(data), size);
  auto parsed = sim::parse_plan(text, "fuzz.plan");
  LOCKSTEP_ASSERT(parsed.plan || !parsed.error.empty());
  if (parsed.plan) {
    std::string once = sim::print(*parsed.plan);
    auto again = sim::parse_plan(once, "fuzz.plan");
    LOCKSTEP_ASSERT(again.plan && sim::print(*again.plan) == once);
  }
  return 0;
}
