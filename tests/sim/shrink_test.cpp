// Delta debugging: what has nothing to do with a failure goes, what is left is round, and time bounds it.
#include "sim/shrink.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::sim;

namespace {
Plan plan_of(const std::string& text) { return *parse_plan(text, "test").plan; }
const char* crowded =
    "seed 130405603299532\nmode ping\nasync none\nnetwork 0 pulse 1285ms timeout 9s\nnetwork 1 pulse 300ms timeout 4s\nflow 1\n"
    "work rate 13 ops 419 files 7 dirs 3 from 5s\nmix write 19\nmix unlink 23\n"
    "at 7312ms slow-disk b by 317ms for 11s\nat 20311ms cut a>b beats for 4017ms\nat 22s kill b down 3s\nat 23017ms cut a>b stream for 9103ms\n"
    "at 40s reset\nheal 112s\nliveness 294s\n";
} // namespace

BOOST_AUTO_TEST_SUITE(shrinking)

// A failure that needs a cut of everything from a to b around the 24th second, and 17 operations: nothing else of the plan is left.
BOOST_AUTO_TEST_CASE(what_has_nothing_to_do_with_it_goes) {
  auto fails = [](const Plan& p) {
    bool beats = false, stream = false;
    for (auto& e : p.events) {
      bool then = e.what == What::cut && e.node == 0 && e.at <= seconds(24) && e.at + e.length >= seconds(24);
      beats = beats || (then && e.cls != Class::stream), stream = stream || (then && e.cls != Class::beats);
    }
    return beats && stream && p.work.ops >= 17 && p.work.mix[2] > 0;
  };
  auto before = plan_of(crowded);
  BOOST_REQUIRE(fails(before));
  auto s = shrink(before, fails, 30);
  BOOST_TEST(s.finished);
  BOOST_TEST(fails(s.plan));
  BOOST_REQUIRE_MESSAGE(s.plan.events.size() == 1u, print(s.plan));
  BOOST_TEST(print(s.plan.events[0]) == "at 20s cut a>b all for 5s");
  BOOST_TEST(s.plan.work.ops == 17u);
  BOOST_TEST(s.plan.seed == 1u);
  BOOST_TEST(s.plan.networks.size() == 1u);
  BOOST_TEST((s.plan.work.mix == Workload{}.mix));
  BOOST_TEST(s.faults.runs > 0u);
  BOOST_TEST(s.operations.kept > 0u);
  BOOST_TEST(told(before, s).find("from 5 faults to 1") != std::string::npos);
  BOOST_TEST((plan_of(print(s.plan)) == s.plan)); // what is kept is what failed
}

BOOST_AUTO_TEST_CASE(it_ends_when_the_time_is_up_with_the_best_so_far) {
  auto before = plan_of(crowded);
  auto s = shrink(before, [](const Plan&) { return true; }, 0);
  BOOST_TEST(!s.finished);
  BOOST_TEST((s.plan == before));
}

BOOST_AUTO_TEST_CASE(a_plan_that_fails_only_as_it_is_stays_as_it_is) {
  auto before = plan_of(crowded);
  auto s = shrink(before, [&](const Plan& p) { return p == before; }, 30);
  BOOST_TEST(s.finished);
  BOOST_TEST((s.plan == before));
}

// A machine that forgets to apply writes, found by a plan of the swarm's kind: the same oracle, a few lines.
BOOST_AUTO_TEST_CASE(a_real_failure_keeps_its_oracle) {
  auto violation = [](const Plan& p) { return run_plan(p, false, Sabotage::apply_forgets).violation; };
  std::optional<Violation> first;
  Plan before;
  for (int seed = 1; seed <= 6 && !first; ++seed) {
    before = plan_of("seed " + std::to_string(seed) + "\nnetwork 0 pulse 200ms timeout 2s\nwork rate 40 ops 2000 files 6 dirs 2 from 5s\n"
                     "at 8313ms slow-disk a by 20ms for 3s\nat 20s reset\nheal 60s\nliveness 120s\n");
    first = violation(before);
  }
  BOOST_REQUIRE(first);
  auto s = shrink(before, [&](const Plan& p) {
    auto v = violation(p);
    return v && v->oracle == first->oracle;
  }, 60);
  BOOST_TEST(s.plan.events.size() <= 1u);
  BOOST_TEST(s.plan.work.ops < 200u);
  BOOST_TEST(violation(s.plan)->oracle == first->oracle);
}

BOOST_AUTO_TEST_SUITE_END()
