// Every invariant of Mirror can fail, and none does on the honest step beside it.
#include "core/mirror/invariants.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;

namespace {
struct Case { // PRIM of a pair: ten operations sent, eight received, seven executed
  MirrorFacts before, after;
  MirrorInput in{Instant{} + seconds(100), in::Wake{}};
  MirrorEffects out;
  Case() {
    for (auto* f : {&before, &after}) {
      f->now = in.now, f->role = MirrorRole::prim, f->ready = true, f->generation = f->stream = 4, f->source = true;
      f->permit = {4, in.now + seconds(10)};
      f->next = 11, f->sent_received = 8, f->sent_applied = 6, f->executed = 7, f->told = 7;
      f->checkpoint = {4, 5}, f->most_in_flight = 16, f->most_recent = 100, f->most_bytes = 1 << 20;
    }
  }
  std::string broken() const {
    auto b = check(before, after, in, out);
    return b ? b->invariant->name : "";
  }
  void complete() { out = {fx::Complete{1, 0, 0, after.permit.until}}, after.completed = 1; }
};
} // namespace

BOOST_AUTO_TEST_SUITE(mirror_invariants)

BOOST_AUTO_TEST_CASE(an_honest_step_breaks_none) {
  Case s;
  s.complete(), s.after.acknowledged = 8, s.after.begun = 8;
  BOOST_TEST(s.broken() == "");
}
BOOST_AUTO_TEST_CASE(nothing_completes_outside_the_permit) {
  Case s;
  s.complete();
  s.after.permit.until = s.in.now - ms(1);
  std::get<fx::Complete>(s.out[0]).not_after = s.after.permit.until;
  BOOST_TEST(s.broken() == "completes-in-permit");
  s.after.permit = {3, s.in.now + seconds(10)};
  BOOST_TEST(s.broken() == "completes-in-permit");
}
BOOST_AUTO_TEST_CASE(what_completes_is_executed_and_received_or_counted) {
  Case s;
  s.complete();
  s.after.completed = 0;
  BOOST_TEST(s.broken() == "completed-is-known");
  s.after.completed = 1, s.after.acknowledged = 9;
  BOOST_TEST(s.broken() == "completed-is-known");
  s.after.acknowledged = 0, s.after.uncounted = true;
  BOOST_TEST(s.broken() == "completed-is-known");
}
BOOST_AUTO_TEST_CASE(prim_executes_what_second_received) {
  Case s;
  s.after.begun = 9;
  BOOST_TEST(s.broken() == "mirror-knows-first");
}
BOOST_AUTO_TEST_CASE(positions_keep_their_order) {
  Case s;
  s.after.sent_received = 11;
  BOOST_TEST(s.broken() == "stream-in-order");
  s.after.sent_received = 8, s.after.executed = 6, s.after.told = 6;
  BOOST_TEST(s.broken() == "stream-in-order");
}
BOOST_AUTO_TEST_CASE(second_applies_what_is_decided) {
  Case s;
  s.after.ahead = true; // what it applied on its way out, before it was called back
  BOOST_TEST(s.broken() == "");
  fx::Apply a;
  a.op.kind = OpKind::write;
  s.out = {a};
  BOOST_TEST(s.broken() == "applies-what-is-decided");
  s.after.leaving = true;
  BOOST_TEST(s.broken() == "");
}
BOOST_AUTO_TEST_CASE(only_a_target_is_overwritten) {
  Case s;
  fx::Apply a;
  a.op.kind = OpKind::drain_data;
  s.out = {a};
  BOOST_TEST(s.broken() == "drained-as-target");
  s.before.role = s.after.role = MirrorRole::target;
  BOOST_TEST(s.broken() == "");
}
BOOST_AUTO_TEST_CASE(a_checkpoint_is_flushed) {
  Case s;
  s.after.checkpoint = {4, 7};
  BOOST_TEST(s.broken() == "checkpoint-is-flushed");
  s.in.what = in::Flushed{{1}, 0};
  BOOST_TEST(s.broken() == "");
  s.in.what = in::Flushed{{1}, 5};
  BOOST_TEST(s.broken() == "checkpoint-is-flushed");
  s.in.what = in::Flushed{{1}, 0};
  s.after.checkpoint = {4, 3};
  BOOST_TEST(s.broken() == "checkpoint-is-flushed");
}
BOOST_AUTO_TEST_CASE(marks_are_written_and_kept) {
  Case s;
  s.in.what = in::SetDurable{{1}, 28};
  s.after.marks = 1;
  BOOST_TEST(s.broken() == "marks-are-durable");
  s.in.what = in::SetDurable{{1}, 0};
  BOOST_TEST(s.broken() == "");
  s.out = {fx::RewriteSet{{2}, {}}};
  s.after.release_at = 9, s.after.both_flushed = 8;
  BOOST_TEST(s.broken() == "marks-are-durable");
  s.after.both_flushed = 9;
  BOOST_TEST(s.broken() == "");
}
BOOST_AUTO_TEST_CASE(queues_are_bounded) {
  Case s;
  s.after.in_flight = 17;
  BOOST_TEST(s.broken() == "mirror-bounds");
  s.after.in_flight = 0, s.after.recent = 101;
  BOOST_TEST(s.broken() == "mirror-bounds");
  s.after.recent = 0, s.after.receipted_bytes = s.after.most_bytes + s.after.largest + 1;
  BOOST_TEST(s.broken() == "mirror-bounds");
}

BOOST_AUTO_TEST_SUITE_END()
