#include "shim/linux/ping.hpp"
#include "shim/linux/clock.hpp"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <unistd.h>

namespace lockstep {
namespace {

constexpr Duration repeat_after = ms(200);
constexpr std::size_t token_size = 16;
using Token = std::array<std::uint8_t, token_size>; // in every request of this call: an answer quotes it

// One family's socket: raw when allowed, else the kernel's ping socket.
struct Pinger {
  int family = 0;
  int fd = -1;
  bool raw = false;
  explicit Pinger(int f) : family(f) {
    int protocol = f == AF_INET ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6);
    fd = ::socket(f, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    raw = fd >= 0;
    if (fd < 0) fd = ::socket(f, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  }
  Pinger(const Pinger&) = delete;
  ~Pinger() {
    if (fd >= 0) ::close(fd);
  }
};

Token new_token() {
  std::random_device source;
  Token t;
  for (auto& b : t) b = static_cast<std::uint8_t>(source());
  return t;
}

std::uint16_t checksum(const std::vector<std::uint8_t>& m) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < m.size(); i += 2) sum += static_cast<std::uint32_t>(m[i] << 8 | m[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::vector<std::uint8_t> echo_request(int family, const Token& token, std::uint16_t sequence) {
  auto type = static_cast<std::uint8_t>(family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
  std::vector<std::uint8_t> m = {
      type, 0, 0, 0, token[0], token[1], static_cast<std::uint8_t>(sequence >> 8), static_cast<std::uint8_t>(sequence)};
  m.insert(m.end(), token.begin(), token.end());
  if (family == AF_INET) { // ICMPv6: the kernel's
    auto sum = checksum(m);
    m[2] = static_cast<std::uint8_t>(sum >> 8), m[3] = static_cast<std::uint8_t>(sum);
  }
  return m;
}

bool send_to(const Pinger& p, const IpAddress& a, const std::vector<std::uint8_t>& m) {
  sockaddr_storage to{};
  socklen_t size = 0;
  if (a.is_v4()) {
    auto in = reinterpret_cast<sockaddr_in*>(&to);
    in->sin_family = AF_INET;
    auto b = a.to_v4().to_bytes();
    std::memcpy(&in->sin_addr, b.data(), b.size());
    size = sizeof(sockaddr_in);
  } else {
    auto in = reinterpret_cast<sockaddr_in6*>(&to);
    in->sin6_family = AF_INET6;
    auto b = a.to_v6().to_bytes();
    std::memcpy(&in->sin6_addr, b.data(), b.size());
    in->sin6_scope_id = static_cast<std::uint32_t>(a.to_v6().scope_id());
    size = sizeof(sockaddr_in6);
  }
  return ::sendto(p.fd, m.data(), m.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&to), size) >= 0;
}

// An echo reply with our token.
bool is_answer(const Pinger& p, const std::uint8_t* m, std::size_t size, const Token& token) {
  if (p.family == AF_INET && p.raw) { // raw IPv4 sockets hand over the IP header too
    std::size_t header = size > 0 ? (m[0] & 0x0fu) * 4u : 0;
    if (header < sizeof(iphdr) || header > size) return false;
    m += header, size -= header;
  }
  auto type = static_cast<std::uint8_t>(p.family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);
  return size >= 8 + token_size && m[0] == type && std::equal(token.begin(), token.end(), m + 8);
}

bool drain(const Pinger& p, const Token& token) {
  std::uint8_t packet[1500];
  for (;;) {
    auto n = ::recv(p.fd, packet, sizeof packet, 0);
    if (n < 0 && errno == EAGAIN) return false;
    if (n < 0 && errno != EINTR && errno != ECONNREFUSED && errno != EHOSTUNREACH) return false;
    if (n > 0 && is_answer(p, packet, static_cast<std::size_t>(n), token)) return true;
  }
}

} // namespace

Result<bool> any_answers(const std::vector<IpAddress>& addresses, Duration timeout) {
  if (addresses.empty()) return false;
  Pinger v4(AF_INET), v6(AF_INET6);
  auto usable = [&](const IpAddress& a) { return (a.is_v4() ? v4 : v6).fd >= 0; };
  if (std::none_of(addresses.begin(), addresses.end(), usable))
    return Error{std::string("cannot ping: ") + std::strerror(errno) + "; run as root"};
  auto token = new_token();
  auto end = boot_now() + timeout, send_at = boot_now();
  for (std::uint16_t sequence = 1;;) {
    auto now = boot_now();
    if (now >= send_at) {
      for (const auto& a : addresses) {
        const auto& p = a.is_v4() ? v4 : v6;
        if (p.fd >= 0) (void)send_to(p, a, echo_request(p.family, token, sequence)); // unreachable: no answer
      }
      ++sequence, send_at = now + repeat_after;
    }
    pollfd ready[2] = {{v4.fd, POLLIN, 0}, {v6.fd, POLLIN, 0}}; // poll skips descriptors below 0
    auto wait = (earlier(end, send_at) - now).ns;
    ::poll(ready, 2, wait > 0 ? static_cast<int>((wait + 999'999) / 1'000'000) : 0);
    if ((ready[0].revents != 0 && drain(v4, token)) || (ready[1].revents != 0 && drain(v6, token))) return true;
    if (boot_now() >= end) return false;
  }
}

} // namespace lockstep
