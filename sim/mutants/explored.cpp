#include "sim/mutants/explored.hpp"
#include "sim/explore_bounds.hpp"
#include "sim/judged.hpp"
#include "sim/mutants/hunt.hpp"
#include <algorithm>
#include <cstdio>

namespace lockstep::sim {
namespace {
using namespace explore;
struct Planted {
  const char* combination; // of dst.md 4.4; empty: another rule
  Mutant mutant;
  explore::Bounds bounds;
  Findings shows;         // each of these
  Findings promised = 0;  // holds without the mutant but for these
};

constexpr auto none = ArbiterMode::none, ping = ArbiterMode::ping, etcd = ArbiterMode::etcd;
constexpr Findings dual = bit(Finding::dual), stale = bit(Finding::stale);

std::vector<Planted> table() {
  const auto cut_and_write = bounds(etcd, budget(1, 0, 0, 1));
  return {
      {"4", Mutant::any_key_value, whole_cuts(bounds(etcd, budget(1, 0, 0, 2))), split},
      {"5", Mutant::lease_from_arrival, cut_and_write, dual | stale},
      {"5", Mutant::lease_outlives_takeover, cut_and_write, dual | stale},
      {"6", Mutant::lease_without_echo, cut_and_write, dual | stale},
      {"8", Mutant::exclusion_not_awaited, cut_and_write, bit(Finding::mirror_first)},
      {"", Mutant::lease_outlives_takeover, calm(bounds(ping, budget(1, 0, 0, 0))), dual},
      {"", Mutant::silence_serves_cold, calm(bounds(ping, budget(1, 1, 0, 0))), dual},
      {"", Mutant::acknowledged_before_receipt, bounds(none, budget(1, 0, 0, 1)), bit(Finding::mirror_first), split},
  };
}

std::string after(const explore::Result& r, Findings f) {
  std::string s;
  for (std::size_t i = 0; i < finding_count; ++i) {
    if (r.found & f & 1u << i) s += (s.empty() ? "" : ", ") + std::string(explore::name(static_cast<Finding>(i))) + " after " + std::to_string(r.path[i].size());
  }
  return s.empty() ? "LIVES" : s;
}

// The bounds that were walked without any mutant, and what was found there.
class Sound {
 public:
  bool holds(const Planted& p) {
    auto same = [&](auto& w) { return w.first == p.bounds; };
    auto i = std::find_if(walked_.begin(), walked_.end(), same);
    if (i == walked_.end()) i = walked_.insert(i, {p.bounds, search(p.bounds, p.promised)});
    return i->second.end == End::fixpoint && !(i->second.found & ~p.promised);
  }

 private:
  std::vector<std::pair<explore::Bounds, explore::Result>> walked_;
};
} // namespace

int explore_mutants(bool paths, const std::vector<Mutant>& only) {
  std::size_t failed = 0, tried = 0;
  Sound sound;
  for (auto& p : table()) {
    if (!only.empty() && std::find(only.begin(), only.end(), p.mutant) == only.end()) continue;
    p.bounds.check_percent = 0;
    bool holds = sound.holds(p);
    planted[static_cast<std::size_t>(p.mutant)] = true;
    auto hunted = p.bounds;
    hunted.enough = p.shows;
    invariants_judge = false;
    auto r = search(hunted, everything);
    invariants_judge = true;
    bool found = r.end == End::enough;
    std::printf("%-4s %-1s %-28s %-8s %-44s %9llu states %6.1f s%s\n", found && holds ? "ok" : "FAIL", p.combination, info(p.mutant).name, p.bounds.mode == etcd ? "etcd" : p.bounds.mode == ping ? "ping" : "none",
                after(r, everything).c_str(), static_cast<unsigned long long>(r.states), r.seconds, holds ? "" : ", and the core itself does not hold");
    std::fflush(stdout);
    for (std::size_t i = 0; paths && i < finding_count; ++i) {
      if (r.found & p.shows & 1u << i) print_path(p.bounds, r.path[i]);
    }
    planted[static_cast<std::size_t>(p.mutant)] = false;
    ++tried, failed += !(found && holds);
  }
  std::printf("%zu passed, %zu failed\n", tried - failed, failed);
  return failed ? 1 : 0;
}

} // namespace lockstep::sim
