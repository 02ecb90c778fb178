// StreamListener: accepting, and the time before a connection is authenticated.
#include "shim/common/crypto/stranger_report.hpp"
#include "shim/common/net/stream_impl.hpp"
#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <chrono>
#include <list>

namespace lockstep {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

struct StreamListener::Impl : std::enable_shared_from_this<StreamListener::Impl> {
  struct Guest {
    std::shared_ptr<SecureStream::Impl> stream;
    Timer deadline;
    std::uint64_t id;
  };

  Impl(Loop& l, const ClusterKey& key, const std::string& label, OnStream on, Report r, ListenerOptions o)
      : loop(l), acceptor(l.context()), keys(std::make_shared<TlsKeys>(key, label)), on_stream(std::move(on)),
        strangers(std::move(r)), options(std::move(o)), pause(l) {}

  error_code listen(const Endpoint& local) { return listen_on(acceptor, local, 64); }

  void accept() {
    acceptor.async_accept([self = shared_from_this()](const error_code& ec, tcp::socket socket) {
      if (self->over || ec == asio::error::operation_aborted) return;
      if (!ec) self->welcome(std::move(socket));
      if (self->over) return;
      if (!ec || ec == asio::error::connection_aborted) return self->accept();
      // No descriptors left, most likely: connections will be given back in a moment.
      self->refuse("a connection could not be accepted: " + ec.message());
      self->pause.after(ms(100), [weak = std::weak_ptr(self)] {
        if (auto me = weak.lock()) me->accept();
      });
    });
  }

  void welcome(tcp::socket&& socket) {
    error_code ec;
    auto from = socket.remote_endpoint(ec);
    if (ec) return;
    if (!allowed(from_asio(from)))
      return refuse("a connection from " + to_string(from_asio(from)) +
                    " was refused: it is not an address of a node in cluster.xml");
    if (guests.size() >= options.max_unauthenticated)
      dismiss(guests.front().id, "too many others connected before it authenticated itself");
    std::uint64_t id = ++next_id;
    auto stream =
        std::make_shared<SecureStream::Impl>(loop, std::move(socket), keys, TlsPsk::Side::server, options.stream);
    auto& guest = guests.emplace_back(Guest{stream, Timer(loop), id});
    auto weak = weak_from_this();
    guest.deadline.after(options.handshake_timeout, [weak, id] {
      if (auto me = weak.lock()) me->dismiss(id, "it did not authenticate itself in time");
    });
    stream->handshake([weak, id](const std::string& error) {
      if (auto me = weak.lock()) me->settled(id, error);
    });
  }

  bool allowed(const Endpoint& from) const {
    auto& list = options.only_from;
    return list.empty() ||
           std::any_of(list.begin(), list.end(), [&](const Endpoint& e) { return e.same_address(from); });
  }

  std::shared_ptr<SecureStream::Impl> take(std::uint64_t id) {
    auto g = std::find_if(guests.begin(), guests.end(), [&](const Guest& guest) { return guest.id == id; });
    if (g == guests.end()) return nullptr;
    auto stream = std::move(g->stream);
    guests.erase(g);
    return stream;
  }
  void dismiss(std::uint64_t id, const std::string& why) {
    auto stream = take(id);
    if (!stream) return;
    refuse("a connection from " + stream->peer() + " was refused: " + why);
    stream->abandon();
  }
  void settled(std::uint64_t id, const std::string& error) {
    auto stream = take(id);
    if (!stream) return;
    if (!error.empty()) return refuse("a connection from " + stream->peer() + " was refused: " + error);
    on_stream(SecureStream(std::move(stream)));
  }
  void refuse(const std::string& sentence) {
    auto boot = std::chrono::steady_clock::now().time_since_epoch();
    strangers.note(Instant{std::chrono::duration_cast<std::chrono::nanoseconds>(boot).count()},
                   [&] { return sentence; });
  }

  Loop& loop;
  tcp::acceptor acceptor;
  std::shared_ptr<const TlsKeys> keys;
  OnStream on_stream;
  StrangerReport strangers;
  ListenerOptions options;
  Timer pause;
  std::list<Guest> guests; // oldest first
  std::uint64_t next_id = 0;
  bool over = false;
};

Result<StreamListener> StreamListener::open(Loop& loop, const Endpoint& local, const ClusterKey& key,
                                            const std::string& label, OnStream on_stream, Report report,
                                            ListenerOptions options) {
  auto impl = std::make_shared<Impl>(loop, key, label, std::move(on_stream), std::move(report), std::move(options));
  if (auto ec = impl->listen(local))
    return bind_error("TCP", local, "connections '" + label + "' of the other node", ec);
  impl->accept();
  return StreamListener(std::move(impl));
}

StreamListener::StreamListener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
StreamListener::~StreamListener() {
  if (!impl_) return;
  impl_->over = true;
  for (auto& g : impl_->guests) g.stream->abandon();
  impl_->guests.clear();
  error_code ignored;
  impl_->acceptor.close(ignored);
}
StreamListener::StreamListener(StreamListener&&) noexcept = default;
StreamListener& StreamListener::operator=(StreamListener&& o) noexcept {
  StreamListener old(std::move(*this));
  impl_ = std::move(o.impl_);
  return *this;
}
Endpoint StreamListener::local() const {
  error_code ignored;
  return from_asio(impl_->acceptor.local_endpoint(ignored));
}
std::size_t StreamListener::unauthenticated() const { return impl_->guests.size(); }

} // namespace lockstep
