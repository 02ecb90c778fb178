// The replicated tree: both nodes end equal, whatever the operations; a drain makes any tree equal; a scan sees what
// changed.
#include "shim/linux/tree/times.hpp"
#include "tests/shim/tree_fixture.hpp"
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/xattr.h>

using namespace lockstep;
using namespace lockstep::testing;

BOOST_AUTO_TEST_SUITE(tree)

namespace {

// One operation on PRIM's tree and, when it had an effect, on SECOND's.
void both(Tree& a, Tree& b, const Op& op, const Bytes& payload) {
  auto done = a.execute(op, payload);
  if (done.error) return;
  auto applied = b.apply(op, payload, false);
  BOOST_REQUIRE_MESSAGE(applied.error == 0, to_string(op)
                                                << " went well on PRIM, on SECOND: " << strerror(applied.error));
  BOOST_REQUIRE_EQUAL(applied.amount, done.amount);
}

// `shared` operations on both trees, then others on each.
void grow_apart(Tree& a, Tree& b, std::uint64_t seed, int shared) {
  OpMaker for_both(a, seed), only_a(a, seed * 100), only_b(b, seed * 100 + 1);
  Bytes payload;
  for (int i = 0; i < shared; ++i) {
    auto op = for_both.next(payload);
    both(a, b, op, payload);
  }
  for (int i = 0; i < 120; ++i) {
    auto op = only_a.next(payload);
    a.execute(op, payload);
    op = only_b.next(payload);
    b.execute(op, payload);
  }
}

Op create(Key key, Key dir, const std::string& name, FileType type = FileType::regular) {
  Op op;
  op.kind = OpKind::create, op.object = key, op.dir = dir, op.name = name, op.type = type, op.mode = 0640;
  op.time_ns = 1'700'000'000'000'000'001;
  return op;
}

} // namespace

BOOST_AUTO_TEST_CASE(random_operations_leave_both_trees_equal) {
  LoopImage image;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    auto pa = image.make("a" + std::to_string(seed)), pb = image.make("b" + std::to_string(seed));
    auto a = open_tree(pa, 1), b = open_tree(pb, 2);
    OpMaker maker(*a, seed);
    struct stat st {};
    stat(pa.c_str(), &st);
    Op same; // the roots were made at different times
    same.kind = OpKind::setattr, same.object = root_key(0), same.mask = setattr_mask::mtime, same.mtime_ns = 7;
    both(*a, *b, same, {});
    for (int i = 0; i < 500; ++i) {
      Bytes payload;
      auto op = maker.next(payload);
      both(*a, *b, op, payload);
    }
    require_equal(snapshot(pa), snapshot(pb), "seed " + std::to_string(seed));
    BOOST_TEST(snapshot(pa).size() > 10);
  }
}

BOOST_AUTO_TEST_CASE(replaying_what_was_done_changes_nothing) {
  LoopImage image;
  for (std::uint64_t seed = 11; seed <= 16; ++seed) {
    auto pa = image.make("a" + std::to_string(seed)), pb = image.make("b" + std::to_string(seed));
    auto a = open_tree(pa, 1), b = open_tree(pb, 2);
    OpMaker maker(*a, seed);
    Op same;
    same.kind = OpKind::setattr, same.object = root_key(0), same.mask = setattr_mask::mtime, same.mtime_ns = 7;
    both(*a, *b, same, {});
    std::vector<std::pair<Op, Bytes>> tail;
    for (int i = 0; i < 300; ++i) {
      Bytes payload;
      auto op = maker.next(payload);
      if (a->execute(op, payload).error) continue;
      BOOST_REQUIRE(b->apply(op, payload, false).error == 0);
      if (i >= 270) tail.emplace_back(op, payload);
    }
    for (auto& [op, payload] : tail) {
      auto r = b->apply(op, payload, true);
      BOOST_REQUIRE_MESSAGE(r.error == 0, "seed " << seed << " " << to_string(op) << ": " << strerror(r.error));
    }
    require_equal(snapshot(pa), snapshot(pb), "seed " + std::to_string(seed));
  }
}

