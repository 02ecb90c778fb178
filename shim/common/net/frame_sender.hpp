// The frames waiting to leave, and their way into TLS: small ones are gathered into full records, large payloads are
// encrypted where they are.
#pragma once
#include "shim/common/net/compress_policy.hpp"
#include "shim/common/net/tls_psk.hpp"
#include "shim/common/payload_store.hpp"
#include <deque>
#include <memory>

namespace lockstep {

class FrameSender {
 public:
  explicit FrameSender(bool compress) : compress_(compress) { record_.reserve(record_size); }
  void add(Bytes head, Buffer payload);
  // Encrypts until the session holds `limit` bytes of output or nothing is left. False: TLS failed.
  bool encrypt(TlsPsk& tls, std::size_t limit);
  bool empty() const { return items_.empty() && record_.empty(); }
  // Plaintext not encrypted yet.
  std::size_t waiting() const { return waiting_ + record_.size(); }
  CompressPolicy& policy() { return policy_; }

 private:
  static constexpr std::size_t record_size = 16384;
  struct Item {
    Bytes head;
    Buffer payload;
    std::size_t at = 0; // how much of head and payload has left
    bool begun = false;
    std::size_t size() const { return head.size() + payload.bytes.size(); }
  };
  void begin(Item& item);
  bool put(TlsPsk& tls, const std::uint8_t* p, std::size_t n);
  bool flush(TlsPsk& tls);
  bool compress_;
  std::deque<Item> items_;
  std::size_t waiting_ = 0;
  Bytes record_; // what is gathered for the next TLS record
  CompressPolicy policy_;
};

} // namespace lockstep
