// Resynchronisation and takeover: one sentence of data.md per test; traces of its part (i) where they fit in two Mirrors.
#include "tests/support/mirror_world.hpp"
#include <algorithm>
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::testing;

namespace {
constexpr Key root = root_key(0), d{5, 8}, d2{5, 9}, f{5, 1}, g{5, 2}, h{5, 3};

World paired(std::uint64_t seed = 1, MirrorConfig c = {}) {
  World w(seed, c);
  w.boot(0), w.boot(1);
  w.alone(0);
  w.submit(0, make(root, "d", d, FileType::directory)), w.submit(0, make(root, "d2", d2, FileType::directory));
  w.submit(0, make(d, "f", f)), w.submit(0, write_op(f, 0, 40, d), Bytes(40 * 8, 1));
  w.run();
  w.pair(0, true);
  BOOST_REQUIRE(w.mirror(0).ready() && w.mirror(1).ready());
  w.run_for(seconds(20)); // the sets are free
  BOOST_REQUIRE(w.side(0).disk.empty() && w.side(1).disk.empty());
  return w;
}
Op unlink_op(Key dir, std::string name, Key object, FileType type = FileType::regular) {
  Op op;
  op.kind = OpKind::unlink, op.dir = dir, op.name = std::move(name), op.object = object, op.type = type;
  return op;
}
Op rename_op(Key from, std::string name, Key to, std::string name2, Key object, FileType type = FileType::regular) {
  Op op;
  op.kind = OpKind::rename, op.dir = from, op.name = std::move(name), op.dir2 = to, op.name2 = std::move(name2);
  op.object = object, op.type = type;
  return op;
}
Op link_op(Key dir, std::string name, Key object, Key parent) {
  Op op;
  op.kind = OpKind::link, op.dir = dir, op.name = std::move(name), op.object = object, op.parent = parent;
  return op;
}
void equal(World& w) { BOOST_TEST(difference(w.side(0).now, w.side(1).now) == ""); }
// Node 1 is gone for a while; node 0 goes on alone.
void leave(World& w) {
  w.cut();
  w.order(0, order::Break{"cut"});
  w.order(1, order::Break{"cut"});
  w.take_over(0);
}
World left_alone(std::uint64_t seed = 1) {
  auto w = paired(seed);
  leave(w);
  return w;
}
PendingSet spoil(World& w, int i) {
  w.side(i).now.objects.at(f).cells[2] = 666;
  PendingSet marks;
  marks.files[f].attrs = true, marks.files[f].blocks.add(0, 1);
  return marks;
}
bool noted(World& w, int i, Rule r) {
  auto& n = w.side(i).notes;
  return std::any_of(n.begin(), n.end(), [&](auto& x) { return x.rule == r; });
}
} // namespace

BOOST_AUTO_TEST_SUITE(mirror_resync)

BOOST_AUTO_TEST_CASE(alone_marks_durably_before_it_executes) { // data:D5
  auto w = left_alone();
  auto op = make(root, "g", g);
  auto token = w.submit(0, op);
  while (!w.side(0).now.objects.count(g)) {
    BOOST_REQUIRE(w.step_once());
    if (w.side(0).now.objects.count(g)) BOOST_TEST(w.side(0).disk.contains(touched_by(op)));
  }
  w.run();
  BOOST_TEST(w.side(0).completed.at(token) == 0);
}

BOOST_AUTO_TEST_CASE(a_hot_file_is_marked_once) {
  auto w = left_alone();
  for (int i = 0; i < 5; ++i) w.submit(0, write_op(f, 3, 1, d), cells({9})), w.run();
  std::size_t marks = 0;
  w.submit(0, write_op(f, 4, 1, d), cells({10}));
  marks = w.side(0).set_log.size();
  BOOST_TEST(marks == 0u);
}

BOOST_AUTO_TEST_CASE(without_a_durable_mark_the_application_gets_an_error) {
  auto w = left_alone();
  w.side(0).set_error = 28;
  auto token = w.submit(0, make(root, "g", g));
  w.run();
  BOOST_TEST(w.side(0).completed.at(token) == 5);
  BOOST_TEST(!w.side(0).now.objects.count(g));
}

BOOST_AUTO_TEST_CASE(a_short_outage_costs_what_changed) {
  auto w = left_alone();
  w.submit(0, write_op(f, 20, 1, d), cells({77}));
  w.run();
  w.pair(0, false);
  equal(w);
  // Only the second block was compared, only one cell of it was sent.
  auto* p = w.last_said<said::Progress>(0);
  BOOST_REQUIRE(p);
  BOOST_TEST(p->progress.bytes_compared == block_size);
  BOOST_TEST(p->progress.bytes_total == block_size);
  BOOST_TEST(p->progress.bytes_sent == digest_block);
  BOOST_TEST(!p->progress.full);
}

