// Commands and their guards, maxloop, processes, checkers, failed scripts and disks
// (safekit 1.4, 1.6-1.11, 2.1, 3.8, 3.9).
#include "tests/unit/node_world.hpp"
#include <algorithm>
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::test;
BOOST_AUTO_TEST_SUITE(node_commands)

namespace {
bool said(const World& w, const std::string& part) {
  return std::any_of(w.trace.begin(), w.trace.end(),
                     [&](const std::string& l) { return l.find(part) != std::string::npos; });
}
std::size_t count(const World& w, const std::string& part) {
  return static_cast<std::size_t>(std::count_if(
      w.trace.begin(), w.trace.end(), [&](const std::string& l) { return l.find(part) != std::string::npos; }));
}
void errd(NodeConfig& c, ProcAction action, std::uint32_t start_after = 0) {
  c.module.errd.emplace();
  ProcConfig p;
  p.name = "app", p.action = action, p.when = ProcClass::prim, p.start_after = start_after;
  c.module.errd->polltimer = seconds(2);
  c.module.errd->procs = {p};
}
} // namespace

BOOST_AUTO_TEST_CASE(prim_is_refused_while_the_other_node_is_primary_and_goes_back_to_stop) {
  World w;
  w.start(0, Verb::prim), w.run(seconds(2));
  w.start(1, Verb::prim), w.run(seconds(3));
  BOOST_TEST(w.state(1) == "STOP NotReady");
  BOOST_TEST(said(w, "refused: the other node is primary"));
  BOOST_TEST(said(w, "Requested prim start aborted"));
}

BOOST_AUTO_TEST_CASE(second_needs_a_primary) {
  World w;
  w.start(1, Verb::second), w.run(seconds(3));
  BOOST_TEST(w.state(1) == "STOP NotReady");
  BOOST_TEST(said(w, "a secondary needs a primary"));
  w.start(0, Verb::prim), w.run(seconds(2));
  w.start(1, Verb::second), w.run(seconds(5));
  BOOST_TEST(w.paired());
}

BOOST_AUTO_TEST_CASE(prim_on_half_copied_data_is_refused_and_primforce_is_not) {
  World w;
  w.start(0, Verb::prim), w.run(seconds(2));
  w.start(1), w.run(ms(300)); // the copy has begun
  BOOST_REQUIRE((w.hosts[1].record->state == Freshness::inconsistent));
  w.crash(0), w.crash(1);
  w.start(1, Verb::prim), w.run(seconds(3));
  BOOST_TEST(w.state(1) == "STOP NotReady");
  BOOST_TEST(said(w, "Data may be inconsistent"));
  w.start(1, Verb::primforce), w.run(seconds(3));
  BOOST_TEST(w.state(1) == "ALONE Ready");
  w.hosts[0].dirs_empty = false;
  w.start(0), w.run(seconds(6)); // node 1's data lose, loudly
  BOOST_TEST(said(w, "node1 set aside") == true);
  BOOST_TEST(w.state(1) == "PRIM Ready");
}

BOOST_AUTO_TEST_CASE(prim_fullsync_makes_the_next_copy_a_full_one) {
  World w;
  w.pair();
  w.command(1, Verb::stop), w.run(seconds(2));
  w.command(0, Verb::stop), w.run(seconds(2));
  w.start(0, Verb::prim_fullsync), w.run(seconds(2));
  w.start(1), w.run(seconds(5));
  BOOST_TEST(w.paired());
  BOOST_TEST(count(w, "FollowResync full") == 2u);
}

BOOST_AUTO_TEST_CASE(second_fullsync_gives_up_an_unrelated_data_set) {
  World w;
  w.hosts[1].dirs_empty = false;
  w.isolate();
  w.start(0, Verb::prim), w.start(1, Verb::prim), w.run(seconds(2));
  w.isolate(false), w.run(seconds(2));
  BOOST_TEST(w.state(0) == "ALONE Ready"); // of two that serve one goes on (G0)
  BOOST_TEST(w.state(1) == "WAIT NotReady");
  BOOST_TEST((w.hosts[1].node->view().wait.kind == Wait::unrelated_peer));
  w.command(1, Verb::second_fullsync), w.run(seconds(6));
  BOOST_TEST(w.paired());
  BOOST_TEST(said(w, "node2 set aside"));
}

