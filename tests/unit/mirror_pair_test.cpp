// A pair at work: what is sent, promised, executed, completed, and in which order (design 7, data:D1, D9, T6, T10).
#include "tests/support/mirror_world.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using namespace lockstep::testing;

namespace {
constexpr Key root = root_key(0), f{5, 1}, g{5, 2};

World paired(MirrorConfig c = {}, std::uint64_t seed = 1) {
  World w(seed, c);
  w.boot(0), w.boot(1);
  w.alone(0);
  w.pair(0, true);
  BOOST_REQUIRE(w.mirror(0).ready() && w.mirror(1).ready());
  w.side(0).executions = 0;
  return w;
}
bool done(World& w, int i, std::uint64_t token, std::int32_t error = 0) {
  auto it = w.side(i).completed.find(token);
  return it != w.side(i).completed.end() && it->second == error;
}
} // namespace

BOOST_AUTO_TEST_SUITE(mirror_pair)

BOOST_AUTO_TEST_CASE(a_first_copy_makes_both_trees_equal) {
  World w;
  w.boot(0), w.boot(1);
  w.alone(0);
  w.submit(0, make(root, "d", {5, 9}, FileType::directory));
  w.submit(0, make({5, 9}, "f", f));
  w.submit(0, write_op(f, 0, 2), cells({1, 2}));
  w.submit(0, write_op(f, 20, 1), cells({3}));
  w.run();
  w.pair(0, true);
  BOOST_REQUIRE(w.mirror(0).ready());
  BOOST_TEST(difference(w.side(0).now, w.side(1).now) == "");
  BOOST_TEST(w.side(1).now.objects.at(f).cells.size() == 21u);
}

BOOST_AUTO_TEST_CASE(a_write_completes_when_received_and_done_and_the_second_applies_it) {
  auto w = paired();
  auto a = w.submit(0, make(root, "f", f)), b = w.submit(0, write_op(f, 0, 1), cells({7}));
  w.run_for(ms(5));
  BOOST_TEST(done(w, 0, a));
  BOOST_TEST(done(w, 0, b));
  BOOST_TEST(difference(w.side(0).now, w.side(1).now) == "");
}

BOOST_AUTO_TEST_CASE(nothing_is_executed_before_the_peer_has_received_it) {
  auto w = paired();
  w.cut();
  auto a = w.submit(0, make(root, "f", f));
  w.run();
  BOOST_TEST(!w.side(0).now.objects.count(f));
  BOOST_TEST(!done(w, 0, a));
  BOOST_REQUIRE(w.last_said<said::Held>(0));
  BOOST_TEST(w.last_said<said::Held>(0)->holding);
  w.connect(); // data T6: resumes where it stopped
  w.run_for(ms(5));
  BOOST_TEST(done(w, 0, a));
  BOOST_TEST(!w.last_said<said::Held>(0)->holding);
  BOOST_TEST(difference(w.side(0).now, w.side(1).now) == "");
}

BOOST_AUTO_TEST_CASE(a_cut_at_every_message_resumes_without_loss) {
  for (int at = 0; at < 60; ++at) {
    auto w = paired({}, static_cast<std::uint64_t>(at) + 1);
    std::vector<std::uint64_t> tokens{w.submit(0, make(root, "f", f)), w.submit(0, write_op(f, 0, 1), cells({7})),
                                      w.submit(0, make(root, "g", g)), w.submit(0, write_op(f, 1, 1), cells({8}))};
    for (int n = 0; n < at && w.step_once(); ++n) {}
    w.cut();
    w.connect();
    w.run_for(ms(10));
    for (auto t : tokens) BOOST_TEST(done(w, 0, t));
    BOOST_TEST(difference(w.side(0).now, w.side(1).now) == "");
    BOOST_TEST(w.side(1).mirror->unfit() == false);
  }
}

