#include "shim/common/net/secure_stream.hpp"
#include "core/base/assert.hpp"
#include "shim/common/net/stream_impl.hpp"
#ifdef __linux__
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#endif

namespace lockstep {
namespace asio = boost::asio;
namespace {

constexpr std::size_t input_size = 256 * 1024;
constexpr std::size_t plain_size_max = 16384;    // one TLS record
constexpr std::size_t output_batch = 256 * 1024; // ciphertext given to the kernel in one call
constexpr std::size_t output_per_turn = 4 << 20; // then the loop's other work has its turn

#ifdef __linux__
// A network that is cut without a word: the kernel would try for a quarter of an hour, ever more seldom, and a new connection
// would come late after the repair.
void notice_silence(boost::asio::ip::tcp::socket& socket) {
  struct Option {
    int name, value;
  };
  int on = 1;
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  for (Option o : {Option{TCP_KEEPIDLE, 3}, {TCP_KEEPINTVL, 3}, {TCP_KEEPCNT, 4}, {TCP_USER_TIMEOUT, 15'000}})
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, o.name, &o.value, sizeof o.value);
}
#else
void notice_silence(boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(boost::asio::socket_base::keep_alive(true), ignored);
}
#endif

bool would_block(const boost::system::error_code& ec) {
  return ec == asio::error::would_block || ec == asio::error::try_again;
}

} // namespace

SecureStream::Impl::Impl(Loop& l, tcp::socket&& s, std::shared_ptr<const TlsKeys> keys, TlsPsk::Side side,
                         const StreamOptions& o)
    : loop(l), socket(std::move(s)), tls(std::move(keys), side), options(o), finish_timer(l), input(4096),
      frames(o.max_frame), sender(o.compress) {}

void SecureStream::Impl::handshake(OnHandshake done) {
  on_handshake = std::move(done);
  error_code ec;
  local = from_asio(socket.local_endpoint(ec));
  if (!ec) remote = from_asio(socket.remote_endpoint(ec));
  if (!ec) socket.non_blocking(true, ec);
  if (!ec) socket.set_option(tcp::no_delay(true), ec);
  if (!ec) notice_silence(socket);
  if (ec) return end("the connection was lost before it began: " + ec.message());
  step_handshake();
}

void SecureStream::Impl::abandon() {
  phase = Phase::closed;
  on_handshake = nullptr;
  handlers.reset();
  finish_timer.cancel();
  error_code ignored;
  socket.close(ignored);
}

// --- receiving

void SecureStream::Impl::read_some() {
  if (reading || paused || phase == Phase::closed) return;
  if (phase == Phase::open && !started) return;
  reading = true;
  if (started && input.size() < input_size) input.resize(input_size); // strangers get little
  socket.async_read_some(asio::buffer(input), [self = shared_from_this()](const error_code& ec, std::size_t n) {
    self->reading = false;
    if (self->phase == Phase::closed) return;
    if (ec) {
      bool eof = ec == asio::error::eof;
      return self->end(eof ? (self->goodbye_said ? "closed by this node" : "the peer's end of the connection is gone")
                           : "the connection was lost: " + ec.message());
    }
    self->tls.feed(self->input.data(), n);
    self->on_input();
  });
}

void SecureStream::Impl::on_input() {
  if (phase == Phase::handshake)
    step_handshake();
  else if (read_plain())
    read_some();
}

void SecureStream::Impl::step_handshake() {
  auto step = tls.handshake();
  bool sent = flush_output();
  if (phase == Phase::closed || (!sent && step != TlsPsk::Step::failed)) return;
  if (step == TlsPsk::Step::failed) return end("the handshake failed: " + tls.reason());
  if (step == TlsPsk::Step::wants_input) return read_some();
  phase = Phase::open;
  // What came behind the handshake is read when the owner starts the stream.
  auto done = std::move(on_handshake);
  on_handshake = nullptr;
  done("");
}

// Everything that the input holds; false: closed, paused or not started.
bool SecureStream::Impl::read_plain() {
  for (;;) {
    if (!deliver_frames()) return false;
    auto [room, size] = frames.want();
    if (size >= plain_size_max) { // straight into the payload
      std::size_t n = tls.read(room, size);
      frames.received(n);
      if (n > 0) continue;
    } else {
      plain_at = 0;
      plain_size = tls.read(plain.data(), plain.size());
      if (plain_size > 0) continue;
    }
    if (tls.failed()) return end("the connection is damaged: " + tls.reason()), false;
    if (tls.ended()) return end(goodbye_said ? "closed by this node" : "the peer closed the connection"), false;
    return true;
  }
}

bool SecureStream::Impl::deliver_frames() {
  for (;;) {
    if (phase != Phase::open || paused || !started) return false;
    if (!frames.complete()) {
      if (plain_at == plain_size) return true;
      plain_at += frames.feed(plain.data() + plain_at, plain_size - plain_at);
    }
    if (frames.error().empty() && frames.complete())
      if (auto payload = frames.take()) {
        auto keep = handlers;
        keep->on_frame(std::move(*payload));
        continue;
      }
    if (!frames.error().empty()) return end("the connection is damaged: " + frames.error()), false;
  }
}

// --- sending

void SecureStream::Impl::enqueue(Bytes head, Buffer payload) {
  LOCKSTEP_ASSERT(head.size() + payload.bytes.size() <= options.max_frame);
  if (phase != Phase::open || finishing || send_failed) return;
  sender.add(std::move(head), std::move(payload));
  request_pump();
}

// At the end of this turn of the loop, so that all frames of a turn leave together.
void SecureStream::Impl::request_pump() {
  if (pump_posted || waiting_writable) return;
  pump_posted = true;
  asio::post(loop.context(), [self = shared_from_this()] {
    self->pump_posted = false;
    self->pump();
  });
}

void SecureStream::Impl::pump() {
  if (phase != Phase::open || waiting_writable || send_failed) return;
  std::uint64_t until = handed_to_kernel + output_per_turn;
  for (;;) {
    if (!flush_output()) return;
    if (sender.empty()) return sender.policy().idle(), finish_when_sent();
    if (handed_to_kernel >= until) return request_pump();
    if (!sender.encrypt(tls, output_batch)) return end("encryption failed: " + tls.reason());
  }
}

// True when all ciphertext is with the kernel.
bool SecureStream::Impl::flush_output() {
  while (tls.output_size() > 0) {
    error_code ec;
    std::size_t asked = tls.output_size();
    std::size_t n = socket.write_some(asio::buffer(tls.output(), asked), ec);
    auto now = CompressPolicy::Clock::now();
    if (would_block(ec)) return sender.policy().blocked(now), wait_writable(), false;
    if (ec) return sending_failed(ec), false;
    tls.output_sent(n);
    handed_to_kernel += n;
    sender.policy().took(n, now);
  }
  return true;
}

// What the peer said before the connection broke may still be unread (a goodbye): reading finds the end.
void SecureStream::Impl::sending_failed(const error_code& ec) {
  if (phase == Phase::handshake) return end("the connection was lost: " + ec.message());
  send_failed = true;
  read_some();
}

void SecureStream::Impl::wait_writable() {
  if (waiting_writable) return;
  waiting_writable = true;
  socket.async_wait(tcp::socket::wait_write, [self = shared_from_this()](const error_code& ec) {
    self->waiting_writable = false;
    if (ec || self->phase == Phase::closed) return;
    if (self->phase == Phase::handshake)
      self->step_handshake();
    else
      self->pump();
  });
}

// --- ending

void SecureStream::Impl::finish_when_sent() {
  if (!finishing || goodbye_said) return;
  goodbye_said = true;
  tls.say_goodbye();
  if (!flush_output()) return;
  // The peer's last frames are still taken: closing with unread bytes would reset what it has not read yet.
  error_code ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  read_some();
}

void SecureStream::Impl::end(const std::string& reason) {
  if (phase == Phase::closed) return;
  bool was_handshake = phase == Phase::handshake;
  phase = Phase::closed;
  finish_timer.cancel();
  error_code ignored;
  socket.close(ignored);
  end_reason = reason;
  if (!was_handshake) return report_end();
  auto done = std::move(on_handshake);
  on_handshake = nullptr;
  if (done) done(reason);
}

void SecureStream::Impl::report_end() {
  if (!handlers) return;
  // Always from a turn of its own: never inside send() or on_frame.
  asio::post(loop.context(), [self = shared_from_this()] {
    auto last = std::move(self->handlers);
    self->handlers.reset();
    if (last) last->on_closed(self->end_reason);
  });
}

// --- the public face

SecureStream::SecureStream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
SecureStream::~SecureStream() {
  if (impl_) impl_->abandon();
}
SecureStream::SecureStream(SecureStream&&) noexcept = default;
SecureStream& SecureStream::operator=(SecureStream&& o) noexcept {
  SecureStream old(std::move(*this));
  impl_ = std::move(o.impl_);
  return *this;
}

void SecureStream::start(OnFrame on_frame, OnClosed on_closed) {
  auto& i = *impl_;
  i.handlers = std::make_shared<Impl::Handlers>(Impl::Handlers{std::move(on_frame), std::move(on_closed)});
  i.started = true;
  i.plain.resize(plain_size_max);
  if (i.phase == Impl::Phase::closed) return i.report_end();
  asio::post(i.loop.context(), [self = impl_] {
    if (self->phase == Impl::Phase::open && self->read_plain()) self->read_some();
  });
}

void SecureStream::send(Bytes payload) { impl_->enqueue({}, Buffer::of(std::move(payload))); }
void SecureStream::send(Bytes head, Buffer payload) { impl_->enqueue(std::move(head), std::move(payload)); }

void SecureStream::finish(Duration limit) {
  if (impl_->phase != Impl::Phase::open || impl_->finishing) return;
  impl_->finishing = true;
  impl_->finish_timer.after(limit, [weak = std::weak_ptr(impl_)] {
    if (auto i = weak.lock()) i->end("closed by this node; the peer did not take everything in time");
  });
  impl_->request_pump();
}

void SecureStream::pause_reading(bool on) {
  impl_->paused = on;
  if (on || !impl_->started) return;
  asio::post(impl_->loop.context(), [self = impl_] {
    if (self->phase == Impl::Phase::open && !self->reading && self->read_plain()) self->read_some();
  });
}

std::size_t SecureStream::queued() const { return impl_->sender.waiting() + impl_->tls.output_size(); }
std::size_t SecureStream::unacknowledged() const {
  int n = 0;
#ifdef __linux__
  if (impl_->phase != Impl::Phase::closed) ::ioctl(impl_->socket.native_handle(), SIOCOUTQ, &n);
#endif
  return static_cast<std::size_t>(n);
}
std::uint64_t SecureStream::delivered() const { return impl_->handed_to_kernel - unacknowledged(); }
bool SecureStream::open() const { return impl_ && impl_->phase == Impl::Phase::open; }
Endpoint SecureStream::local() const { return impl_->local; }
Endpoint SecureStream::remote() const { return impl_->remote; }

} // namespace lockstep