BOOST_AUTO_TEST_CASE(a_drain_makes_any_tree_equal) {
  LoopImage image;
  for (std::uint64_t seed = 21; seed <= 50; ++seed) {
    auto pa = image.make("a" + std::to_string(seed)), pb = image.make("b" + std::to_string(seed));
    auto a = open_tree(pa, 1), b = open_tree(pb, 2);
    grow_apart(*a, *b, seed, 150);
    drain_everything(*a, *b, seed);
    require_equal(snapshot(pa), snapshot(pb), "seed " + std::to_string(seed));
  }
}

BOOST_AUTO_TEST_CASE(a_drain_of_two_replicated_directories_keeps_each_in_its_own) {
  LoopImage one, two;
  for (std::uint64_t seed = 51; seed <= 62; ++seed) {
    auto n = std::to_string(seed);
    std::vector<std::string> pa{one.make("a" + n), two.make("a" + n)}, pb{one.make("b" + n), two.make("b" + n)};
    auto a = open_trees(pa, 1), b = open_trees(pb, 2);
    grow_apart(*a, *b, seed, 120);
    drain_everything(*a, *b, seed);
    for (int r : {0, 1}) require_equal(snapshot(pa[r]), snapshot(pb[r]), "seed " + n + " root " + std::to_string(r));
  }
}

BOOST_AUTO_TEST_CASE(directories_that_changed_places_are_renamed_not_copied) {
  LoopImage image;
  auto pa = image.make("a"), pb = image.make("b");
  auto a = open_tree(pa, 1), b = open_tree(pb, 2);
  Key outer = a->mint(), inner = a->mint(), file = a->mint();
  both(*a, *b, create(outer, root_key(0), "outer", FileType::directory), {});
  both(*a, *b, create(inner, outer, "inner", FileType::directory), {});
  both(*a, *b, create(file, inner, "file"), {});
  struct stat before {
  }, after{};
  BOOST_REQUIRE(stat((pb + "/outer/inner/file").c_str(), &before) == 0);
  // On the source inner holds outer now.
  run_command("cd " + pa + " && mv outer/inner inner && mv outer inner/outer");
  for (std::uint64_t order = 0; order < 12; ++order) {
    drain_everything(*a, *b, order);
    require_equal(snapshot(pa), snapshot(pb), "order " + std::to_string(order));
    BOOST_REQUIRE(stat((pb + "/inner/file").c_str(), &after) == 0);
    BOOST_TEST(before.st_ino == after.st_ino);
    run_command("cd " + pb + " && mv inner/outer outer && mv inner outer/inner");
  }
}

// A directory that waits for its place below one that is still below it: what operations make of the new parent meanwhile stays.
BOOST_AUTO_TEST_CASE(a_parent_changed_while_its_child_waits_stays_as_it_is) {
  LoopImage image;
  auto pa = image.make("a"), pb = image.make("b");
  auto a = open_tree(pa, 1), b = open_tree(pb, 2);
  Key outer = a->mint(), inner = a->mint();
  both(*a, *b, create(outer, root_key(0), "outer", FileType::directory), {});
  both(*a, *b, create(inner, outer, "inner", FileType::directory), {});
  run_command("cd " + pa + " && mv outer/inner inner && mv outer inner/outer");
  auto drain = [&](Key dir) {
    Bytes none;
    auto item = a->read_item({.object = dir, .directory = true}, none);
    Op op;
    op.kind = OpKind::drain_dir, op.object = dir;
    BOOST_REQUIRE_EQUAL(b->apply(op, encode(item.dir), false).error, 0);
  };
  drain(inner); // outer has no place yet
  Op mode;
  mode.kind = OpKind::setattr, mode.object = inner, mode.mask = setattr_mask::mode | setattr_mask::mtime, mode.mode = 0711;
  mode.mtime_ns = mode.time_ns = 1'700'000'000'000'000'777;
  both(*a, *b, mode, {});
  drain(root_key(0));
  drain(outer);
  Op end;
  end.kind = OpKind::drained;
  BOOST_REQUIRE_EQUAL(b->apply(end, {}, false).error, 0);
  require_equal(snapshot(pa), snapshot(pb), "after the last directory");
}

