// The model file system: what a flush promises, what a crash may take, and how a directory is drained by final state.
#include "sim/executor.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::sim;

namespace {
const Key root = root_key(0);
Key key(std::uint64_t n) { return {7, n}; }
Op create(Key k, Key dir, const std::string& name, FileType type = FileType::regular) {
  Op op;
  op.kind = OpKind::create, op.object = k, op.dir = dir, op.name = name, op.type = type, op.mode = 0644, op.time_ns = 1;
  return op;
}
Op write(Key k, std::uint64_t unit, std::uint64_t units) {
  Op op;
  op.kind = OpKind::write, op.object = k, op.offset = unit * unit_size, op.length = units * unit_size, op.time_ns = 2;
  return op;
}
Content versions(std::vector<std::uint64_t> v) { return Content{std::move(v), {}}; }
std::int32_t run(FileSystem& fs, const Op& op, const Content* c = nullptr, bool may_be_done = false) {
  return carry_out(fs, op, c, may_be_done, {}).error;
}
void flush(FileSystem& fs) { fs.flush(); }
Op drain_dir(Key dir) {
  Op op;
  op.kind = OpKind::drain_dir, op.object = dir;
  return op;
}
Content bytes_of(const DirState& d) { return Content{{}, encode(d)}; }
} // namespace

BOOST_AUTO_TEST_SUITE(disk)

BOOST_AUTO_TEST_CASE(what_was_flushed_survives_every_crash) {
  for (std::uint64_t h = 0; h < 50; ++h) {
    FileSystem fs(1);
    run(fs, create(key(1), root, "f"));
    auto c = versions({5, 6});
    run(fs, write(key(1), 0, 2), &c);
    flush(fs);
    fs.crash(h);
    BOOST_TEST((fs.now().entry(root, "f") == key(1)));
    BOOST_TEST(fs.now().version(key(1), 1) == 6u);
    BOOST_TEST(fs.clean());
  }
}

BOOST_AUTO_TEST_CASE(an_unflushed_write_is_kept_or_lost_unit_by_unit) {
  int kept = 0, lost = 0;
  for (std::uint64_t h = 0; h < 100; ++h) {
    FileSystem fs(1);
    auto old = versions({1, 1, 1, 1}), fresh = versions({2, 2, 2, 2});
    run(fs, create(key(1), root, "f")), run(fs, write(key(1), 0, 4), &old);
    flush(fs);
    run(fs, write(key(1), 0, 4), &fresh);
    fs.crash(h);
    for (std::uint64_t u = 0; u < 4; ++u) ++(fs.now().version(key(1), u) == 2 ? kept : lost);
  }
  BOOST_TEST(kept > 100);
  BOOST_TEST(lost > 100);
}

BOOST_AUTO_TEST_CASE(names_are_journalled_a_crash_keeps_a_prefix) {
  bool some = false;
  for (std::uint64_t h = 0; h < 50; ++h) {
    FileSystem fs(1);
    for (std::uint64_t i = 1; i <= 5; ++i) run(fs, create(key(i), root, "f" + std::to_string(i)));
    fs.crash(h);
    auto n = fs.now().find(root)->entries.size();
    for (std::uint64_t i = 1; i <= n; ++i) BOOST_TEST((fs.now().entry(root, "f" + std::to_string(i)) == key(i)));
    some = some || (n > 0 && n < 5);
  }
  BOOST_TEST(some);
}

BOOST_AUTO_TEST_CASE(what_came_after_a_flush_is_not_promised) {
  FileSystem fs(1);
  run(fs, create(key(1), root, "f"));
  flush(fs);
  run(fs, create(key(2), root, "g"));
  BOOST_TEST((fs.on_disk().entry(root, "f") == key(1)));
  BOOST_TEST(fs.on_disk().entry(root, "g").none());
  BOOST_TEST(!fs.clean());
}

BOOST_AUTO_TEST_CASE(operations_fail_as_the_kernel_says) {
  FileSystem fs(1);
  BOOST_TEST(run(fs, create(key(1), root, "f")) == 0);
  BOOST_TEST(run(fs, create(key(2), root, "f")) == err::exist);
  BOOST_TEST(run(fs, create(key(1), root, "f"), nullptr, true) == 0); // a replay finds its own work
  auto c = versions({1});
  BOOST_TEST(run(fs, write(key(9), 0, 1), &c) == err::noent);
  run(fs, create(key(3), root, "d", FileType::directory)), run(fs, create(key(4), key(3), "x"));
  Op rmdir;
  rmdir.kind = OpKind::unlink, rmdir.object = key(3), rmdir.dir = root, rmdir.name = "d";
  BOOST_TEST(run(fs, rmdir) == err::notempty);
}

