// A connection between two nodes: TLS 1.3 keyed by the cluster key (external PSK, ephemeral key exchange, no
// certificates) over TCP, carrying frames. Both ends must give the same label ("flow:mirror:1>2"): label and cluster
// key together make the PSK.
//
// Frame, inside TLS: u32 length of what follows the header, u8 flags (1: lz4, payload preceded by u32 size), u32 crc32c
// of the uncompressed payload, payload. Any violation closes the connection: a frame is never skipped (data:T38). A
// payload larger than 512 bytes is compressed when that pays: when the socket, not the processor, is what we wait for,
// and the data lets itself be compressed.
//
// Used on its loop's thread only, and must not outlive the loop. Callbacks may destroy the stream.
#pragma once
#include "core/base/bytes.hpp"
#include "shim/common/crypto/cluster_key.hpp"
#include "shim/common/net/endpoint.hpp"
#include "shim/common/net/loop.hpp"
#include "shim/common/payload_store.hpp"
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lockstep {

struct StreamOptions {
  std::size_t max_frame = 80u << 20; // bytes of payload, both directions; a longer announcement closes the connection
  bool compress = true;
};

class SecureStream {
 public:
  using OnFrame = std::function<void(Bytes&& payload)>;
  using OnClosed = std::function<void(const std::string& reason)>;

  // Made by StreamListener and StreamDialer, authenticated. Frames that arrive before start() wait for it.
  struct Impl;
  explicit SecureStream(std::shared_ptr<Impl>);
  ~SecureStream(); // closes at once, unsent frames are lost, no callback
  SecureStream(SecureStream&&) noexcept;
  SecureStream& operator=(SecureStream&&) noexcept;

  // on_closed is called at most once, and last.
  void start(OnFrame on_frame, OnClosed on_closed);
  // Queued; frames queued in one turn of the loop leave in one write. Payloads are not copied. After the connection is
  // closed it does nothing. payload.size() <= max_frame is the caller's duty (asserted).
  void send(Bytes payload);
  // A frame in two parts, header and payload, to spare the caller joining them; the payload may be kept for a resend.
  void send(Bytes head, Buffer payload);
  // Ends the connection after all queued frames were handed to the kernel, or after `limit`; on_closed follows.
  void finish(Duration limit);

  // Bytes of payload queued here and not yet handed to the kernel, and bytes in the kernel that the peer's kernel has
  // not acknowledged. Both zero: the peer's machine has it all. For sendtimeout: `delivered` grows while the peer takes
  // bytes.
  std::size_t queued() const;
  std::size_t unacknowledged() const;
  std::uint64_t delivered() const;
  // Stops reading (the peer's sends then back up) until called with false.
  void pause_reading(bool on);
  bool open() const;
  Endpoint local() const;
  Endpoint remote() const;

 private:
  std::shared_ptr<Impl> impl_;
};

struct ListenerOptions {
  std::size_t max_unauthenticated = 16; // the oldest makes room: a flood of strangers does not keep the peer out
  Duration handshake_timeout = seconds(5);
  std::vector<Endpoint> only_from; // addresses (ports ignored) that may connect; empty: any
  StreamOptions stream;
};

// Accepts connections on one address and hands over the authenticated ones. Strangers are reported, the first at once,
// then a summary at most once a minute.
class StreamListener {
 public:
  using OnStream = std::function<void(SecureStream&&)>;
  using Report = std::function<void(const std::string& sentence)>;

  static Result<StreamListener> open(Loop& loop, const Endpoint& local, const ClusterKey& key, const std::string& label,
                                     OnStream on_stream, Report report, ListenerOptions options = {});
  ~StreamListener();
  StreamListener(StreamListener&&) noexcept;
  StreamListener& operator=(StreamListener&&) noexcept;
  Endpoint local() const;
  std::size_t unauthenticated() const;

 private:
  struct Impl;
  explicit StreamListener(std::shared_ptr<Impl>);
  std::shared_ptr<Impl> impl_;
};

struct DialerOptions {
  Duration retry = seconds(1);           // from the start of one attempt to the start of the next
  Duration connect_timeout = seconds(5); // TCP and TLS together
  StreamOptions stream;
};

// Connects from a local address (port 0: any) to the peer, again and again, until one attempt is authenticated; then
// rests until dial() is called again. `report` hears why attempts fail: a new reason at once, the same one once a
// minute.
class StreamDialer {
 public:
  using OnStream = std::function<void(SecureStream&&)>;
  using Report = std::function<void(const std::string& sentence)>;

  StreamDialer(Loop& loop, const Endpoint& local, const Endpoint& peer, const ClusterKey& key, const std::string& label,
               OnStream on_stream, Report report, DialerOptions options = {});
  ~StreamDialer();
  StreamDialer(StreamDialer&&) noexcept;
  StreamDialer& operator=(StreamDialer&&) noexcept;
  void dial();
  void stop();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

} // namespace lockstep
