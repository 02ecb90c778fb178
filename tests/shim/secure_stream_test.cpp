#include "tests/shim/stream_fixture.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::test;

BOOST_FIXTURE_TEST_SUITE(secure_stream, Streams)

BOOST_AUTO_TEST_CASE(frames_arrive_whole_and_in_order) {
  connect();
  std::vector<Bytes> sent;
  for (std::size_t n : {0, 1, 9, 100, 512, 513, 16374, 16375, 16376, 16384, 16385, 32768, 100000, 1000000})
    sent.push_back(noise(n, n + 1));
  for (auto& b : sent) client.stream->send(b);
  BOOST_REQUIRE(until([&] { return server.frames.size() == sent.size(); }));
  BOOST_TEST((server.frames == sent));
  for (auto& b : sent) server.stream->send(b);
  BOOST_REQUIRE(until([&] { return client.frames.size() == sent.size(); }));
  BOOST_TEST((client.frames == sent));
  BOOST_TEST(client.stream->queued() == 0u);
}

BOOST_AUTO_TEST_CASE(head_and_payload_arrive_joined_and_the_payload_stays_with_the_sender) {
  connect();
  Buffer payload = Buffer::of(noise(70000));
  client.stream->send({1, 2, 3}, payload);
  client.stream->send({4}, Buffer{payload.owner, payload.bytes.subspan(10, 5)});
  client.stream->send({5}, Buffer{});
  BOOST_REQUIRE(until([&] { return server.frames.size() == 3; }));
  Bytes expected = {1, 2, 3};
  expected.insert(expected.end(), payload.bytes.begin(), payload.bytes.end());
  BOOST_TEST((server.frames[0] == expected));
  BOOST_TEST(server.frames[1].size() == 6u);
  BOOST_TEST((server.frames[2] == Bytes{5}));
}

BOOST_AUTO_TEST_CASE(many_small_frames) {
  connect();
  for (std::uint32_t i = 0; i < 20000; ++i) {
    Writer w;
    w.u32(i);
    client.stream->send(w.take());
  }
  BOOST_REQUIRE(until([&] { return server.frames.size() == 20000; }));
  for (std::uint32_t i = 0; i < 20000; ++i) BOOST_REQUIRE(Reader(server.frames[i]).u32() == i);
}

BOOST_AUTO_TEST_CASE(the_largest_frame) {
  StreamOptions o;
  o.max_frame = 65 << 20;
  connect(o);
  Bytes big = noise(o.max_frame);
  client.stream->send(big);
  BOOST_REQUIRE(until([&] { return !server.frames.empty(); }));
  BOOST_TEST((server.frames[0] == big));
}

BOOST_AUTO_TEST_CASE(a_frame_larger_than_the_receiver_takes_closes_the_connection) {
  ListenerOptions l;
  l.stream.max_frame = 1000;
  listen(l);
  dial();
  BOOST_REQUIRE(until([&] { return client.stream && server.stream; }));
  client.start(), server.start();
  client.stream->send(Bytes(1001));
  BOOST_REQUIRE(until([&] { return server.closings && client.closings; }));
  BOOST_TEST(contains(server.closed, "announced 1001 bytes, more than the limit of 1000"));
  BOOST_TEST(server.frames.empty());
}

BOOST_AUTO_TEST_CASE(frames_sent_before_the_other_side_starts_wait_for_it) {
  listen();
  dial();
  BOOST_REQUIRE(until([&] { return client.stream && server.stream; }));
  client.start();
  for (int i = 0; i < 100; ++i) client.stream->send(noise(1000));
  run_on(loop);
  BOOST_TEST(server.frames.empty());
  server.start();
  BOOST_TEST(until([&] { return server.frames.size() == 100; }));
}

BOOST_AUTO_TEST_CASE(pausing_backs_up_the_sender_and_resuming_loses_nothing) {
  connect();
  server.stream->pause_reading(true);
  for (int i = 0; i < 50; ++i) client.stream->send(noise(1 << 20, i));
  run_on(loop);
  BOOST_TEST(server.frames.empty());
  BOOST_TEST(client.stream->queued() > 10u << 20);
  BOOST_TEST(client.stream->unacknowledged() > 0u);
  auto delivered = client.stream->delivered();
  run_on(loop);
  BOOST_TEST(client.stream->delivered() == delivered);
  server.stream->pause_reading(false);
  BOOST_REQUIRE(until([&] { return server.frames.size() == 50; }));
  for (int i = 0; i < 50; ++i) BOOST_REQUIRE((server.frames[i] == noise(1 << 20, i)));
  BOOST_TEST(client.stream->queued() == 0u);
}

