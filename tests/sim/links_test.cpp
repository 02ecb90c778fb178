// The network: directions and classes fail apart, the stream keeps its order, breaks, and forgets what was under way.
#include "sim/links.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::sim;

namespace {
struct Net {
  explicit Net(const std::string& events) : plan(*parse_plan("heal 1000s\n" + events, "test").plan), weather(plan), links(plan, queue, weather) {
    for (NodeIndex n = 0; n < 2; ++n) {
      Links::End e;
      e.powered = [this, n] { return up[n]; };
      e.listening = [this, n] { return up[n]; };
      e.beat = [this, n](std::uint32_t, const std::shared_ptr<const Beat>& b) { beats[n].push_back(b->seq); };
      e.connected = [this, n] { ++connected[n]; };
      e.disconnected = [this, n](const std::string&) { ++disconnected[n]; };
      e.frame = [this, n](Frame&& f, const std::shared_ptr<const Content>&) { frames[n].push_back(std::get<CheckpointFrame>(f).at.seq); };
      links.attach(n, e);
    }
  }
  void run(Duration until) {
    while (queue.step(Instant{until.ns})) {
    }
  }
  void beat(std::uint64_t seq, NodeIndex from = 0) {
    Beat b;
    b.seq = seq;
    links.send_beat(from, 0, std::make_shared<const Beat>(b));
  }
  void frame(std::uint64_t seq, NodeIndex from = 0) { links.send_frame(from, CheckpointFrame{{1, seq}}, nullptr); }
  Plan plan;
  Queue queue;
  Weather weather;
  Links links;
  bool up[2] = {true, true};
  std::vector<std::uint64_t> beats[2], frames[2];
  int connected[2] = {}, disconnected[2] = {};
};
using Seqs = std::vector<std::uint64_t>;
} // namespace

BOOST_AUTO_TEST_SUITE(links)

BOOST_AUTO_TEST_CASE(a_cut_holds_in_its_direction_and_class_only) {
  Net n("at 0s cut a>b beats for 10s\n");
  n.run(seconds(1));
  n.beat(1, 0), n.beat(2, 1), n.frame(3);
  n.run(seconds(2));
  BOOST_TEST(n.beats[1].empty());
  BOOST_TEST((n.beats[0] == Seqs{2}));
  BOOST_TEST((n.frames[1] == Seqs{3}));
  n.run(seconds(11));
  n.beat(4, 0);
  n.run(seconds(12));
  BOOST_TEST((n.beats[1] == Seqs{4}));
}

BOOST_AUTO_TEST_CASE(a_clog_keeps_everything_and_then_delivers_it) {
  Net n("at 2s clog a>b beats for 5s\n");
  n.run(seconds(3));
  n.beat(1), n.beat(2);
  n.run(seconds(6));
  BOOST_TEST(n.beats[1].empty());
  n.run(seconds(8));
  BOOST_TEST(n.beats[1].size() == 2u);
}

BOOST_AUTO_TEST_CASE(the_stream_keeps_its_order_under_delay) {
  Net n("at 0s delay a>b stream by 500ms for 10s\n");
  n.run(seconds(1));
  Seqs all;
  for (std::uint64_t i = 1; i <= 50; ++i) n.frame(i), all.push_back(i);
  n.run(seconds(5));
  BOOST_TEST((n.frames[1] == all));
}

BOOST_AUTO_TEST_CASE(a_short_cut_delays_the_stream_a_long_one_breaks_it) {
  Net n("at 2s cut a>b stream for 1s\nat 10s cut a>b stream for 60s\n");
  n.run(ms(2500));
  n.frame(1);
  n.run(seconds(5));
  BOOST_TEST((n.frames[1] == Seqs{1}));
  BOOST_TEST(n.disconnected[0] == 0);
  n.run(seconds(40));
  BOOST_TEST(n.disconnected[0] == 1);
  BOOST_TEST(n.disconnected[1] == 1);
  n.run(seconds(80));
  BOOST_TEST(n.connected[0] == 2);
}

BOOST_AUTO_TEST_CASE(what_was_under_way_is_lost_with_the_connection) {
  Net n("at 2s delay a>b stream by 2s for 10s\n");
  n.run(ms(2500));
  n.frame(1);
  n.links.reset();
  n.run(seconds(20));
  BOOST_TEST(n.frames[1].empty());
  BOOST_TEST(n.connected[1] == 2);
}

BOOST_AUTO_TEST_CASE(a_dead_machine_is_silent_until_the_side_that_waits_gives_up) {
  Net n("");
  n.run(seconds(1));
  n.up[1] = false;
  n.links.forget(1);
  n.run(seconds(2));
  BOOST_TEST(n.disconnected[0] == 0);
  n.run(seconds(20));
  BOOST_TEST(n.disconnected[0] == 1);
}

BOOST_AUTO_TEST_CASE(loss_duplication_and_reordering_are_what_the_plan_says) {
  Net n("at 0s loss a>b beats 50% for 5s\nat 10s duplicate a>b beats 100% for 5s\nat 20s reorder a>b beats 60% for 5s\n");
  auto burst = [&](int second) {
    n.run(seconds(second));
    n.beats[1].clear();
    for (std::uint64_t i = 0; i < 100; ++i) n.run(seconds(second) + ms(long(i))), n.beat(i);
    n.run(seconds(second + 5));
    return n.beats[1];
  };
  auto lost = burst(1);
  BOOST_TEST(lost.size() > 20u);
  BOOST_TEST(lost.size() < 80u);
  BOOST_TEST(burst(11).size() == 200u);
  auto mixed = burst(21);
  BOOST_TEST(mixed.size() == 100u);
  BOOST_TEST(!std::is_sorted(mixed.begin(), mixed.end()));
}

BOOST_AUTO_TEST_SUITE_END()