BOOST_AUTO_TEST_CASE(a_missing_object_without_content_is_said_and_nothing_changes) {
  LoopImage image;
  auto pa = image.make("a"), pb = image.make("b");
  auto a = open_tree(pa, 1), b = open_tree(pb, 2);
  Key key = a->mint(), old = b->mint();
  a->execute(create(key, root_key(0), "new"), {});
  b->execute(create(old, root_key(0), "old"), {});
  Bytes none;
  auto item = a->read_item({.object = root_key(0), .directory = true}, none);
  Op op;
  op.kind = OpKind::drain_dir, op.object = root_key(0);
  auto r = b->apply(op, encode(item.dir), false);
  BOOST_REQUIRE_EQUAL(r.lacks.size(), 1u);
  BOOST_TEST((r.lacks[0] == key));
  BOOST_TEST(snapshot(pb).contains("/old"));
}

BOOST_AUTO_TEST_CASE(the_index_is_rebuilt_and_a_copied_key_is_void) {
  LoopImage image;
  auto path = image.make("a");
  Key key;
  {
    auto tree = open_tree(path, 1);
    key = tree->mint();
    BOOST_REQUIRE(tree->execute(create(key, root_key(0), "file"), {}).error == 0);
  }
  run_command("cp -a --preserve=all " + path + "/file " + path + "/copy; touch " + path + "/plain");
  BOOST_REQUIRE(output_of("getfattr -m - " + path + "/copy").find("lockstep.key") != std::string::npos);
  Tree::Options options;
  options.node_uid = {1, 1}, options.incarnation = {2};
  auto tree = Tree::open({path}, options);
  auto report = (*tree)->scan();
  BOOST_REQUIRE_MESSAGE(report.ok(), report.error());
  BOOST_TEST(report->void_keys == 1u);
  BOOST_TEST(report->keyless == 1u);
  BOOST_REQUIRE_EQUAL(report->examples.size(), 1u);
  BOOST_TEST(report->examples[0].ends_with("/copy"));
  Found original, copy;
  BOOST_REQUIRE((*tree)->lookup(root_key(0), "file", original) == 0);
  BOOST_REQUIRE((*tree)->lookup(root_key(0), "copy", copy) == 0);
  BOOST_TEST((original.key == key));
  BOOST_TEST((copy.key != key));
  BOOST_TEST(report->changed.everything); // no checkpoint yet
}

