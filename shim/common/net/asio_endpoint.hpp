// Between our Endpoint and the socket library's; only for the files that implement sockets.
#pragma once
#include "shim/common/net/endpoint.hpp"
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <string>

namespace lockstep {

Endpoint from_asio(const boost::asio::ip::address& a, std::uint16_t port);
boost::asio::ip::address to_asio(const Endpoint& e);
template <class E>
Endpoint from_asio(const E& e) {
  return from_asio(e.address(), e.port());
}
inline boost::asio::ip::tcp::endpoint tcp_endpoint(const Endpoint& e) { return {to_asio(e), e.port}; }
inline boost::asio::ip::udp::endpoint udp_endpoint(const Endpoint& e) { return {to_asio(e), e.port}; }

// Opens, binds and listens. An IPv6 address does not take the IPv4 port with it.
boost::system::error_code listen_on(boost::asio::ip::tcp::acceptor& acceptor, const Endpoint& local, int backlog);

// Why a local address and port could not be bound, and what to do.
Error bind_error(const char* protocol, const Endpoint& local, const std::string& what,
                 const boost::system::error_code& ec);

} // namespace lockstep
