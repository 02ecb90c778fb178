// Any bytes as the value of the arbiter's key: never a crash, and what is taken for a generation is exactly its text.
#include "core/base/assert.hpp"
#include "core/wire/arbiter_value.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Generation g;
  if (parse_arbiter_text(text, g) == ArbiterText::ok) LOCKSTEP_ASSERT(!g.none() && arbiter_text(g) == text);
  else LOCKSTEP_ASSERT(g == Generation{});
  return 0;
}
