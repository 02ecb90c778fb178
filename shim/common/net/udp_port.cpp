#include "shim/common/net/udp_port.hpp"
#include "shim/common/net/asio_endpoint.hpp"
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>

namespace lockstep {
namespace asio = boost::asio;
using boost::system::error_code;

struct UdpPort::Impl : std::enable_shared_from_this<Impl> {
  Impl(Loop& loop, OnDatagram fn) : socket(loop.context()), on_datagram(std::move(fn)), buffer(65536) {}

  error_code bind(const Endpoint& local) {
    error_code ec;
    auto ep = udp_endpoint(local);
    socket.open(ep.protocol(), ec);
    if (!ec && local.v6) socket.set_option(asio::ip::v6_only(true), ec);
    if (!ec) socket.bind(ep, ec);
    if (!ec) socket.non_blocking(true, ec);
    return ec;
  }
  void wait() {
    socket.async_wait(asio::ip::udp::socket::wait_read, [self = shared_from_this()](const error_code& ec) {
      if (ec || self->over) return;
      self->drain();
      if (!self->over) self->wait();
    });
  }
  // A bounded number per turn: a flood does not keep the loop from its other work.
  void drain() {
    for (int i = 0; i < 64 && !over; ++i) {
      error_code ec;
      asio::ip::udp::endpoint from;
      std::size_t n = socket.receive_from(asio::buffer(buffer), from, 0, ec);
      if (ec == asio::error::would_block || ec == asio::error::try_again) return;
      if (!ec) on_datagram(buffer.data(), n, from_asio(from)); // an error belongs to one datagram (ICMP): go on
    }
  }

  asio::ip::udp::socket socket;
  OnDatagram on_datagram;
  Bytes buffer;
  std::string last_error;
  bool over = false;
};

Result<UdpPort> UdpPort::open(Loop& loop, const Endpoint& local, const std::string& what, OnDatagram on_datagram) {
  auto impl = std::make_shared<Impl>(loop, std::move(on_datagram));
  if (auto ec = impl->bind(local)) return bind_error("UDP", local, what, ec);
  impl->wait();
  return UdpPort(std::move(impl));
}

UdpPort::UdpPort(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
UdpPort::~UdpPort() {
  if (!impl_) return;
  error_code ignored;
  impl_->over = true;
  impl_->socket.close(ignored);
}
UdpPort::UdpPort(UdpPort&&) noexcept = default;
UdpPort& UdpPort::operator=(UdpPort&& o) noexcept {
  UdpPort old(std::move(*this));
  impl_ = std::move(o.impl_);
  return *this;
}

bool UdpPort::send(const Bytes& datagram, const Endpoint& to) {
  error_code ec;
  impl_->socket.send_to(asio::buffer(datagram), udp_endpoint(to), 0, ec);
  if (ec == asio::error::connection_refused) // left by an earlier datagram's ICMP answer, not about this one
    impl_->socket.send_to(asio::buffer(datagram), udp_endpoint(to), 0, ec);
  impl_->last_error = ec ? "cannot send to " + to_string(to) + ": " + ec.message() : "";
  return !ec;
}
const std::string& UdpPort::last_error() const { return impl_->last_error; }
Endpoint UdpPort::local() const {
  error_code ignored;
  return from_asio(impl_->socket.local_endpoint(ignored));
}

} // namespace lockstep
