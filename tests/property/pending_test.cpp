// Properties of the codecs and sets that the op stream stands on.
#include "core/wire/frame.hpp"
#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>

using namespace lockstep;

namespace {
PendingSet random_set() {
  PendingSet s;
  s.everything = *rc::gen::arbitrary<bool>();
  for (auto n : *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 9))) s.dirs.insert(Key{1, std::uint64_t(n)});
  for (auto n : *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 9))) {
    auto& f = s.files[Key{2, std::uint64_t(n)}];
    f.attrs = *rc::gen::arbitrary<bool>();
    auto a = *rc::gen::inRange<std::uint64_t>(0, 20);
    f.blocks.add(a, a + *rc::gen::inRange<std::uint64_t>(0, 5));
  }
  return s;
}
} // namespace

BOOST_AUTO_TEST_SUITE(pending_properties)

BOOST_AUTO_TEST_CASE(a_set_survives_its_encoding_and_every_cut_is_refused) {
  BOOST_TEST(rc::check([] {
    auto s = random_set();
    Writer w;
    put(w, s);
    PendingSet back;
    Reader whole(w.bytes());
    RC_ASSERT(get(whole, back) && whole.done());
    RC_ASSERT(back == s);
    for (std::size_t n = 0; n < w.bytes().size(); ++n) {
      Reader cut(w.bytes().data(), n);
      RC_ASSERT(!get(cut, back));
    }
  }));
}

BOOST_AUTO_TEST_CASE(ranges_behave_like_a_set_of_blocks) {
  BOOST_TEST(rc::check([] {
    BlockRanges r;
    std::set<int> model;
    auto steps = *rc::gen::container<std::vector<std::tuple<bool, int, int>>>(
        rc::gen::tuple(rc::gen::arbitrary<bool>(), rc::gen::inRange(0, 30), rc::gen::inRange(0, 8)));
    for (auto [adding, first, count] : steps) {
      auto a = std::uint64_t(first), b = std::uint64_t(first + count);
      if (adding) r.add(a, b);
      else r.remove(a, b);
      for (int i = first; i < first + count; ++i) adding ? (void)model.insert(i) : (void)model.erase(i);
    }
    for (std::uint64_t i = 0; i < 40; ++i) {
      RC_ASSERT(r.contains(i, i + 1) == (model.count(int(i)) == 1));
      RC_ASSERT(r.overlaps(i, i + 1) == r.contains(i, i + 1));
    }
  }));
}

BOOST_AUTO_TEST_CASE(union_contains_both_parts) {
  BOOST_TEST(rc::check([] {
    auto a = random_set(), b = random_set(), u = a;
    u.add(b);
    RC_ASSERT(u.contains(a) && u.contains(b));
    auto again = u;
    RC_ASSERT(!again.add(a) && again == u);
  }));
}

BOOST_AUTO_TEST_CASE(no_bytes_crash_the_frame_decoder) {
  BOOST_TEST(rc::check([] {
    auto bytes = *rc::gen::arbitrary<Bytes>();
    std::size_t used = 0;
    auto f = decode_frame(bytes.data(), bytes.size(), used);
    if (f) RC_ASSERT(used <= bytes.size());
  }));
}

BOOST_AUTO_TEST_SUITE_END()