BOOST_AUTO_TEST_CASE(pausing_from_a_frame_stops_before_the_next) {
  connect();
  int got = 0;
  server.stream->start([&](Bytes&&) { ++got, server.stream->pause_reading(true); }, [](auto&) {});
  for (int i = 0; i < 10; ++i) client.stream->send({1});
  BOOST_REQUIRE(until([&] { return got == 1; }));
  run_on(loop);
  BOOST_TEST(got == 1);
  server.stream->pause_reading(false);
  BOOST_REQUIRE(until([&] { return got == 2; }));
}

BOOST_AUTO_TEST_CASE(finish_delivers_everything_first_both_hear_of_the_end_once) {
  connect();
  for (int i = 0; i < 20; ++i) client.stream->send(noise(1 << 20, i));
  client.stream->finish(seconds(10));
  client.stream->send({9}); // too late
  BOOST_REQUIRE(until([&] { return server.closings && client.closings; }));
  BOOST_TEST(server.frames.size() == 20u);
  BOOST_TEST(contains(server.closed, "the peer closed the connection"));
  BOOST_TEST(contains(client.closed, "closed by this node"));
  run_on(loop);
  BOOST_TEST(server.closings == 1);
  BOOST_TEST(client.closings == 1);
}

BOOST_AUTO_TEST_CASE(finish_does_not_wait_for_ever) {
  connect();
  server.stream->pause_reading(true);
  for (int i = 0; i < 50; ++i) client.stream->send(noise(1 << 20));
  client.stream->finish(ms(100));
  BOOST_REQUIRE(until([&] { return client.closings == 1; }));
  BOOST_TEST(contains(client.closed, "did not take everything in time"));
}

BOOST_AUTO_TEST_CASE(close_while_sending) {
  connect();
  for (int i = 0; i < 50; ++i) client.stream->send(noise(1 << 20, i));
  BOOST_REQUIRE(until([&] { return server.frames.size() > 3; }));
  client.stream.reset();
  BOOST_REQUIRE(until([&] { return server.closings == 1; }));
  BOOST_TEST(server.frames.size() < 50u); // what arrived arrived whole
  for (std::size_t i = 0; i < server.frames.size(); ++i) BOOST_REQUIRE((server.frames[i] == noise(1 << 20, i)));
  BOOST_TEST(client.closings == 0);
}

BOOST_AUTO_TEST_CASE(the_peers_last_words_are_heard_though_our_sending_failed) {
  connect();
  int got = 0;
  server.stream->pause_reading(true);
  client.stream->send({1});
  run_on(loop, ms(20));
  client.stream.reset(); // gone: what the server sends now is answered by a reset
  for (int i = 0; i < 10; ++i) server.stream->send(noise(100000)), run_on(loop, ms(5));
  server.stream->start([&](Bytes&&) { ++got; }, [&](auto& reason) { server.closed = reason, ++server.closings; });
  server.stream->pause_reading(false);
  BOOST_REQUIRE(until([&] { return server.closings == 1; }));
  BOOST_TEST(got == 1);
}

BOOST_AUTO_TEST_CASE(a_stream_may_be_destroyed_from_its_own_callbacks) {
  connect();
  std::string long_capture(100, 'x');
  int got = 0;
  server.stream->start(
      [&, long_capture](Bytes&&) {
        server.stream.reset();
        got += static_cast<int>(long_capture.size());
      },
      [](auto&) {});
  client.stream->start([](auto&&) {},
                       [&, long_capture](auto&) {
                         client.stream.reset();
                         client.closings += static_cast<int>(long_capture.size());
                       });
  for (int i = 0; i < 10; ++i) client.stream->send({1});
  BOOST_REQUIRE(until([&] { return client.closings == 100; }));
  BOOST_TEST(got == 100);
}

BOOST_AUTO_TEST_CASE(a_closed_stream_takes_sends_without_harm) {
  connect();
  server.stream.reset();
  BOOST_REQUIRE(until([&] { return client.closings == 1; }));
  BOOST_TEST(!client.stream->open());
  client.stream->send({1});
  client.stream->finish(seconds(1));
  client.stream->pause_reading(false);
  run_on(loop);
  BOOST_TEST(client.closings == 1);
  BOOST_TEST(client.stream->unacknowledged() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
