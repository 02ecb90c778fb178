#include "core/wire/log_format.hpp"
#include "core/base/assert.hpp"
#include "core/base/crc32c.hpp"
#include <algorithm>

namespace lockstep {
namespace {

constexpr std::string_view file_magic = "LSPENLOG";
constexpr std::string_view frame_magic = "LSf1";

struct FrameHeader {
  std::uint32_t length = 0, body_crc = 0;
  std::uint64_t commit = 0;
};

// A frame header of this very file at `p`, checksum included; at least log_frame_header_size bytes are there.
bool read_frame_header(const std::uint8_t* p, std::uint64_t id, FrameHeader& h) {
  if (std::memcmp(p, frame_magic.data(), frame_magic.size()) != 0) return false;
  Reader r(p + frame_magic.size(), log_frame_header_size - frame_magic.size());
  h.length = r.u32();
  h.commit = r.u64();
  auto frame_id = r.u64();
  h.body_crc = r.u32();
  return r.u32() == crc32c(p, log_frame_header_size - 4) && frame_id == id && h.length <= log_max_frame_body;
}

bool read_records(const std::uint8_t* body, std::size_t size, std::vector<Bytes>& records) {
  Reader r(body, size);
  std::size_t before = records.size();
  while (r.left() > 0) {
    std::size_t n = r.u32();
    if (!r.ok() || n > r.left()) return records.resize(before), false;
    auto p = body + (size - r.left());
    records.emplace_back(p, p + n);
    r = Reader(p + n, static_cast<std::size_t>(body + size - (p + n)));
  }
  return true;
}

// A header of another frame of this file at or behind `from`: the unreadable one before it had been flushed.
bool later_frame_exists(const std::uint8_t* data, std::size_t size, std::size_t from, std::uint64_t id,
                        std::uint64_t unreadable) {
  FrameHeader h;
  auto end = data + size;
  for (auto p = data + from; static_cast<std::size_t>(end - p) >= log_frame_header_size; ++p) {
    p = std::find(p, end, static_cast<std::uint8_t>(frame_magic[0]));
    if (static_cast<std::size_t>(end - p) < log_frame_header_size) return false;
    if (read_frame_header(p, id, h) && h.commit != unreadable) return true;
  }
  return false;
}

// Reads the good frames from the front; false when what is there cannot be the work of a crash.
bool read_frames(const std::uint8_t* data, std::size_t size, LogImage& image) {
  FrameHeader h;
  while (size - image.end >= log_frame_header_size && read_frame_header(data + image.end, image.id, h)) {
    if (h.commit != image.commits + 1) return false;
    auto body = data + image.end + log_frame_header_size;
    // Space is reserved, durably, before a frame is written: a frame that leaves the file was cut off later.
    if (h.length > size - image.end - log_frame_header_size) return false;
    if (crc32c(body, h.length) != h.body_crc) break;
    if (!read_records(body, h.length, image.records)) return false;
    image.end += log_frame_header_size + h.length;
    image.commits = h.commit;
  }
  return size - image.end >= log_frame_header_size;
}

} // namespace

Bytes encode_log_header(std::uint64_t id) {
  Writer w;
  w.raw(file_magic.data(), file_magic.size());
  w.u32(log_format);
  w.u32(0);
  w.u64(id);
  w.u32(0);
  w.u32(crc32c(w.bytes().data(), log_header_size - 4));
  return w.take();
}

Bytes encode_log_frame(std::uint64_t id, std::uint64_t commit, const Bytes* records, std::size_t count) {
  Writer body;
  for (std::size_t i = 0; i < count; ++i) {
    body.u32(static_cast<std::uint32_t>(records[i].size()));
    body.raw(records[i].data(), records[i].size());
  }
  LOCKSTEP_ASSERT(body.bytes().size() <= log_max_frame_body);
  Writer w;
  w.raw(frame_magic.data(), frame_magic.size());
  w.u32(static_cast<std::uint32_t>(body.bytes().size()));
  w.u64(commit);
  w.u64(id);
  w.u32(crc32c(body.bytes().data(), body.bytes().size()));
  w.u32(crc32c(w.bytes().data(), log_frame_header_size - 4));
  w.raw(body.bytes().data(), body.bytes().size());
  return w.take();
}

LogImage decode_log(const std::uint8_t* data, std::size_t size) {
  LogImage image;
  image.state = LogState::damaged;
  if (size < log_header_size || std::memcmp(data, file_magic.data(), file_magic.size()) != 0) return image;
  Reader r(data + file_magic.size(), log_header_size - file_magic.size());
  auto format = r.u32();
  r.u32();
  auto id = r.u64();
  r.u32();
  if (r.u32() != crc32c(data, log_header_size - 4)) return image;
  if (format > log_format) return image.state = LogState::newer, image;
  if (format != log_format || size % log_block != 0) return image;
  image.id = id;
  image.end = log_header_size;
  bool sound = read_frames(data, size, image);
  image.torn_tail = std::any_of(data + image.end, data + size, [](std::uint8_t b) { return b != 0; });
  if (sound && image.torn_tail) sound = !later_frame_exists(data, size, image.end, id, image.commits + 1);
  if (sound)
    image.state = LogState::ok;
  else
    image.records.clear();
  return image;
}

Bytes encode_everything_mark(bool set) {
  std::string_view text = set ? "everything is pending\n" : "clear\n";
  Bytes block(everything_mark_size, static_cast<std::uint8_t>(set ? '!' : '.'));
  std::copy(text.begin(), text.end(), block.begin());
  return block;
}

bool everything_is_set(const std::uint8_t* data, std::size_t size) {
  auto clear = encode_everything_mark(false);
  return size != clear.size() || std::memcmp(data, clear.data(), size) != 0;
}

} // namespace lockstep
