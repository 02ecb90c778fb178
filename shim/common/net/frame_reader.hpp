// Frames out of a byte stream; pure. Header: u32 length, u8 flags, u32 crc32c of the uncompressed payload. Large
// payloads are received in place: the caller reads straight into want().
#pragma once
#include "core/base/bytes.hpp"
#include <optional>
#include <string>
#include <utility>

namespace lockstep {

inline constexpr std::size_t frame_header_size = 9;
inline constexpr std::uint8_t frame_lz4 = 1;
struct FrameHeader {
  std::uint32_t length;
  std::uint8_t flags;
  std::uint32_t crc;
};
void put_frame_header(std::uint8_t* out, const FrameHeader& h);

class FrameReader {
 public:
  explicit FrameReader(std::size_t max_frame) : max_(max_frame) {}
  // Takes what belongs to the current frame and returns how much that was; stops at a frame's end.
  std::size_t feed(const std::uint8_t* data, std::size_t n);
  // Room of the current payload that is still empty, to receive in place and then call received(n).
  std::pair<std::uint8_t*, std::size_t> want();
  void received(std::size_t n) { have_ += n; }
  bool complete() const { return in_payload_ && have_ == payload_.size(); }
  // When complete(): the payload, checked and uncompressed; nothing: damaged, see error(). Starts the next frame.
  std::optional<Bytes> take();
  // Not empty: the stream cannot be used any more.
  const std::string& error() const { return error_; }

 private:
  std::optional<Bytes> uncompress();
  std::size_t max_;
  std::uint8_t header_[frame_header_size];
  std::size_t have_ = 0; // of the header, then of the payload
  bool in_payload_ = false;
  FrameHeader h_{};
  Bytes payload_;
  std::string error_;
};

// LZ4 with the size in front, as it travels; empty if LZ4 could not.
Bytes lz4_frame(const std::uint8_t* head, std::size_t head_n, const std::uint8_t* data, std::size_t n);

} // namespace lockstep
