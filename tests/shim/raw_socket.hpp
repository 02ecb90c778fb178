// A stranger's TCP connection: plain blocking system calls, with a limit on waiting.
#pragma once
#include "shim/common/net/endpoint.hpp"
#include <arpa/inet.h>
#include <boost/test/unit_test.hpp>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace lockstep::test {

class RawSocket {
 public:
  explicit RawSocket(const Endpoint& to) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(to.port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
  }
  ~RawSocket() { close(); }
  RawSocket(RawSocket&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  RawSocket(const RawSocket&) = delete;
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void send(const std::string& s) { (void)!::send(fd_, s.data(), s.size(), MSG_NOSIGNAL); }
  // What arrives until the text ends with `end`, the peer closes, or 10 s.
  std::string receive_until(const std::string& end) {
    std::string all;
    char b[4096];
    for (ssize_t n; !(!end.empty() && all.ends_with(end)) && (n = ::recv(fd_, b, sizeof b, 0)) > 0;)
      all.append(b, static_cast<std::size_t>(n));
    return all;
  }
  std::string receive_all() { return receive_until(""); }
  // Whether the peer has closed or reset, without waiting.
  bool closed_now() {
    char b;
    ssize_t n = ::recv(fd_, &b, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
  }

 private:
  int fd_;
};

} // namespace lockstep::test
