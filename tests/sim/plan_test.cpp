// A plan is text: printing and parsing are inverse, and a mistake is named with its line.
#include "sim/plan.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::sim;

BOOST_AUTO_TEST_SUITE(plan)

BOOST_AUTO_TEST_CASE(a_generated_plan_survives_printing_and_parsing) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    auto p = make_plan(seed, seed % 2 ? Mode::none : Mode::ping);
    auto parsed = parse_plan(print(p), "generated");
    BOOST_REQUIRE_MESSAGE(parsed.plan, parsed.error);
    BOOST_TEST((*parsed.plan == p));
  }
}

BOOST_AUTO_TEST_CASE(every_seed_has_enough_to_do) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    auto p = make_plan(seed, Mode::none);
    std::size_t faults = 0;
    for (auto& e : p.events) faults += e.what != What::snapshot && e.what != What::write;
    BOOST_TEST(faults >= 3u);
    BOOST_TEST(p.work.ops >= 200u);
  }
}

BOOST_AUTO_TEST_CASE(what_a_person_writes) {
  auto r = parse_plan("# a comment\nmode ping\nnetwork 0 pulse 200ms timeout 2s\nnetwork 1 pulse 1s timeout 30s\nflow 1\n"
                      "at 10s cut a>b beat0 for 5s   # one way\nat 5s crash b after 3 down 0s\nat 7s do write d/f 0 2\n"
                      "expect role b ALONE Ready at 20s\n",
                      "x");
  BOOST_REQUIRE_MESSAGE(r.plan, r.error);
  BOOST_TEST(r.plan->events.size() == 3u);
  BOOST_TEST((r.plan->events[0].what == What::crash)); // ordered by time
  BOOST_TEST(r.plan->events[0].number == 3);
  BOOST_TEST(r.plan->events[1].word == "write d/f 0 2");
  BOOST_TEST(r.plan->expectations[0].word == "ALONE Ready");
}

BOOST_AUTO_TEST_CASE(mistakes_are_named_with_their_line) {
  auto wrong = [](const std::string& text, const std::string& part) {
    auto r = parse_plan(text, "x.plan");
    BOOST_TEST(!r.plan);
    BOOST_TEST(r.error.find("x.plan") == 0u, r.error);
    BOOST_TEST(r.error.find(part) != std::string::npos, r.error);
  };
  wrong("mode none\nmood none\n", "x.plan:2: \"mood\"");
  wrong("at 5 cut a>b all for 1s\n", "not a duration");
  wrong("at 5s cut a>a all for 1s\n", "not a link");
  wrong("at 5s cut a>b everything for 1s\n", "use one of beat0");
  wrong("at 5s loss a>b beats 130% for 1s\n", "percentage");
  wrong("at 5s cut a>b all\n", "the line ends");
  wrong("at 5s explode a\n", "not an event");
  wrong("mode none extra\n", "unexpected \"extra\"");
  wrong("network 0 pulse 1s timeout 1s\n", "shorter than two pulses");
  wrong("at 99999999999999999999s reset\n", "not a duration");
  wrong("flow 1\n", "not declared");
}

BOOST_AUTO_TEST_SUITE_END()
