// StreamDialer: one attempt after the other until one is authenticated.
#include "shim/common/net/stream_impl.hpp"
#include <chrono>

namespace lockstep {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

struct StreamDialer::Impl : std::enable_shared_from_this<StreamDialer::Impl> {
  Impl(Loop& l, const Endpoint& from, const Endpoint& to, const ClusterKey& key, const std::string& label_, OnStream on,
       Report r, DialerOptions o)
      : loop(l), local(from), peer(to), label(label_), keys(std::make_shared<TlsKeys>(key, label_)),
        on_stream(std::move(on)), report(std::move(r)), options(std::move(o)), retry(l), deadline(l) {}

  void dial() {
    if (wanted) return;
    wanted = true;
    next();
  }
  // Not before `retry` has passed since the last attempt began.
  void next() {
    auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begun).count();
    auto wait = begun == Clock::time_point{} || since >= options.retry.ns ? ns(0) : options.retry - ns(since);
    retry.after(wait, [weak = weak_from_this()] {
      if (auto me = weak.lock()) me->attempt();
    });
  }

  void attempt() {
    begun = Clock::now();
    auto id = ++current;
    deadline.after(options.connect_timeout, [weak = weak_from_this(), id] {
      if (auto me = weak.lock()) me->failed(id, "no answer in time");
    });
    socket.emplace(loop.context());
    error_code ec;
    auto from = tcp_endpoint(local);
    socket->open(tcp_endpoint(peer).protocol(), ec);
    if (!ec && local.port != 0) socket->set_option(tcp::socket::reuse_address(true), ec);
    if (!ec && !(from.address().is_unspecified() && local.port == 0)) socket->bind(from, ec);
    if (ec) return failed(id, bind_error("TCP", local, "the connection '" + label + "'", ec).text);
    socket->async_connect(tcp_endpoint(peer), [weak = weak_from_this(), id](const error_code& e) {
      if (auto me = weak.lock()) me->connected(id, e);
    });
  }

  void connected(std::uint64_t id, const error_code& ec) {
    if (id != current) return;
    if (ec) return failed(id, ec.message());
    stream = std::make_shared<SecureStream::Impl>(loop, std::move(*socket), keys, TlsPsk::Side::client, options.stream);
    socket.reset();
    stream->handshake([weak = weak_from_this(), id](const std::string& error) {
      if (auto me = weak.lock()) me->settled(id, error);
    });
  }

  void settled(std::uint64_t id, const std::string& error) {
    if (id != current) return;
    if (!error.empty()) return failed(id, error);
    auto ready = std::move(stream);
    stop();
    last_reason.clear();
    on_stream(SecureStream(std::move(ready)));
  }

  void failed(std::uint64_t id, const std::string& reason) {
    if (id != current) return;
    drop_attempt();
    auto now = Clock::now();
    bool tell = report && (reason != last_reason || now - told >= std::chrono::minutes(1));
    if (tell) last_reason = reason, told = now;
    next();
    if (tell) report("cannot connect to " + to_string(peer) + " for '" + label + "': " + reason);
  }

  void drop_attempt() {
    ++current;
    deadline.cancel();
    socket.reset();
    if (stream) stream->abandon();
    stream.reset();
  }
  void stop() {
    wanted = false;
    retry.cancel();
    drop_attempt();
  }

  Loop& loop;
  Endpoint local, peer;
  std::string label;
  std::shared_ptr<const TlsKeys> keys;
  OnStream on_stream;
  Report report;
  DialerOptions options;
  Timer retry, deadline;
  std::optional<tcp::socket> socket;
  std::shared_ptr<SecureStream::Impl> stream;
  bool wanted = false;
  std::uint64_t current = 0; // the attempt whose results count
  Clock::time_point begun{}, told{};
  std::string last_reason;
};

StreamDialer::StreamDialer(Loop& loop, const Endpoint& local, const Endpoint& peer, const ClusterKey& key,
                           const std::string& label, OnStream on_stream, Report report, DialerOptions options)
    : impl_(std::make_shared<Impl>(loop, local, peer, key, label, std::move(on_stream), std::move(report),
                                   std::move(options))) {}
StreamDialer::~StreamDialer() {
  if (impl_) impl_->stop();
}
StreamDialer::StreamDialer(StreamDialer&&) noexcept = default;
StreamDialer& StreamDialer::operator=(StreamDialer&& o) noexcept {
  StreamDialer old(std::move(*this));
  impl_ = std::move(o.impl_);
  return *this;
}
void StreamDialer::dial() { impl_->dial(); }
void StreamDialer::stop() { impl_->stop(); }

} // namespace lockstep