BOOST_AUTO_TEST_CASE(a_failure_without_effect_is_cancelled_and_told_before_anything_later_completes) {
  auto w = paired();
  w.side(0).next_results[1].error = 5; // the create fails here
  auto a = w.submit(0, make(root, "f", f)), b = w.submit(0, make(root, "g", g));
  while (!w.side(0).completed.count(b)) {
    BOOST_REQUIRE(w.step_once());
    if (w.side(0).completed.count(b)) BOOST_TEST(w.side(0).completed.count(a) == 1u);
  }
  w.run_for(ms(5));
  BOOST_TEST(done(w, 0, a, 5));
  BOOST_TEST(done(w, 0, b));
  BOOST_TEST(!w.side(1).now.objects.count(f));
  BOOST_TEST(difference(w.side(0).now, w.side(1).now) == "");
}

BOOST_AUTO_TEST_CASE(an_application_that_heard_of_a_failure_never_meets_its_effect_after_a_takeover) { // H11
  for (std::uint64_t seed = 1; seed < 60; ++seed) {
    auto w = paired({}, seed);
    w.side(0).next_results[1].error = 5;
    auto a = w.submit(0, make(root, "f", f)), b = w.submit(0, make(root, "g", g));
    while (w.side(0).completed.empty()) BOOST_REQUIRE(w.step_once());
    bool told_a = w.side(0).completed.count(a), told_b = w.side(0).completed.count(b);
    w.crash(0);
    w.order(1, order::Break{"crash"});
    w.take_over(1);
    if (told_a) BOOST_TEST(!w.side(1).now.objects.count(f));
    if (told_b) BOOST_TEST(w.side(1).now.objects.count(g) == 1u);
    if (told_b) BOOST_TEST(!w.side(1).now.objects.count(f)); // b completed behind a: the cancel is there too
  }
}

BOOST_AUTO_TEST_CASE(a_second_that_leaves_while_it_prepares_keeps_its_word) {
  auto w = paired();
  w.submit(0, make(root, "f", f));
  w.run();
  w.order(1, order::PrepareAlone{});
  w.order(1, order::Quiesce{false});
  w.run();
  BOOST_REQUIRE(w.last_said<said::Quiesced>(1));
  BOOST_TEST(w.side(1).durable.objects.count(f) == 1u);
  BOOST_TEST((w.mirror(1).role() == MirrorRole::idle));
}

BOOST_AUTO_TEST_CASE(a_preparation_given_up_goes_on_as_a_pair) {
  auto w = paired();
  w.submit(0, make(root, "f", f));
  w.run();
  for (int i : {1, 0}) {
    w.order(i, order::PrepareAlone{});
    auto a = w.submit(0, write_op(f, 0, 1), cells({3}));
    w.run();
    BOOST_TEST(!w.side(0).completed.count(a));
    w.order(i, order::Unprepare{});
    w.run_for(ms(20));
    BOOST_TEST(w.side(0).completed.at(a) == 0);
    BOOST_TEST(difference(w.side(0).now, w.side(1).now) == "");
  }
}

BOOST_AUTO_TEST_CASE(a_short_write_is_amended_and_the_second_applies_what_was_written) {
  auto w = paired();
  w.submit(0, make(root, "f", f));
  w.run_for(ms(5));
  w.side(0).next_results[2].amount = digest_block;
  w.side(0).next_results[2].partial = true;
  auto b = w.submit(0, write_op(f, 0, 2), cells({1, 2}));
  w.run_for(ms(5));
  BOOST_TEST(done(w, 0, b));
  BOOST_TEST(w.side(1).now.objects.at(f).cells.size() == 1u);
  BOOST_TEST(difference(w.side(0).now, w.side(1).now) == "");
}

