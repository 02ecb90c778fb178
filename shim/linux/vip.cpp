#include "shim/linux/vip.hpp"
#include "shim/linux/clock.hpp"
#include "shim/linux/neighbour.hpp"
#include "shim/linux/netlink.hpp"
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lockstep {
namespace {

struct Socket {
  int fd;
  Socket(int family, int type, int protocol) : fd(::socket(family, type | SOCK_CLOEXEC, protocol)) {}
  Socket(const Socket&) = delete;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

Error trouble(const char* what, const IpAddress& a, const std::string& interface, int error) {
  std::string advice = error == EPERM                         ? "; run as root"
                       : error == ENODEV || error == ENETDOWN ? "; is the interface up?"
                                                              : "";
  return {std::string("cannot ") + what + " " + a.to_string() + " on " + interface + ": " + std::strerror(error) +
          advice};
}

std::vector<unsigned char> raw(const IpAddress& a) {
  if (a.is_v4()) {
    auto b = a.to_v4().to_bytes();
    return {b.begin(), b.end()};
  }
  auto b = a.to_v6().to_bytes();
  return {b.begin(), b.end()};
}

ifaddrmsg fixed_part(const IpAddress& a, int index, int prefix) {
  ifaddrmsg m{};
  m.ifa_family = a.is_v4() ? AF_INET : AF_INET6;
  m.ifa_prefixlen = static_cast<unsigned char>(prefix);
  m.ifa_index = static_cast<unsigned>(index);
  return m;
}

const Link* find_link(const std::vector<Link>& links, const std::string& name) {
  auto it = std::find_if(links.begin(), links.end(), [&](const Link& l) { return l.name == name; });
  return it == links.end() ? nullptr : &*it;
}

// The most specific other address whose subnet holds `v`; on v.interface when that is given.
const InterfaceAddress* neighbour_of(const VipSpec& v, const std::vector<InterfaceAddress>& all) {
  const InterfaceAddress* best = nullptr;
  for (const auto& a : all) {
    if (a.address == v.address || (!v.interface.empty() && a.interface != v.interface)) continue;
    if (same_subnet(a.address, v.address, a.prefix) && (best == nullptr || a.prefix > best->prefix)) best = &a;
  }
  return best;
}

} // namespace

Result<Placement> place(const VipSpec& v) {
  auto all = list_addresses();
  if (!all) return Error{all.error()};
  auto links = list_links();
  if (!links) return Error{links.error()};
  auto near = neighbour_of(v, *all);
  if (near == nullptr && v.interface.empty())
    return Error{"no interface of this machine holds an address in the subnet of the virtual address " +
                 v.address.to_string() +
                 ": name the interface in the configuration, or give a network card an address of that subnet"};
  auto name = v.interface.empty() ? near->interface : v.interface;
  auto link = find_link(*links, name);
  if (link == nullptr)
    return Error{"the virtual address " + v.address.to_string() + " belongs on interface " + name +
                 ", which this machine does not have"};
  Placement p{.address = v.address, .index = link->index, .interface = name};
  p.prefix = v.prefix > 0 ? v.prefix : near != nullptr ? near->prefix : v.address.is_v4() ? 32 : 128;
  p.subnet_present = near != nullptr;
  if (link->mac) p.mac = *link->mac;
  return p;
}

Status set_address(const Placement& p, Duration valid) {
  netlink::Request r(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, fixed_part(p.address, p.index, p.prefix));
  auto bytes = raw(p.address);
  r.attribute(IFA_LOCAL, bytes.data(), bytes.size());
  r.attribute(IFA_ADDRESS, bytes.data(), bytes.size());
  ifa_cacheinfo life{};
  auto whole = std::clamp<std::int64_t>(valid.ns / 1'000'000'000, 1, 0x7fffffff);
  life.ifa_prefered = life.ifa_valid = static_cast<std::uint32_t>(whole);
  r.attribute(IFA_CACHEINFO, &life, sizeof life);
  // The subnet's route belongs to the machine's own address: an expiring one of ours must not take it along.
  std::uint32_t flags = p.subnet_present ? IFA_F_NOPREFIXROUTE : 0;
  // No duplicate detection by the kernel: it would keep the address unusable for a second; probe_conflict asks before.
  if (p.address.is_v6()) flags |= IFA_F_NODAD;
  r.attribute(IFA_FLAGS, &flags, sizeof flags);
  int error = netlink::talk(r).error;
  return error == 0 ? Status{} : Status{trouble("set the virtual address", p.address, p.interface, error)};
}

Status remove_address(const IpAddress& address) {
  auto all = list_addresses();
  if (!all) return Error{all.error()};
  for (const auto& a : *all) {
    if (a.address != address) continue;
    netlink::Request r(RTM_DELADDR, NLM_F_ACK, fixed_part(a.address, a.index, a.prefix));
    auto bytes = raw(a.address);
    r.attribute(IFA_LOCAL, bytes.data(), bytes.size());
    int error = netlink::talk(r).error;
    if (error != 0 && error != EADDRNOTAVAIL && error != ENODEV)
      return trouble("remove the virtual address", a.address, a.interface, error);
  }
  return {};
}

namespace {

Status send_arp(const Socket& s, const Placement& p, const neighbour::ArpPacket& packet) {
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_ARP);
  to.sll_ifindex = p.index;
  to.sll_halen = 6;
  std::fill(to.sll_addr, to.sll_addr + 6, 0xff);
  if (::sendto(s.fd, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to) < 0)
    return trouble("announce", p.address, p.interface, errno);
  return {};
}

sockaddr_in6 destination(const boost::asio::ip::address_v6& a, int index) {
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  auto b = a.to_bytes();
  std::copy(b.begin(), b.end(), to.sin6_addr.s6_addr);
  to.sin6_scope_id = static_cast<std::uint32_t>(index);
  return to;
}

Status prepare_nd(const Socket& s, const Placement& p) {
  int hops = 255, no = 0; // a neighbour message from anywhere but this link is ignored (RFC 4861)
  if (s.fd < 0 || ::setsockopt(s.fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) != 0 ||
      ::setsockopt(s.fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops) != 0 ||
      ::setsockopt(s.fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &no, sizeof no) != 0 ||
      ::setsockopt(s.fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &p.index, sizeof p.index) != 0)
    return trouble("open a socket for", p.address, p.interface, errno);
  icmp6_filter only;
  ICMP6_FILTER_SETBLOCKALL(&only);
  ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &only);
  ::setsockopt(s.fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only, sizeof only);
  return {};
}

Status send_nd(const Socket& s, const Placement& p, const neighbour::NdMessage& m,
               const boost::asio::ip::address_v6& to) {
  auto address = destination(to, p.index);
  if (::sendto(s.fd, m.data(), m.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return trouble("send a neighbour message for", p.address, p.interface, errno);
  return {};
}

bool has_no_neighbours(const Placement& p) { return p.mac == Mac{}; } // loopback, tunnels: nobody to tell or ask

} // namespace

Status announce(const Placement& p) {
  if (has_no_neighbours(p)) return {};
  if (p.address.is_v4()) {
    Socket s(AF_PACKET, SOCK_DGRAM, 0);
    if (s.fd < 0) return trouble("open a socket for", p.address, p.interface, errno);
    // Some equipment learns from requests only, some from replies only.
    auto ip = p.address.to_v4();
    auto sent = send_arp(s, p, neighbour::announcement(neighbour::Arp::request, p.mac, ip));
    return sent ? send_arp(s, p, neighbour::announcement(neighbour::Arp::reply, p.mac, ip)) : sent;
  }
  Socket s(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  if (auto ready = prepare_nd(s, p); !ready) return ready;
  auto all_nodes = boost::asio::ip::make_address_v6("ff02::1");
  return send_nd(s, p, neighbour::advertisement(p.mac, p.address.to_v6()), all_nodes);
}

namespace {

// Listens until `end` for a claim by somebody else.
template <class Address>
std::optional<Mac> listen(const Socket& s, const Placement& p, const Address& address, Instant end) {
  for (;;) {
    auto left = (end - boot_now()).in_ms();
    if (left < 0) return std::nullopt;
    pollfd ready{s.fd, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(left) + 1) <= 0) continue;
    std::uint8_t packet[1500];
    auto n = ::recv(s.fd, packet, sizeof packet, MSG_DONTWAIT);
    if (n <= 0) continue;
    if (auto holder = neighbour::claim_in(packet, static_cast<std::size_t>(n), address, p.mac)) return holder;
  }
}

// Asks three times, evenly spread, listening in between.
template <class Address, class Ask>
Result<std::optional<Mac>> ask_and_listen(const Socket& s, const Placement& p, const Address& address, Duration wait,
                                          Ask ask) {
  auto begin = boot_now();
  for (int i = 1; i <= 3; ++i) {
    if (auto sent = ask(); !sent) return Error{sent.error()};
    if (auto holder = listen(s, p, address, begin + wait * i / 3)) return holder;
  }
  return std::optional<Mac>{};
}

Result<std::optional<Mac>> probe_arp(const Placement& p, Duration wait) {
  Socket s(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ARP));
  sockaddr_ll here{};
  here.sll_family = AF_PACKET;
  here.sll_protocol = htons(ETH_P_ARP);
  here.sll_ifindex = p.index;
  if (s.fd < 0 || ::bind(s.fd, reinterpret_cast<sockaddr*>(&here), sizeof here) != 0)
    return trouble("probe for", p.address, p.interface, errno);
  auto ip = p.address.to_v4();
  return ask_and_listen(s, p, ip, wait, [&] { return send_arp(s, p, neighbour::probe(p.mac, ip)); });
}

Result<std::optional<Mac>> probe_nd(const Placement& p, Duration wait) {
  Socket s(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  if (auto ready = prepare_nd(s, p); !ready) return Error{ready.error()};
  ::setsockopt(s.fd, SOL_SOCKET, SO_BINDTODEVICE, p.interface.c_str(), static_cast<socklen_t>(p.interface.size()));
  auto ip = p.address.to_v6();
  return ask_and_listen(
      s, p, ip, wait, [&] { return send_nd(s, p, neighbour::solicitation(p.mac, ip), neighbour::solicited_node(ip)); });
}

} // namespace

Result<std::optional<Mac>> probe_conflict(const Placement& p, Duration wait) {
  if (has_no_neighbours(p)) return std::optional<Mac>{};
  return p.address.is_v4() ? probe_arp(p, wait) : probe_nd(p, wait);
}

} // namespace lockstep
