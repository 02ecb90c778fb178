// One end of a TLS 1.3 session keyed by an external PSK, between byte buffers: no sockets, no certificates. The key
// comes from the cluster key and a label; both ends must have the same. psk_dhe_ke: recorded traffic stays secret even
// if the cluster key is lost later.
#pragma once
#include "core/base/bytes.hpp"
#include "shim/common/crypto/cluster_key.hpp"
#include <memory>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace lockstep {

// What all sessions of one listener or dialer share.
class TlsKeys {
 public:
  TlsKeys(const ClusterKey& key, const std::string& label);
  ~TlsKeys();
  TlsKeys(const TlsKeys&) = delete;
  TlsKeys& operator=(const TlsKeys&) = delete;

  ClusterKey::Secret psk;
  std::string identity; // "lockstep <protocol version> <key id> <label>", in clear on the wire
  std::string key_id;
  ssl_ctx_st* context;
};

class TlsPsk {
 public:
  enum class Side : std::uint8_t { client, server };
  enum class Step : std::uint8_t { done, wants_input, failed };

  TlsPsk(std::shared_ptr<const TlsKeys> keys, Side side);
  ~TlsPsk();
  TlsPsk(const TlsPsk&) = delete;
  TlsPsk& operator=(const TlsPsk&) = delete;

  // Ciphertext from the peer: not copied, so it must stay where it is until input_left() is 0.
  void feed(const std::uint8_t* data, std::size_t n);
  std::size_t input_left() const { return in_size_; }
  Step handshake();
  // Plaintext into `out`: how much (n > 0); 0 means wants_input(), ended() or failed.
  std::size_t read(std::uint8_t* out, std::size_t n);
  // Encrypts all of it behind the output. False: failed.
  bool write(const std::uint8_t* data, std::size_t n);
  void say_goodbye();

  // Ciphertext for the peer.
  const std::uint8_t* output() const { return out_.data() + out_at_; }
  std::size_t output_size() const { return out_.size() - out_at_; }
  void output_sent(std::size_t n);

  bool ended() const { return ended_; } // the peer said goodbye
  bool failed() const { return failed_; }
  // When failed: why, for a log.
  const std::string& reason() const { return reason_; }

 private:
  friend struct TlsCallbacks;
  void fail();
  std::shared_ptr<const TlsKeys> keys_;
  ssl_st* ssl_;
  const std::uint8_t* in_ = nullptr;
  std::size_t in_size_ = 0;
  Bytes out_;
  std::size_t out_at_ = 0;
  bool ended_ = false, failed_ = false;
  std::string reason_;
};

} // namespace lockstep
