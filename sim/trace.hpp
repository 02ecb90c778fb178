// What a run leaves behind besides its verdict: a transcript (if wanted), the effect hash (dst 2.10, 13), and counters.
#pragma once
#include "core/rules.hpp"
#include "sim/hash.hpp"
#include "sim/plan.hpp"
#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace lockstep::sim {

struct Counts {
  std::array<std::uint64_t, what_count> injected{};
  std::map<Rule, std::uint64_t> rules;
  std::uint64_t operations = 0, acknowledged = 0, failed = 0, steps = 0, faults = 0;
  std::int64_t simulated_ns = 0;
  void add(const Counts& o) {
    for (std::size_t i = 0; i < what_count; ++i) injected[i] += o.injected[i];
    for (auto& [r, n] : o.rules) rules[r] += n;
    operations += o.operations, acknowledged += o.acknowledged, failed += o.failed, steps += o.steps, faults += o.faults;
    simulated_ns += o.simulated_ns;
  }
};

class Trace {
 public:
  bool verbose = false;
  Counts counts;
  std::uint64_t hash = 1;

  template <class... Parts>
  void mix(Parts... parts) {
    hash = hash_of(hash, parts...);
  }
  // One line: time, node, what. `text` is made only when somebody reads it.
  template <class Make>
  void line(Instant t, int node, Make make) const {
    if (!verbose) return;
    std::printf("%12.6f  %c  %s\n", double(t.ns) / 1e9, "abw "[node], std::string(make()).c_str());
  }
};

} // namespace lockstep::sim
