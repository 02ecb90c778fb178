// The echo lease and the silence rule, with their numbers (design 3, control (iii) 7-9).
#include "core/node/liveness.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
BOOST_AUTO_TEST_SUITE(node_liveness)

namespace {
const Instant t0{seconds(100).ns};
const LifeId me{{7}, 70};
std::vector<Network> nets(Duration a, Duration b = {}) {
  std::vector<Network> n{{"a", "a", ms(100), a, true}};
  if (b.ns) n.push_back({"b", "b", ms(100), b, false});
  return n;
}
// A beat of the peer, echoing our newest beat on that network.
Beat answer(Liveness& l, std::uint32_t network, Instant echo_of, Duration timeout, std::uint64_t seq, Instant sent) {
  Beat b;
  b.role = Role::second, b.sub = Sub::ready;
  b.incarnation = {3}, b.seq = seq, b.sent_ns = sent.ns, b.timeout = timeout, b.pulse = ms(100);
  b.echo = me, b.echo_seq = l.sent_seq(network), b.echo_sent_ns = echo_of.ns;
  return b;
}
} // namespace

BOOST_AUTO_TEST_CASE(the_lease_counts_from_the_sending_of_what_was_echoed_not_from_the_arrival_of_the_echo) {
  Liveness l(nets(seconds(3)), t0);
  Beat mine;
  l.stamp(0, mine, t0);
  l.heard(0, answer(l, 0, t0, seconds(3), 1, t0), me, t0 + seconds(1));
  BOOST_TEST((l.lease_until() == t0 + seconds(2)));
  BOOST_TEST((l.silent_from() == t0 + seconds(4)));
  BOOST_TEST((l.quiet_from() == t0 + seconds(3)));
}

BOOST_AUTO_TEST_CASE(the_shorter_timeout_of_both_bounds_the_lease_and_the_latest_network_counts) {
  Liveness l(nets(seconds(3), seconds(30)), t0);
  Beat mine;
  l.stamp(0, mine, t0), l.stamp(1, mine, t0);
  l.heard(0, answer(l, 0, t0, seconds(3), 1, t0), me, t0);
  l.heard(1, answer(l, 1, t0, seconds(6), 1, t0), me, t0);
  BOOST_TEST((l.lease_until() == t0 + seconds(4))); // 2/3 of min(30, 6)
  BOOST_TEST((l.silent_from() == t0 + seconds(30)));
}

// Found by the simulator (seed 1931, mode none): reordered beats let the SECOND act; its first beat as ALONE echoed a fresh beat
// of the old PRIM, whose lease it renewed: both had the address.
BOOST_AUTO_TEST_CASE(the_echo_of_a_node_that_serves_itself_renews_no_lease) {
  Liveness l(nets(seconds(3)), t0);
  Beat mine;
  l.stamp(0, mine, t0);
  Beat alone = answer(l, 0, t0, seconds(3), 1, t0);
  alone.role = Role::alone;
  l.heard(0, alone, me, t0);
  BOOST_TEST((l.lease_until() == Instant::distant_past()));
  BOOST_TEST(l.good(0, t0 + seconds(1)));
}

BOOST_AUTO_TEST_CASE(an_echo_of_another_life_or_of_something_never_sent_renews_nothing) {
  Liveness l(nets(seconds(3)), t0);
  auto b = answer(l, 0, t0, seconds(3), 1, t0);
  b.echo.incarnation = {6};
  l.heard(0, b, me, t0);
  b = answer(l, 0, t0, seconds(3), 2, t0), b.echo.nonce = 71; // the same number, before this node was restored
  l.heard(0, b, me, t0);
  b = answer(l, 0, t0, seconds(3), 3, t0), b.echo_seq = 99;
  l.heard(0, b, me, t0);
  BOOST_TEST((l.lease_until() == Instant::distant_past()));
  BOOST_TEST(l.any_heard(t0));
}

