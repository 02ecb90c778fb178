// The arbiter's key and value: one generation has one text, and nothing else is taken for one.
#include "core/wire/arbiter_value.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;

namespace {
const Generation sample{42, 0x00112233445566ffu, {0x0123456789abcdefu, 0xfedcba9876543210u}, MintedAs::prim};
const std::string text = "lockstep 1 42 00112233445566ff 0123456789abcdeffedcba9876543210 prim";

ArbiterText parsed(std::string_view t) {
  Generation g;
  auto r = parse_arbiter_text(t, g);
  if (r != ArbiterText::ok) BOOST_TEST((g == Generation{}));
  return r;
}
bool is(ArbiterText a, ArbiterText b) { return a == b; }
} // namespace

BOOST_AUTO_TEST_SUITE(arbiter_value)

BOOST_AUTO_TEST_CASE(key_and_value_are_text_that_a_person_can_read) {
  BOOST_TEST(arbiter_key("mirror", {0xaau, 0xbbu}) == "/lockstep/mirror/00000000000000aa00000000000000bb");
  BOOST_TEST(arbiter_text(sample) == text);
}

BOOST_AUTO_TEST_CASE(every_part_of_a_generation_comes_back) {
  for (auto as : {MintedAs::second, MintedAs::prim, MintedAs::op})
    for (std::uint64_t v : {std::uint64_t{1}, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
      Generation g{v, ~v, {v, v / 3}, as}, back;
      BOOST_TEST(is(parse_arbiter_text(arbiter_text(g), back), ArbiterText::ok));
      BOOST_TEST((back == g));
    }
}

BOOST_AUTO_TEST_CASE(one_changed_cut_or_added_byte_is_never_the_same_generation) {
  for (std::size_t n = 0; n < text.size(); ++n) BOOST_TEST(!is(parsed(text.substr(0, n)), ArbiterText::ok));
  for (char c : {' ', '\n', '\0', '0', 'm'}) BOOST_TEST(!is(parsed(text + c), ArbiterText::ok));
  for (std::size_t i = 0; i < text.size(); ++i)
    for (int c = 0; c < 256; ++c) {
      std::string other = text;
      if (other[i] == static_cast<char>(c)) continue;
      other[i] = static_cast<char>(c);
      Generation g;
      if (parse_arbiter_text(other, g) == ArbiterText::ok) BOOST_TEST((g != sample && arbiter_text(g) == other));
    }
}

BOOST_AUTO_TEST_CASE(other_ways_to_write_the_same_numbers_are_foreign) {
  for (auto t : {"lockstep 1 042 00112233445566ff 0123456789abcdeffedcba9876543210 prim",
                 "lockstep 1 42 00112233445566FF 0123456789abcdeffedcba9876543210 prim",
                 "lockstep 1 +42 00112233445566ff 0123456789abcdeffedcba9876543210 prim",
                 "lockstep  1 42 00112233445566ff 0123456789abcdeffedcba9876543210 prim",
                 "lockstep 1 0 00112233445566ff 0123456789abcdeffedcba9876543210 prim",
                 "lockstep 1 18446744073709551616 00112233445566ff 0123456789abcdeffedcba9876543210 prim",
                 "lockstep 0 42 00112233445566ff 0123456789abcdeffedcba9876543210 prim",
                 "Lockstep 1 42 00112233445566ff 0123456789abcdeffedcba9876543210 prim",
                 "lockstep 1 42 00112233445566ff 0123456789abcdeffedcba9876543210 Prim", "node1", "", " "})
    BOOST_TEST(is(parsed(t), ArbiterText::foreign), t);
}

BOOST_AUTO_TEST_CASE(a_later_format_is_told_apart_from_a_strangers_text) {
  BOOST_TEST(is(parsed("lockstep 2 whatever comes"), ArbiterText::newer));
  BOOST_TEST(is(parsed("lockstep 17"), ArbiterText::newer));
  BOOST_TEST(is(parsed("lockstep x"), ArbiterText::foreign));
}

BOOST_AUTO_TEST_SUITE_END()
