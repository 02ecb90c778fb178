// What a run leaves behind besides its verdict: a transcript (if wanted), the effect hash (dst 2.10, 13), and counters.
#pragma once
#include "core/rules.hpp"
#include "sim/hash.hpp"
#include "sim/observer.hpp"
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
  Observer* observer = nullptr; // or none
  Counts counts;
  std::uint64_t hash = 1;

  template <class... Parts>
  void mix(Parts... parts) {
    hash = hash_of(hash, parts...);
  }
  // One line: time, node, what. `text` is made only when somebody reads it.
  template <class Make>
  void line(Instant t, int node, Make make) const {
    bool wanted = observer && observer->wants_lines();
    if (!verbose && !wanted) return;
    std::string text = make();
    if (wanted) observer->line(t, node, text);
    if (verbose) std::printf("%12.6f  %c  %s\n", double(t.ns) / 1e9, "abw "[node], text.c_str());
  }
  // What became of a machine: a line, and word to the observer.
  template <class Make>
  void happened(Instant t, const Host& h, int node, Happening what, Make make) const {
    line(t, node, make);
    if (observer) observer->happened(t, h, what);
  }
};

} // namespace lockstep::sim
