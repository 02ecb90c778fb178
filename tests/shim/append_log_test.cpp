// The pending log and its `everything` mark, with the disks that misbehave (data T26).
#include "shim/common/storage/append_log.hpp"
#include "tests/shim/temporary.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {
using State = LogRead::State;
bool is(State a, State b) { return a == b; }
std::vector<Bytes> batch(int first, int last) {
  std::vector<Bytes> out;
  for (int i = first; i <= last; ++i) out.push_back(bytes_of("record " + std::to_string(i)));
  return out;
}
} // namespace

BOOST_AUTO_TEST_SUITE(append_log)

BOOST_AUTO_TEST_CASE(appended_batches_are_read_by_the_next_process_which_goes_on) {
  TemporaryDirectory d;
  {
    AppendLog log(d.path);
    BOOST_TEST(is(log.read().state, State::none));
    BOOST_TEST(!log.append(batch(0, 0)));
    BOOST_TEST(log.rewrite({}).error() == "");
    BOOST_TEST(log.append(batch(1, 3)).error() == "");
    BOOST_TEST(log.append({}).error() == "");
    BOOST_TEST(log.append(batch(4, 4)).error() == "");
  }
  AppendLog log(d.path);
  auto r = log.read();
  BOOST_TEST(is(r.state, State::ok));
  BOOST_TEST((r.records == batch(1, 4)));
  BOOST_TEST(r.note == "");
  BOOST_TEST(log.append(batch(5, 6)).error() == "");
  BOOST_TEST((AppendLog(d.path).read().records == batch(1, 6)));
}

BOOST_AUTO_TEST_CASE(a_torn_tail_is_dropped_cut_and_written_over) {
  TemporaryDirectory d;
  AppendLog first(d.path);
  BOOST_REQUIRE(first.rewrite(batch(1, 2)));
  BOOST_REQUIRE(first.append(batch(3, 3)));
  auto keep = first.size();
  BOOST_REQUIRE(first.append({Bytes(9000, 'z')}));
  auto end = first.size();
  auto whole = read_all(d / "pending.log");
  for (std::uint64_t cut = keep + 1; cut < end; cut += 97) {
    auto torn = whole;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(cut), torn.end(), 0);
    write_all(d / "pending.log", torn);
    AppendLog log(d.path);
    auto r = log.read();
    BOOST_TEST(is(r.state, State::ok));
    BOOST_TEST((r.records == batch(1, 3)));
    BOOST_TEST(contains(r.note, "dropped"));
    BOOST_TEST(log.append(batch(4, 4)).error() == "");
    auto again = AppendLog(d.path).read();
    BOOST_TEST((again.records == batch(1, 4)));
    BOOST_TEST(again.note == "");
  }
}

BOOST_AUTO_TEST_CASE(damage_and_a_missing_log_mean_everything_and_rewriting_heals) {
  TemporaryDirectory d;
  AppendLog first(d.path);
  BOOST_REQUIRE(first.rewrite({}));
  BOOST_REQUIRE(first.append(batch(1, 1)));
  BOOST_REQUIRE(first.append(batch(2, 2)));
  auto bad = read_all(d / "pending.log");
  bad[70] ^= 1;
  write_all(d / "pending.log", bad);
  AppendLog log(d.path);
  BOOST_TEST(is(log.read().state, State::damaged));
  BOOST_TEST(!log.append(batch(3, 3)));
  BOOST_TEST(log.rewrite(batch(7, 8)).error() == "");
  BOOST_TEST(log.append(batch(9, 9)).error() == "");
  BOOST_TEST((AppendLog(d.path).read().records == batch(7, 9)));

  std::filesystem::remove(d / "pending.log");
  auto missing = AppendLog(d.path).read();
  BOOST_TEST(is(missing.state, State::damaged));
  BOOST_TEST(contains(missing.note, "is missing"));
}

BOOST_AUTO_TEST_CASE(the_everything_mark_is_durable_and_survives_a_rewrite) {
  TemporaryDirectory d;
  AppendLog log(d.path);
  BOOST_REQUIRE(log.rewrite(batch(1, 1)));
  BOOST_TEST(log.mark_everything().error() == "");
  BOOST_TEST(is(AppendLog(d.path).read().state, State::everything));
  BOOST_TEST(log.rewrite(batch(2, 2)).error() == "");
  BOOST_TEST(is(AppendLog(d.path).read().state, State::everything));
  BOOST_TEST(log.clear_everything().error() == "");
  BOOST_TEST(is(AppendLog(d.path).read().state, State::ok));
  std::filesystem::remove(d / "pending.log.everything");
  BOOST_TEST(is(AppendLog(d.path).read().state, State::everything));
}

BOOST_AUTO_TEST_CASE(on_a_full_disk_the_reserved_space_is_used_up_then_the_mark_still_works) {
  SmallFileSystem fs("4m");
  AppendLog log(fs.path);
  BOOST_REQUIRE(log.rewrite({}));
  fs.fill();
  std::vector<Bytes> written;
  Status s;
  while (s) {
    s = log.append({Bytes(5000, 'a')});
    if (s) written.push_back(Bytes(5000, 'a'));
    BOOST_REQUIRE(written.size() < 1000u);
  }
  BOOST_TEST(written.size() > 150u); // about one reserved chunk
  BOOST_TEST(contains(s.error(), "No space left on device"));
  BOOST_TEST((AppendLog(fs.path).read().records == written));
  BOOST_TEST(log.mark_everything().error() == "");
  BOOST_TEST(is(AppendLog(fs.path).read().state, State::everything));
  BOOST_TEST(contains(log.rewrite(batch(1, 1)).error(), "No space left on device"));
  BOOST_TEST((AppendLog(fs.path).read().records == written)); // the old log stays
  fs.make_room();
  BOOST_TEST(log.append(batch(1, 1)).error() == ""); // nothing was broken
  BOOST_TEST(log.rewrite(batch(2, 2)).error() == "");
  BOOST_TEST((AppendLog(fs.path).read().records == batch(2, 2)));
}

BOOST_AUTO_TEST_CASE(a_batch_larger_than_a_frame_is_split_and_one_record_larger_is_refused) {
  TemporaryDirectory d;
  AppendLog log(d.path);
  BOOST_REQUIRE(log.rewrite({}));
  std::vector<Bytes> big(5, Bytes(6u << 20, 'b'));
  BOOST_TEST(log.append(big).error() == "");
  BOOST_TEST((AppendLog(d.path).read().records == big));
  BOOST_TEST(!log.append({Bytes(17u << 20, 'c')}));
}

BOOST_AUTO_TEST_CASE(a_crash_while_rewriting_leaves_the_old_log) {
  TemporaryDirectory d;
  AppendLog log(d.path);
  BOOST_REQUIRE(log.rewrite(batch(1, 2)));
  write_all(d / "pending.log.new", bytes_of("half of a new one"));
  BOOST_TEST((AppendLog(d.path).read().records == batch(1, 2)));
  BOOST_TEST(log.rewrite(batch(3, 3)).error() == "");
  BOOST_TEST((AppendLog(d.path).read().records == batch(3, 3)));
}

BOOST_AUTO_TEST_SUITE_END()
