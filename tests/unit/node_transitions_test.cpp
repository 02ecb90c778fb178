// The automaton's table: total, unambiguous, and every "go" row ends somewhere that can be left again.
#include "core/node/transitions.hpp"
#include <algorithm>
#include <boost/test/unit_test.hpp>

using namespace lockstep;
BOOST_AUTO_TEST_SUITE(node_transitions)

BOOST_AUTO_TEST_CASE(every_pair_of_state_and_event_is_decided_by_exactly_one_row) {
  for (std::size_t s = 0; s < state_count; ++s)
    for (std::size_t e = 0; e < event_count; ++e) {
      int rows = 0;
      for (const auto& t : transitions())
        rows += t.event == static_cast<Event>(e) && std::count(t.from.begin(), t.from.end(), static_cast<State>(s)) > 0;
      BOOST_TEST(rows == 1, state_name(static_cast<State>(s))
                                << " x " << event_name(static_cast<Event>(e)) << ": " << rows << " rows");
    }
}

BOOST_AUTO_TEST_CASE(refusals_and_ignored_events_say_why_and_do_nothing) {
  for (const auto& t : transitions()) {
    BOOST_TEST(std::string(t.comment).size() > 3u);
    if (t.kind != RowKind::go) BOOST_TEST(t.steps.empty());
  }
}

BOOST_AUTO_TEST_CASE(whoever_serves_stops_the_application_before_the_address_and_the_mount_go) {
  for (const auto& t : transitions()) {
    auto at = [&](Step s) { return std::find(t.steps.begin(), t.steps.end(), s) - t.steps.begin(); };
    auto end = static_cast<std::ptrdiff_t>(t.steps.size());
    if (t.kind != RowKind::go || at(Step::leave) == end || at(Step::stop_prim) == end || t.event == Event::consent ||
        t.event == Event::failover_off)
      continue;
    if (at(Step::vip_down) != end) BOOST_TEST(at(Step::stop_prim) < at(Step::vip_down), event_name(t.event));
    BOOST_TEST(at(Step::stop_prim) < at(Step::leave), event_name(t.event));
    if (at(Step::mount_read_only) != end)
      BOOST_TEST(at(Step::mount_read_only) < at(Step::leave), event_name(t.event)); // data:T23
  }
}

BOOST_AUTO_TEST_CASE(the_application_starts_only_on_the_replicated_directory) { // oracle S14
  for (const auto& t : transitions()) {
    auto start = std::find(t.steps.begin(), t.steps.end(), Step::start_prim);
    if (start == t.steps.end() || t.event == Event::cmd_restart) continue;
    BOOST_TEST((std::find(t.steps.begin(), start, Step::mount_replicate) != start), event_name(t.event));
  }
}

BOOST_AUTO_TEST_CASE(every_state_can_be_stopped_and_every_stop_can_be_started) {
  for (std::size_t s = 1; s < state_count; ++s) {
    const auto& t = transition(static_cast<State>(s), Event::cmd_stop);
    BOOST_TEST((t.kind == RowKind::go && t.to == State::stop && t.steps.back() == Step::exit),
               state_name(static_cast<State>(s)));
  }
  BOOST_TEST((transition(State::stop, Event::cmd_start).kind == RowKind::go));
}

BOOST_AUTO_TEST_CASE(it_prints_itself) {
  auto text = transitions_markdown();
  BOOST_TEST(text.find("| PRIM Transient, PRIM Ready | alone | go | ALONE Ready |") != std::string::npos);
  BOOST_TEST(std::count(text.begin(), text.end(), '\n') == static_cast<std::ptrdiff_t>(transitions().size() + 2));
}

BOOST_AUTO_TEST_SUITE_END()
