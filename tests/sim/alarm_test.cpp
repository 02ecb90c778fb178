// The alarm is tested too: a machine that lies is found, and by the oracle whose sentence it breaks.
#include "sim/world.hpp"
#include <boost/test/unit_test.hpp>
#include <set>

using namespace lockstep;
using namespace lockstep::sim;

namespace {
std::set<std::string> found_by(Sabotage s, const std::string& events) {
  std::set<std::string> names;
  for (int seed = 1; seed <= 6; ++seed) {
    auto text = "seed " + std::to_string(seed) + "\nnetwork 0 pulse 200ms timeout 2s\nwork rate 40 ops 2000 files 6 dirs 2 from 5s\n" + events +
                "heal 60s\nliveness 120s\n";
    auto plan = parse_plan(text, "alarm");
    BOOST_REQUIRE_MESSAGE(plan.plan, plan.error);
    auto o = run_plan(*plan.plan, false, s);
    if (o.violation) names.insert(o.violation->oracle->name);
  }
  return names;
}
bool any(const std::set<std::string>& found, std::initializer_list<const char*> of) {
  for (auto n : of) {
    if (found.count(n)) return true;
  }
  return false;
}
constexpr const char* both_crash_in_turn = "at 20s crash a down 30s\nat 35s crash b down 4s\n";
} // namespace

BOOST_AUTO_TEST_SUITE(the_alarm)

BOOST_AUTO_TEST_CASE(an_honest_machine_raises_none) {
  BOOST_TEST(found_by(Sabotage::none, both_crash_in_turn).empty());
}
BOOST_AUTO_TEST_CASE(a_flush_that_flushes_nothing) {
  auto found = found_by(Sabotage::flush_lies, both_crash_in_turn);
  BOOST_TEST(any(found, {"S3", "S4", "I-cover"}));
}
BOOST_AUTO_TEST_CASE(a_secondary_that_forgets_writes) {
  BOOST_TEST(any(found_by(Sabotage::apply_forgets, "at 20s reset\n"), {"S11", "I-cover"}));
}
BOOST_AUTO_TEST_CASE(marks_that_never_reach_the_disk) {
  BOOST_TEST(any(found_by(Sabotage::set_log_lies, "at 15s crash b down 20s\nat 25s crash a down 3s\n"), {"I-cover", "S11"}));
}
BOOST_AUTO_TEST_CASE(a_record_that_is_not_durable) { BOOST_TEST(any(found_by(Sabotage::record_lies, ""), {"S6"})); }
BOOST_AUTO_TEST_CASE(an_address_that_stays) { BOOST_TEST(any(found_by(Sabotage::address_sticks, "at 20s command a swap\n"), {"S13"})); }

BOOST_AUTO_TEST_SUITE_END()
