#include "core/base/crc32c.hpp"
#include <boost/test/unit_test.hpp>
#include <string>

using namespace lockstep;

BOOST_AUTO_TEST_SUITE(crc32c_checksum)

BOOST_AUTO_TEST_CASE(answers_the_published_vectors) {
  BOOST_TEST(crc32c("123456789", 9) == 0xe3069283u);
  BOOST_TEST(crc32c("", 0) == 0u);
  std::string zeros(32, '\0'), ones(32, '\xff');
  BOOST_TEST(crc32c(zeros.data(), 32) == 0x8a9136aau);
  BOOST_TEST(crc32c(ones.data(), 32) == 0x62a8ab43u);
}

BOOST_AUTO_TEST_CASE(goes_on_where_it_stopped) {
  std::string text = "The quick brown fox jumps over the lazy dog, twice.";
  auto whole = crc32c(text.data(), text.size());
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    BOOST_TEST(crc32c(text.data() + cut, text.size() - cut, crc32c(text.data(), cut)) == whole);
}

BOOST_AUTO_TEST_SUITE_END()
