// The alarm is tested too: a machine that lies is found, and by the oracle whose sentence it breaks.
#include "sim/world.hpp"
#include <boost/test/unit_test.hpp>
#include <set>

using namespace lockstep;
using namespace lockstep::sim;

namespace {
std::set<std::string> found_by(Sabotage s, const std::string& events, const std::string& heal = "60s") {
  std::set<std::string> names;
  for (int seed = 1; seed <= 6; ++seed) {
    auto text = "seed " + std::to_string(seed) + "\nnetwork 0 pulse 200ms timeout 2s\nwork rate 40 ops 2000 files 6 dirs 2 from 5s\n" + events +
                "heal " + heal + "\nliveness 120s\n";
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
  BOOST_TEST(any(found, {"S3", "S4", "S10", "I-cover"}));
}
BOOST_AUTO_TEST_CASE(a_secondary_that_forgets_writes) {
  BOOST_TEST(any(found_by(Sabotage::apply_forgets, "at 20s reset\n"), {"S11", "I-cover"}));
}
BOOST_AUTO_TEST_CASE(marks_that_never_reach_the_disk) {
  BOOST_TEST(any(found_by(Sabotage::set_log_lies, "at 15s crash b down 20s\nat 25s crash a down 3s\n"), {"I-cover", "S11"}));
}
BOOST_AUTO_TEST_CASE(a_record_that_is_not_durable) { BOOST_TEST(any(found_by(Sabotage::record_lies, ""), {"S6"})); }
BOOST_AUTO_TEST_CASE(a_node_that_goes_on_beside_one_that_it_hears) { BOOST_TEST(any(found_by(Sabotage::deaf, ""), {"S6"})); }
BOOST_AUTO_TEST_CASE(an_operation_that_is_never_answered) { BOOST_TEST(any(found_by(Sabotage::answer_lost, ""), {"L4"})); }
BOOST_AUTO_TEST_CASE(a_stop_that_does_not_end) {
  BOOST_TEST(any(found_by(Sabotage::kill_lost, "at 20s script-hangs a stop_prim for 20s\nat 21s command a stop\nat 400s reset\n", "500s"), {"L5"}));
}
BOOST_AUTO_TEST_CASE(a_survivor_that_does_not_serve) {
  BOOST_TEST(any(found_by(Sabotage::mount_lost, "at 20s crash a down 60s\n"), {"L2"}));
}
BOOST_AUTO_TEST_CASE(an_address_that_stays) { BOOST_TEST(any(found_by(Sabotage::address_sticks, "at 20s command a swap\n"), {"S13"})); }

// S8, S9: what is applied against what was sent, without a world.
namespace {
Op write_at(std::uint64_t unit) {
  Op o;
  o.kind = OpKind::write, o.object = {7, 1}, o.offset = unit * unit_size, o.length = unit_size;
  return o;
}
struct Follower {
  StreamOrder order;
  NodeUid source{1, 2};
  Follower() {
    Session s;
    s.source = source, s.source_life.incarnation = {3}, s.source_gen.counter = 5, s.number = 1;
    HelloFrame h;
    h.generation = 5, h.session = 1, h.is_source = true;
    order.sent(source, {3}, h);
    order.follows(1, s);
  }
  void sends(std::uint64_t seq, std::uint64_t incarnation = 3) { order.sent(source, {incarnation}, OpFrame{{5, seq}, 0, write_at(seq)}); }
  std::string applies(std::uint64_t unit) {
    auto f = order.applies(1, write_at(unit));
    return f ? f->first->name : "";
  }
};
} // namespace

BOOST_AUTO_TEST_CASE(what_is_applied_in_order_is_fine_and_nothing_else) {
  Follower f;
  f.sends(1), f.sends(2), f.sends(3);
  BOOST_TEST(f.applies(1) == "");
  BOOST_TEST(f.applies(3) == "S9"); // its predecessor is missing
}
BOOST_AUTO_TEST_CASE(only_what_was_cancelled_may_be_left_out) {
  Follower f;
  f.sends(1), f.sends(2);
  f.order.sent(f.source, {3}, WatermarkFrame{{5, 2}, {{1, lockstep::Outcome::cancelled, 0}}});
  BOOST_TEST(f.applies(2) == "");
}
BOOST_AUTO_TEST_CASE(another_incarnation_is_not_the_source) {
  Follower f;
  f.sends(1, 4);
  BOOST_TEST(f.applies(1) != "");
  StreamOrder nobody;
  BOOST_TEST((nobody.applies(1, write_at(1))->first == &oracle::S8));
}
BOOST_AUTO_TEST_CASE(one_number_is_one_operation) {
  Follower f;
  f.sends(1);
  BOOST_TEST(f.order.sent(f.source, {3}, OpFrame{{5, 1}, 0, write_at(9)}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