BOOST_AUTO_TEST_CASE(restart_runs_scripts_only) {
  World w;
  w.pair();
  w.hosts[0].scripts.clear();
  w.command(0, Verb::restart), w.run(seconds(2));
  std::vector<std::string> expected{"stop_prim PRIM PRIM restart", "stop_both PRIM PRIM restart",
                                    "start_both PRIM PRIM restart", "start_prim PRIM PRIM restart"};
  BOOST_TEST(w.hosts[0].scripts == expected, boost::test_tools::per_element());
  BOOST_TEST(w.paired());
}

BOOST_AUTO_TEST_CASE(swap_is_refused_when_it_cannot_be_done) {
  World w;
  w.start(0, Verb::prim), w.run(seconds(2));
  w.command(0, Verb::swap);
  BOOST_TEST(said(w, "refused: a swap needs PRIM Ready and SECOND Ready"));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_heard_before_the_beat_that_repeats_it_is_no_journey_into_the_past) {
  World w;
  w.pair();
  auto other = w.hosts[0].node->view().peer;
  BOOST_REQUIRE(other);
  Position newer{w.hosts[0].record->base.counter, other->checkpoint.seq + 5};
  w.tell(0, nin::Mirror{said::Checkpointed{{}, newer, other->incarnation}});
  w.command(0, Verb::swap);
  w.run(seconds(8));
  BOOST_TEST(w.states() == "SECOND Ready, PRIM Ready");
}

BOOST_AUTO_TEST_CASE(a_stop_script_beyond_its_time_is_killed_and_forced_before_the_other_side_starts) {
  World w([](NodeConfig& c) { c.module.user->nicestoptimeout = seconds(1); });
  w.pair();
  w.hosts[0].script_time["stop_prim"] = seconds(100);
  w.command(0, Verb::stop), w.run(ms(500));
  w.hosts[0].script_time.clear(); // forced, it ends
  w.run(seconds(3));
  BOOST_TEST(said(w, "kill script"));
  auto at = [&](const char* part) {
    return std::find_if(w.trace.begin(), w.trace.end(),
                        [&](const std::string& l) { return l.find(part) != std::string::npos; });
  };
  BOOST_TEST((at("node1 script stop_prim force") < at("node1 record outdated")));
  BOOST_TEST(w.state(1) == "ALONE Ready");
}

BOOST_AUTO_TEST_CASE(forcestop_does_not_wait_for_what_hangs) {
  World w;
  w.start(0, Verb::prim);
  w.hosts[0].script_time["start_prim"] = seconds(1000);
  w.run(seconds(2));
  BOOST_TEST(w.state(0) == "ALONE Transient");
  w.command(0, Verb::forcestop), w.run(seconds(3));
  BOOST_TEST(w.hosts[0].exits == 1);
}

BOOST_AUTO_TEST_CASE(errd_restarts_and_the_fourth_time_maxloop_stops) {
  World w([](NodeConfig& c) { errd(c, ProcAction::restart); });
  w.start(0, Verb::prim), w.run(seconds(2));
  for (int i = 0; i < 4; ++i) w.tell(0, nin::ProcessCount{0, 0}), w.run(seconds(1));
  BOOST_TEST(count(w, "Action restart called by errd") == 4u);
  BOOST_TEST(said(w, "Process app not running"));
  BOOST_TEST(said(w, "Action stop called by maxloop"));
  BOOST_TEST(w.state(0) == "STOP NotReady");
  BOOST_TEST((w.hosts[0].record->state == Freshness::own)); // an ordinary stop keeps the right to serve ((iii) 14)
}

BOOST_AUTO_TEST_CASE(an_operator_resets_maxloop) {
  World w([](NodeConfig& c) { errd(c, ProcAction::restart); });
  w.start(0, Verb::prim), w.run(seconds(2));
  for (int i = 0; i < 3; ++i) w.tell(0, nin::ProcessCount{0, 0}), w.run(seconds(1));
  w.command(0, Verb::restart), w.run(seconds(1));
  w.tell(0, nin::ProcessCount{0, 0}), w.run(seconds(1));
  BOOST_TEST(w.state(0) == "ALONE Ready");
}

BOOST_AUTO_TEST_CASE(errd_stopstart_moves_the_application) {
  World w([](NodeConfig& c) { errd(c, ProcAction::stopstart); });
  w.pair();
  w.tell(0, nin::ProcessCount{0, 0}), w.run(seconds(8));
  BOOST_TEST(w.state(1) == "PRIM Ready");
  BOOST_TEST(w.state(0) == "SECOND Ready");
}

