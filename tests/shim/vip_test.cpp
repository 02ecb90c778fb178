// The virtual address on a real segment: placed, renewed, expiring, removed, announced, probed for (design 9).
#include "shim/linux/neighbour.hpp"
#include "shim/linux/vip.hpp"
#include "tests/shim/network_lab.hpp"
#include "tests/shim/temporary.hpp"
#include <algorithm>
#include <arpa/inet.h>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

using namespace lockstep;
using namespace lockstep::test;

namespace {

IpAddress ip(const char* text) { return boost::asio::ip::make_address(text); }
const std::vector<const char*> both_families = {"10.1.0.100", "fd01::100"};

std::vector<InterfaceAddress> holding(const IpAddress& a) {
  auto all = list_addresses();
  BOOST_REQUIRE_MESSAGE(all.ok(), all.error());
  std::erase_if(*all, [&](const auto& x) { return x.address != a; });
  return *all;
}
bool local(const IpAddress& a) {
  auto r = address_is_local(a);
  return r && *r;
}
Placement placed(const char* text) {
  auto p = place({.address = ip(text)});
  BOOST_REQUIRE_MESSAGE(p.ok(), p.error());
  return *p;
}
Mac mac_of(const char* card) {
  auto links = list_links();
  BOOST_REQUIRE(links.ok());
  for (const auto& l : *links)
    if (l.name == card && l.mac) return *l.mac;
  BOOST_REQUIRE_MESSAGE(false, "no such card");
  return {};
}

} // namespace

BOOST_AUTO_TEST_SUITE(vip)

BOOST_AUTO_TEST_CASE(it_goes_where_its_subnet_is_with_the_prefix_of_that_interface) {
  with_cable([](Cable&) {
    for (auto text : both_families) {
      auto p = placed(text);
      BOOST_TEST(p.interface == "a0");
      BOOST_TEST(p.prefix == (p.address.is_v4() ? 24 : 64));
      BOOST_TEST(p.subnet_present);
      BOOST_TEST((p.mac == mac_of("a0")));
    }
    auto lost = place({.address = ip("192.0.2.7")});
    BOOST_TEST(!lost);
    BOOST_TEST(contains(
        lost.error(), "no interface of this machine holds an address in the subnet of the virtual address 192.0.2.7"));
    auto named = place({.address = ip("192.0.2.7"), .interface = "a0", .prefix = 28});
    BOOST_REQUIRE(named.ok());
    BOOST_TEST(named->prefix == 28);
    BOOST_TEST(!named->subnet_present);
    auto wrong = place({.address = ip("192.0.2.7"), .interface = "eth9"});
    BOOST_TEST(contains(wrong.error(), "interface eth9, which this machine does not have"));
  });
}

BOOST_AUTO_TEST_CASE(setting_twice_and_removing_twice_is_fine_and_the_subnet_route_stays) {
  with_cable([](Cable& cable) {
    for (auto text : both_families) {
      auto p = placed(text);
      for (int i = 0; i < 2; ++i) {
        BOOST_TEST(set_address(p, seconds(60)).error() == "");
        auto held = holding(p.address);
        BOOST_REQUIRE(held.size() == 1u);
        BOOST_TEST(held[0].interface == "a0");
        BOOST_TEST(held[0].prefix == p.prefix);
        BOOST_TEST(held[0].temporary);
        BOOST_TEST(local(p.address));
      }
      for (int i = 0; i < 2; ++i) BOOST_TEST(remove_address(p.address).error() == "");
      BOOST_TEST(!local(p.address));
    }
    cable.run("ip route | grep -q '^10.1.0.0/24 dev a0'");
    cable.run("ip -6 route | grep -q '^fd01::/64 dev a0'");
  });
}

BOOST_AUTO_TEST_CASE(an_address_that_nobody_renews_disappears_by_itself) {
  with_cable([](Cable&) {
    for (auto text : both_families) {
      auto p = placed(text);
      BOOST_REQUIRE(set_address(p, ms(1900)));
      BOOST_TEST(local(p.address));
      BOOST_TEST(eventually([&] { return holding(p.address).empty(); }));
    }
  });
}

BOOST_AUTO_TEST_CASE(who_holds_the_address_is_found_by_asking) {
  with_cable([](Cable& cable) {
    for (auto text : both_families) {
      auto p = placed(text);
      auto nobody = probe_conflict(p, ms(90));
      BOOST_REQUIRE_MESSAGE(nobody.ok(), nobody.error());
      BOOST_TEST(!nobody->has_value());
      auto far_mac = cable.on_far([&] {
        BOOST_REQUIRE(set_address(placed(text), seconds(60)));
        return mac_of("b0");
      });
      auto somebody = probe_conflict(p, seconds(5));
      BOOST_REQUIRE_MESSAGE(somebody.ok(), somebody.error());
      BOOST_REQUIRE(somebody->has_value());
      BOOST_TEST(to_string(**somebody) == to_string(far_mac));
    }
  });
}

BOOST_AUTO_TEST_CASE(our_own_address_is_no_conflict) {
  with_cable([](Cable&) {
    for (auto text : both_families) {
      auto p = placed(text);
      BOOST_REQUIRE(set_address(p, seconds(60)));
      auto r = probe_conflict(p, ms(90));
      BOOST_REQUIRE_MESSAGE(r.ok(), r.error());
      BOOST_TEST(!r->has_value());
    }
  });
}