BOOST_AUTO_TEST_CASE(a_short_write_says_how_much_it_did) {
  FileSystem fs(1);
  run(fs, create(key(1), root, "f"));
  auto c = versions({1, 2, 3});
  auto r = carry_out(fs, write(key(1), 0, 3), &c, false, {err::nospc, 2});
  BOOST_TEST(r.error == err::nospc);
  BOOST_TEST(r.partial);
  BOOST_TEST(r.amount == 2 * unit_size);
  BOOST_TEST(fs.now().version(key(1), 1) == 2u);
  BOOST_TEST(fs.now().version(key(1), 2) == 0u);
}

BOOST_AUTO_TEST_CASE(a_drained_directory_attaches_by_key_and_stages_what_vanished) {
  FileSystem source(1), target(1);
  for (auto* fs : {&source, &target}) {
    run(*fs, create(key(1), root, "d", FileType::directory)), run(*fs, create(key(2), root, "old"));
  }
  auto c = versions({4});
  run(target, write(key(2), 0, 1), &c);
  Op move;
  move.kind = OpKind::rename, move.object = key(2), move.dir = root, move.name = "old", move.dir2 = key(1), move.name2 = "new";
  run(source, move);
  auto top = bytes_of(read_directory(source.now(), root)), sub = bytes_of(read_directory(source.now(), key(1)));
  BOOST_TEST(run(target, drain_dir(root), &top) == 0);
  BOOST_TEST((target.now().entry(staging_key, to_string(key(2))) == key(2)));
  BOOST_TEST(run(target, drain_dir(key(1)), &sub) == 0);
  BOOST_TEST((target.now().entry(key(1), "new") == key(2)));
  BOOST_TEST(target.now().version(key(2), 0) == 4u); // moved, not copied
  BOOST_TEST(target.now().find(staging_key)->entries.empty());
}

BOOST_AUTO_TEST_CASE(what_the_target_lacks_is_said_and_nothing_is_done) {
  FileSystem source(1), target(1);
  run(source, create(key(1), root, "f"));
  auto d = read_directory(source.now(), root);
  auto c = bytes_of(d);
  auto r = carry_out(target, drain_dir(root), &c, false, {});
  BOOST_TEST((r.lacks == std::vector<Key>{key(1)}));
  BOOST_TEST(target.now().entry(root, "f").none());
  d.entries[0].content_follows = true;
  c = bytes_of(d);
  BOOST_TEST(run(target, drain_dir(root), &c) == 0);
  BOOST_TEST((target.now().entry(root, "f") == key(1)));
}

BOOST_AUTO_TEST_CASE(directories_that_changed_places_are_untangled) {
  FileSystem source(1), target(1);
  run(source, create(key(1), root, "a", FileType::directory)), run(source, create(key(2), key(1), "b", FileType::directory));
  run(target, create(key(2), root, "b", FileType::directory)), run(target, create(key(1), key(2), "a", FileType::directory));
  for (auto k : {key(1), root, key(2)}) {
    auto c = bytes_of(read_directory(source.now(), k));
    BOOST_TEST(run(target, drain_dir(k), &c) == 0);
  }
  purge_staging(target);
  BOOST_TEST(difference(source.now(), target.now()) == "");
}

BOOST_AUTO_TEST_CASE(digests_say_which_blocks_are_needed) {
  FileSystem source(1), target(1);
  for (auto* fs : {&source, &target}) {
    auto c = versions(std::vector<std::uint64_t>(40, 3));
    run(*fs, create(key(1), root, "f")), run(*fs, write(key(1), 0, 40), &c);
  }
  auto c = versions({9});
  run(source, write(key(1), 20, 1), &c); // the second digest block of 16 units
  Op q;
  q.kind = OpKind::drain_query, q.object = key(1), q.length = block_size;
  Content digests{{}, read_digests(source.now(), key(1), 0, block_size)};
  BOOST_TEST(carry_out(target, q, &digests, false, {}).need == 2u);
}

BOOST_AUTO_TEST_CASE(a_difference_is_found_whatever_it_is) {
  FileSystem a(1), b(1);
  for (auto* fs : {&a, &b}) run(*fs, create(key(1), root, "f"));
  BOOST_TEST(difference(a.now(), b.now()) == "");
  auto c = versions({9});
  run(a, write(key(1), 3, 1), &c);
  BOOST_TEST(difference(a.now(), b.now()) != "");
  BOOST_TEST(!same(a.now(), b.now(), {Item::block, key(1), 0}));
}

BOOST_AUTO_TEST_SUITE_END()
