// Who serves: the address, the application, the lease (S2, S13, S14, S15).
#include "sim/oracles.hpp"

namespace lockstep::sim {

// A split brain is documented in modes none and ping: each node may hear only silence. Nothing else excuses two servers.
bool Oracles::split_excused() const {
  if (plan_.mode == Mode::etcd) return split_excused_with_arbiter();
  Duration longest{};
  for (auto& n : plan_.networks) longest = std::max(longest, n.timeout);
  auto now = queue_.now();
  if (now > Instant{plan_.heal.ns} + longest * 2 + seconds(60)) return false;
  for (auto& e : plan_.events) {
    bool excuses = e.what == What::cut || e.what == What::delay || e.what == What::loss || e.what == What::clog || e.what == What::pause ||
                   e.what == What::restore || e.what == What::lose_record;
    if (excuses && e.at.ns <= now.ns) return true;
  }
  return now < last_operator_force_ + longest * 2 + seconds(60);
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

void Oracles::check_pair_ready(const Host& h) {
  auto& r = h.disk().state.record;
  if (!r) return;
  if (operator_split_ && paired()) operator_split_ = false;
  auto key = std::pair(r->g.nonce, h.incarnation().value);
  if (ready_checked_[h.index()] == key) return;
  ready_checked_[h.index()] = key;
  if (h.mount() != MountKind::read_only) violated(oracle::S14, name_of(h) + " is SECOND Ready and its tree is not read-only");
  if (r->state != Freshness::shared) violated(oracle::S5, name_of(h) + " is SECOND Ready and not recorded as shared");
}

} // namespace lockstep::sim
