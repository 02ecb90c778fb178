// The op stream's frames: what is decoded is what was encoded; nothing cut short or changed in its tag is taken for a frame.
#include "core/wire/frame.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;

namespace {
Op rename_op() {
  Op op;
  op.kind = OpKind::rename, op.object = {7, 1}, op.dir = root_key(0), op.dir2 = {7, 2}, op.name = "a", op.name2 = "b";
  op.replaced = {7, 3}, op.flags = rename_exchange, op.time_ns = -5;
  return op;
}
PendingSet some_set() {
  PendingSet s;
  s.dirs = {root_key(0), Key{9, 9}};
  s.files[{9, 1}].attrs = true;
  s.files[{9, 2}].blocks.add(3, 7);
  s.files[{9, 2}].blocks.add(9, BlockRanges::whole_file);
  return s;
}
std::vector<Frame> every_frame() {
  return {HelloFrame{{1, 2}, {3}, 4, 5, true, {4, 6}, {4, 5}},
          OpFrame{{4, 7}, 6, rename_op()},
          WatermarkFrame{{4, 7}, {{5, Outcome::cancelled, 0}, {6, Outcome::amended, 100}}},
          ReceiptFrame{{4, 7}, {4, 6}, 5},
          CheckpointFrame{{4, 7}},
          SetFrame{5, true, some_set()},
          LacksFrame{{4, 7}, {{9, 1}, {9, 2}}},
          NeedFrame{{4, 7}, 0x8001},
          FailedFrame{28, "no space left"}};
}
} // namespace

BOOST_AUTO_TEST_SUITE(frame)

BOOST_AUTO_TEST_CASE(every_frame_survives_a_round_trip) {
  for (auto& f : every_frame()) {
    auto bytes = encode(f);
    std::size_t used = 0;
    auto back = decode_frame(bytes.data(), bytes.size(), used);
    BOOST_REQUIRE(back);
    BOOST_TEST(used == bytes.size());
    BOOST_TEST(back->index() == f.index());
    BOOST_TEST(encode(*back) == bytes);
  }
}

BOOST_AUTO_TEST_CASE(a_frame_cut_at_any_byte_is_refused) {
  for (auto& f : every_frame()) {
    auto bytes = encode(f);
    std::size_t used = 0;
    for (std::size_t n = 0; n < bytes.size(); ++n) BOOST_TEST(!decode_frame(bytes.data(), n, used));
  }
}

BOOST_AUTO_TEST_CASE(only_an_operation_carries_a_payload) {
  for (auto& f : every_frame()) {
    auto bytes = encode(f);
    auto size = bytes.size();
    bytes.insert(bytes.end(), {1, 2, 3});
    std::size_t used = 0;
    bool is_op = std::holds_alternative<OpFrame>(f);
    BOOST_TEST(decode_frame(bytes.data(), bytes.size(), used).has_value() == is_op);
    if (is_op) BOOST_TEST(used == size);
  }
}

BOOST_AUTO_TEST_CASE(a_bad_name_in_an_operation_is_refused) {
  for (std::string bad : {"", ".", "..", "a/b"}) {
    OpFrame f{{1, 1}, 0, rename_op()};
    f.op.name2 = bad;
    auto bytes = encode(Frame{f});
    std::size_t used = 0;
    BOOST_TEST(!decode_frame(bytes.data(), bytes.size(), used));
  }
}

BOOST_AUTO_TEST_CASE(directory_states_survive_a_round_trip_and_no_cut_is_taken_for_one) {
  DirState d;
  d.self.type = FileType::directory, d.self.mode = 0755, d.self.xattrs = {{"user.a", "1"}, {"user.b", ""}};
  DirEntry a, b;
  a.name = "a", a.key = {1, 1}, b.name = "b", b.key = {1, 2}, b.type = FileType::symlink, b.target = "x", b.content_follows = true;
  d.entries = {a, b};
  auto bytes = encode(d);
  DirState back;
  BOOST_REQUIRE(decode(bytes.data(), bytes.size(), back));
  BOOST_TEST(encode(back) == bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) BOOST_TEST(!decode(bytes.data(), n, back));
  d.entries = {b, a};
  bytes = encode(d);
  BOOST_TEST(!decode(bytes.data(), bytes.size(), back)); // not sorted by name
}

BOOST_AUTO_TEST_CASE(a_hello_of_another_version_is_no_frame) {
  auto wire = encode(every_frame().front());
  std::size_t used = 0;
  BOOST_REQUIRE(decode_frame(wire.data(), wire.size(), used));
  ++wire[1]; // behind the tag: the version, least byte first
  BOOST_TEST(!decode_frame(wire.data(), wire.size(), used));
}

BOOST_AUTO_TEST_SUITE_END()
