// An IP address and a port, IPv4 or IPv6. A plain value, without the socket library's headers.
#pragma once
#include "shim/common/result.hpp"
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep {

struct Endpoint {
  std::array<std::uint8_t, 16> ip{}; // network order; IPv4 uses the first four bytes
  bool v6 = false;
  std::uint16_t port = 0;
  std::uint32_t scope = 0; // IPv6 link-local only
  auto operator<=>(const Endpoint&) const = default;
  bool same_address(const Endpoint& o) const { return ip == o.ip && v6 == o.v6 && scope == o.scope; }

  static Endpoint any_v4(std::uint16_t port);
  static Endpoint loopback(std::uint16_t port);
  // A numeric address ("10.0.0.1", "fe80::1%eth0"). Names are refused: see resolve().
  static Result<Endpoint> parse(std::string_view address, std::uint16_t port);
  // A name or a numeric address, by the system's resolver. May block for seconds: only while configuring.
  static Result<Endpoint> resolve(const std::string& host, std::uint16_t port);
};
std::string to_string(const Endpoint&);    // "10.0.0.1:4800", "[fe80::1]:4800"
std::string address_text(const Endpoint&); // "10.0.0.1"

} // namespace lockstep