BOOST_AUTO_TEST_CASE(a_scan_finds_what_changed_since_the_checkpoint) {
  LoopImage image;
  auto path = image.make("a");
  Key still, edited, dir;
  {
    auto tree = open_tree(path, 1);
    still = tree->mint(), edited = tree->mint(), dir = tree->mint();
    tree->execute(create(still, root_key(0), "still"), {});
    tree->execute(create(edited, root_key(0), "edited"), {});
    tree->execute(create(dir, root_key(0), "dir", FileType::directory), {});
    run_command("sleep 2.1"); // longer than the margin
    BOOST_REQUIRE(tree->flush({3, 77}) == 0);
  }
  run_command("echo new >> " + path + "/edited; touch " + path + "/dir/file");
  Tree::Options options;
  options.node_uid = {1, 1}, options.incarnation = {2};
  auto tree = Tree::open({path}, options);
  auto position = (*tree)->checkpoint(0);
  BOOST_REQUIRE(position.has_value());
  BOOST_TEST((position->position == Position{3, 77}));
  auto report = (*tree)->scan();
  BOOST_REQUIRE_MESSAGE(report.ok(), report.error());
  BOOST_TEST(!report->changed.everything);
  BOOST_TEST(report->changed.files.contains(edited));
  BOOST_TEST(!report->changed.files.contains(still));
  BOOST_TEST(report->changed.dirs.contains(dir));
  BOOST_TEST(report->changed.files.size() == 2u);
  BOOST_TEST(report->changed.files.at(edited).blocks.contains(0, 5));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_replicated_is_refused_with_a_sentence) {
  LoopImage image;
  auto path = image.make("a");
  auto missing = Tree::open({path + "/none"}, {});
  BOOST_TEST(missing.error().find("must exist") != std::string::npos);
  run_command("mkdir " + path + "/m && mount -t tmpfs none " + path + "/m");
  auto tree = Tree::open({path}, {});
  BOOST_REQUIRE(tree.ok());
  auto report = (*tree)->scan();
  run_command("umount " + path + "/m");
  BOOST_REQUIRE(!report.ok());
  BOOST_TEST(report.error().find("/m is a mount point") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_cover_does_not_stand_in_the_way) {
  LoopImage image;
  auto path = image.make("a");
  auto tree = open_tree(path, 1);
  run_command("mount --bind " + path + " " + path + " && mount -o remount,bind,ro " + path);
  Key dir = tree->mint(), file = tree->mint();
  auto made = tree->execute(create(dir, root_key(0), "dir", FileType::directory), {}).error;
  auto inside = tree->execute(create(file, dir, "file"), {}).error;
  // Where a directory is now is found although its parent is covered.
  DirState state;
  state.self.type = FileType::directory, state.self.mode = 0755;
  DirEntry entry;
  entry.name = "moved", entry.key = dir, entry.type = FileType::directory;
  Key holder = tree->mint();
  auto held = tree->execute(create(holder, root_key(0), "holder", FileType::directory), {}).error;
  state.entries.push_back(entry);
  Op op;
  op.kind = OpKind::drain_dir, op.object = holder;
  auto drained = tree->apply(op, encode(state), false);
  bool refused = open((path + "/x").c_str(), O_CREAT | O_WRONLY, 0600) < 0 && errno == EROFS;
  auto seen = output_of("cat " + path + "/holder/moved/file && echo readable");
  run_command("umount " + path);
  BOOST_TEST(made == 0);
  BOOST_TEST(inside == 0);
  BOOST_TEST(held == 0);
  BOOST_TEST(drained.error == 0);
  BOOST_TEST(refused);
  BOOST_TEST(seen == "readable\n");
}

struct SmallDisk { // 16 MiB, with one file
  LoopImage image{16};
  std::string path = image.make("a");
  std::unique_ptr<Tree> tree = open_tree(path, 1);
  Key key = tree->mint();
  SmallDisk() { tree->execute(create(key, root_key(0), "file"), {}); }
};

BOOST_FIXTURE_TEST_CASE(a_full_disk_is_a_short_write_or_an_error_never_a_lie, SmallDisk) {
  Bytes payload(1 << 20, 'x');
  Op op;
  op.kind = OpKind::write, op.object = key, op.length = payload.size();
  OpResult r;
  for (int i = 0; i < 40; ++i, op.offset += payload.size()) {
    r = tree->execute(op, payload);
    if (r.error || r.amount < payload.size()) break;
  }
  BOOST_TEST((r.error == ENOSPC || (r.partial && r.amount < payload.size())));
  struct stat st {};
  stat((path + "/file").c_str(), &st);
  BOOST_TEST(static_cast<std::uint64_t>(st.st_size) == op.offset + r.amount);
}

// ext4 lets a file grow as far as the space reached. The secondary is told that nothing happened (data:D9), so nothing must have.
BOOST_FIXTURE_TEST_CASE(an_allocation_that_fails_leaves_the_file_as_it_was, SmallDisk) {
  Bytes payload(5000, 'x');
  Op op;
  op.kind = OpKind::write, op.object = key, op.length = payload.size(), op.time_ns = 1'000'000'007;
  BOOST_REQUIRE(tree->execute(op, payload).error == 0);
  op.kind = OpKind::fallocate, op.length = 64u << 20, op.time_ns = 2'000'000'009;
  auto r = tree->execute(op, {});
  BOOST_TEST(r.error == ENOSPC);
  BOOST_TEST(!r.partial);
  struct stat st {};
  stat((path + "/file").c_str(), &st);
  BOOST_TEST(st.st_size == 5000);
  BOOST_TEST(to_ns(st.st_mtim) == 1'000'000'007);
  BOOST_TEST(tree->space().free_bytes > (4u << 20)); // what was allocated is free again
}

BOOST_AUTO_TEST_SUITE_END()
