// The pending log on disk (data T26): a 32-byte header, then one frame per group commit; the rest of the file is zeros.
//
//   header: magic "LSPENLOG" | u32 format | u32 zero | u64 id | u32 zero | u32 crc of the header
//   frame:  magic "LSf1" | u32 length of body | u64 commit, from 1 | u64 id | u32 crc of body | u32 crc of these 28
//   bytes body:   per record: u32 length, bytes
//
// `id` is random per file: frames of a former file on the same blocks are never taken for ours. A frame is written only
// after the one before it was flushed. So an unreadable frame with a readable frame header somewhere behind it was
// flushed once: the log is damaged; without one it is a torn tail, never promised to anybody, and dropped. Space is
// reserved durably before a frame goes into it, so a frame that leaves the file is damage too. Pure: no I/O here.
#pragma once
#include "core/base/bytes.hpp"

namespace lockstep {

constexpr std::uint32_t log_format = 1;
// The file's size is a multiple of this, and leaves room for one more frame header behind the last frame.
constexpr std::size_t log_block = 4096;
constexpr std::size_t log_header_size = 32;
constexpr std::size_t log_frame_header_size = 32;
constexpr std::size_t log_max_frame_body = 16u << 20; // a larger batch is written as several frames

enum class LogState : std::uint8_t { absent, ok, damaged, newer };

struct LogImage {
  LogState state = LogState::absent;
  std::uint64_t id = 0;
  std::uint64_t commits = 0;  // number of the last good frame
  std::uint64_t end = 0;      // file offset behind it: where the next frame goes
  bool torn_tail = false;     // bytes other than zeros follow: cut them before the next frame is written
  std::vector<Bytes> records; // of all good frames, in order; empty unless state is ok
};

Bytes encode_log_header(std::uint64_t id);
// The records of one commit; the sum of (4 + size) is at most log_max_frame_body.
Bytes encode_log_frame(std::uint64_t id, std::uint64_t commit, const Bytes* records, std::size_t count);
// Total: any bytes give ok, damaged or newer. An empty file is damaged.
LogImage decode_log(const std::uint8_t* data, std::size_t size);

// The one-block mark that says "everything is pending", the fallback when the log cannot be written (data T26).
// Anything that is not exactly the clear pattern, torn included, reads as set.
constexpr std::size_t everything_mark_size = 4096;
Bytes encode_everything_mark(bool set);
bool everything_is_set(const std::uint8_t* data, std::size_t size);

} // namespace lockstep
