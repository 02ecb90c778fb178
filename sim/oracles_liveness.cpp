// What must come: service, answers, an end, a pair again, or a wait with a true reason (L1-L7).
#include "sim/oracles.hpp"
#include <algorithm>

namespace lockstep::sim {

bool Oracles::paired() const {
  for (auto* h : hosts_) {
    if (!h->running()) return false;
  }
  auto &x = *hosts_[0]->node(), &y = *hosts_[1]->node();
  const std::optional<Record>&r = hosts_[0]->disk().state.record, &s = hosts_[1]->disk().state.record;
  bool roles = (x.role() == Role::prim && y.role() == Role::second) || (x.role() == Role::second && y.role() == Role::prim);
  return roles && x.sub() == Sub::ready && y.sub() == Sub::ready && r && s && r->g == s->g;
}

void Oracles::connection_reset() {
  for (auto* h : hosts_) deadlines_.connection_reset(*h, stream_order_.followed_by(h->index()));
}

void Oracles::check_deadlines(const Host& h) {
  if (queue_.steps() % 64) return;
  auto& [at, reachable] = witness_said_[h.index()];
  find(h, deadlines_.overdue(h, (plan_.mode == Mode::ping && !reachable) || plan_.mode == Mode::etcd));
  for (auto& [token, p] : pending_) {
    if (p.host == h.index()) find(h, deadlines_.unanswered(h, p.since, p.op));
  }
}

void Oracles::count_change(const Host& h) {
  bool now = role_serves(h.node()->role());
  if (now == std::exchange(primary_[h.index()], now) || !healed_) return;
  if (++changes_[h.index()] > 2) violated(oracle::L3, name_of(h) + " changes between primary and not for the third time since everything was repaired");
}

bool Oracles::waits_for_operator() const {
  static constexpr Wait by_itself[] = {Wait::none, Wait::starting, Wait::for_peer, Wait::stopping};
  for (auto* h : hosts_) {
    bool waits = h->running() && h->node()->role() == Role::wait && h->node()->sub() == Sub::not_ready;
    auto kind = waits ? h->node()->waiting().kind : Wait::none;
    if (std::find(std::begin(by_itself), std::end(by_itself), kind) == std::end(by_itself)) return true;
  }
  return false;
}

NodeIndex Oracles::best_copy() const {
  auto worth = [&](const Host& h) {
    auto& r = h.disk().state.record;
    if (h.running() && role_serves(h.node()->role())) return 100;
    if (!r || r->g.none()) return 0;
    int by_state = r->state == Freshness::own ? 40 : r->state == Freshness::inconsistent ? 1 : 20;
    return by_state + (r->complete ? 4 : 0) + (stale_[h.index()] ? 0 : 2);
  };
  return worth(*hosts_[1]) > worth(*hosts_[0]) ? 1 : 0;
}

bool Oracles::key_was_lost() const {
  auto takes_it = [](const Event& e) { return e.what == What::arbiter_emptied || e.what == What::arbiter_deleted || e.what == What::arbiter_restored; };
  return std::any_of(plan_.events.begin(), plan_.events.end(), takes_it);
}

std::string Oracles::legitimate_wait() const {
  for (auto* h : hosts_) {
    if (!h->running()) continue;
    if (h->node()->role() != Role::wait) continue;
    const std::optional<Record>&mine = h->disk().state.record, &theirs = other(*h).disk().state.record;
    auto is = [](auto& r, Freshness f) { return r && r->state == f; };
    bool nobody_own = !is(mine, Freshness::own) && !is(theirs, Freshness::own);
    bool went_back = stale_[0] || stale_[1], damaged = went_back || lost_[0] || lost_[1];
    switch (h->node()->waiting().kind) {
    case Wait::first_start:
      if (eras_.empty() || damaged) return "first start";
      break;
    case Wait::inconsistent:
      if (nobody_own && (is(mine, Freshness::inconsistent) || is(theirs, Freshness::inconsistent))) return "inconsistent";
      break;
    case Wait::peer_unknown_record:
      if (damaged && nobody_own) return "record lost";
      break;
    case Wait::went_back:
    case Wait::unrelated_peer:
      if (went_back) return "went back in time";
      if (damaged) return "record lost";
      break;
    case Wait::aside_failed:
      if (std::any_of(plan_.events.begin(), plan_.events.end(), [](auto& e) { return e.what == What::aside_fails; })) return "no room to keep aside";
      break;
    case Wait::failover_off:
      if (failover_was_off_) return "failover off";
      break;
    case Wait::arbiter_refused:
      if (damaged && nobody_own && key_was_lost()) return "the arbiter's key lost as well";
      break;
    case Wait::for_fresher_peer:
      if (damaged && nobody_own) return "nobody may serve after a loss";
      break;
    default: break;
    }
  }
  return {};
}

} // namespace lockstep::sim
