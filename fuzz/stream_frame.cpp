// Any bytes as a frame of the replication connection: never a crash; what decodes survives a round trip.
#include "core/base/assert.hpp"
#include "core/wire/frame.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  std::size_t used = 0;
  if (auto frame = decode_frame(data, size, used)) {
    LOCKSTEP_ASSERT(used <= size);
    Bytes once = encode(*frame);
    std::size_t again_used = 0;
    auto again = decode_frame(once.data(), once.size(), again_used);
    LOCKSTEP_ASSERT(again && again_used == once.size() && encode(*again) == once);
  }
  DirState dir;
  if (decode(data, size, dir)) {
    Bytes once = encode(dir);
    DirState again;
    LOCKSTEP_ASSERT(decode(once.data(), once.size(), again) && encode(again) == once);
  }
  FileState file;
  if (decode(data, size, file)) LOCKSTEP_ASSERT(!encode(file).empty());
  return 0;
}
