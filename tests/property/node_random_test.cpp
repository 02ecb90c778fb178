// Two Nodes under random crashes, cuts, stops, swaps and operators: lineage invariants at every moment, and a pair in
// the end.
#include "core/base/prng.hpp"
#include "tests/unit/node_world.cpp" // one helper for two programs
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::test;
BOOST_AUTO_TEST_SUITE(node_random)

namespace {
struct Chaos {
  World& w;
  Prng rng;
  bool cuts;
  ArbiterMode mode;

  bool permitted(int i) const { return w.now <= w.hosts[i].permit.until; }
  void check() {
    for (int i = 0; i < 2; ++i) {
      const auto& r = w.hosts[i].record;
      if (r && r->state == Freshness::own) BOOST_REQUIRE((r->g.minted_by == r->node_uid)); // one writer per generation
      if (w.hosts[i].vip) {
        auto role = w.hosts[i].node->view().role;
        BOOST_REQUIRE(role != Role::second);
      }
    }
    // Without cuts, silence is death: two that serve are never excused (S2). With an arbiter they never are.
    if (!cuts || mode == ArbiterMode::etcd)
      BOOST_REQUIRE_MESSAGE(!(permitted(0) && permitted(1)),
                            "two may serve at " << (w.now - Instant{seconds(1000).ns}).in_ms());
  }
  void act() {
    int i = static_cast<int>(rng.below(2));
    bool etcd = mode == ArbiterMode::etcd;
    switch (etcd ? rng.below(18) : rng.below(cuts ? 16 : 11)) {
    case 0: w.crash(i); break;
    case 1: w.crash(i), w.start(i); break;
    case 2: w.command(i, Verb::stop); break;
    case 3:
    case 4: w.start(i); break;
    case 5: w.command(i, Verb::swap); break;
    case 6: w.command(i, Verb::stopstart); break;
    case 7: w.command(i, Verb::restart); break;
    case 8: w.start(0), w.start(1); break;
    case 9: w.tell(i, nin::Mirror{said::PeerFailed{Rule::peer_too_slow, "too slow"}}); break;
    case 10: w.tell(i, nin::Mirror{said::SelfFailed{Rule::apply_failed, "disk full"}}); break;
    case 11: w.cut(i, 1 - i); break;
    case 12: w.isolate(); break;
    case 13: w.isolate(false); break;
    case 14: w.pause(i, ms(static_cast<std::int64_t>(rng.below(6000)))); break;
    case 15: // an operator may overrule the arbiter
      if (!etcd) w.command(i, Verb::prim);
      break;
    case 16: w.hosts[i].arbiter = !w.hosts[i].arbiter; break;
    case 17: w.arbiter.answers_lost = rng.chance(1, 2), w.arbiter.takes = rng.chance(1, 3) ? seconds(4) : ms(10); break;
    }
    for (auto n = 1 + rng.below(20); n > 0; --n)
      w.run(ms(static_cast<std::int64_t>(rng.below(rng.chance(1, 8) ? 800 : 40)))), check();
  }
  void heal() {
    w.isolate(false);
    for (auto& h : w.hosts) h.witness = h.arbiter = true, h.perfect_disk = true;
    w.arbiter.answers_lost = false, w.arbiter.takes = ms(10);
    w.lose = [] { return false; };
    for (int round = 0; round < 40 && !settled(); ++round) w.start(0), w.start(1), w.run(seconds(2));
  }
  bool settled() const { return w.paired() || (w.state(1) == "PRIM Ready" && w.state(0) == "SECOND Ready"); }
};

void run_many(bool cuts, ArbiterMode mode, std::uint64_t seeds) {
  const char* one = std::getenv("LOCKSTEP_SEED");
  for (std::uint64_t seed = one ? std::strtoull(one, nullptr, 10) : 1; seed <= seeds; ++seed) {
    World w([&](NodeConfig& c) {
      if (mode != ArbiterMode::none) c.module.check.splitbrain = {.mode = mode, .ident = "witness", .args = {"10.0.0.1"}};
    });
    BOOST_TEST_CONTEXT("seed " << seed << (cuts ? " with cuts" : "") << (mode == ArbiterMode::none ? "" : mode == ArbiterMode::ping ? " ping" : " etcd")) {
      Chaos c{w, Prng(seed), cuts, mode};
      w.pair();
      bool rough = seed % 2 == 0; // late, lost and reordered messages, slow scripts, a disk that fails now and then
      if (rough) {
        w.delay = [&c](Duration d) {
          return d + ms(static_cast<std::int64_t>(c.rng.below(c.rng.chance(1, 20) ? 400 : 20)));
        };
        w.lose = [&c] { return c.rng.chance(1, 20); };
        for (auto& h : w.hosts)
          h.perfect_disk = false, h.script_time["stop_prim"] = ms(700), h.script_time["start_prim"] = ms(900);
      }
      for (int n = 0; n < 20; ++n) c.act();
      c.heal();
      BOOST_TEST(c.settled(), w.state(0) << " / " << w.state(1) << " because " << w.hosts[0].node->view().wait.why
                                         << " / " << w.hosts[1].node->view().wait.why);
      if (!c.settled() || one) {
        for (auto& line : w.trace) std::cerr << line << "\n";
        return;
      }
    }
  }
}
} // namespace

BOOST_AUTO_TEST_CASE(crashes_and_operators_end_in_a_pair_and_never_in_two_primaries) { run_many(false, ArbiterMode::none, 300); }
BOOST_AUTO_TEST_CASE(cuts_in_mode_none_end_in_a_pair) { run_many(true, ArbiterMode::none, 300); }
BOOST_AUTO_TEST_CASE(cuts_in_mode_ping_end_in_a_pair) { run_many(true, ArbiterMode::ping, 300); }
BOOST_AUTO_TEST_CASE(with_an_arbiter_two_never_serve_whatever_is_cut_or_lost) { run_many(true, ArbiterMode::etcd, 300); }

BOOST_AUTO_TEST_SUITE_END()
