// The exhaustive search itself: it finds what must be there, it takes only equal states for equal, and a coarse step hides nothing that
// a fine one shows in small bounds. What it says about the product: lockstep-sim explore.
#include "sim/explore.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::sim::explore;

namespace {
Bounds small(Budget budget) {
  Bounds b;
  b.budget = budget, b.progress = false;
  return b;
}
Budget cut_and_write() {
  Budget b;
  b.cuts = 1, b.operations = 1;
  return b;
}
Budget crash() {
  Budget b;
  b.crashes = 1;
  return b;
}
} // namespace

BOOST_AUTO_TEST_SUITE(exhaustive_search)

BOOST_AUTO_TEST_CASE(a_pair_at_rest_goes_round_in_a_few_states) {
  auto r = search(small({}), 0);
  BOOST_TEST(r.found == 0u);
  BOOST_TEST((r.end == End::fixpoint));
  BOOST_TEST(r.states < 20u);
}

BOOST_AUTO_TEST_CASE(states_with_one_hash_go_on_alike) {
  auto b = small(crash());
  b.check_percent = 100;
  auto r = search(b, 0);
  BOOST_TEST((r.end == End::fixpoint));
  BOOST_TEST(r.checked > 500u);
}

BOOST_AUTO_TEST_CASE(a_cut_without_an_arbiter_is_found_by_coarse_and_by_fine_steps) {
  for (auto grain : {Grain::coarse, Grain::fine}) {
    auto b = small(cut_and_write());
    b.grain = grain, b.enough = bit(Finding::dual) | bit(Finding::stale);
    auto r = search(b, split);
    BOOST_TEST((r.end == End::enough));
    BOOST_TEST(r.path[static_cast<std::size_t>(Finding::dual)].size() >= 3u);
  }
}

BOOST_AUTO_TEST_CASE(a_search_that_was_cut_off_says_so) {
  auto b = small(cut_and_write());
  b.depth = 3;
  BOOST_TEST((search(b, split).end == End::depth));
  b.depth = UINT32_MAX, b.states = 50;
  BOOST_TEST((search(b, split).end == End::states));
}

BOOST_AUTO_TEST_CASE(what_is_not_tolerated_ends_the_search) {
  auto r = search(small(cut_and_write()), 0);
  BOOST_TEST((r.end == End::judged));
  BOOST_TEST((r.found & split) != 0u);
}

BOOST_AUTO_TEST_SUITE_END()
