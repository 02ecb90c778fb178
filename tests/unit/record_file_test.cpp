// The durable record's file format: every byte counts, nothing wrong is ever accepted (control (iii) 26, 27).
#include "core/base/crc32c.hpp"
#include "core/wire/record_file.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;

namespace {
Bytes payload_of(std::size_t n) {
  Bytes b(n);
  for (std::size_t i = 0; i < n; ++i) b[i] = static_cast<std::uint8_t>(i * 7 + 1);
  return b;
}
RecordCopy decode(const Bytes& b) { return decode_record_file(b.data(), b.size()); }
RecordCopy copy(CopyState s, std::uint64_t seq = 0, Bytes payload = {}) { return {s, seq, std::move(payload)}; }
bool is(CopyState a, CopyState b) { return a == b; }
} // namespace

BOOST_AUTO_TEST_SUITE(record_file)

BOOST_AUTO_TEST_CASE(reads_back_what_was_written_also_behind_old_bytes) {
  for (std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{300}, record_max_payload}) {
    auto file = encode_record_file(42, payload_of(n));
    file.resize(file.size() + 100, 0xee); // what a longer, older record left
    auto back = decode(file);
    BOOST_TEST(is(back.state, CopyState::ok));
    BOOST_TEST(back.sequence == 42u);
    BOOST_TEST((back.payload == payload_of(n)));
  }
}

BOOST_AUTO_TEST_CASE(a_file_cut_at_any_byte_is_damaged) {
  auto file = encode_record_file(7, payload_of(200));
  for (std::size_t n = 0; n < file.size(); ++n)
    BOOST_TEST(is(decode_record_file(file.data(), n).state, CopyState::damaged));
}

BOOST_AUTO_TEST_CASE(a_garbled_byte_anywhere_is_damaged_never_another_record_and_never_newer) {
  auto file = encode_record_file(7, payload_of(200));
  for (std::size_t i = 0; i < file.size(); ++i)
    for (std::uint8_t flip : {0x01, 0x80, 0xff}) {
      auto bad = file;
      bad[i] ^= flip;
      BOOST_TEST(is(decode(bad).state, CopyState::damaged), "byte " << i);
    }
}

BOOST_AUTO_TEST_CASE(a_newer_format_is_told_from_damage) {
  auto file = encode_record_file(7, payload_of(20));
  file[8] = record_file_format + 1;
  auto crc = crc32c(file.data(), record_header_size - 4);
  for (int i = 0; i < 4; ++i)
    file[record_header_size - 4 + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(crc >> (8 * i));
  BOOST_TEST(is(decode(file).state, CopyState::newer));
}

BOOST_AUTO_TEST_CASE(the_newest_valid_copy_is_the_record) {
  auto ok5 = copy(CopyState::ok, 5, {1}), ok6 = copy(CopyState::ok, 6, {2}), other6 = copy(CopyState::ok, 6, {3});
  auto gone = copy(CopyState::absent), bad = copy(CopyState::damaged), newer = copy(CopyState::newer);
  struct Row {
    RecordCopy a, b;
    CopyState state;
    int chosen;
    bool other_bad;
  };
  for (const auto& row : std::vector<Row>{
           {gone, gone, CopyState::absent, -1, false},
           {gone, bad, CopyState::damaged, -1, false},
           {bad, gone, CopyState::damaged, -1, false},
           {bad, bad, CopyState::damaged, -1, false},
           {ok5, bad, CopyState::ok, 0, true},
           {gone, ok5, CopyState::ok, 1, true},
           {ok5, ok6, CopyState::ok, 1, true},
           {ok6, ok5, CopyState::ok, 0, true},
           {ok6, ok6, CopyState::ok, 0, false},
           {ok6, other6, CopyState::damaged, -1, false},
           {ok6, newer, CopyState::newer, -1, false},
           {newer, bad, CopyState::newer, -1, false},
       }) {
    auto c = choose_record(row.a, row.b);
    BOOST_TEST(is(c.state, row.state));
    BOOST_TEST(c.chosen == row.chosen);
    BOOST_TEST(c.other_copy_bad == row.other_bad);
  }
}

BOOST_AUTO_TEST_SUITE_END()
