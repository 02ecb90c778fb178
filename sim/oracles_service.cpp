// Who serves: the address, the application, the lease (S2, S13, S14, S15).
#include "sim/oracles.hpp"

namespace lockstep::sim {

Duration Oracles::longest_timeout() const {
  Duration d{};
  for (auto& n : plan_.networks) d = std::max(d, n.timeout);
  return d;
}
bool Oracles::forced_lately(const Host& h) const { return queue_.now() < forced_at_[h.index()] + longest_timeout() * 2; }

// What it decided cannot be made durable or carried out: nobody can ask it to be quick.
bool Oracles::leaves_by_itself(const Host& h) const {
  for (auto& e : plan_.events) {
    bool holds_up = e.what == What::hung_disk || e.what == What::slow_disk || e.what == What::persist_error || e.what == What::pause ||
                    e.what == What::freeze || e.what == What::full ||
                    e.what == What::script_hangs;
    if (holds_up && e.node == h.index() && e.at.ns <= queue_.now().ns && queue_.now() < Instant{(e.at + e.length).ns} + seconds(30)) return true;
  }
  return false;
}

// Modes none and ping: a split brain is documented, and it has one shape. Both nodes went on alone, durably, because each heard
// nothing; it ends when they hear each other. A primary that is still of a pair never serves beside the other node: its lease
// ends before the other may act (design 3). The address may last as long as the stop scripts of the node that gives way.
void Oracles::check_two_servers() {
  auto now = queue_.now();
  auto both = [&](bool x, bool y, Instant& since) {
    if (!x || !y) since = Instant::never();
    else since = earlier(since, now);
    return x && y;
  };
  bool serve = both(hosts_[0]->serves(), hosts_[1]->serves(), both_serve_since_);
  bool have = both(hosts_[0]->vip_up(), hosts_[1]->vip_up(), both_have_address_since_);
  if (!serve && !have) return;
  // The printed limits: a guest whose clock stood still, until it hears; and clocks that differ by more than the lease allows.
  for (auto& e : plan_.events) {
    bool limit = e.what == What::freeze || (e.what == What::clock_rate && (e.number < 820 || e.number > 1180));
    if (limit && e.at.ns <= now.ns && now < Instant{(e.at + e.length).ns} + longest_timeout() * 2) return;
  }
  auto& o = serve ? oracle::S2 : oracle::S13;
  const char* what = serve ? "both nodes serve" : "both nodes have the address";
  if (plan_.mode == Mode::etcd) {
    if (!split_excused_with_arbiter()) violated(o, what);
    return;
  }
  for (auto* h : hosts_) {
    auto& r = h->disk().state.record;
    bool outside = stale_[0] || stale_[1] || forced_lately(other(*h));
    bool yields = have && !serve && r && r->state == Freshness::outdated; // and its scripts stop
    if ((!r || r->state != Freshness::own) && !outside && !yields)
      return violated(o, std::string(what) + ", and " + name_of(*h) + " has not gone on alone");
  }
  auto heard = std::min(hearing_.each_other_for(now), now - (serve ? both_serve_since_ : both_have_address_since_));
  auto patience = longest_timeout() + seconds(serve ? 5 : 60);
  if (heard > patience && !leaves_by_itself(*hosts_[0]) && !leaves_by_itself(*hosts_[1]))
    violated(o, std::string(what) + ", and they have heard each other for " + std::to_string(heard.in_ms()) + " ms");
}

// Both ways: who says ready has the role and the tree; who has the role for a timeout, settled, says ready (after a pause it listens first).
void Oracles::check_ready(const Host& h) {
  auto& node = *h.node();
  auto& since = not_ready_since_[h.index()];
  if (h.serves()) {
    deadlines_.serves(h);
    if (!role_serves(node.role())) violated(oracle::S15, name_of(h) + " serves as " + role_name(node.role()));
    if (h.mount() != MountKind::replicate) violated(oracle::S15, name_of(h) + " serves and its tree is not intercepted");
  }
  bool settled = role_serves(node.role()) && node.sub() == Sub::ready && !h.serves();
  since = settled ? later(earlier(since, queue_.now()), h.paused_until()) : Instant::never(); // while it stands still nobody can ask
  if (settled && queue_.now() > since + longest_timeout() + seconds(2))
    violated(oracle::S15, name_of(h) + " is " + role_name(node.role()) + " Ready since " + std::to_string((queue_.now() - since).in_ms()) + " ms and does not say ready");
}

// Design 5: the application stopped, the address gone: only then the other side may start. Whether a stop script obeys is its own affair.
void Oracles::speaks(const Host& h, const Beat& b) {
  if (b.goodbye != Goodbye::none && h.vip_up()) violated(oracle::S13, name_of(h) + " says goodbye and has the address");
  bool gives_up = b.goodbye != Goodbye::none || !role_serves(b.role);
  if (gives_up && h.application_up() && !h.stop_was_tried())
    violated(oracle::S14, name_of(h) + " says " + role_name(b.role) + " and never stopped its application");
}
void Oracles::mount_goes(const Host& h) {
  if (h.application_up() && !h.stop_was_tried()) violated(oracle::S14, name_of(h) + " takes the tree from an application it did not stop");
}

void Oracles::address_raised(const Host& h) {
  if (!role_serves(h.node()->role())) {
    violated(oracle::S13, name_of(h) + " raises the address as " + role_name(h.node()->role()));
  }
  auto& r = h.disk().state.record;
  if (!r || r->g.minted_by != r->node_uid) violated(oracle::S13, name_of(h) + " raises the address in a generation of the other node");
  serves(h);
}

void Oracles::script_starts(const Host& h, const std::string& name, bool another_runs) {
  if (another_runs) violated(oracle::S14, name_of(h) + " starts " + name + " while another script runs");
  if (name == "start_prim" && h.mount() != MountKind::replicate)
    violated(oracle::S14, name_of(h) + " starts the application on a tree that is not intercepted");
}

void Oracles::executing(const Host& h, const Op& op) {
  if (h.mount() != MountKind::replicate)
    violated(oracle::S14, name_of(h) + " carries out " + to_string(op) + " of an application while its tree is not intercepted");
}

void Oracles::check_pair_ready(const Host& h) {
  auto& r = h.disk().state.record;
  if (!r) return;
  if (operator_split_ && paired()) operator_split_ = false;
  bool forgets = !(remembers_[0] && remembers_[1]);
  if (forgets && queue_.now() >= formed_at_ + seconds(20) && paired()) remembers_ = {true, true};
  auto key = std::pair(r->g.nonce, h.incarnation().value);
  if (ready_checked_[h.index()] == key) return;
  ready_checked_[h.index()] = key;
  if (h.mount() != MountKind::read_only) violated(oracle::S14, name_of(h) + " is SECOND Ready and its tree is not read-only");
  if (r->state != Freshness::shared) violated(oracle::S7, name_of(h) + " is SECOND Ready and not recorded as shared");
  check_ready_equal(h);
}

} // namespace lockstep::sim