BOOST_AUTO_TEST_CASE(an_announcement_turns_the_neighbours_to_us) {
  with_cable([](Cable& cable) {
    auto ours = to_string(mac_of("a0"));
    for (auto text : both_families) {
      std::string address = text;
      cable.on_far([&] { cable.run("ip neigh replace " + address + " lladdr 02:00:00:00:00:99 dev b0 nud stale"); });
      auto p = placed(text);
      BOOST_REQUIRE(set_address(p, seconds(60)));
      BOOST_TEST(announce(p).error() == "");
      bool learned = cable.on_far([&] {
        auto look = "ip neigh show " + address + " | grep -q " + ours;
        return eventually([&] { return ::system(look.c_str()) == 0; });
      });
      BOOST_TEST(learned, address);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_burst_sends_as_often_as_asked_and_stops_when_told) {
  with_cable([](Cable& cable) {
    int ear = cable.on_far([] {
      int fd = ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
      sockaddr_ll here{};
      here.sll_family = AF_PACKET, here.sll_protocol = htons(ETH_P_ARP),
      here.sll_ifindex = static_cast<int>(::if_nametoindex("b0"));
      BOOST_REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&here), sizeof here) == 0);
      return fd;
    });
    auto heard = [&] {
      int n = 0;
      std::uint8_t packet[100];
      for (ssize_t size; (size = ::recv(ear, packet, sizeof packet, 0)) > 0;)
        n += neighbour::claim_in(packet, static_cast<std::size_t>(size), ip("10.1.0.100").to_v4(), Mac{}).has_value();
      return n;
    };
    boost::asio::io_context io;
    auto p = placed("10.1.0.100");
    Announcer announcer(io.get_executor());
    announcer.burst(p, 3, ms(10));
    io.run();                 // ends with the burst
    BOOST_TEST(heard() == 6); // a request and a reply each
    announcer.burst(p, 1000, ms(10));
    announcer.stop(p.address);
    io.restart();
    io.run();
    BOOST_TEST(heard() == 2);
    ::close(ear);
  });
}

BOOST_AUTO_TEST_CASE(without_an_interface_the_sentence_says_so) {
  with_cable([](Cable& cable) {
    auto p = placed("10.1.0.100");
    cable.run("ip link del a0");
    auto s = set_address(p, seconds(5));
    BOOST_TEST(contains(s.error(), "cannot set the virtual address 10.1.0.100 on a0: No such device"));
    BOOST_TEST(!announce(p));
  });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(interfaces)

BOOST_AUTO_TEST_CASE(an_unplugged_cable_is_seen) {
  with_cable([](Cable& cable) {
    auto up = [] { return interface_of_is_up(ip("10.1.0.1")); };
    BOOST_REQUIRE(up().ok());
    BOOST_TEST(*up());
    BOOST_TEST(*interface_of_is_up(ip("127.0.0.1")));
    BOOST_TEST(!*interface_of_is_up(ip("10.1.0.2"))); // the far side's
    cable.on_far([&] { cable.run("ip link set b0 down"); });
    BOOST_TEST(eventually([&] { return !*up(); }));
    BOOST_TEST(local(ip("10.1.0.1"))); // still held, only without a carrier
    cable.on_far([&] { cable.run("ip link set b0 up"); });
    BOOST_TEST(eventually([&] { return *up(); }));
    cable.run("ip link set a0 down");
    BOOST_TEST(!*up());
  });
}

BOOST_AUTO_TEST_CASE(netmasks_and_subnets) {
  BOOST_TEST(prefix_of_netmask("255.255.255.0").value_or(-1) == 24);
  BOOST_TEST(prefix_of_netmask("255.255.240.0").value_or(-1) == 20);
  BOOST_TEST(prefix_of_netmask("0.0.0.0").value_or(-1) == 0);
  BOOST_TEST(prefix_of_netmask("255.255.255.255").value_or(-1) == 32);
  for (auto bad : {"255.0.255.0", "0.0.0.255", "24", "", "255.255.255.256"})
    BOOST_TEST(!prefix_of_netmask(bad).has_value());
  BOOST_TEST(same_subnet(ip("10.1.2.3"), ip("10.1.3.4"), 23));
  BOOST_TEST(!same_subnet(ip("10.1.2.3"), ip("10.1.3.4"), 24));
  BOOST_TEST(!same_subnet(ip("10.1.2.3"), ip("::1"), 0));
  BOOST_TEST(same_subnet(ip("fd01::1"), ip("fd01::ffff"), 64));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(neighbour_messages)

BOOST_AUTO_TEST_CASE(only_somebody_elses_claim_to_the_address_counts) {
  Mac ours{2, 0, 0, 0, 0, 1}, other{2, 0, 0, 0, 0, 2};
  auto a = ip("10.1.0.100").to_v4(), b = ip("10.1.0.101").to_v4();
  auto claim = neighbour::announcement(neighbour::Arp::reply, other, a);
  auto found = [&](const auto& p, const auto& address) {
    return neighbour::claim_in(p.data(), p.size(), address, ours);
  };
  BOOST_TEST((found(claim, a) == other));
  BOOST_TEST(!found(claim, b));
  BOOST_TEST(!found(neighbour::announcement(neighbour::Arp::reply, ours, a), a));
  BOOST_TEST(!found(neighbour::probe(other, a), a)); // asks, does not claim
  for (std::size_t n = 0; n < claim.size(); ++n) BOOST_TEST(!neighbour::claim_in(claim.data(), n, a, ours));
  auto six = ip("fd01::100").to_v6();
  auto advertisement = neighbour::advertisement(other, six);
  BOOST_TEST((found(advertisement, six) == other));
  BOOST_TEST(!found(neighbour::solicitation(other, six), six));
  for (std::size_t n = 0; n < 24; ++n) BOOST_TEST(!neighbour::claim_in(advertisement.data(), n, six, ours));
  BOOST_TEST(neighbour::solicited_node(ip("fd01::1:2345:6789").to_v6()).to_string() == "ff02::1:ff45:6789");
}

BOOST_AUTO_TEST_SUITE_END()
