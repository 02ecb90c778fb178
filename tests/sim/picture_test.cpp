// The page of a run: well-formed, complete, and in words that explain it; watching a run does not change it.
#include "sim/picture/page.hpp"
#include <boost/test/unit_test.hpp>
#include <pugixml.hpp>

using namespace lockstep;
using namespace lockstep::sim;

namespace {
Plan plan_of(const std::string& events) {
  auto parsed = parse_plan("name drawn\nseed 2\nnetwork 0 pulse 200ms timeout 2s\nwork rate 20 ops 600 files 6 dirs 2 from 5s\n" + events +
                               "heal 60s\nliveness 120s\n", "drawn");
  BOOST_REQUIRE_MESSAGE(parsed.plan, parsed.error);
  return *parsed.plan;
}
Plan split() { return plan_of("at 15s cut a>b all for 10s\nat 15s cut b>a all for 10s\n"); }
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void well_formed(const std::string& page) {
  pugi::xml_document document;
  auto result = document.load_buffer(page.data(), page.size());
  BOOST_REQUIRE_MESSAGE(result, result.description() << " at " << result.offset);
  BOOST_TEST(document.child("html").child("body").child("div").attribute("id").value() == std::string("picture"));
  BOOST_TEST(!has(page, "src="));
  BOOST_TEST(!has(page, "@STORY@"));
  auto script = page.find("</script>"); // one, and nothing in it ends it early
  BOOST_TEST(page.find("</script>", script + 1) == std::string::npos);
}
} // namespace

BOOST_AUTO_TEST_SUITE(picture)

BOOST_AUTO_TEST_CASE(a_fork_is_explained) {
  auto story = tell(split());
  auto page = page_of(story);
  well_formed(page);
  for (auto words : {"Every oracle is satisfied", "The network is cut for 10 s: no message passes between a and b",
                     "b has heard nothing from a for 2.0 s: it goes on alone, in generation 2b", "in generation 2a",
                     "BOTH nodes serve now: a in generation 2a, b in 2b", "copies aside everything that it is about to lose",
                     "\"name\":\"a\"", "\"name\":\"b\"", "cut a&gt;b all for 10s"})
    BOOST_TEST(has(page, words), words);
  BOOST_TEST(story.both_serve.size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_drawn_is_what_happened) {
  auto story = tell(split());
  for (auto& node : story.nodes) {
    BOOST_TEST(node.states.size() > 4u);
    for (std::size_t i = 1; i < node.states.size(); ++i) BOOST_TEST(node.states[i - 1].to == node.states[i].from);
  }
  std::size_t lost_in_the_cut = 0, arrived_in_the_cut = 0, lost_elsewhere = 0;
  for (auto& f : story.flights) {
    bool cut = f.sent >= seconds(15).ns && f.sent < seconds(25).ns;
    if (f.arrived >= 0) BOOST_TEST(f.arrived > f.sent);
    if (f.beat && cut) ++(f.arrived < 0 ? lost_in_the_cut : arrived_in_the_cut);
    else if (f.beat && f.arrived < 0 && f.sent > seconds(3).ns && f.sent < split().heal.ns) ++lost_elsewhere;
  }
  BOOST_TEST(lost_in_the_cut > 50u);
  BOOST_TEST(arrived_in_the_cut == 0u);
  BOOST_TEST(lost_elsewhere == 0u);
  std::uint64_t acknowledged = 0;
  for (auto& node : story.nodes) acknowledged += std::size_t(std::count_if(node.requests.begin(), node.requests.end(), [](auto& r) { return r.outcome == Request::acknowledged; }));
  BOOST_TEST(acknowledged == story.outcome.counts.acknowledged);
}

BOOST_AUTO_TEST_CASE(a_violation_is_in_the_headline_and_at_its_moment) {
  auto story = tell(plan_of("at 20s command a swap\n"), Sabotage::address_sticks);
  BOOST_REQUIRE(story.outcome.violation);
  auto page = page_of(story);
  well_formed(page);
  BOOST_TEST(has(page, "S13 is violated at "));
  BOOST_TEST(has(page, oracle::S13.sentence));
  BOOST_TEST(has(page, "a says goodbye and has the address"));
  BOOST_TEST(!has(page, "\"failed\":null"));
  BOOST_TEST(has(text_of(story), "An operator says \"swap\" on a."));
}

BOOST_AUTO_TEST_CASE(watching_changes_nothing) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    auto plan = make_plan(seed, seed % 2 ? Mode::none : Mode::ping);
    BOOST_TEST(tell(plan).outcome.hash == run_plan(plan).hash);
  }
}

BOOST_AUTO_TEST_SUITE_END()
