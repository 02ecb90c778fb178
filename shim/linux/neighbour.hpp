// The two languages in which a segment is told, or asked, who holds an address: ARP for IPv4, neighbour discovery for
// IPv6. Frames are built and read by pure functions; sockets are in vip.cpp.
#pragma once
#include "shim/linux/interfaces.hpp"
#include <cstdint>

namespace lockstep::neighbour {

using Ip4 = boost::asio::ip::address_v4;
using Ip6 = boost::asio::ip::address_v6;

// The 28 bytes of an ARP packet for Ethernet and IPv4.
using ArpPacket = std::array<std::uint8_t, 28>;
enum class Arp : std::uint16_t { request = 1, reply = 2 };
ArpPacket announcement(Arp operation, const Mac& ours, const Ip4& address); // sender and target are the address
ArpPacket probe(const Mac& ours, const Ip4& address);                       // sender 0.0.0.0: changes nobody's table
// Another station claims the address: its MAC.
std::optional<Mac> claim_in(const std::uint8_t* packet, std::size_t size, const Ip4& address, const Mac& ours);

// ICMPv6 messages without checksum (the kernel fills it in).
using NdMessage = std::array<std::uint8_t, 32>;
NdMessage advertisement(const Mac& ours, const Ip6& address); // unsolicited, override
NdMessage solicitation(const Mac& ours, const Ip6& address);
std::optional<Mac> claim_in(const std::uint8_t* message, std::size_t size, const Ip6& address, const Mac& ours);
Ip6 solicited_node(const Ip6& address); // ff02::1:ffXX:XXXX

} // namespace lockstep::neighbour