BOOST_AUTO_TEST_CASE(an_unknown_effect_ends_the_pair_and_stays_in_the_set) {
  auto w = paired();
  w.submit(0, make(root, "f", f));
  w.run_for(seconds(11)); // two checkpoints: the create is forgotten
  BOOST_TEST(w.mirror(0).recent_items().files.count(f) == 0u);
  w.side(0).next_results[2].error = 5;
  w.side(0).next_results[2].partial = true;
  auto b = w.submit(0, write_op(f, 0, 1), cells({1}));
  w.run_for(ms(5));
  BOOST_REQUIRE(w.last_said<said::PeerFailed>(0));
  BOOST_TEST(!w.side(0).completed.count(b));
  w.order(0, order::Break{"unknown effect"});
  w.take_over(0);
  BOOST_TEST(done(w, 0, b, 5));
  BOOST_TEST(w.side(0).disk.files.count(f) == 1u);
  w.pair(0, false);
  BOOST_TEST(difference(w.side(0).now, w.side(1).now) == "");
}

BOOST_AUTO_TEST_CASE(with_async_none_a_write_completes_when_applied) {
  MirrorConfig c;
  c.sync_on_second = true;
  auto w = paired(c);
  auto a = w.submit(0, make(root, "f", f));
  Op sync;
  sync.kind = OpKind::sync, sync.object = f;
  auto b = w.submit(0, sync);
  while (!w.side(0).completed.count(a)) BOOST_REQUIRE(w.step_once());
  BOOST_TEST(w.side(1).now.objects.count(f) == 1u);
  w.run();
  BOOST_TEST(done(w, 0, b));
}

BOOST_AUTO_TEST_CASE(a_lapsed_permit_holds_execution_and_completion) {
  auto w = paired();
  w.permit(0, w.now - ms(1));
  auto a = w.submit(0, make(root, "f", f));
  w.run();
  BOOST_TEST(!w.side(0).completed.count(a));
  BOOST_TEST(!w.side(0).now.objects.count(f));
  w.permit(0, w.now + seconds(1));
  w.run();
  BOOST_TEST(done(w, 0, a));
}

BOOST_AUTO_TEST_CASE(an_execution_that_came_too_late_is_done_again_in_order) {
  auto w = paired();
  w.permit(0, w.now + ms(10));
  w.side(0).hung = true;
  auto a = w.submit(0, make(root, "f", f)), b = w.submit(0, write_op(f, 0, 1), cells({1}));
  w.run();
  w.now = w.now + ms(20);
  w.side(0).hung = false;
  w.run();
  BOOST_TEST(!w.side(0).completed.count(a));
  w.permit(0, w.now + ms(10));
  w.run_for(ms(5));
  BOOST_TEST(done(w, 0, a));
  BOOST_TEST(done(w, 0, b));
  BOOST_TEST(difference(w.side(0).now, w.side(1).now) == "");
}

BOOST_AUTO_TEST_CASE(a_silent_peer_is_too_slow_after_sendtimeout) {
  auto w = paired();
  w.side(1).up = false; // stands still, the connection stays
  w.submit(0, make(root, "f", f));
  w.run_for(seconds(29));
  BOOST_TEST(!w.last_said<said::PeerFailed>(0));
  w.run_for(seconds(2));
  BOOST_REQUIRE(w.last_said<said::PeerFailed>(0));
  BOOST_TEST((w.last_said<said::PeerFailed>(0)->rule == Rule::peer_too_slow));
}

BOOST_AUTO_TEST_CASE(a_second_that_cannot_apply_says_so_and_is_never_promotable) {
  auto w = paired();
  w.side(1).apply_error = 28;
  w.submit(0, make(root, "f", f));
  w.run_for(ms(5));
  BOOST_TEST(w.mirror(1).unfit());
  BOOST_TEST(w.last_said<said::SelfFailed>(1));
  BOOST_TEST(w.last_said<said::PeerFailed>(0));
  w.forget_said();
  w.order(1, order::PrepareAlone{});
  w.run_for(ms(5));
  BOOST_TEST(!w.last_said<said::AloneReady>(1));
  BOOST_TEST(w.last_said<said::SelfFailed>(1));
}

