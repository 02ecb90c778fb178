// Every invariant of Node can fail, and none does on the honest step beside it.
#include "core/node/invariants.hpp"
#include "core/node/node.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;

namespace {
// PRIM of a healthy pair, one step later; tests change one thing.
struct Case {
  Record record;
  Change change;
  Beat peer;
  ArbiterKey key;
  std::vector<std::pair<State, Event>> rows;
  NodeFacts before, after;
  NodeInput in{Instant{} + seconds(100), 0, nin::Wake{}};
  NodeEffects out;

  Case() {
    record.node_uid = {1, 1}, record.rev = 7, record.incarnation = {3}, record.g = {4, 44, record.node_uid, MintedAs::prim};
    record.state = Freshness::shared, record.complete = true;
    record.history = {{3, 33, {2, 2}, MintedAs::second}};
    for (auto* f : {&before, &after}) {
      f->now = in.now, f->role = Role::prim, f->standing = Standing::prim, f->serving = true, f->mount = MountKind::replicate, f->address = true;
      f->life = {record.incarnation, 33}, f->echo_sent = in.now - seconds(5), f->longest_timeout = seconds(30), f->mode = ArbiterMode::etcd;
      f->record = &record, f->change = &change, f->peer = &peer, f->key = &key, f->rows = &rows;
    }
  }
  Case(const Case&) = delete;
  std::string broken() const {
    auto b = check(before, after, in, out);
    return b ? b->invariant->name : "";
  }
  Record& persist(ChangeKind kind) {
    change = {.kind = kind};
    Record next = record;
    ++next.rev;
    out = {nfx::Persist{{1}, next}};
    return std::get<nfx::Persist>(out[0]).record;
  }
  Record& mint(Rule rule) {
    auto& r = persist(ChangeKind::mint);
    change.rule = rule;
    r.g = {5, 55, r.node_uid, MintedAs::prim}, r.state = Freshness::own;
    return r;
  }
  void cold(Role role) {
    after.role = before.role = role, after.standing = Standing::idle, after.serving = after.address = before.address = false;
    after.mount = before.mount = MountKind::read_only;
  }
};
} // namespace

BOOST_AUTO_TEST_SUITE(node_invariants)

