#include "shim/common/net/frame_sender.hpp"
#include "shim/common/net/fast_crc32c.hpp"
#include "shim/common/net/frame_reader.hpp"
#include <algorithm>

namespace lockstep {

void FrameSender::add(Bytes head, Buffer payload) {
  waiting_ += head.size() + payload.bytes.size();
  items_.push_back({std::move(head), std::move(payload)});
}

// Settles the frame's form and puts its header in front of its head.
void FrameSender::begin(Item& item) {
  item.begun = true;
  std::size_t plain = item.size();
  auto data = item.payload.bytes;
  std::uint32_t crc = fast_crc32c(data.data(), data.size(), fast_crc32c(item.head.data(), item.head.size()));
  FrameHeader h{static_cast<std::uint32_t>(plain), 0, crc};
  if (compress_ && policy_.worth_trying(plain)) {
    Bytes small = lz4_frame(item.head.data(), item.head.size(), data.data(), data.size());
    if (!small.empty() && policy_.result(plain, small.size())) {
      h.flags = frame_lz4, h.length = static_cast<std::uint32_t>(small.size());
      item.head.clear();
      item.payload = Buffer::of(std::move(small));
    }
  }
  std::uint8_t header[frame_header_size];
  put_frame_header(header, h);
  item.head.insert(item.head.begin(), header, header + frame_header_size);
  waiting_ += item.size();
  waiting_ -= plain;
}

bool FrameSender::flush(TlsPsk& tls) {
  if (record_.empty()) return true;
  bool ok = tls.write(record_.data(), record_.size());
  record_.clear();
  return ok;
}

bool FrameSender::put(TlsPsk& tls, const std::uint8_t* p, std::size_t n) {
  while (n > 0) {
    if (record_.empty() && n >= record_size) {
      std::size_t whole = n - n % record_size;
      if (!tls.write(p, whole)) return false;
      p += whole, n -= whole;
      continue;
    }
    std::size_t take = std::min(n, record_size - record_.size());
    record_.insert(record_.end(), p, p + take);
    p += take, n -= take;
    if (record_.size() == record_size && !flush(tls)) return false;
  }
  return true;
}

bool FrameSender::encrypt(TlsPsk& tls, std::size_t limit) {
  while (!items_.empty() && tls.output_size() < limit) {
    Item& i = items_.front();
    if (!i.begun) begin(i);
    bool in_head = i.at < i.head.size();
    auto part =
        in_head ? std::span<const std::uint8_t>(i.head).subspan(i.at) : i.payload.bytes.subspan(i.at - i.head.size());
    std::size_t n = std::min(part.size(), limit);
    if (!put(tls, part.data(), n)) return false;
    i.at += n, waiting_ -= n;
    if (i.at == i.size()) items_.pop_front();
  }
  return !items_.empty() || flush(tls);
}

} // namespace lockstep
