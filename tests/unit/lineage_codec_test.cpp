// Record and beat survive encoding; what is cut short or out of range is refused, never guessed.
#include "core/mirror/pending.hpp"
#include "core/wire/beat.hpp"
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>

using namespace lockstep;
BOOST_AUTO_TEST_SUITE(lineage_codec)

static Record sample() {
  Record r;
  r.node_uid = {1, 2}, r.dir_uid = {3, 4}, r.rev = 7, r.incarnation = {5};
  r.g = {9, 77, {1, 2}, MintedAs::op};
  r.history = {{8, 66, {1, 2}, MintedAs::prim}, {7, 55, {6, 6}, MintedAs::second}};
  r.state = Freshness::own, r.complete = true, r.why = Why::resynced,
  r.candidate = Generation{10, 88, {1, 2}, MintedAs::prim};
  r.voided = {{4, 4, {1, 1}, MintedAs::second}}, r.base = {8, 66, {1, 2}, MintedAs::prim}, r.covers = true,
  r.offered = true;
  r.src_gen = {2, 3, {4, 5}, MintedAs::op}, r.must_full = true, r.peer_uid = {6, 6}, r.peer_rev_seen = 12;
  r.peer_incarnation_seen = {3}, r.peer_checkpoint_seen = 99, r.own_checkpoint = 98, r.boot_rev = 5, r.arbiter = ArbiterMode::ping, r.arbiter_revision = 1234,
  r.was_prim = true, r.failover = false;
  r.former_peers = {{6, 5}, {6, 4}}, r.errd = false, r.loop_count = 2, r.loop_started_s = 1700000000;
  return r;
}

static Beat sample_beat() {
  Beat b;
  b.node_uid = {1, 2}, b.incarnation = {5}, b.nonce = 55, b.seq = 3, b.sent_ns = 123, b.timeout = seconds(30), b.pulse = ms(700);
  b.echo = {{4}, 44}, b.echo_seq = 8, b.echo_sent_ns = 99, b.node_name = "node1", b.config_digest = 42;
  b.record_state = RecordState::present, b.checkpoint = {9, 5}, b.record = sample(), b.live = true, b.role = Role::prim,
  b.sub = Sub::ready, b.serving = true;
  b.goodbye = Goodbye::swap, b.last = {9, 1000}, b.consent = true, b.asks_consent = true, b.wants_swap = true,
  b.quotes_rev = 4;
  b.resync_active = true, b.session = {b.record.g, {1, 2}, LifeId{{5}, 50}, LifeId{{4}, 40}, true, 6}, b.equal = true, b.ready_for = true;
  b.resources = {{"heartbeat.flow", "up"}, {"rfs.uptodate", "up"}};
  return b;
}

BOOST_AUTO_TEST_CASE(a_record_round_trips) {
  auto bytes = encode(sample());
  auto back = decode_record(bytes.data(), bytes.size());
  BOOST_REQUIRE(back.has_value());
  BOOST_TEST((*back == sample()));
}

BOOST_AUTO_TEST_CASE(a_beat_round_trips_byte_for_byte) {
  auto bytes = encode(sample_beat());
  auto back = decode_beat(bytes.data(), bytes.size());
  BOOST_REQUIRE(back.has_value());
  BOOST_TEST((back->record == sample()));
  BOOST_TEST(back->resources.size() == 2u);
  BOOST_TEST((encode(*back) == bytes));
}

BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
  auto record = encode(sample());
  for (std::size_t n = 0; n < record.size(); ++n) BOOST_TEST(!decode_record(record.data(), n).has_value());
  auto beat = encode(sample_beat());
  for (std::size_t n = 0; n < beat.size(); ++n) BOOST_TEST(!decode_beat(beat.data(), n).has_value());
  beat.push_back(0);
  BOOST_TEST(!decode_beat(beat.data(), beat.size()).has_value());
}

// What the fuzzers begin with: stale seeds would be refused at the first byte and teach them nothing.
// LOCKSTEP_REWRITE=1 writes them anew.
BOOST_AUTO_TEST_CASE(the_fuzzers_seeds_are_of_this_format) {
  auto goodbye = sample_beat(), prim = sample_beat();
  prim.goodbye = Goodbye::none, prim.record.candidate.reset(), prim.resync_active = false;
  Writer set;
  PendingSet pending;
  pending.dirs = {{0, 2}}, pending.files[{7, 1}].attrs = true, pending.files[{7, 2}].blocks.add(3, 9);
  put(set, pending);
  const std::pair<std::string, Bytes> seeds[] = {{"durable_record/shared", encode(sample())},
                                                 {"durable_record/set", set.take()},
                                                 {"heartbeat/goodbye", encode(goodbye)},
                                                 {"heartbeat/prim", encode(prim)}};
  for (const auto& [name, bytes] : seeds) {
    auto path = std::string(LOCKSTEP_SOURCE_DIR "/fuzz/corpus/").append(name);
    if (std::getenv("LOCKSTEP_REWRITE"))
      std::ofstream(path, std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    std::ifstream file(path, std::ios::binary);
    Bytes found((std::istreambuf_iterator<char>(file)), {});
    BOOST_TEST((found == bytes), name);
  }
}

BOOST_AUTO_TEST_CASE(a_beat_with_everything_at_its_bound_still_fits_a_datagram) {
  auto b = sample_beat();
  b.record.history.assign(history_hard_limit, b.record.g);
  b.record.voided.assign(history_hard_limit, b.record.g);
  const std::pair<std::string, std::string> resource{std::string(300, 'x'), std::string(300, 'y')};
  b.resources.assign(500, resource);
  auto bytes = encode(b);
  BOOST_TEST(bytes.size() <= beat_max_bytes);
  auto back = decode_beat(bytes.data(), bytes.size());
  BOOST_REQUIRE(back.has_value());
  BOOST_TEST(back->record.history.size() == history_hard_limit);
  BOOST_TEST(back->resources.size() > 2u);
}

BOOST_AUTO_TEST_SUITE_END()
