#include "shim/linux/neighbour.hpp"
#include <algorithm>

namespace lockstep::neighbour {
namespace {

constexpr std::uint8_t nd_solicitation = 135, nd_advertisement = 136;
constexpr std::uint8_t option_source_mac = 1, option_target_mac = 2;

ArpPacket arp(Arp operation, const Mac& sender, const Ip4& sender_ip, const Mac& target, const Ip4& target_ip) {
  ArpPacket p{0, 1, 0x08, 0, 6, 4, 0, static_cast<std::uint8_t>(operation)};
  auto put = [&p](std::size_t at, const auto& bytes) {
    std::copy(bytes.begin(), bytes.end(), p.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(8, sender), put(14, sender_ip.to_bytes()), put(18, target), put(24, target_ip.to_bytes());
  return p;
}

NdMessage nd(std::uint8_t type, std::uint8_t flags, const Ip6& target, std::uint8_t option, const Mac& mac) {
  NdMessage m{type, 0, 0, 0, flags};
  auto t = target.to_bytes();
  std::copy(t.begin(), t.end(), m.begin() + 8);
  m[24] = option, m[25] = 1; // in units of eight bytes
  std::copy(mac.begin(), mac.end(), m.begin() + 26);
  return m;
}

} // namespace

ArpPacket announcement(Arp operation, const Mac& ours, const Ip4& address) {
  Mac everybody;
  everybody.fill(operation == Arp::reply ? 0xff : 0);
  return arp(operation, ours, address, everybody, address);
}

ArpPacket probe(const Mac& ours, const Ip4& address) { return arp(Arp::request, ours, Ip4::any(), Mac{}, address); }

std::optional<Mac> claim_in(const std::uint8_t* packet, std::size_t size, const Ip4& address, const Mac& ours) {
  static constexpr std::uint8_t ethernet_ip4[] = {0, 1, 0x08, 0, 6, 4};
  auto ip = address.to_bytes();
  if (size < 28 || !std::equal(std::begin(ethernet_ip4), std::end(ethernet_ip4), packet)) return std::nullopt;
  if (!std::equal(ip.begin(), ip.end(), packet + 14)) return std::nullopt;
  Mac holder;
  std::copy(packet + 8, packet + 14, holder.begin());
  return holder == ours ? std::nullopt : std::optional<Mac>(holder);
}

NdMessage advertisement(const Mac& ours, const Ip6& address) {
  return nd(nd_advertisement, 0x20, address, option_target_mac, ours);
}
NdMessage solicitation(const Mac& ours, const Ip6& address) {
  return nd(nd_solicitation, 0, address, option_source_mac, ours);
}

std::optional<Mac> claim_in(const std::uint8_t* message, std::size_t size, const Ip6& address, const Mac& ours) {
  auto ip = address.to_bytes();
  if (size < 24 || message[0] != nd_advertisement || !std::equal(ip.begin(), ip.end(), message + 8))
    return std::nullopt;
  for (std::size_t at = 24; at + 8 <= size && message[at + 1] != 0; at += message[at + 1] * 8u) {
    if (message[at] != option_target_mac) continue;
    Mac holder;
    std::copy(message + at + 2, message + at + 8, holder.begin());
    return holder == ours ? std::nullopt : std::optional<Mac>(holder);
  }
  return Mac{}; // somebody holds it and did not say where
}

Ip6 solicited_node(const Ip6& address) {
  auto b = address.to_bytes();
  Ip6::bytes_type out{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, b[13], b[14], b[15]};
  return Ip6(out, address.scope_id());
}

} // namespace lockstep::neighbour