BOOST_AUTO_TEST_CASE(a_repeated_or_late_beat_is_no_sign_of_life) {
  Liveness l(nets(seconds(3)), t0);
  Beat mine;
  l.stamp(0, mine, t0);
  auto b = answer(l, 0, t0, seconds(3), 5, t0);
  l.heard(0, b, me, t0);
  l.heard(0, b, me, t0 + seconds(2));
  b.seq = 4;
  l.heard(0, b, me, t0 + seconds(2));
  BOOST_TEST((l.silent_from() == t0 + seconds(3)));
}

BOOST_AUTO_TEST_CASE(after_a_pause_only_beats_sent_since_renew_and_the_peer_gets_a_full_timeout) {
  Liveness l(nets(seconds(3)), t0);
  Beat mine;
  l.stamp(0, mine, t0);
  auto woke = t0 + seconds(60);
  l.distrust(t0 + seconds(1), woke);
  BOOST_TEST((l.silent_from() == woke + seconds(3)));
  l.heard(0, answer(l, 0, t0, seconds(3), 1, t0), me, woke);
  BOOST_TEST((l.lease_until() == Instant::distant_past()));
  l.stamp(0, mine, woke);
  l.heard(0, answer(l, 0, woke, seconds(3), 2, t0), me, woke + ms(2));
  BOOST_TEST((l.lease_until() == woke + seconds(2)));
}

BOOST_AUTO_TEST_CASE(a_pause_does_not_bring_back_who_was_silent_before) {
  for (bool silent : {false, true}) {
    Liveness l(nets(seconds(3)), t0);
    Beat mine;
    l.stamp(0, mine, t0);
    l.heard(0, answer(l, 0, t0, seconds(3), 1, t0), me, t0);
    BOOST_REQUIRE(l.proven());
    auto since = t0 + (silent ? seconds(3) : seconds(2)), woke = t0 + seconds(60);
    l.distrust(since, woke);
    BOOST_TEST(l.proven() == !silent);
    BOOST_TEST((l.silent_from() == woke + seconds(3)));
    l.stamp(0, mine, woke);
    l.heard(0, answer(l, 0, woke, seconds(3), 2, t0), me, woke + ms(2));
    BOOST_TEST(l.proven());
  }
}

BOOST_AUTO_TEST_CASE(one_way_is_not_good) {
  Liveness l(nets(seconds(3)), t0);
  Beat mine;
  l.stamp(0, mine, t0);
  auto b = answer(l, 0, t0, seconds(3), 1, t0);
  b.echo = {};
  l.heard(0, b, me, t0);
  BOOST_TEST(!l.good(0, t0));
  l.heard(0, answer(l, 0, t0, seconds(3), 2, t0), me, t0 + ms(1));
  BOOST_TEST(l.good(0, t0 + seconds(1)));
  BOOST_TEST(!l.good(0, t0 + ms(3002)));
}

// An attacker repeats what a former life of the peer said, or a network that was clogged delivers it: the silence goes on.
BOOST_AUTO_TEST_CASE(another_life_that_did_not_prove_itself_ends_no_silence) {
  Liveness l(nets(seconds(3)), t0);
  Beat mine;
  l.stamp(0, mine, t0);
  l.heard(0, answer(l, 0, t0, seconds(3), 1, t0), me, t0);
  auto later = t0 + seconds(5);
  l.forget_peer(later, false);
  auto b = answer(l, 0, t0, seconds(3), 7, t0); // it echoes what left before
  b.incarnation = {2};
  l.heard(0, b, me, later);
  BOOST_TEST(!l.any_heard(later));
  BOOST_TEST(!l.proven());
  l.stamp(0, mine, later);
  auto alive = answer(l, 0, later, seconds(3), 8, later);
  alive.incarnation = {2};
  l.heard(0, alive, me, later + ms(1));
  BOOST_TEST(l.any_heard(later + seconds(2)));
  BOOST_TEST(l.proven());
}

BOOST_AUTO_TEST_SUITE_END()
