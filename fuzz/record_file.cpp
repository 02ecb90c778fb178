// Any bytes as a copy of the durable record: never a crash, and a sound copy survives being written again.
#include "core/wire/record_file.hpp"
#include "core/base/assert.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  auto copy = decode_record_file(data, size);
  if (copy.state == CopyState::ok) {
    auto again = encode_record_file(copy.sequence, copy.payload);
    auto second = decode_record_file(again.data(), again.size());
    LOCKSTEP_ASSERT(second.state == CopyState::ok && second.payload == copy.payload &&
                    second.sequence == copy.sequence);
  } else {
    LOCKSTEP_ASSERT(copy.payload.empty());
  }
  auto half = decode_record_file(data, size / 2);
  auto choice = choose_record(copy, half), mirror = choose_record(half, copy);
  LOCKSTEP_ASSERT(choice.state == mirror.state);
  return 0;
}
