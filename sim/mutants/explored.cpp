#include "sim/mutants/explored.hpp"
#include "sim/explore_bounds.hpp"
#include "sim/mutants/hunt.hpp"
#include <cstdio>

namespace lockstep::sim {
namespace {
using namespace explore;
struct Planted {
  Mutant mutant;
  explore::Bounds bounds;
  Findings tolerated = 0; // what the mode does not promise, mutant or not
};

constexpr auto none = ArbiterMode::none, ping = ArbiterMode::ping;

std::vector<Planted> table() {
  return {
      {Mutant::lease_outlives_takeover, calm(bounds(ping, budget(1, 0, 0, 0)))},
      {Mutant::silence_serves_cold, calm(bounds(ping, budget(1, 1, 0, 0)))},
      {Mutant::acknowledged_before_receipt, bounds(none, budget(1, 0, 0, 1)), split},
  };
}
} // namespace

int explore_mutants(bool paths) {
  std::size_t living = 0;
  auto all = table();
  for (auto& p : all) {
    p.bounds.check_percent = 0;
    planted[static_cast<std::size_t>(p.mutant)] = true;
    auto r = search(p.bounds, p.tolerated);
    bool killed = r.end == End::judged;
    std::string by = "LIVES";
    for (std::size_t i = 0; i < finding_count; ++i) {
      if (!((r.found & ~p.tolerated) >> i & 1)) continue;
      by = std::string(explore::name(static_cast<Finding>(i))) + " after " + std::to_string(r.path[i].size()) + " choices";
      if (paths) print_path(p.bounds, r.path[i]);
    }
    planted[static_cast<std::size_t>(p.mutant)] = false;
    std::printf("%-30s %-34s %9llu states %7.1f s\n", info(p.mutant).name, by.c_str(), static_cast<unsigned long long>(r.states), r.seconds);
    std::fflush(stdout);
    living += !killed;
  }
  std::printf("%zu passed, %zu failed\n", all.size() - living, living);
  return living ? 1 : 0;
}

} // namespace lockstep::sim
