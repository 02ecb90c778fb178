#include "core/node/io.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;

BOOST_AUTO_TEST_SUITE(progress_text)

BOOST_AUTO_TEST_CASE(what_the_source_counts_arrives_unchanged) {
  ResyncProgress p{true, 1, 2, 3, 4, 5, 18446744073709551615u, 7};
  auto read = parse_progress(to_text(p));
  BOOST_REQUIRE(read);
  BOOST_TEST(read->full);
  BOOST_TEST(read->dirs_done == 1u);
  BOOST_TEST(read->dirs_total == 2u);
  BOOST_TEST(read->files_done == 3u);
  BOOST_TEST(read->files_total == 4u);
  BOOST_TEST(read->bytes_sent == 5u);
  BOOST_TEST(read->bytes_compared == 18446744073709551615u);
  BOOST_TEST(read->bytes_total == 7u);
  BOOST_TEST(!parse_progress(to_text(ResyncProgress{}))->full);
}

BOOST_AUTO_TEST_CASE(anything_else_is_no_progress) {
  for (const char* text : {"", "1", "0 1 2 3 4 5 6", "0 1 2 3 4 5 6 7 8", "0 1 2 3 4 5 6 -7", "0  1 2 3 4 5 6 7", "0 1 2 3 4 5 6 7 ",
                           "0 1 2 3 4 5 6 99999999999999999999", "x 1 2 3 4 5 6 7"})
    BOOST_TEST(!parse_progress(text), text);
}

BOOST_AUTO_TEST_SUITE_END()
