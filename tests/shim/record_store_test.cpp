// The durable record survives a crash at any point, a rotten copy and a full disk (control (iii) 26, 27).
#include "shim/common/storage/record_store.hpp"
#include "tests/shim/temporary.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {
using State = RecordRead::State;
bool is(State a, State b) { return a == b; }
const Bytes one = bytes_of("generation 1"), two = bytes_of("generation 2, a longer one");
const std::vector<std::string> files = {"record.a", "record.b"};
} // namespace

BOOST_AUTO_TEST_SUITE(record_store)

BOOST_AUTO_TEST_CASE(a_new_directory_is_blank_and_a_written_record_is_read_by_the_next_process) {
  TemporaryDirectory d;
  RecordStore store(d / "state/AM");
  BOOST_TEST(is(store.read().state, State::none));
  BOOST_TEST(store.write(one).error() == "");
  BOOST_TEST(store.write(two).error() == "");
  auto r = RecordStore(d / "state/AM").read();
  BOOST_TEST(is(r.state, State::ok));
  BOOST_TEST((r.bytes == two));
  BOOST_TEST(r.note == "");
}

BOOST_AUTO_TEST_CASE(a_crash_between_the_two_copies_leaves_the_old_or_the_new_record) {
  TemporaryDirectory d;
  RecordStore store(d.path);
  BOOST_REQUIRE(store.write(one));
  auto old_a = read_all(d / "record.a"), old_b = read_all(d / "record.b");
  BOOST_REQUIRE(store.write(two));
  auto new_a = read_all(d / "record.a"), new_b = read_all(d / "record.b");
  write_all(d / "record.b", old_b); // only a is in place
  auto r = RecordStore(d.path).read();
  BOOST_TEST((r.bytes == two));
  BOOST_TEST(contains(r.note, "older than the other"));
  write_all(d / "record.a", old_a), write_all(d / "record.b", new_b);
  BOOST_TEST((RecordStore(d.path).read().bytes == two));
  write_all(d / "record.b", old_b);
  BOOST_TEST((RecordStore(d.path).read().bytes == one));
}

BOOST_AUTO_TEST_CASE(one_copy_garbled_at_any_byte_or_cut_is_told_and_repaired_by_the_next_write) {
  TemporaryDirectory d;
  BOOST_REQUIRE(RecordStore(d.path).write(one));
  for (const auto& name : files) {
    auto good = read_all(d / name);
    for (std::size_t i = 0; i < 40 + one.size(); ++i)
      for (bool cut : {false, true}) {
        auto bad = good;
        if (cut)
          bad.resize(i);
        else
          bad[i] ^= 0x10;
        write_all(d / name, bad);
        auto r = RecordStore(d.path).read();
        BOOST_TEST(is(r.state, State::ok));
        BOOST_TEST((r.bytes == one));
        BOOST_TEST(contains(r.note, name + " is damaged"));
      }
    RecordStore store(d.path);
    BOOST_TEST(store.write(one).error() == "");
    BOOST_TEST(RecordStore(d.path).read().note == "");
  }
}

BOOST_AUTO_TEST_CASE(both_copies_gone_bad_is_lost_not_blank) {
  TemporaryDirectory d;
  BOOST_REQUIRE(RecordStore(d.path).write(one));
  write_all(d / "record.a", bytes_of("rubbish"));
  std::filesystem::remove(d / "record.b");
  auto r = RecordStore(d.path).read();
  BOOST_TEST(is(r.state, State::damaged));
  BOOST_TEST(contains(r.note, "record.a is damaged"));
  BOOST_TEST(contains(r.note, "record.b is missing"));
  BOOST_TEST(r.bytes.empty());
}

BOOST_AUTO_TEST_CASE(a_copy_that_cannot_be_read_is_named_with_the_reason) {
  TemporaryDirectory d;
  BOOST_REQUIRE(RecordStore(d.path).write(one));
  std::filesystem::remove(d / "record.a");
  std::filesystem::create_directory(d / "record.a"); // reading it fails
  auto r = RecordStore(d.path).read();
  BOOST_TEST(is(r.state, State::ok));
  BOOST_TEST((r.bytes == one));
  BOOST_TEST(contains(r.note, "cannot read " + d.path + "/record.a"));
}

BOOST_AUTO_TEST_CASE(a_full_disk_does_not_stop_writes_once_there_is_a_record) {
  SmallFileSystem fs("1m");
  RecordStore store(fs.path);
  BOOST_REQUIRE(store.write(one));
  fs.fill();
  for (int i = 0; i < 20; ++i) {
    auto record = bytes_of("record " + std::to_string(i));
    BOOST_TEST(store.write(record).error() == "");
    BOOST_TEST((RecordStore(fs.path).read().bytes == record));
  }
  BOOST_TEST(store.write(Bytes(65535, 7)).error() == "");
}

BOOST_AUTO_TEST_CASE(a_write_that_finds_no_space_leaves_the_old_record_and_says_what_to_do) {
  SmallFileSystem fs("1m");
  RecordStore store(fs.path);
  BOOST_REQUIRE(store.write(one));
  std::filesystem::remove(fs / "record.b.spare");
  fs.fill();
  auto s = store.write(two);
  BOOST_TEST(contains(s.error(),
                      "record.b.spare: No space left on device; free disk space there; the old record is unchanged"));
  BOOST_TEST((RecordStore(fs.path).read().bytes == one));
  fs.make_room();
  BOOST_TEST(store.write(two).error() == "");
  auto r = RecordStore(fs.path).read();
  BOOST_TEST((r.bytes == two));
  BOOST_TEST(r.note == "");
}

BOOST_AUTO_TEST_CASE(a_read_only_file_system_is_an_error_not_a_crash) {
  SmallFileSystem fs("1m");
  RecordStore store(fs.path);
  BOOST_REQUIRE(store.write(one));
  BOOST_REQUIRE(::mount("", fs.path.c_str(), "", MS_REMOUNT | MS_RDONLY, "") == 0);
  BOOST_TEST(contains(store.write(two).error(), "read-only"));
  BOOST_TEST((RecordStore(fs.path).read().bytes == one));
}

BOOST_AUTO_TEST_CASE(a_record_that_does_not_fit_is_refused) {
  TemporaryDirectory d;
  BOOST_TEST(!RecordStore(d.path).write(Bytes(65536, 1)));
}

BOOST_AUTO_TEST_SUITE_END()