BOOST_AUTO_TEST_CASE(renaming_a_huge_file_costs_nothing) {
  auto w = left_alone();
  w.submit(0, rename_op(d, "f", d2, "x", f));
  w.run();
  w.pair(0, false);
  equal(w);
  BOOST_TEST(w.last_said<said::Progress>(0)->progress.bytes_sent == 0u);
}

BOOST_AUTO_TEST_CASE(directories_that_changed_places_arrive) { // data T14
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    auto w = paired(seed);
    w.submit(0, make(d, "sub", g, FileType::directory));
    w.run_for(ms(5));
    leave(w);
    w.submit(0, rename_op(d, "sub", root, "s", g, FileType::directory)), w.run();
    w.submit(0, rename_op(root, "d", g, "under", d, FileType::directory)), w.run();
    w.pair(0, false);
    equal(w);
  }
}

BOOST_AUTO_TEST_CASE(one_crash_after_ready_is_covered_by_what_was_drained) { // data:D3, H3
  for (std::uint64_t seed = 1; seed < 40; ++seed) {
    auto w = left_alone(seed);
    w.submit(0, make(d, "g", g)), w.submit(0, write_op(g, 0, 2, d), cells({1, 2}));
    w.run();
    w.side(0).flush_error = 5; // its checkpoint stands still: what was drained may not be forgotten (data:D2)
    w.pair(0, false);
    auto memory = w.mirror(1).recent_items();
    BOOST_TEST((memory.dirs.count(d) && memory.files.count(g)));
    w.side(0).flush_error = 0;
    w.crash(1);
    w.order(0, order::Break{"crash"});
    w.take_over(0);
    w.boot(1);
    w.pair(0, false);
    equal(w);
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_forgotten_before_both_checkpoints) { // data:D2, H2
  for (std::uint64_t seed = 1; seed < 40; ++seed) {
    auto w = paired(seed);
    w.side(0).hung = true; // its checkpoint stands still
    w.submit(0, make(d, "g", g));
    w.run_for(seconds(1));
    w.side(0).hung = false;
    w.run();
    w.side(0).flush_error = 5; // never flushed here
    w.run_for(seconds(12));
    BOOST_TEST(w.mirror(1).recent_items().contains(touched_by(make(d, "g", g))));
    w.crash(0);
    w.side(0).flush_error = 0;
    w.order(1, order::Break{"crash"});
    w.take_over(1);
    w.boot(0);
    w.pair(1, false);
    equal(w);
    BOOST_TEST(w.side(0).now.objects.count(g) == 1u);
  }
}

BOOST_AUTO_TEST_CASE(a_second_takes_over_only_flushed_and_marked) { // data:D10, H1
  auto w = paired();
  auto a = w.submit(0, make(d, "g", g));
  w.run();
  BOOST_TEST(w.side(0).completed.at(a) == 0);
  w.crash(0);
  w.order(1, order::Break{"crash"});
  w.order(1, order::PrepareAlone{});
  while (!w.last_said<said::AloneReady>(1)) BOOST_REQUIRE(w.step_once());
  BOOST_TEST(w.side(1).durable.objects.count(g) == 1u);
  BOOST_TEST(w.side(1).disk.contains(touched_by(make(d, "g", g))));
}

BOOST_AUTO_TEST_CASE(a_second_that_stops_applies_and_remembers_all_it_received) { // data:D12, H10
  auto w = paired();
  w.submit(0, make(d, "g", g));
  w.run();
  w.order(1, order::Quiesce{false});
  w.run();
  BOOST_REQUIRE(w.last_said<said::Quiesced>(1));
  BOOST_TEST(w.side(1).durable.objects.count(g) == 1u);
  BOOST_TEST(w.side(1).disk.contains(touched_by(make(d, "g", g))));
}

BOOST_AUTO_TEST_CASE(what_one_node_did_not_finish_is_compared_when_the_other_goes_on) { // H6
  for (std::uint64_t seed = 1; seed < 40; ++seed) {
    auto w = paired(seed);
    w.side(0).hung = true;
    auto a = w.submit(0, make(d, "g", g)); // received and then applied by the second, not yet done here
    w.run_for(ms(5));
    w.order(1, order::Quiesce{false});
    w.run();
    w.crash(1);
    w.order(0, order::Break{"stopped"});
    w.order(0, order::PrepareAlone{});
    w.run();
    w.alone(0);
    w.side(0).hung = false;
    w.run();
    BOOST_TEST(w.side(0).completed.at(a) == 0);
    w.submit(0, write_op(g, 0, 1, d), cells({5}));
    w.run();
    w.boot(1);
    w.pair(0, false);
    equal(w);
  }
}

BOOST_AUTO_TEST_CASE(a_link_to_what_the_target_lacks_is_not_sent) { // data:D8, H14
  for (std::uint64_t seed = 1; seed < 60; ++seed) {
    auto w = left_alone(seed);
    w.submit(0, make(d2, "h", h));
    w.run();
    w.begin_resync(0, false);
    for (std::uint64_t n = w.prng().below(12); n > 0; --n) w.step_once();
    w.submit(0, link_op(d, "also", h, d2));
    BOOST_REQUIRE(w.finish_resync(0));
    BOOST_TEST(!w.mirror(1).unfit());
    equal(w);
  }
}

BOOST_AUTO_TEST_CASE(live_work_during_a_resynchronisation_needs_no_freeze) { // data:D7, H7
  for (std::uint64_t seed = 1; seed < 60; ++seed) {
    auto w = left_alone(seed);
    w.submit(0, write_op(f, 0, 1, d), cells({50})), w.submit(0, write_op(f, 30, 1, d), cells({51}));
    w.run();
    w.begin_resync(0, false);
    for (std::uint64_t i = 0; i < 20; ++i) {
      w.submit(0, write_op(f, i * 2, 1, d), cells({100 + i}));
      for (auto n = w.prng().below(4); n > 0; --n) w.step_once();
    }
    BOOST_REQUIRE(w.finish_resync(0));
    equal(w);
  }
}

BOOST_AUTO_TEST_CASE(a_file_uncovered_behind_its_end_is_zeros_on_both) {
  for (std::uint64_t seed = 1; seed < 60; ++seed) {
    auto w = left_alone(seed);
    Op cut = write_op(f, 0, 0, d);
    cut.kind = OpKind::truncate, cut.length = digest_block;
    w.submit(0, cut);
    w.run();
    w.begin_resync(0, false);
    for (auto n = w.prng().below(30); n > 0; --n) w.step_once();
    cut.length = 10 * digest_block;
    w.submit(0, cut);
    BOOST_REQUIRE(w.finish_resync(0));
    equal(w);
  }
}

BOOST_AUTO_TEST_CASE(what_completes_before_ready_is_on_the_target) { // data:D13
  for (std::uint64_t seed = 1; seed < 60; ++seed) {
    auto w = left_alone(seed);
    w.begin_resync(0, false);
    std::vector<std::uint64_t> tokens;
    for (std::uint64_t i = 0; !w.last_said<said::EqualAt>(1); ++i) {
      if (i % 3 == 0) tokens.push_back(w.submit(0, write_op(f, i, 1, d), cells({100 + i})));
      w.step_once();
      BOOST_REQUIRE(i < 10'000u);
    }
    Generation same;
    same.counter = w.generation();
    w.order(0, order::Pair{same}), w.order(0, order::Ready{same}), w.order(1, order::Ready{same});
    auto done = w.side(0).completed;
    auto was = w.side(0).now;
    w.crash(0);
    w.order(1, order::Break{"crash"});
    w.take_over(1);
    for (std::uint64_t i = 0, t = 0; t < tokens.size(); i += 3, ++t) {
      auto it = done.find(tokens[t]);
      if (it != done.end()) BOOST_TEST(w.side(1).now.objects.at(f).cells.at(i) == 100 + i);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_interrupted_resynchronisation_continues) {
  for (std::uint64_t seed = 1; seed < 40; ++seed) {
    auto w = left_alone(seed);
    for (std::uint64_t i = 0; i < 6; ++i) {
      Key k{6, i + 1};
      w.submit(0, make(d, std::string(1, static_cast<char>('p' + i)), k)), w.submit(0, write_op(k, 0, 3, d), cells({1, 2, 3}));
    }
    w.run();
    w.begin_resync(0, false);
    for (std::uint64_t n = 0; n < seed * 3; ++n) w.step_once();
    w.cut(), w.connect(); // data T6
    for (std::uint64_t n = 0; n < seed; ++n) w.step_once();
    w.crash(1), w.boot(1);
    w.order(0, order::Break{"crash"});
    w.pair(0, false);
    equal(w);
  }
}

BOOST_AUTO_TEST_CASE(a_directory_the_target_lacks_is_drained_whole) { // data:D6
  auto w = left_alone();
  w.submit(0, rename_op(root, "d", d2, "in", d, FileType::directory));
  w.run();
  w.side(1).now.objects.erase(d), w.side(1).now.objects.erase(f); // lost with the crash of its disk
  w.side(1).now.objects.at(root).entries.erase("d");
  w.side(1).durable = w.side(1).now;
  w.pair(0, false);
  equal(w);
  BOOST_TEST(noted(w, 0, Rule::D6));
}

BOOST_AUTO_TEST_CASE(too_many_changes_are_kept_as_everything) { // data T27
  MirrorConfig c;
  c.max_recent = 4;
  auto w = paired(1, c);
  for (std::uint64_t i = 0; i < 6; ++i) w.submit(0, make(d, std::string(1, static_cast<char>('p' + i)), {6, i + 1}));
  w.run();
  BOOST_TEST(noted(w, 0, Rule::set_coarsened));
  BOOST_TEST(w.mirror(0).recent_items().everything);
  leave(w);
  w.pair(0, false);
  equal(w);
}

BOOST_AUTO_TEST_CASE(a_difference_found_by_verify_ends_the_pair_and_is_drained) { // data T30
  auto w = paired();
  w.differs(0, spoil(w, 1));
  w.run();
  BOOST_TEST(w.last_said<said::PeerFailed>(0));
  leave(w);
  w.pair(0, false);
  equal(w);
}

BOOST_AUTO_TEST_CASE(a_difference_whose_mark_is_on_its_way_is_in_the_copy_that_begins) { // data:D4, T16
  for (int i : {0, 1}) {
    auto w = left_alone();
    w.begin_resync(0, false);
    w.cut(); // the target gives its set again on the next connection
    w.order(0, order::Break{"cut"}), w.order(1, order::Break{"cut"});
    w.run();
    w.differs(i, spoil(w, i)); // not in the log yet
    w.pair(0, false);
    equal(w);
  }
}

BOOST_AUTO_TEST_CASE(a_difference_met_between_the_end_of_the_copy_and_ready_outlives_ready) { // data:D2, T16
  auto w = left_alone();
  w.begin_resync(0, false);
  for (int n = 0; n < 1000 && !w.last_said<said::EqualAt>(1); ++n)
    if (!w.step_once()) w.run_for(ms(10));
  BOOST_REQUIRE(w.last_said<said::EqualAt>(1) && w.last_said<said::SourceDrained>(0));
  w.differs(0, spoil(w, 0));
  BOOST_TEST(w.last_said<said::PeerFailed>(0));
  Generation g;
  g.counter = w.generation();
  w.order(0, order::Pair{g}), w.order(0, order::Ready{g}), w.order(1, order::Ready{g});
  BOOST_REQUIRE(w.mirror(0).ready() && w.mirror(1).ready());
  w.run_for(seconds(20)); // both have flushed
  BOOST_TEST(w.side(0).disk.files.count(f) == 1u);
  leave(w);
  w.pair(0, false);
  equal(w);
  w.run_for(seconds(20));
  BOOST_TEST(w.side(0).disk.empty());
}

BOOST_AUTO_TEST_CASE(what_only_the_target_changed_is_overwritten) {
  auto w = left_alone();
  w.take_over(1); // both went on
  w.submit(1, write_op(f, 30, 1, d), cells({13})), w.submit(1, make(d, "h", h)), w.run();
  w.submit(0, write_op(f, 2, 1, d), cells({14})), w.run();
  w.order(1, order::Quiesce{true});
  w.run();
  w.alone(0);
  w.pair(0, false);
  equal(w);
  BOOST_TEST(w.side(1).now.objects.at(f).cells[30] != 13u);
  BOOST_TEST(!w.side(1).now.objects.count(h));
}

BOOST_AUTO_TEST_CASE(unlinked_and_replaced_objects_end) {
  auto w = left_alone();
  auto over = rename_op(d, "g", d, "f", g);
  over.replaced = f;
  w.submit(0, make(d, "g", g)), w.submit(0, over);
  w.submit(0, unlink_op(root, "d2", d2, FileType::directory));
  w.run();
  w.pair(0, false);
  equal(w);
  BOOST_TEST(!w.side(1).now.objects.count(f));
}

BOOST_AUTO_TEST_SUITE_END()
