// LOCKSTEP_TRACE=1 prints what the nodes did. First start, stop, crash and isolation of two Nodes, in modes none and
// ping (safekit 1.5, 1.8; control (ii), (iii)).
#include "tests/unit/node_world.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::test;

namespace {
// The node is started (again) and both come to rest.
std::string started(World& w, int node, Duration wait = seconds(8)) {
  w.start(node);
  w.run(wait);
  return w.states();
}
std::string crashed_and_started(World& w, int node) {
  w.crash(node);
  return started(w, node, seconds(10));
}
} // namespace

BOOST_AUTO_TEST_SUITE(node_basics)

BOOST_AUTO_TEST_CASE(first_start_on_both_waits_for_an_operator) {
  World w;
  w.start(0), w.start(1);
  w.run(seconds(10));
  BOOST_TEST(w.states() == "WAIT NotReady, WAIT NotReady");
  BOOST_TEST((w.hosts[0].node->view().wait.kind == Wait::first_start));
}

BOOST_AUTO_TEST_CASE(prim_then_start_make_a_pair) {
  World w;
  w.pair();
  BOOST_TEST(w.hosts[0].vip);
  BOOST_TEST(!w.hosts[1].vip);
  BOOST_TEST((w.hosts[0].record->state == Freshness::shared));
  BOOST_TEST((w.hosts[1].record->g == w.hosts[0].record->g));
  BOOST_TEST(w.hosts[0].node->serving(w.now));
  BOOST_TEST(!w.hosts[1].node->serving(w.now));
}

BOOST_AUTO_TEST_CASE(stopping_the_primary_moves_the_application) {
  World w;
  w.pair();
  w.command(0, Verb::stop);
  w.run(seconds(2));
  BOOST_TEST(w.states() == "STOP NotReady, ALONE Ready");
  BOOST_TEST(w.hosts[1].vip);
  BOOST_TEST(started(w, 0) == "SECOND Ready, PRIM Ready");
}

BOOST_AUTO_TEST_CASE(stopping_the_secondary_leaves_the_primary_alone) {
  World w;
  w.pair();
  w.command(1, Verb::stop);
  w.run(seconds(2));
  BOOST_TEST(w.states() == "ALONE Ready, STOP NotReady");
  BOOST_TEST(started(w, 1) == "PRIM Ready, SECOND Ready");
}

BOOST_AUTO_TEST_CASE(a_crashed_primary_is_replaced_after_the_timeout) {
  World w;
  w.pair();
  w.crash(0);
  w.run(seconds(2));
  BOOST_TEST(w.state(1) == "SECOND Ready");
  w.run(seconds(3));
  BOOST_TEST(w.state(1) == "ALONE Ready");
  BOOST_TEST(started(w, 0) == "SECOND Ready, PRIM Ready");
}

BOOST_AUTO_TEST_CASE(a_primary_that_returns_at_once_has_crashed_all_the_same) { // data:D11
  World w;
  w.pair();
  BOOST_TEST(crashed_and_started(w, 0) == "SECOND Ready, PRIM Ready");
}

BOOST_AUTO_TEST_CASE(a_secondary_that_returns_at_once_copies_again) {
  World w;
  w.pair();
  BOOST_TEST(crashed_and_started(w, 1) == "PRIM Ready, SECOND Ready");
  BOOST_TEST(w.hosts[0].record->g.counter > 1u);
}

BOOST_AUTO_TEST_CASE(both_crash_and_only_the_reader_returns_it_waits) { // (iii) 21
  World w;
  w.pair();
  w.crash(0), w.crash(1);
  w.start(1);
  w.run(seconds(20));
  BOOST_TEST(w.state(1) == "WAIT NotReady");
  BOOST_TEST((w.hosts[1].record->why == Why::boot));
  BOOST_TEST(started(w, 0, seconds(10)) == "PRIM Ready, SECOND Ready");
}

BOOST_AUTO_TEST_CASE(both_crash_and_only_the_writer_returns_it_waits_in_mode_none) {
  World w;
  w.pair();
  w.crash(0), w.crash(1);
  w.start(0);
  w.run(seconds(20));
  BOOST_TEST(w.state(0) == "WAIT NotReady");
  BOOST_TEST((w.hosts[0].node->view().wait.kind == Wait::for_peer));
  BOOST_TEST(started(w, 1, seconds(10)) == "PRIM Ready, SECOND Ready");
}

BOOST_AUTO_TEST_CASE(isolation_in_mode_none_both_go_on_and_the_former_secondary_yields) {
  World w;
  w.hosts[1].dirs_empty = false;
  w.pair();
  w.isolate();
  w.run(ms(2500));
  BOOST_TEST(!w.hosts[0].vip); // the lease ended, the silence is not complete
  w.run(seconds(3));
  BOOST_TEST(w.states() == "ALONE Ready, ALONE Ready");
  w.isolate(false);
  w.run(seconds(10));
  BOOST_TEST(w.paired());
  BOOST_TEST(w.hosts[0].vip);
  BOOST_TEST(!w.hosts[1].vip);
}

BOOST_AUTO_TEST_CASE(a_short_cut_changes_nothing) {
  World w;
  w.pair();
  auto g = w.hosts[0].record->g;
  w.isolate();
  w.run(ms(2500));
  w.isolate(false);
  w.run(seconds(3));
  BOOST_TEST(w.paired());
  BOOST_TEST((w.hosts[0].record->g == g));
  BOOST_TEST(w.hosts[0].vip);
}

BOOST_AUTO_TEST_CASE(swap_exchanges_the_roles) {
  World w;
  w.pair();
  w.command(0, Verb::swap);
  w.run(seconds(8));
  BOOST_TEST(w.states() == "SECOND Ready, PRIM Ready");
  w.command(0, Verb::swap); // from SECOND
  w.run(seconds(8));
  BOOST_TEST(w.paired());
}

BOOST_AUTO_TEST_SUITE_END()
