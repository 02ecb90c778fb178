// compare(a, b) == mirror(compare(b, a)), and a few laws, over random records of a small world (so that they often
// meet).
#include "tests/support/own_side.hpp"
#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>

using namespace lockstep;
BOOST_AUTO_TEST_SUITE(compare_laws)

namespace {
// Few values on purpose: generations collide, histories share, uids repeat.
Generation some_generation() {
  auto n = *rc::gen::inRange<std::uint64_t>(0, 6);
  return n == 0 ? Generation{} : Generation{n, n, {0, 1 + n % 3}, static_cast<MintedAs>(n % 3)};
}
OwnSide some_side() {
  OwnSide s;
  s.record_state = *rc::gen::weightedElement<RecordState>(
      {{8, RecordState::present}, {1, RecordState::blank}, {1, RecordState::lost}});
  s.live = *rc::gen::element(LiveAs::no, LiveAs::prim, LiveAs::second);
  s.config_digest = *rc::gen::weightedElement<std::uint64_t>({{9, 0}, {1, 1}});
  s.dirs_empty = *rc::gen::arbitrary<bool>(), s.went_back = *rc::gen::weightedElement<bool>({{9, false}, {1, true}});
  auto& r = s.record;
  r.node_uid = {0, *rc::gen::inRange<std::uint64_t>(1, 4)}, r.peer_uid = {0, *rc::gen::inRange<std::uint64_t>(1, 4)};
  if (*rc::gen::weightedElement<bool>({{4, false}, {1, true}}))
    r.former_peers.push_back({0, *rc::gen::inRange<std::uint64_t>(1, 4)});
  r.dir_uid = {0, *rc::gen::weightedElement<std::uint64_t>({{9, 1}, {1, 2}})};
  r.rev = *rc::gen::inRange<std::uint64_t>(0, 4), r.peer_rev_seen = *rc::gen::inRange<std::uint64_t>(0, 4);
  r.incarnation = {*rc::gen::inRange<std::uint64_t>(0, 3)},
  r.peer_incarnation_seen = {*rc::gen::inRange<std::uint64_t>(0, 3)};
  r.g = some_generation(), r.base = some_generation(), r.src_gen = some_generation();
  for (auto n = *rc::gen::inRange(0, 4); n > 0; --n) r.history.push_back(some_generation());
  if (*rc::gen::weightedElement<bool>({{4, false}, {1, true}})) r.voided.push_back(some_generation());
  if (*rc::gen::weightedElement<bool>({{4, false}, {1, true}})) r.candidate = some_generation();
  r.state = *rc::gen::element(Freshness::own, Freshness::shared, Freshness::outdated, Freshness::inconsistent);
  r.covers = *rc::gen::arbitrary<bool>(), r.must_full = *rc::gen::arbitrary<bool>();
  return s;
}
} // namespace

BOOST_AUTO_TEST_CASE(mirrored) {
  BOOST_TEST(rc::check("compare(a, b) == mirror(compare(b, a))", [] {
    auto a = some_side(), b = some_side();
    if (a.record.node_uid == b.record.node_uid) b.record.node_uid.lo += 10;
    RC_ASSERT(mirror(compare(b, a)) == compare(a, b));
  }));
}

BOOST_AUTO_TEST_CASE(who_is_inconsistent_or_has_no_record_never_wins) {
  BOOST_TEST(rc::check("a source has a consistent record", [] {
    auto a = some_side(), b = some_side();
    if (compare(a, b).who != Who::i_win) return;
    RC_ASSERT(has_lineage(a));
    RC_ASSERT(a.record.state != Freshness::inconsistent);
  }));
}

BOOST_AUTO_TEST_CASE(a_copy_belongs_to_a_winner_and_must_full_is_obeyed) {
  BOOST_TEST(rc::check("copy", [] {
    auto a = some_side(), b = some_side();
    auto v = compare(a, b);
    bool won = v.who == Who::i_win || v.who == Who::peer_wins;
    RC_ASSERT((v.copy != Copy::none) == won);
    auto& loser = v.who == Who::i_win ? b : a;
    if (won && has_lineage(loser) && loser.record.must_full) RC_ASSERT(v.copy == Copy::full);
  }));
}

BOOST_AUTO_TEST_SUITE_END()
