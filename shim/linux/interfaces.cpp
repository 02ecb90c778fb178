#include "shim/linux/interfaces.hpp"
#include "shim/linux/netlink.hpp"
#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <net/if.h>

namespace lockstep {
namespace {

std::optional<IpAddress> address_from(int family, const netlink::Attribute& a) {
  if (family == AF_INET && a.size == 4) {
    boost::asio::ip::address_v4::bytes_type b;
    std::memcpy(b.data(), a.data, 4);
    return IpAddress(boost::asio::ip::address_v4(b));
  }
  if (family == AF_INET6 && a.size == 16) {
    boost::asio::ip::address_v6::bytes_type b;
    std::memcpy(b.data(), a.data, 16);
    return IpAddress(boost::asio::ip::address_v6(b));
  }
  return std::nullopt;
}

std::optional<InterfaceAddress> parse_address(const std::vector<char>& message) {
  auto fixed = netlink::fixed_part<ifaddrmsg>(message);
  if (fixed == nullptr) return std::nullopt;
  InterfaceAddress out;
  std::optional<IpAddress> local, peer;
  std::uint32_t flags = fixed->ifa_flags;
  for (const auto& a : netlink::attributes(message, sizeof(ifaddrmsg))) {
    if (a.type == IFA_LOCAL) local = address_from(fixed->ifa_family, a);
    if (a.type == IFA_ADDRESS) peer = address_from(fixed->ifa_family, a);
    if (a.type == IFA_FLAGS && a.size == 4) std::memcpy(&flags, a.data, 4);
  }
  if (!local) local = peer;
  if (!local) return std::nullopt;
  out.index = static_cast<int>(fixed->ifa_index);
  out.address = *local;
  out.prefix = fixed->ifa_prefixlen;
  out.usable = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0 || (flags & IFA_F_OPTIMISTIC) != 0;
  out.temporary = (flags & IFA_F_PERMANENT) == 0;
  return out;
}

std::optional<Link> parse_link(const std::vector<char>& message) {
  auto fixed = netlink::fixed_part<ifinfomsg>(message);
  if (fixed == nullptr) return std::nullopt;
  Link out;
  out.index = fixed->ifi_index;
  out.up = (fixed->ifi_flags & IFF_UP) != 0;
  out.carrier = out.up && (fixed->ifi_flags & (1u << 16)) != 0; // IFF_LOWER_UP
  out.loopback = (fixed->ifi_flags & IFF_LOOPBACK) != 0;
  for (const auto& a : netlink::attributes(message, sizeof(ifinfomsg))) {
    if (a.type == IFLA_IFNAME && a.size > 0) out.name = std::string(a.data, ::strnlen(a.data, a.size));
    if (a.type == IFLA_ADDRESS && a.size == 6 && fixed->ifi_type == ARPHRD_ETHER) {
      Mac mac;
      std::memcpy(mac.data(), a.data, mac.size());
      out.mac = mac;
    }
  }
  return out;
}

Error cannot_ask(int error) {
  return {std::string("cannot ask the kernel for its network interfaces: ") + std::strerror(error)};
}

} // namespace

std::string to_string(const Mac& m) {
  std::string s;
  for (auto b : m) {
    if (!s.empty()) s += ':';
    s += "0123456789abcdef"[b >> 4], s += "0123456789abcdef"[b & 15];
  }
  return s;
}

Result<std::vector<Link>> list_links() {
  ifinfomsg all{};
  auto answer = netlink::talk(netlink::Request(RTM_GETLINK, NLM_F_DUMP, all));
  if (answer.error != 0) return cannot_ask(answer.error);
  std::vector<Link> out;
  for (const auto& m : answer.messages)
    if (auto l = parse_link(m)) out.push_back(std::move(*l));
  return out;
}

Result<std::vector<InterfaceAddress>> list_addresses() {
  auto links = list_links();
  if (!links) return Error{links.error()};
  ifaddrmsg all{};
  auto answer = netlink::talk(netlink::Request(RTM_GETADDR, NLM_F_DUMP, all));
  if (answer.error != 0) return cannot_ask(answer.error);
  std::vector<InterfaceAddress> out;
  for (const auto& m : answer.messages) {
    auto a = parse_address(m);
    if (!a) continue;
    auto link = std::find_if(links->begin(), links->end(), [&](const Link& l) { return l.index == a->index; });
    if (link == links->end()) continue; // removed in between
    a->interface = link->name;
    out.push_back(std::move(*a));
  }
  return out;
}

Result<bool> address_is_local(const IpAddress& address) {
  auto all = list_addresses();
  if (!all) return Error{all.error()};
  return std::any_of(all->begin(), all->end(), [&](const auto& a) { return a.address == address && a.usable; });
}

Result<bool> interface_of_is_up(const IpAddress& address) {
  auto all = list_addresses();
  if (!all) return Error{all.error()};
  auto links = list_links();
  if (!links) return Error{links.error()};
  for (const auto& a : *all)
    if (a.address == address)
      for (const auto& l : *links)
        if (l.index == a.index) return l.up && l.carrier;
  return false;
}

bool same_subnet(const IpAddress& a, const IpAddress& b, int prefix) {
  if (a.is_v4() != b.is_v4()) return false;
  auto bits_equal = [prefix](const auto& x, const auto& y) {
    int left = prefix;
    for (std::size_t i = 0; i < x.size() && left > 0; ++i, left -= 8) {
      auto mask = static_cast<unsigned char>(left >= 8 ? 0xff : 0xff << (8 - left));
      if (((x[i] ^ y[i]) & mask) != 0) return false;
    }
    return true;
  };
  return a.is_v4() ? bits_equal(a.to_v4().to_bytes(), b.to_v4().to_bytes())
                   : bits_equal(a.to_v6().to_bytes(), b.to_v6().to_bytes());
}

std::optional<int> prefix_of_netmask(const std::string& netmask) {
  boost::system::error_code e;
  auto mask = boost::asio::ip::make_address_v4(netmask, e);
  if (e) return std::nullopt;
  std::uint32_t bits = mask.to_uint();
  int prefix = 0;
  while (prefix < 32 && (bits & (0x80000000u >> prefix)) != 0) ++prefix;
  bool contiguous = prefix == 32 || (bits << prefix) == 0;
  return contiguous ? std::optional<int>(prefix) : std::nullopt;
}

} // namespace lockstep
