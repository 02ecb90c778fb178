// What the kernel knows about addresses and links, in the network namespace of the calling thread, by rtnetlink.
// Synchronous: one request to the kernel, microseconds. Feeds the `intf` and `ip` checkers and the choice of the
// virtual address's interface.
#pragma once
#include "shim/common/result.hpp"
#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

using IpAddress = boost::asio::ip::address;
using Mac = std::array<std::uint8_t, 6>;
std::string to_string(const Mac& m); // "02:00:5e:10:00:01"

struct InterfaceAddress {
  int index = 0;
  std::string interface;
  IpAddress address;
  int prefix = 0;         // bits
  bool usable = true;     // false: IPv6, still tentative or refused as a duplicate
  bool temporary = false; // has a finite lifetime (as a virtual address of ours does)
};
struct Link {
  int index = 0;
  std::string name;
  bool up = false;      // administratively
  bool carrier = false; // up and a cable (or a peer) on the other end
  bool loopback = false;
  std::optional<Mac> mac;
};

Result<std::vector<InterfaceAddress>> list_addresses();
Result<std::vector<Link>> list_links();
// Present on this machine and usable (the `ip` checker).
Result<bool> address_is_local(const IpAddress& a);
// The interface that holds the address is up and has carrier (the `intf` checker); false when no interface holds it.
Result<bool> interface_of_is_up(const IpAddress& a);

bool same_subnet(const IpAddress& a, const IpAddress& b, int prefix);
std::optional<int> prefix_of_netmask(const std::string& netmask); // "255.255.255.0" -> 24; nullopt: not a mask

} // namespace lockstep
