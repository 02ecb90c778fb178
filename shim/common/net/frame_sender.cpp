#include "shim/common/net/frame_sender.hpp"
#include "shim/common/net/fast_crc32c.hpp"
#include "shim/common/net/frame_reader.hpp"
#include <algorithm>

namespace lockstep {

void FrameSender::add(Bytes head, std::shared_ptr<const Bytes> payload) {
  waiting_ += head.size() + (payload ? payload->size() : 0);
  items_.push_back({std::move(head), std::move(payload)});
}

// Settles the frame's form and puts its header in front of its head.
void FrameSender::begin(Item& item) {
  item.begun = true;
  std::size_t plain = item.head.size() + item.payload_size();
  std::uint32_t crc = fast_crc32c(item.head.data(), item.head.size());
  if (item.payload) crc = fast_crc32c(item.payload->data(), item.payload->size(), crc);
  FrameHeader h{static_cast<std::uint32_t>(plain), 0, crc};
  if (compress_ && policy_.worth_trying(plain)) {
    Bytes small = lz4_frame(item.head.data(), item.head.size(), item.payload ? item.payload->data() : nullptr,
                            item.payload_size());
    if (!small.empty() && policy_.result(plain, small.size())) {
      h.flags = frame_lz4, h.length = static_cast<std::uint32_t>(small.size());
      item.head.clear();
      item.payload = std::make_shared<const Bytes>(std::move(small));
    }
  }
  std::uint8_t header[frame_header_size];
  put_frame_header(header, h);
  item.head.insert(item.head.begin(), header, header + frame_header_size);
  waiting_ += item.head.size() + item.payload_size();
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
    const std::uint8_t* p = in_head     ? i.head.data() + i.at
                            : i.payload ? i.payload->data() + (i.at - i.head.size())
                                        : nullptr;
    std::size_t n = in_head ? i.head.size() - i.at : i.payload_size() - (i.at - i.head.size());
    n = std::min(n, limit);
    if (!put(tls, p, n)) return false;
    i.at += n, waiting_ -= n;
    if (i.at == i.head.size() + i.payload_size()) items_.pop_front();
  }
  return !items_.empty() || flush(tls);
}

} // namespace lockstep