BOOST_AUTO_TEST_CASE(an_honest_step_breaks_none) {
  Case s;
  BOOST_TEST(s.broken() == "");
  s.persist(ChangeKind::settings);
  BOOST_TEST(s.broken() == "");
  s.record.candidate = Generation{5, 55, s.record.node_uid, MintedAs::prim};
  s.key.value = s.record.candidate;
  auto& r = s.mint(Rule::M3);
  s.change.adopt = true, r.candidate.reset();
  BOOST_TEST(s.broken() == "");
}
BOOST_AUTO_TEST_CASE(records_follow_each_other) {
  Case s;
  s.persist(ChangeKind::settings).rev = 7;
  BOOST_TEST(s.broken() == "record-in-order");
  s.persist(ChangeKind::settings).incarnation = {2};
  BOOST_TEST(s.broken() == "record-in-order");
  s.persist(ChangeKind::settings);
  s.before.writes_record = true;
  BOOST_TEST(s.broken() == "record-in-order");
}
BOOST_AUTO_TEST_CASE(a_generation_counts_up) {
  Case s;
  s.persist(ChangeKind::settings).g.counter = 2;
  BOOST_TEST(s.broken() == "generation-grows");
  auto& adopted = s.persist(ChangeKind::equal);
  adopted.g.counter = 2, adopted.state = Freshness::outdated; // the source's
  BOOST_TEST(s.broken() == "");
}
BOOST_AUTO_TEST_CASE(own_needs_a_mint) {
  Case s;
  s.persist(ChangeKind::settings).state = Freshness::own;
  BOOST_TEST(s.broken() == "own-by-mint");
  s.mint(Rule::M4).g = s.record.g;
  BOOST_TEST(s.broken() == "own-by-mint");
  s.mint(Rule::M4).g.minted_by = {2, 2};
  BOOST_TEST(s.broken() == "own-by-mint");
}
BOOST_AUTO_TEST_CASE(shared_needs_a_copy_that_ended) {
  Case s;
  s.record.state = Freshness::outdated, s.record.why = Why::boot;
  s.cold(Role::wait);
  s.persist(ChangeKind::share_target).state = Freshness::shared;
  BOOST_TEST(s.broken() == "shared-by-handing-over");
  s.record.why = Why::resynced;
  BOOST_TEST(s.broken() == "");
}
BOOST_AUTO_TEST_CASE(half_copied_data_do_not_serve) {
  Case s;
  s.record.state = Freshness::inconsistent;
  s.cold(Role::wait);
  s.mint(Rule::M4);
  BOOST_TEST(s.broken() == "inconsistent-stays");
  s.change.empty_history = true; // primforce
  BOOST_TEST(s.broken() == "");
}
BOOST_AUTO_TEST_CASE(one_candidate_at_a_time_and_seen_in_the_key) {
  Case s;
  s.record.candidate = Generation{5, 55, s.record.node_uid, MintedAs::prim};
  s.persist(ChangeKind::claim).candidate = Generation{6, 66, s.record.node_uid, MintedAs::prim};
  BOOST_TEST(s.broken() == "one-candidate");
  s.mint(Rule::M3);
  s.change.adopt = true;
  BOOST_TEST(s.broken() == "one-candidate");
}
BOOST_AUTO_TEST_CASE(nobody_leaves_a_pair_by_its_own_right) {
  Case s;
  s.mint(Rule::M5); // silence is not enough with an arbiter
  BOOST_TEST(s.broken() == "right-to-go-on");
  s.after.mode = ArbiterMode::none;
  BOOST_TEST(s.broken() == "");
  s.after.standing = Standing::idle, s.after.serving = false; // nor for a node that started since
  BOOST_TEST(s.broken() == "right-to-go-on");
  s.mint(Rule::M2); // consent of a node that says shared
  s.peer.record_state = RecordState::present, s.peer.record.state = Freshness::shared;
  BOOST_TEST(s.broken() == "right-to-go-on");
  s.peer.record.state = Freshness::outdated;
  BOOST_TEST(s.broken() == "");
}
BOOST_AUTO_TEST_CASE(a_beat_claims_what_is_durable) {
  Case s;
  Beat b;
  b.record = s.record;
  s.out = {nfx::SendBeat{0, b}};
  BOOST_TEST(s.broken() == "");
  ++b.record.rev;
  s.out = {nfx::SendBeat{0, b}};
  BOOST_TEST(s.broken() == "claims-what-is-durable");
}
BOOST_AUTO_TEST_CASE(only_an_echo_of_a_second_renews_the_lease) {
  Case s;
  s.after.echo_sent = s.in.now - seconds(1);
  BOOST_TEST(s.broken() == "echo-lease");
  Beat b;
  b.role = Role::second, b.echo = s.after.life, b.echo_sent_ns = s.after.echo_sent.ns;
  s.in.what = nin::BeatIn{0, b};
  BOOST_TEST(s.broken() == "");
  b.role = Role::alone;
  s.in.what = nin::BeatIn{0, b};
  BOOST_TEST(s.broken() == "echo-lease");
}
BOOST_AUTO_TEST_CASE(a_permit_ends_with_the_lease) {
  Case s;
  auto permit = [&](Instant until) { s.out = {nfx::ToMirror{order::Permit{s.record.g.counter, until}}}; };
  permit(s.after.echo_sent + seconds(20));
  BOOST_TEST(s.broken() == "");
  permit(s.after.echo_sent + seconds(21));
  BOOST_TEST(s.broken() == "permit-in-lease");
  permit(Instant::never());
  BOOST_TEST(s.broken() == "permit-in-lease");
}
BOOST_AUTO_TEST_CASE(who_serves_has_written_its_generation) {
  Case s;
  s.record.g.minted_by = {2, 2};
  BOOST_TEST(s.broken() == "serves-what-it-wrote");
  s.record.g.minted_by = s.record.node_uid;
  s.after.mount = MountKind::read_only;
  BOOST_TEST(s.broken() == "serves-what-it-wrote");
}
BOOST_AUTO_TEST_CASE(the_address_goes_by_an_order) {
  Case s;
  s.after.address = false;
  BOOST_TEST(s.broken() == "address-in-lease");
  s.out = {nfx::DropVip{{1}}};
  BOOST_TEST(s.broken() == "");
  s.after.address = true;
  s.out = {nfx::RaiseVip{{1}, s.in.now + seconds(30), false}};
  BOOST_TEST(s.broken() == "address-in-lease");
}
BOOST_AUTO_TEST_CASE(a_role_changes_by_a_row) {
  Case s;
  s.after.role = Role::alone, s.after.standing = Standing::alone, s.record.state = Freshness::own;
  BOOST_TEST(s.broken() == "role-by-row");
  s.rows = {{State::prim_ready, Event::alone}};
  BOOST_TEST(s.broken() == "");
}
BOOST_AUTO_TEST_CASE(scripts_do_not_overlap) {
  Case s;
  s.out = {nfx::RunScript{{1}, "stop_prim", {}}};
  BOOST_TEST(s.broken() == "");
  s.before.script = true;
  BOOST_TEST(s.broken() == "one-script");
  s.in.what = nin::ScriptDone{{1}, 0, false};
  BOOST_TEST(s.broken() == "");
  s.out.push_back(nfx::RunScript{{2}, "stop_both", {}});
  BOOST_TEST(s.broken() == "one-script");
}
BOOST_AUTO_TEST_CASE(a_waiting_node_offers_no_replicated_tree) {
  Case s;
  s.cold(Role::wait);
  BOOST_TEST(s.broken() == "");
  s.after.mount = MountKind::replicate;
  BOOST_TEST(s.broken() == "mount-fits");
}
BOOST_AUTO_TEST_CASE(the_store_does_not_go_back_unnoticed) {
  Case s;
  s.before.arbiter_revision = 9, s.after.arbiter_revision = 8;
  BOOST_TEST(s.broken() == "store-goes-on");
  s.after.store_went_back = true;
  BOOST_TEST(s.broken() == "");
}
BOOST_AUTO_TEST_CASE(the_key_is_asked_for_what_is_durable) {
  Case s;
  Generation next{5, 55, s.record.node_uid, MintedAs::prim}, foreign{9, 99, {2, 2}, MintedAs::second};
  s.out = {nfx::AskArbiter{{1}, {}, s.record.g, next}};
  BOOST_TEST(s.broken() == "asks-what-it-may");
  s.record.candidate = next;
  BOOST_TEST(s.broken() == "");
  s.out = {nfx::AskArbiter{{1}, {}, foreign, next}};
  BOOST_TEST(s.broken() == "asks-what-it-may");
}
BOOST_AUTO_TEST_CASE(lists_are_bounded) {
  Case s;
  s.after.tasks = 1000;
  BOOST_TEST(s.broken() == "node-bounds");
  s.after.tasks = 0;
  s.persist(ChangeKind::settings).voided.resize(history_hard_limit + 1);
  BOOST_TEST(s.broken() == "node-bounds");
}

BOOST_AUTO_TEST_SUITE_END()
