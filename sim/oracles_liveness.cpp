// After repair: a pair again, or a wait with a true reason (L1, L7).
#include "sim/oracles.hpp"

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

std::string Oracles::legitimate_wait() const {
  for (auto* h : hosts_) {
    if (!h->running()) continue;
    if (h->node()->role() != Role::wait) continue;
    const std::optional<Record>&mine = h->disk().state.record, &theirs = other(*h).disk().state.record;
    auto is = [](auto& r, Freshness f) { return r && r->state == f; };
    bool nobody_own = !is(mine, Freshness::own) && !is(theirs, Freshness::own);
    bool damaged = weak_ || h->record_was_lost || other(*h).record_was_lost;
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
      if (weak_) return "went back in time";
      if (damaged) return "record lost";
      break;
    case Wait::failover_off:
      if (failover_was_off_) return "failover off";
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
