#include "shim/common/net/udp_port.hpp"
#include "tests/shim/net_support.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using test::contains;

BOOST_AUTO_TEST_SUITE(udp_port)

BOOST_AUTO_TEST_CASE(datagrams_go_there_and_back) {
  for (auto address : {"127.0.0.1", "::1"}) {
    Loop loop;
    std::vector<Bytes> at_a, at_b;
    Endpoint seen;
    auto any = *Endpoint::parse(address, 0);
    auto a = UdpPort::open(loop, any, "a test",
                           [&](const std::uint8_t* p, std::size_t n, const Endpoint&) { at_a.emplace_back(p, p + n); });
    auto b = UdpPort::open(loop, any, "a test", [&](const std::uint8_t* p, std::size_t n, const Endpoint& from) {
      at_b.emplace_back(p, p + n);
      seen = from;
    });
    BOOST_REQUIRE(a.ok());
    BOOST_REQUIRE(b.ok());
    BOOST_TEST(a->send({1, 2, 3}, b->local()));
    BOOST_REQUIRE(test::run_until(loop, [&] { return !at_b.empty(); }));
    BOOST_TEST((at_b[0] == Bytes{1, 2, 3}));
    BOOST_TEST((seen == a->local()));
    BOOST_TEST(b->send(Bytes(60000, 7), seen));
    BOOST_REQUIRE(test::run_until(loop, [&] { return !at_a.empty(); }));
    BOOST_TEST(at_a[0].size() == 60000u);
  }
}

BOOST_AUTO_TEST_CASE(a_port_in_use_is_named_with_what_to_do) {
  Loop loop;
  auto first = UdpPort::open(loop, Endpoint::loopback(0), "a test", [](auto, auto, auto&) {});
  BOOST_REQUIRE(first.ok());
  auto second = UdpPort::open(loop, first->local(), "heartbeats of module mirror", [](auto, auto, auto&) {});
  auto port = std::to_string(first->local().port);
  BOOST_TEST(contains(second.error(),
                      "UDP port " + port + " on 127.0.0.1, needed for heartbeats of module mirror, is in use"));
  BOOST_TEST(contains(second.error(), "ss -lpn sport = :" + port));
}

BOOST_AUTO_TEST_CASE(an_address_that_is_not_here_is_named) {
  Loop loop;
  auto p = UdpPort::open(loop, *Endpoint::parse("192.0.2.1", 4800), "membership", [](auto, auto, auto&) {});
  BOOST_TEST(contains(p.error(), "does not have the address 192.0.2.1"));
}

BOOST_AUTO_TEST_CASE(a_dead_receiver_does_not_disturb_the_sender) {
  Loop loop;
  std::size_t got = 0;
  auto a = UdpPort::open(loop, Endpoint::loopback(0), "a test", [](auto, auto, auto&) {});
  auto b = UdpPort::open(loop, Endpoint::loopback(0), "a test", [&](auto, auto, auto&) { ++got; });
  Endpoint gone;
  {
    auto c = UdpPort::open(loop, Endpoint::loopback(0), "a test", [](auto, auto, auto&) {});
    gone = c->local();
  }
  for (int i = 0; i < 10; ++i) {
    a->send({1}, gone); // answered by ICMP "port unreachable"
    BOOST_TEST(a->send({1}, b->local()));
  }
  BOOST_TEST(test::run_until(loop, [&] { return got == 10; }));
}

BOOST_AUTO_TEST_CASE(a_port_may_be_closed_from_its_own_callback) {
  Loop loop;
  std::optional<UdpPort> b;
  int got = 0;
  auto a = UdpPort::open(loop, Endpoint::loopback(0), "a test", [](auto, auto, auto&) {});
  b.emplace(std::move(*UdpPort::open(loop, Endpoint::loopback(0), "a test", [&](auto, auto, auto&) {
    ++got;
    b.reset();
  })));
  auto to = b->local();
  for (int i = 0; i < 5; ++i) a->send({1}, to);
  BOOST_TEST(test::run_until(loop, [&] { return got > 0; }));
  test::run_on(loop);
  BOOST_TEST(got == 1);
}

BOOST_AUTO_TEST_CASE(addresses_are_parsed_and_printed) {
  BOOST_TEST(to_string(*Endpoint::parse("10.1.2.3", 4800)) == "10.1.2.3:4800");
  BOOST_TEST(to_string(*Endpoint::parse("fd00::10", 4800)) == "[fd00::10]:4800");
  BOOST_TEST(contains(Endpoint::parse("10.1.2", 1).error(), "'10.1.2' is not an IP address"));
  BOOST_TEST(contains(Endpoint::parse("", 1).error(), "is not an IP address"));
  BOOST_TEST((*Endpoint::resolve("127.0.0.1", 9) == Endpoint::loopback(9)));
  BOOST_TEST(Endpoint::resolve("localhost", 9).ok());
}

BOOST_AUTO_TEST_SUITE_END()
