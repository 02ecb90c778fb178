// The pending set: ranges merge, containment is exact, and every operation marks all it touches (data:D1, D5).
#include "core/mirror/pending.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;

BOOST_AUTO_TEST_SUITE(pending)

BOOST_AUTO_TEST_CASE(ranges_merge_and_split) {
  BlockRanges r;
  BOOST_TEST(r.add(2, 4));
  BOOST_TEST(r.add(6, 8));
  BOOST_TEST(r.add(4, 6));
  BOOST_TEST(!r.add(3, 7));
  BOOST_TEST(r.ranges().size() == 1u);
  r.remove(3, 5);
  BOOST_TEST(r.contains(2, 3));
  BOOST_TEST(!r.overlaps(3, 5));
  BOOST_TEST(r.contains(5, 8));
  BOOST_TEST(!r.contains(2, 8));
  r.remove(0, BlockRanges::whole_file);
  BOOST_TEST(r.empty());
}

BOOST_AUTO_TEST_CASE(a_rename_marks_both_directories_and_both_objects) {
  Op op;
  op.kind = OpKind::rename, op.object = {1, 1}, op.dir = {1, 2}, op.dir2 = {1, 3}, op.type = FileType::directory;
  op.replaced = {1, 4};
  auto t = touched_by(op);
  BOOST_TEST((t.dirs == std::set<Key>{{1, 1}, {1, 2}, {1, 3}}));
  BOOST_TEST(t.files.at({1, 4}).attrs);
}

BOOST_AUTO_TEST_CASE(data_operations_mark_the_blocks_they_change) {
  Op op;
  op.kind = OpKind::write, op.object = {1, 1}, op.offset = block_size - 1, op.length = 2;
  BOOST_TEST(touched_by(op).files.at({1, 1}).blocks.contains(0, 2));
  BOOST_TEST(!touched_by(op).files.at({1, 1}).blocks.overlaps(2, 3));
  op.kind = OpKind::truncate, op.offset = 0, op.length = 3 * block_size + 1;
  BOOST_TEST(touched_by(op).files.at({1, 1}).blocks.contains(3, BlockRanges::whole_file));
  BOOST_TEST(!touched_by(op).files.at({1, 1}).blocks.overlaps(0, 3));
  op.kind = OpKind::fallocate, op.offset = block_size, op.length = block_size, op.flags = 0x08;
  BOOST_TEST(touched_by(op).files.at({1, 1}).blocks.contains(1, BlockRanges::whole_file));
}

BOOST_AUTO_TEST_CASE(a_new_object_is_marked_whole) {
  Op op;
  op.kind = OpKind::create, op.object = {1, 1}, op.dir = root_key(0), op.name = "f";
  BOOST_TEST(touched_by(op).files.at({1, 1}).blocks.contains(0, BlockRanges::whole_file));
  op.type = FileType::directory;
  BOOST_TEST(touched_by(op).dirs.count({1, 1}) == 1u);
}

BOOST_AUTO_TEST_CASE(a_set_contains_its_parts_and_everything_contains_all) {
  PendingSet a, b, all;
  a.dirs = {{1, 1}}, a.files[{1, 2}].blocks.add(0, 4);
  b.files[{1, 2}].blocks.add(1, 2);
  all.everything = true;
  BOOST_TEST(a.contains(b));
  BOOST_TEST(!b.contains(a));
  BOOST_TEST(b.add(a));
  BOOST_TEST((a == b));
  BOOST_TEST(!b.add(a));
  BOOST_TEST(all.contains(a));
  BOOST_TEST(!a.contains(all));
}

BOOST_AUTO_TEST_SUITE_END()
