#include "core/wire/record_file.hpp"
#include "core/base/assert.hpp"
#include "core/base/crc32c.hpp"
#include "core/base/mutant.hpp"

namespace lockstep {
namespace {
constexpr std::string_view magic = "LSRECORD";
constexpr std::size_t header_checked = record_header_size - 4;
} // namespace

Bytes encode_record_file(std::uint64_t sequence, const Bytes& payload) {
  LOCKSTEP_ASSERT(payload.size() <= record_max_payload);
  Writer w;
  w.raw(magic.data(), magic.size());
  w.u32(record_file_format);
  w.u32(static_cast<std::uint32_t>(payload.size()));
  w.u64(sequence);
  w.u64(0);
  w.u32(crc32c(payload.data(), payload.size()));
  w.u32(crc32c(w.bytes().data(), header_checked));
  w.raw(payload.data(), payload.size());
  return w.take();
}

RecordCopy decode_record_file(const std::uint8_t* data, std::size_t size) {
  RecordCopy copy{.state = CopyState::damaged, .sequence = 0, .payload = {}};
  if (size < record_header_size || std::memcmp(data, magic.data(), magic.size()) != 0) return copy;
  Reader r(data + magic.size(), record_header_size - magic.size());
  auto format = r.u32(), length = r.u32();
  auto sequence = r.u64();
  r.u64();
  auto payload_crc = r.u32(), header_crc = r.u32();
  if (crc32c(data, header_checked) != header_crc) return copy;
  if (format > record_file_format) return copy.state = CopyState::newer, copy;
  if (format != record_file_format || length > record_max_payload || length > size - record_header_size) return copy;
  auto payload = data + record_header_size;
  if (crc32c(payload, length) != payload_crc && !mutated(Mutant::rotten_copy_is_read)) return copy;
  copy.state = CopyState::ok;
  copy.sequence = sequence;
  copy.payload.assign(payload, payload + length);
  return copy;
}

RecordChoice choose_record(const RecordCopy& a, const RecordCopy& b) {
  bool a_ok = a.state == CopyState::ok, b_ok = b.state == CopyState::ok && !mutated(Mutant::first_copy_is_the_record);
  if (a.state == CopyState::newer || b.state == CopyState::newer) return {.state = CopyState::newer};
  if (a_ok && b_ok) {
    // Two writes never share a sequence: neither can be believed.
    if (a.sequence == b.sequence && a.payload != b.payload) return {.state = CopyState::damaged};
    return {
        .state = CopyState::ok, .chosen = a.sequence >= b.sequence ? 0 : 1, .other_copy_bad = a.sequence != b.sequence};
  }
  if (a_ok || b_ok) return {.state = CopyState::ok, .chosen = a_ok ? 0 : 1, .other_copy_bad = true};
  bool blank = a.state == CopyState::absent && b.state == CopyState::absent;
  return {.state = blank ? CopyState::absent : CopyState::damaged};
}

} // namespace lockstep