BOOST_AUTO_TEST_CASE(checkpoints_of_both_free_the_sets) {
  auto w = paired();
  w.submit(0, make(root, "f", f));
  w.run_for(ms(10));
  BOOST_TEST(w.mirror(0).recent_items().files.count(f) == 1u);
  BOOST_TEST(w.mirror(1).recent_items().files.count(f) == 1u);
  w.run_for(seconds(16));
  BOOST_TEST(w.mirror(0).recent_items().empty());
  BOOST_TEST(w.mirror(1).recent_items().empty());
  BOOST_TEST(w.side(0).disk.empty());
  BOOST_TEST(w.side(1).disk.empty());
}

BOOST_AUTO_TEST_CASE(a_failed_flush_freezes_the_checkpoint) {
  auto w = paired();
  w.run_for(seconds(6));
  w.side(0).flush_error = 5;
  w.submit(0, make(root, "f", f));
  w.run_for(seconds(6));
  w.side(0).flush_error = 0;
  w.run_for(seconds(20));
  BOOST_TEST(w.mirror(0).recent_items().files.count(f) == 1u);
  BOOST_TEST(w.mirror(1).recent_items().files.count(f) == 1u);
}

BOOST_AUTO_TEST_CASE(an_orderly_hand_over_leaves_nothing_behind) {
  auto w = paired();
  auto a = w.submit(0, make(root, "f", f));
  w.order(0, order::HandOver{});
  auto late = w.submit(0, make(root, "g", g));
  w.run_for(ms(10));
  BOOST_TEST(done(w, 0, a));
  BOOST_TEST(done(w, 0, late, 5));
  BOOST_REQUIRE(w.last_said<said::Quiesced>(0));
  BOOST_TEST((w.last_said<said::Quiesced>(0)->last == w.last_said<said::Received>(1)->last));
  BOOST_TEST(w.side(0).disk.contains(touched_by(make(root, "f", f))));
  w.take_over(1);
  BOOST_TEST(w.side(1).now.objects.count(f) == 1u);
  BOOST_TEST(w.side(0).payloads.empty());
}

BOOST_AUTO_TEST_CASE(held_operations_end_with_an_error_and_stay_in_the_set) {
  auto w = paired();
  w.side(1).up = false;
  auto a = w.submit(0, make(root, "f", f));
  w.run();
  w.order(0, order::Quiesce{true});
  w.run();
  BOOST_TEST(done(w, 0, a, 5));
  BOOST_TEST(w.side(0).disk.contains(touched_by(make(root, "f", f))));
  BOOST_TEST(w.last_said<said::Quiesced>(0));
  BOOST_TEST((w.mirror(0).role() == MirrorRole::idle));
}

BOOST_AUTO_TEST_CASE(what_could_not_be_marked_is_not_executed_alone) { // data:D5
  auto w = paired();
  w.run_for(seconds(20)); // the sets are free
  w.side(1).up = false;
  auto a = w.submit(0, make(root, "f", f));
  w.side(0).set_error = 28;
  w.order(0, order::PrepareAlone{});
  w.run();
  BOOST_REQUIRE(w.last_said<said::AloneReady>(0));
  BOOST_TEST(!w.last_said<said::AloneReady>(0)->covers);
  w.alone(0);
  w.run();
  BOOST_TEST(done(w, 0, a, 5));
  BOOST_TEST(!w.side(0).now.objects.count(f));
}

BOOST_AUTO_TEST_CASE(no_receipt_without_room) {
  auto w = paired();
  w.submit(0, make(root, "f", f));
  w.run_for(ms(5));
  auto s = w.side(1).up;
  BOOST_TEST(s);
  w.tell_space(1, (16u << 20) + 3 * 8192, 1000);
  auto a = w.submit(0, write_op(f, 0, 1), cells({1}));
  w.run_for(ms(5));
  BOOST_TEST(!w.side(0).completed.count(a));
  w.tell_space(1, 1u << 30, 1000);
  w.run_for(ms(5));
  BOOST_TEST(w.side(0).completed.count(a) == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