BOOST_AUTO_TEST_CASE(a_process_is_watched_from_start_after_on_and_not_when_errd_is_off) {
  World w([](NodeConfig& c) { errd(c, ProcAction::restart, 3); });
  w.start(0, Verb::prim), w.run(seconds(2));
  w.tell(0, nin::ProcessCount{0, 0}), w.run(ms(10));
  BOOST_TEST(!said(w, "not running"));
  w.run(seconds(4));
  w.command(0, Verb::errd_off), w.run(ms(10));
  w.tell(0, nin::ProcessCount{0, 0}), w.run(ms(10));
  BOOST_TEST(!said(w, "not running"));
  w.command(0, Verb::errd_on), w.run(ms(10));
  w.tell(0, nin::ProcessCount{0, 0}), w.run(ms(10));
  BOOST_TEST(said(w, "Process app not running"));
}

BOOST_AUTO_TEST_CASE(an_interface_that_goes_down_makes_the_module_wait_and_fail_over) {
  World w;
  w.tell(0, nin::CheckerSaid{"intf.10.0.0.0", true, ""});
  w.pair();
  w.tell(0, nin::CheckerSaid{"intf.10.0.0.0", false, "no carrier"}), w.run(seconds(3));
  BOOST_TEST(said(w, "node1 log Action wait from failover rule interface_failure"));
  BOOST_TEST(w.state(1) != "SECOND Ready");
}

BOOST_AUTO_TEST_CASE(a_missing_address_is_a_stopstart_but_not_while_the_lease_is_away) {
  World w;
  w.pair();
  w.tell(0, nin::CheckerSaid{"ip.10.0.0.9", false, "missing"}), w.run(seconds(6));
  BOOST_TEST(said(w, "Action stopstart from failover rule ip_failure"));
  BOOST_TEST(w.state(1) == "PRIM Ready");
}

BOOST_AUTO_TEST_CASE(the_preferred_node_takes_its_role_back) {
  World w([](NodeConfig& c) {
    c.module.service.defaultprim = DefaultPrim::server, c.module.service.defaultprim_server = "node1";
  });
  w.pair();
  w.command(0, Verb::stop), w.run(seconds(3));
  BOOST_TEST(w.state(1) == "ALONE Ready");
  w.start(0), w.run(seconds(12));
  BOOST_TEST(w.paired());
  BOOST_TEST(said(w, "Transition SWAP from defaultprim"));
}

BOOST_AUTO_TEST_CASE(lastprim_comes_back_as_primary) {
  World w([](NodeConfig& c) { c.module.service.defaultprim = DefaultPrim::lastprim; });
  w.pair();
  w.command(0, Verb::stop), w.run(seconds(3));
  w.start(0), w.run(seconds(12));
  BOOST_TEST(w.paired());
}

BOOST_AUTO_TEST_CASE(a_node_that_cannot_write_its_record_refuses_to_start) {
  World w;
  w.hosts[0].persist_fails = true;
  w.start(0), w.run(seconds(2));
  BOOST_TEST(w.hosts[0].exits == 1);
  BOOST_TEST(said(w, "EXIT: The module cannot start: its durable record cannot be written: no space left on device"));
}

BOOST_AUTO_TEST_CASE(a_module_without_replicated_directories_needs_no_operator) {
  World w([](NodeConfig& c) { c.module.rfs.reset(); });
  w.start(0), w.start(1), w.run(seconds(8));
  BOOST_TEST(w.paired());
  w.crash(0), w.run(seconds(6));
  BOOST_TEST(w.state(1) == "ALONE Ready");
}

BOOST_AUTO_TEST_CASE(every_command_gets_exactly_one_answer_in_every_state) {
  for (int v = 0; v <= static_cast<int>(Verb::errd_off); ++v)
    for (int when = 0; when < 4; ++when) {
      World w;
      if (when == 1) w.start(0), w.run(seconds(1));
      if (when == 2) w.start(0, Verb::prim), w.run(seconds(2));
      if (when == 3) w.pair();
      auto before = w.hosts[0].answers.size();
      w.command(0, static_cast<Verb>(v)), w.run(seconds(10));
      BOOST_TEST(w.hosts[0].answers.size() == before + 1, verb_name(static_cast<Verb>(v)) << " in situation " << when);
    }
}

BOOST_AUTO_TEST_CASE(a_node_that_stood_still_drops_its_address_first) {
  World w;
  w.pair();
  w.pause(0, seconds(20));
  w.run(seconds(21));
  BOOST_TEST(w.state(1) == "PRIM Ready");
  BOOST_TEST(!w.hosts[0].vip);
  BOOST_TEST(w.state(0) == "SECOND Ready");
}

BOOST_AUTO_TEST_SUITE_END()
