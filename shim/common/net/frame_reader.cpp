#include "shim/common/net/frame_reader.hpp"
#include "shim/common/net/fast_crc32c.hpp"
#include <algorithm>
#include <lz4.h>

namespace lockstep {
namespace {

void put32(std::uint8_t* p, std::uint32_t v) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<std::uint8_t>(v >> (8 * i));
}

} // namespace

void put_frame_header(std::uint8_t* out, const FrameHeader& h) {
  put32(out, h.length);
  out[4] = h.flags;
  put32(out + 5, h.crc);
}

std::size_t FrameReader::feed(const std::uint8_t* data, std::size_t n) {
  if (!error_.empty()) return 0;
  std::size_t used = 0;
  if (!in_payload_) {
    used = std::min(n, frame_header_size - have_);
    std::copy(data, data + used, header_ + have_);
    have_ += used;
    if (have_ < frame_header_size) return used;
    Reader r(header_, frame_header_size);
    h_ = {r.u32(), r.u8(), r.u32()};
    // Compressed data is never longer than plain: the sender would not have compressed it.
    if (h_.length > max_ || (h_.flags & ~frame_lz4)) {
      error_ = h_.length > max_ ? "a frame announced " + std::to_string(h_.length) + " bytes, more than the limit of " +
                                      std::to_string(max_)
                                : "a frame has the unknown flags " + std::to_string(h_.flags);
      return used;
    }
    in_payload_ = true, have_ = 0;
    payload_.clear();
    payload_.resize(h_.length);
  }
  std::size_t take = std::min(n - used, payload_.size() - have_);
  std::copy(data + used, data + used + take, payload_.begin() + static_cast<std::ptrdiff_t>(have_));
  have_ += take;
  return used + take;
}

std::pair<std::uint8_t*, std::size_t> FrameReader::want() {
  if (!in_payload_ || !error_.empty()) return {nullptr, 0};
  return {payload_.data() + have_, payload_.size() - have_};
}

std::optional<Bytes> FrameReader::uncompress() {
  Reader r(payload_);
  std::size_t size = r.u32();
  if (!r.ok() || size > max_) return std::nullopt;
  Bytes out(size);
  int n = LZ4_decompress_safe(reinterpret_cast<const char*>(payload_.data() + 4), reinterpret_cast<char*>(out.data()),
                              static_cast<int>(payload_.size() - 4), static_cast<int>(size));
  if (n < 0 || static_cast<std::size_t>(n) != size) return std::nullopt;
  return out;
}

std::optional<Bytes> FrameReader::take() {
  std::optional<Bytes> out;
  if (h_.flags & frame_lz4)
    out = uncompress();
  else
    out = std::move(payload_);
  in_payload_ = false, have_ = 0;
  payload_ = Bytes();
  if (!out)
    error_ = "a compressed frame is damaged";
  else if (fast_crc32c(out->data(), out->size()) != h_.crc)
    error_ = "a frame's checksum does not match", out.reset();
  return out;
}

Bytes lz4_frame(const std::uint8_t* head, std::size_t head_n, const std::uint8_t* data, std::size_t n) {
  Bytes joined;
  const std::uint8_t* in = data;
  if (head_n != 0) {
    joined.reserve(head_n + n);
    joined.assign(head, head + head_n);
    joined.insert(joined.end(), data, data + n);
    in = joined.data(), n = joined.size();
  }
  Bytes out(4 + static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(n))));
  put32(out.data(), static_cast<std::uint32_t>(n));
  int size = LZ4_compress_default(reinterpret_cast<const char*>(in), reinterpret_cast<char*>(out.data() + 4),
                                  static_cast<int>(n), static_cast<int>(out.size() - 4));
  out.resize(size > 0 ? 4 + static_cast<std::size_t>(size) : 0);
  return out;
}

} // namespace lockstep
