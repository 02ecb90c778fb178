// Who really hears whom: heartbeats that arrived, not what a node believes. A late or repeated one proves nothing new, as in
// the core (core/node/liveness.cpp).
#pragma once
#include "core/wire/beat.hpp"
#include "sim/plan.hpp"
#include "sim/weather.hpp"
#include <array>
#include <map>
#include <utility>

namespace lockstep::sim {

class Hearing {
 public:
  explicit Hearing(const Plan& p) : networks_(p.networks) {}
  void process_started(NodeIndex n, Instant now) { ears_[n] = Ear{}, ears_[n].since = now; }
  // A restored machine: what it says from here on is another life's, whatever number it bears. It was heard when it is echoed.
  void restored(NodeIndex n) { unheard_[n] = true, life_[n] = 0; }
  void said(NodeIndex n, const Beat& b) {
    if (unheard_[n]) life_[n] = b.nonce;
    if (unheard_[1 - n] && life_[1 - n] && b.echo.nonce == life_[1 - n]) unheard_[1 - n] = false;
  }
  bool unheard_since_restored(NodeIndex n) const { return unheard_[n]; }
  void heard(NodeIndex by, std::uint32_t network, const Beat& b, Instant now) {
    auto& e = ears_[by];
    auto is = std::pair(b.incarnation.value, b.seq);
    auto& of_life = e.of_life[network][b.nonce];
    if ((b.node_uid == e.from && is <= e.newest[network]) || b.seq <= of_life) return; // also of a life under another name
    of_life = b.seq;
    if (b.node_uid != e.from) e.newest = {};
    e.from = b.node_uid, e.newest[network] = is;
    if (silent(by, now, 1)) e.since = now;
    e.last[network] = now;
  }
  // Nothing arrived on any network for `numerator`/3 of its timeout.
  bool silent(NodeIndex n, Instant now, std::int64_t thirds) const {
    for (std::size_t i = 0; i < networks_.size(); ++i) {
      if (now < ears_[n].last[i] + networks_[i].timeout * thirds / 3) return false;
    }
    return true;
  }
  // For so long both have heard each other without a third of a timeout of silence.
  Duration each_other_for(Instant now) const {
    if (silent(0, now, 1) || silent(1, now, 1)) return {};
    return now - later(ears_[0].since, ears_[1].since);
  }

 private:
  struct Ear {
    NodeUid from;
    std::array<std::pair<std::uint64_t, std::uint64_t>, 2> newest{};
    std::array<std::map<std::uint64_t, std::uint64_t>, 2> of_life; // newest by nonce
    std::array<Instant, 2> last{Instant::distant_past(), Instant::distant_past()};
    Instant since; // of the present hearing
  };
  std::vector<Network> networks_;
  std::array<Ear, 2> ears_;
  std::array<std::uint64_t, 2> life_{}; // the nonce of what it says since then
  std::array<bool, 2> unheard_{};
};

} // namespace lockstep::sim
