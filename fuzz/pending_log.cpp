// Any bytes as a pending log: never a crash, and what is read as sound is encoded back to the same frames.
#include "core/base/assert.hpp"
#include "core/wire/log_format.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  auto image = decode_log(data, size);
  if (image.state == LogState::ok) {
    LOCKSTEP_ASSERT(image.end <= size && size % log_block == 0);
    Bytes again = encode_log_header(image.id);
    Bytes frame = encode_log_frame(image.id, 1, image.records.data(), image.records.size());
    again.insert(again.end(), frame.begin(), frame.end());
    again.resize((again.size() / log_block + 1) * log_block + log_block);
    auto second = decode_log(again.data(), again.size());
    LOCKSTEP_ASSERT(second.state == LogState::ok && second.records == image.records && !second.torn_tail);
  } else {
    LOCKSTEP_ASSERT(image.records.empty());
  }
  everything_is_set(data, size);
  return 0;
}
