// The simulated arbiter: linearizable, and as late, silent and forgetful as a plan says.
#include "sim/arbiter.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::sim;

namespace {
const Generation g1{1, 11, {0, 1}, MintedAs::prim}, g2{2, 22, {0, 1}, MintedAs::prim}, g3{2, 33, {0, 2}, MintedAs::second};

struct Shop {
  explicit Shop(const std::string& events) : plan(*parse_plan("mode etcd\nheal 1000s\n" + events, "test").plan), weather(plan), arbiter(plan, queue, weather) {}
  void run(Duration until) {
    while (queue.step(Instant{until.ns})) {
    }
  }
  void ask(NodeIndex n, std::optional<Generation> expected, std::optional<Generation> put) {
    arbiter.ask(n, {{++tickets}, {7, 7}, expected, put}, [this](const nin::ArbiterAnswer& a) { answers.push_back(a); });
  }
  nin::ArbiterSays last() const { return answers.empty() ? nin::ArbiterSays::silent : answers.back().says; }
  Plan plan;
  Queue queue;
  Weather weather;
  Arbiter arbiter;
  std::uint64_t tickets = 0;
  std::vector<nin::ArbiterAnswer> answers;
};
} // namespace

BOOST_AUTO_TEST_SUITE(arbiter)

BOOST_AUTO_TEST_CASE(one_of_two_swaps_is_made) {
  Shop s("");
  s.ask(0, {}, {});
  s.run(seconds(1));
  BOOST_TEST((s.last() == nin::ArbiterSays::absent));
  s.ask(0, {}, g1);
  s.run(seconds(2));
  BOOST_TEST((s.last() == nin::ArbiterSays::swapped));
  s.ask(0, g1, g2), s.ask(1, g1, g3);
  s.run(seconds(3));
  BOOST_REQUIRE_EQUAL(s.answers.size(), 4u);
  int swapped = 0;
  for (std::size_t i = 2; i < 4; ++i) swapped += s.answers[i].says == nin::ArbiterSays::swapped;
  BOOST_TEST(swapped == 1);
  BOOST_TEST(s.arbiter.changes() == 2u);
}

BOOST_AUTO_TEST_CASE(a_cut_towards_the_asker_loses_the_answer_and_not_the_question) {
  Shop s("at 0s cut w>a arbiter for 100s\n");
  s.run(seconds(1));
  s.ask(0, {}, g1);
  s.run(seconds(10));
  BOOST_REQUIRE_EQUAL(s.answers.size(), 1u);
  BOOST_TEST((s.last() == nin::ArbiterSays::silent));
  BOOST_TEST(s.arbiter.ever_held(g1));
}

BOOST_AUTO_TEST_CASE(a_question_held_up_is_carried_out_after_its_asker_gave_up) {
  Shop s("at 0s clog a>w arbiter for 20s\n");
  s.run(seconds(1));
  s.ask(0, {}, g1);
  s.run(seconds(10));
  BOOST_TEST((s.last() == nin::ArbiterSays::silent));
  BOOST_TEST(!s.arbiter.ever_held(g1));
  s.run(seconds(30));
  BOOST_TEST(s.arbiter.ever_held(g1));
  BOOST_TEST(s.answers.size() == 1u); // answered once
}

BOOST_AUTO_TEST_CASE(another_store_has_no_key_and_a_smaller_revision) {
  Shop s("");
  s.ask(0, {}, g1);
  s.run(seconds(1));
  auto before = s.answers.back().revision;
  s.arbiter.emptied();
  s.ask(0, {}, {});
  s.run(seconds(2));
  BOOST_TEST((s.last() == nin::ArbiterSays::absent));
  BOOST_TEST(s.answers.back().revision < before);
}

BOOST_AUTO_TEST_CASE(down_is_silence) {
  Shop s("at 0s arbiter-down for 20s\n");
  s.run(seconds(1));
  s.ask(1, {}, g1);
  s.run(seconds(10));
  BOOST_TEST((s.last() == nin::ArbiterSays::silent));
  BOOST_TEST(!s.arbiter.ever_held(g1));
}

BOOST_AUTO_TEST_SUITE_END()
