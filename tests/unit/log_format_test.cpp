// The pending log's format: a torn tail is dropped, anything else that is wrong is damage (data T26).
#include "core/wire/log_format.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;

namespace {
constexpr std::uint64_t id = 0x1122334455667788u;

struct Sample {
  Bytes file;
  std::vector<std::size_t> starts; // of the frames
  std::vector<std::vector<Bytes>> commits;
};

// Three commits; sizes so that frames lie in more than one block.
Sample sample() {
  Sample s;
  s.file = encode_log_header(id);
  s.commits = {{Bytes(10, 1), Bytes(), Bytes(3000, 2)}, {Bytes(1500, 3)}, {Bytes(7, 4), Bytes(90, 5)}};
  std::uint64_t n = 0;
  for (const auto& c : s.commits) {
    s.starts.push_back(s.file.size());
    auto f = encode_log_frame(id, ++n, c.data(), c.size());
    s.file.insert(s.file.end(), f.begin(), f.end());
  }
  s.starts.push_back(s.file.size());
  s.file.resize(3 * log_block);
  return s;
}
LogImage decode(const Bytes& b) { return decode_log(b.data(), b.size()); }
std::vector<Bytes> first_commits(const Sample& s, std::size_t n) {
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < n; ++i) out.insert(out.end(), s.commits[i].begin(), s.commits[i].end());
  return out;
}
bool ok(const LogImage& i) { return i.state == LogState::ok; }
bool damaged(const LogImage& i) { return i.state == LogState::damaged; }
} // namespace

BOOST_AUTO_TEST_SUITE(log_format_suite)

BOOST_AUTO_TEST_CASE(reads_back_every_record_in_order) {
  auto s = sample();
  auto image = decode(s.file);
  BOOST_TEST(ok(image));
  BOOST_TEST((image.records == first_commits(s, 3)));
  BOOST_TEST(image.end == s.starts.back());
  BOOST_TEST(image.commits == 3u);
  BOOST_TEST(!image.torn_tail);
}

BOOST_AUTO_TEST_CASE(a_last_frame_of_which_only_a_part_was_written_is_dropped) {
  auto s = sample();
  for (auto cut = s.starts[2] + 1; cut < s.starts[3]; ++cut) {
    auto torn = s.file;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(cut), torn.end(), 0);
    auto image = decode(torn);
    BOOST_TEST(ok(image), "cut at " << cut);
    BOOST_TEST((image.records == first_commits(s, 2)));
    BOOST_TEST(image.torn_tail);
    BOOST_TEST(image.end == s.starts[2]);
  }
}

BOOST_AUTO_TEST_CASE(a_garbled_byte_is_damage_in_the_middle_and_never_gives_wrong_records) {
  auto s = sample();
  for (std::size_t i = 0; i < s.file.size(); ++i) {
    auto bad = s.file;
    bad[i] ^= 0x41;
    auto image = decode(bad);
    if (i < s.starts[2]) {
      BOOST_TEST(damaged(image), "byte " << i);
      BOOST_TEST(image.records.empty());
    } else if (i < s.starts[3]) {
      BOOST_TEST(ok(image), "byte " << i); // the last frame: as if torn
      BOOST_TEST((image.records == first_commits(s, 2)));
    } else {
      BOOST_TEST(ok(image), "byte " << i); // garbage behind the end
      BOOST_TEST((image.records == first_commits(s, 3)));
    }
    if (image.state == LogState::ok) BOOST_TEST(image.torn_tail);
  }
}

BOOST_AUTO_TEST_CASE(a_file_cut_off_at_any_byte_inside_its_frames_is_damaged) {
  auto s = sample();
  for (std::size_t n = 0; n < s.starts[3] + log_frame_header_size; ++n)
    BOOST_TEST(damaged(decode_log(s.file.data(), n)), "cut at " << n);
  BOOST_TEST(ok(decode_log(s.file.data(), 2 * log_block))); // only reserved space is missing
}

BOOST_AUTO_TEST_CASE(a_lost_frame_in_the_middle_is_damage) {
  auto s = sample();
  for (std::size_t lost = 0; lost < 2; ++lost) {
    auto bad = s.file;
    std::fill(bad.begin() + static_cast<std::ptrdiff_t>(s.starts[lost]),
              bad.begin() + static_cast<std::ptrdiff_t>(s.starts[lost + 1]), 0);
    BOOST_TEST(damaged(decode(bad)));
  }
}

BOOST_AUTO_TEST_CASE(frames_of_another_log_are_a_torn_tail) {
  auto s = sample();
  Bytes record(5, 9);
  auto foreign = encode_log_frame(id + 1, 4, &record, 1);
  std::copy(foreign.begin(), foreign.end(), s.file.begin() + static_cast<std::ptrdiff_t>(s.starts[3]));
  auto image = decode(s.file);
  BOOST_TEST(ok(image));
  BOOST_TEST(image.torn_tail);
  BOOST_TEST((image.records == first_commits(s, 3)));
}

BOOST_AUTO_TEST_CASE(the_everything_mark_is_clear_only_when_it_is_exactly_that) {
  auto clear = encode_everything_mark(false), set = encode_everything_mark(true);
  BOOST_TEST(!everything_is_set(clear.data(), clear.size()));
  BOOST_TEST(everything_is_set(set.data(), set.size()));
  for (std::size_t i = 0; i < clear.size(); ++i) {
    BOOST_TEST(everything_is_set(clear.data(), i)); // cut
    auto torn = clear;                              // the new content reached the disk up to byte i only
    std::copy(set.begin(), set.begin() + static_cast<std::ptrdiff_t>(i) + 1, torn.begin());
    BOOST_TEST(everything_is_set(torn.data(), torn.size()));
  }
}

BOOST_AUTO_TEST_SUITE_END()
