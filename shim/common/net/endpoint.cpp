#include "shim/common/net/endpoint.hpp"
#include "shim/common/net/asio_endpoint.hpp"
#include <boost/asio/ip/v6_only.hpp>
#include <netdb.h>
#include <sys/socket.h>

namespace lockstep {

Endpoint from_asio(const boost::asio::ip::address& a, std::uint16_t port) {
  Endpoint e;
  e.port = port;
  e.v6 = a.is_v6();
  if (a.is_v6()) {
    e.ip = a.to_v6().to_bytes();
    e.scope = static_cast<std::uint32_t>(a.to_v6().scope_id());
  } else {
    auto b = a.to_v4().to_bytes();
    std::copy(b.begin(), b.end(), e.ip.begin());
  }
  return e;
}

boost::asio::ip::address to_asio(const Endpoint& e) {
  if (e.v6) return boost::asio::ip::address_v6(e.ip, e.scope);
  return boost::asio::ip::address_v4({e.ip[0], e.ip[1], e.ip[2], e.ip[3]});
}

Endpoint Endpoint::any_v4(std::uint16_t port) { return from_asio(boost::asio::ip::address_v4::any(), port); }
Endpoint Endpoint::loopback(std::uint16_t port) { return from_asio(boost::asio::ip::address_v4::loopback(), port); }

Result<Endpoint> Endpoint::parse(std::string_view address, std::uint16_t port) {
  boost::system::error_code ec;
  auto a = boost::asio::ip::make_address(std::string(address), ec);
  if (ec) return Error{"'" + std::string(address) + "' is not an IP address; write one like 192.168.1.10 or fd00::10"};
  return from_asio(a, port);
}

Result<Endpoint> Endpoint::resolve(const std::string& host, std::uint16_t port) {
  if (auto e = parse(host, port)) return e;
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  int rc = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (rc != 0 || !found)
    return Error{"the address of '" + host + "' cannot be found (" + gai_strerror(rc) +
                 "); add it to /etc/hosts or write the IP address"};
  boost::asio::ip::udp::endpoint ep;
  ep.resize(found->ai_addrlen);
  std::memcpy(ep.data(), found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return from_asio(ep.address(), port);
}

std::string address_text(const Endpoint& e) { return to_asio(e).to_string(); }
std::string to_string(const Endpoint& e) {
  return (e.v6 ? "[" + address_text(e) + "]" : address_text(e)) + ":" + std::to_string(e.port);
}

boost::system::error_code listen_on(boost::asio::ip::tcp::acceptor& acceptor, const Endpoint& local, int backlog) {
  boost::system::error_code ec;
  auto ep = tcp_endpoint(local);
  acceptor.open(ep.protocol(), ec);
  if (!ec) acceptor.set_option(boost::asio::ip::tcp::acceptor::reuse_address(true), ec);
  if (!ec && local.v6) acceptor.set_option(boost::asio::ip::v6_only(true), ec);
  if (!ec) acceptor.bind(ep, ec);
  if (!ec) acceptor.listen(backlog, ec);
  return ec;
}

Error bind_error(const char* protocol, const Endpoint& local, const std::string& what,
                 const boost::system::error_code& ec) {
  std::string port = std::to_string(local.port);
  std::string where = std::string(protocol) + " port " + port + " on " + address_text(local);
  if (ec == boost::asio::error::address_in_use)
    return Error{where + ", needed for " + what + ", is in use by another program; find it with 'ss -lpn sport = :" +
                 port + "' and stop it, or configure another port"};
  if (ec == boost::system::errc::address_not_available)
    return Error{"this node does not have the address " + address_text(local) + ", needed for " + what +
                 "; bring its network up ('ip address'), or correct the address in cluster.xml"};
  if (ec == boost::asio::error::access_denied)
    return Error{where + ", needed for " + what + ", may not be opened by this user; run as root"};
  return Error{"cannot open " + where + " for " + what + ": " + ec.message()};
}

} // namespace lockstep
