// Any bytes as a heartbeat: never a crash; what decodes is the same when it is encoded and decoded again.
#include "core/base/assert.hpp"
#include "core/wire/beat.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  if (auto beat = decode_beat(data, size)) {
    Bytes once = encode(*beat);
    auto again = decode_beat(once.data(), once.size());
    LOCKSTEP_ASSERT(again && encode(*again) == once);
  }
  return 0;
}
