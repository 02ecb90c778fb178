// The connection behind a SecureStream, from accept or connect through the handshake to its end. For stream_*.cpp and
// secure_stream.cpp only.
#pragma once
#include "shim/common/net/asio_endpoint.hpp"
#include "shim/common/net/frame_reader.hpp"
#include "shim/common/net/frame_sender.hpp"
#include "shim/common/net/secure_stream.hpp"
#include "shim/common/net/tls_psk.hpp"
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace lockstep {

struct SecureStream::Impl : std::enable_shared_from_this<SecureStream::Impl> {
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;
  enum class Phase : std::uint8_t { handshake, open, closed };
  using OnHandshake = std::function<void(const std::string& error)>; // empty: authenticated

  Impl(Loop& loop, tcp::socket&& s, std::shared_ptr<const TlsKeys> keys, TlsPsk::Side side,
       const StreamOptions& options);

  // The socket is connected. `done` is called once, unless abandon() comes first.
  void handshake(OnHandshake done);
  // Closes without a word to anybody.
  void abandon();

  void enqueue(Bytes head, Buffer payload);
  void request_pump();
  void pump();
  bool flush_output();
  void sending_failed(const error_code& ec);
  void wait_writable();
  void read_some();
  void on_input();
  void step_handshake();
  bool read_plain();
  bool deliver_frames();
  void end(const std::string& reason);
  void report_end();
  void finish_when_sent();
  std::string peer() const { return to_string(remote); }

  Loop& loop;
  tcp::socket socket;
  TlsPsk tls;
  StreamOptions options;
  Endpoint local, remote;
  Phase phase = Phase::handshake;
  OnHandshake on_handshake;
  struct Handlers {
    OnFrame on_frame;
    OnClosed on_closed;
  };
  std::shared_ptr<Handlers> handlers; // shared, so that a handler may destroy the stream it is called by
  bool started = false, paused = false;
  bool reading = false, waiting_writable = false, pump_posted = false;
  bool finishing = false, goodbye_said = false, send_failed = false;
  Timer finish_timer;
  std::string end_reason;
  Bytes input; // ciphertext as received; TLS reads from it in place
  Bytes plain; // small frames, decrypted together
  std::size_t plain_at = 0, plain_size = 0;
  FrameReader frames;
  FrameSender sender;
  std::uint64_t handed_to_kernel = 0;
};

} // namespace lockstep
