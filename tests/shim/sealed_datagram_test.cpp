#include "shim/common/crypto/replay_window.hpp"
#include "shim/common/crypto/sealed_datagram.hpp"
#include "tests/shim/net_support.hpp"
#include <boost/test/unit_test.hpp>
#include <set>

using namespace lockstep;
using test::contains;
using test::key_of;

namespace {

const Bytes hello = {'h', 'i'};

struct Pair {
  std::vector<std::string> reports;
  SealedDatagram a = node("1", "2"), b = node("2", "1");
  Instant now = Instant{} + seconds(1000);

  SealedDatagram node(std::string me, std::string peer, std::string purpose = "beat:mirror:net0",
                      std::uint8_t key = 1) {
    return SealedDatagram(key_of(key), purpose, me, peer, [this](const std::string& s) { reports.push_back(s); });
  }
  SealOutcome to_b(const Bytes& packet) { return b.open(packet, "10.0.0.1:8888", now).outcome; }
  // Exchanges greetings until both have nothing to answer; returns how many packets that took.
  int meet(SealedDatagram& x, SealedDatagram& y) {
    int n = 0;
    Bytes packet = x.seal(hello);
    for (bool at_y = true; !packet.empty(); at_y = !at_y, ++n) packet = (at_y ? y : x).open(packet, "peer", now).reply;
    return n;
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(sealed_datagram)

BOOST_FIXTURE_TEST_CASE(two_greetings_and_both_are_proven, Pair) {
  auto first = b.open(a.seal(hello), "a", now);
  BOOST_TEST((first.outcome == SealOutcome::unproven));
  BOOST_TEST(first.plaintext.empty());
  auto second = a.open(first.reply, "b", now);
  BOOST_TEST((second.outcome == SealOutcome::greeting));
  BOOST_TEST((b.open(second.reply, "a", now).outcome == SealOutcome::greeting));
  auto message = b.open(a.seal(hello), "a", now);
  BOOST_TEST(message.ok());
  BOOST_TEST((message.plaintext == hello));
  BOOST_TEST((a.open(b.seal(hello), "b", now).plaintext == hello));
  BOOST_TEST(reports.empty());
}

BOOST_FIXTURE_TEST_CASE(greetings_end, Pair) {
  BOOST_TEST(meet(a, b) <= 4);
  BOOST_TEST(meet(a, b) == 1);
}

BOOST_FIXTURE_TEST_CASE(meeting_survives_lost_greetings_and_both_speaking_first, Pair) {
  b.open(a.seal(hello), "a", now); // the reply is lost
  a.open(b.seal(hello), "b", now); // and that one too
  BOOST_TEST(meet(a, b) <= 4);
  BOOST_TEST(b.open(a.seal(hello), "a", now).ok());
  BOOST_TEST(a.open(b.seal(hello), "b", now).ok());
}

BOOST_FIXTURE_TEST_CASE(overhead_is_as_announced_and_size_is_kept, Pair) {
  meet(a, b);
  for (std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{1400}, SealedDatagram::max_plaintext}) {
    Bytes text(n, 0x5a);
    auto packet = a.seal(text);
    BOOST_TEST(packet.size() == n + SealedDatagram::overhead);
    auto opened = b.open(packet, "a", now);
    BOOST_TEST(opened.ok());
    BOOST_TEST((opened.plaintext == text));
  }
}

BOOST_FIXTURE_TEST_CASE(every_damaged_bit_is_noticed, Pair) {
  meet(a, b);
  auto packet = a.seal(hello);
  for (std::size_t i = 0; i < packet.size() * 8; ++i) {
    auto bad = packet;
    bad[i / 8] ^= static_cast<std::uint8_t>(1u << (i % 8));
    BOOST_TEST((to_b(bad) != SealOutcome::ok), "bit " << i);
  }
  BOOST_TEST((to_b(packet) == SealOutcome::ok)); // none of that used up the packet's number
}

BOOST_FIXTURE_TEST_CASE(every_truncation_is_noticed, Pair) {
  meet(a, b);
  auto packet = a.seal(hello);
  for (std::size_t n = 0; n < packet.size(); ++n) {
    auto o = b.open(packet.data(), n, "a", now);
    BOOST_TEST(!o.ok());
    BOOST_TEST(o.reply.empty());
  }
  packet.push_back(0);
  BOOST_TEST((to_b(packet) == SealOutcome::forged));
}

BOOST_FIXTURE_TEST_CASE(another_version_is_said_with_who_it_is_and_what_to_do, Pair) {
  std::string said;
  SealedDatagram here(key_of(1), "beat:mirror:net0", "2", "1", [&](const std::string& s) { said = s; });
  auto packet = a.seal(hello);
  packet[3] = 9;
  here.open(packet, "10.0.0.1:8888 (node1)", Instant{0});
  BOOST_TEST(said == "a datagram from 10.0.0.1:8888 (node1) for beat:mirror:net0 was refused: it speaks version 9 of the protocol, this node "
                     "version 1; install the same version of Lockstep on both nodes");
}

BOOST_FIXTURE_TEST_CASE(strangers_are_named, Pair) {
  Bytes noise(100, 'x');
  BOOST_TEST((to_b(noise) == SealOutcome::not_ours));
  BOOST_TEST((to_b({}) == SealOutcome::not_ours));
  auto packet = a.seal(hello);
  auto other = packet;
  other[3] = 9;
  BOOST_TEST((to_b(other) == SealOutcome::other_version));
  auto enemy = node("1", "2", "beat:mirror:net0", 2);
  BOOST_TEST((to_b(enemy.seal(hello)) == SealOutcome::wrong_key));
  BOOST_TEST(b.refused() == 4u);
}

BOOST_FIXTURE_TEST_CASE(wrong_key_is_named_with_both_ids, Pair) {
  auto enemy = node("1", "2", "beat:mirror:net0", 2);
  to_b(enemy.seal(hello));
  BOOST_REQUIRE(reports.size() == 1u);
  BOOST_TEST(contains(reports[0], "10.0.0.1:8888"));
  BOOST_TEST(contains(reports[0], key_of(1).id_text()));
  BOOST_TEST(contains(reports[0], key_of(2).id_text()));
}

BOOST_FIXTURE_TEST_CASE(purpose_network_direction_and_node_are_bound, Pair) {
  auto other_network = node("1", "2", "beat:mirror:net1"), other_module = node("1", "2", "beat:farm:net0"),
       other_node = node("3", "2");
  BOOST_TEST((to_b(other_network.seal(hello)) == SealOutcome::forged));
  BOOST_TEST((to_b(other_module.seal(hello)) == SealOutcome::forged));
  BOOST_TEST((to_b(other_node.seal(hello)) == SealOutcome::forged));
  BOOST_TEST((to_b(b.seal(hello)) == SealOutcome::forged)); // its own packet, reflected
}

BOOST_FIXTURE_TEST_CASE(a_flood_is_told_at_once_and_then_once_a_minute, Pair) {
  Bytes noise(100, 'x');
  for (int i = 0; i < 1000; ++i) to_b(noise);
  BOOST_TEST(reports.size() == 1u);
  now = now + seconds(59);
  to_b(noise);
  BOOST_TEST(reports.size() == 1u);
  now = now + seconds(1);
  to_b(noise);
  BOOST_REQUIRE(reports.size() == 2u);
  BOOST_TEST(contains(reports[1], "1001"));
  BOOST_TEST(b.refused() == 1002u);
}

BOOST_FIXTURE_TEST_CASE(a_repeated_packet_is_refused, Pair) {
  meet(a, b);
  auto one = a.seal(hello), two = a.seal(hello), three = a.seal(hello);
  BOOST_TEST((to_b(two) == SealOutcome::ok));
  BOOST_TEST((to_b(one) == SealOutcome::ok)); // late, not repeated
  BOOST_TEST((to_b(one) == SealOutcome::replayed));
  BOOST_TEST((to_b(two) == SealOutcome::replayed));
  BOOST_TEST((to_b(three) == SealOutcome::ok));
}

BOOST_FIXTURE_TEST_CASE(a_recording_of_an_earlier_life_is_never_delivered, Pair) {
  meet(a, b);
  std::vector<Bytes> recorded;
  for (int i = 0; i < 10; ++i) recorded.push_back(a.seal(hello)); // held back by the attacker, quoting b's session
  a = node("1", "2");                                             // a restarts
  meet(a, b);
  for (auto& r : recorded) BOOST_TEST((to_b(r) == SealOutcome::replayed));
  BOOST_TEST((to_b(a.seal(hello)) == SealOutcome::ok));
  b = node("2", "1"); // b restarts and remembers nothing
  for (auto& r : recorded) BOOST_TEST((to_b(r) == SealOutcome::unproven));
  meet(a, b);
  for (auto& r : recorded) BOOST_TEST((to_b(r) != SealOutcome::ok));
  BOOST_TEST((to_b(a.seal(hello)) == SealOutcome::ok));
}

BOOST_FIXTURE_TEST_CASE(memory_of_earlier_lives_is_bounded_and_still_complete, Pair) {
  std::vector<Bytes> recorded;
  for (int life = 0; life < 200; ++life) {
    a = node("1", "2");
    BOOST_TEST(meet(a, b) <= 6);
    recorded.push_back(a.seal(hello));
    BOOST_TEST((to_b(a.seal(hello)) == SealOutcome::ok));
    BOOST_TEST((a.open(b.seal(hello), "b", now).outcome != SealOutcome::replayed));
    meet(b, a);
  }
  a = node("1", "2");
  meet(a, b);
  for (auto& r : recorded) BOOST_TEST((to_b(r) != SealOutcome::ok));
}

BOOST_AUTO_TEST_CASE(replay_window_agrees_with_a_set) {
  std::uint64_t seed = 42, base = 1;
  ReplayWindow w;
  std::set<std::uint64_t> seen;
  std::uint64_t highest = 0;
  for (int i = 0; i < 200000; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    std::uint64_t r = seed >> 33;
    if (r % 1000 == 0) base += r % 5000; // a burst was lost
    base += r % 3 == 0;
    std::uint64_t n = base > 1200 ? base - r % 1200 : 1 + r % base;
    bool expected = (n > highest || highest - n < ReplayWindow::width) && !seen.contains(n);
    BOOST_REQUIRE_MESSAGE(w.fresh(n) == expected, "number " << n << " highest " << highest << " step " << i);
    if (expected) w.mark(n), seen.insert(n), highest = std::max(highest, n);
  }
  BOOST_TEST(!w.fresh(0));
}

BOOST_AUTO_TEST_SUITE_END()
