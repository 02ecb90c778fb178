// Who gets a SecureStream, who does not, and what is said about it.
#include "tests/shim/stream_fixture.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::test;

BOOST_FIXTURE_TEST_SUITE(stream_connect, Streams)

BOOST_AUTO_TEST_CASE(another_cluster_key_is_refused_and_named) {
  listen();
  dial({}, key_of(2));
  BOOST_REQUIRE(until([&] { return !dialer_says.empty() && !listener_says.empty(); }));
  BOOST_TEST(!client.stream);
  BOOST_TEST(!server.stream);
  BOOST_TEST(contains(listener_says[0], key_of(1).id_text()));
  BOOST_TEST(contains(listener_says[0], key_of(2).id_text()));
  BOOST_TEST(contains(dialer_says[0], "the other node"));
}

BOOST_AUTO_TEST_CASE(another_label_is_refused_and_named) {
  listen();
  dial({}, key_of(1), "flow:farm:1>2");
  BOOST_REQUIRE(until([&] { return !listener_says.empty(); }));
  BOOST_TEST(!server.stream);
  BOOST_TEST(contains(listener_says[0], "it wanted 'flow:farm:1>2', this port is for 'flow:mirror:1>2'"));
}

BOOST_AUTO_TEST_CASE(a_stranger_that_talks_nonsense_is_refused) {
  listen();
  RawSocket s(listener->local());
  s.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_REQUIRE(until([&] { return !listener_says.empty() && s.closed_now(); }));
  BOOST_TEST(contains(listener_says[0], "the handshake failed"));
  BOOST_TEST(listener->unauthenticated() == 0u);
}

BOOST_AUTO_TEST_CASE(a_half_open_handshake_ends) {
  ListenerOptions o;
  o.handshake_timeout = ms(100);
  listen(o);
  RawSocket s(listener->local());
  s.send("\x16\x03\x01"); // the beginning of a TLS record, and then nothing
  BOOST_REQUIRE(until([&] { return listener->unauthenticated() == 1; }));
  BOOST_REQUIRE(until([&] { return s.closed_now(); }));
  BOOST_TEST(contains(listener_says[0], "did not authenticate itself in time"));
  BOOST_TEST(listener->unauthenticated() == 0u);
}

BOOST_AUTO_TEST_CASE(a_flood_of_strangers_does_not_keep_the_peer_out) {
  listen();
  std::vector<RawSocket> flood;
  for (int i = 0; i < 200; ++i) {
    flood.emplace_back(listener->local());
    loop.run_for(us(200));
  }
  dial();
  BOOST_TEST(until([&] { return client.stream && server.stream; }));
  BOOST_TEST(listener->unauthenticated() <= 16u);
  BOOST_TEST(listener_says.size() == 1u); // not one line per stranger
}

BOOST_AUTO_TEST_CASE(only_configured_addresses_may_connect) {
  ListenerOptions o;
  o.only_from = {*Endpoint::parse("192.0.2.7", 0)};
  listen(o);
  RawSocket s(listener->local());
  BOOST_REQUIRE(until([&] { return s.closed_now(); }));
  BOOST_TEST(contains(listener_says.at(0), "not an address of a node"));
}

BOOST_AUTO_TEST_CASE(a_port_in_use_is_named) {
  listen();
  auto second = StreamListener::open(loop, listener->local(), key_of(1), "flow:mirror:1>2", [](auto&&) {}, {});
  BOOST_TEST(contains(second.error(), "TCP port " + std::to_string(listener->local().port) + " on 127.0.0.1"));
  BOOST_TEST(contains(second.error(), "is in use"));
}

BOOST_AUTO_TEST_CASE(the_dialer_tries_until_the_peer_is_there_and_says_so_once) {
  listen();
  auto where = listener->local();
  listener.reset();
  DialerOptions o;
  o.retry = ms(5);
  dialer.emplace(
      loop, Endpoint::loopback(0), where, key_of(1), "flow:mirror:1>2",
      [this](SecureStream&& s) { client.stream.emplace(std::move(s)); },
      [this](const std::string& s) { dialer_says.push_back(s); }, o);
  dialer->dial();
  run_on(loop, ms(100));
  BOOST_REQUIRE(dialer_says.size() == 1u);
  BOOST_TEST(contains(dialer_says[0], to_string(where)));
  BOOST_TEST(contains(dialer_says[0], "refused"));
  auto again = StreamListener::open(loop, where, key_of(1), "flow:mirror:1>2",
                                    [this](SecureStream&& s) { server.stream.emplace(std::move(s)); }, {});
  BOOST_REQUIRE_MESSAGE(again.ok(), again.error());
  BOOST_TEST(until([&] { return client.stream && server.stream; }));
  run_on(loop, ms(30));
  client.stream.reset(), server.stream.reset();
  dialer->dial(); // after a lost connection
  BOOST_TEST(until([&] { return client.stream && server.stream; }));
}

BOOST_AUTO_TEST_CASE(a_peer_that_accepts_and_says_nothing_is_given_up) {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  BOOST_REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0 && ::listen(fd, 8) == 0);
  BOOST_REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size) == 0);
  DialerOptions o;
  o.connect_timeout = ms(50);
  StreamDialer silent(
      loop, Endpoint::loopback(0), Endpoint::loopback(ntohs(a.sin_port)), key_of(1), "x", [](auto&&) {},
      [this](const std::string& s) { dialer_says.push_back(s); }, o);
  silent.dial();
  BOOST_TEST(until([&] { return !dialer_says.empty(); }));
  BOOST_TEST(contains(dialer_says[0], "no answer in time"));
  ::close(fd);
}

BOOST_AUTO_TEST_CASE(a_stopped_dialer_is_silent) {
  listen();
  dial();
  dialer->stop();
  run_on(loop);
  BOOST_TEST(!client.stream);
  dialer->dial();
  dialer.reset();
  run_on(loop);
  BOOST_TEST(!client.stream);
}

BOOST_AUTO_TEST_SUITE_END()
