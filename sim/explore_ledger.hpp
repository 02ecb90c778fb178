// What the search remembers of the past to judge the present: which generation descends from which, who wrote it, and which writes
// were acknowledged in it. The same accounts as sim/oracles and sim/acknowledged keep, small enough to be copied into every state:
// write number i puts the value i + 1 into unit i of the one file.
#pragma once
#include "core/lineage/record.hpp"
#include <cstdint>
#include <vector>

namespace lockstep::sim::explore {

using Writes = std::uint8_t; // a set: bit i is write i

struct Era { // a generation
  Generation g;
  std::uint8_t writer = 0;
  int parent = -1;
  Writes acknowledged = 0, flushed = 0, excused = 0;
  Writes own = 0;          // acknowledged in this very generation
  bool superseded = false; // the other node went on from it
};

class Ledger {
 public:
  int find(std::uint64_t nonce) const;
  const Era* era(std::uint64_t nonce) const;
  Era* era(std::uint64_t nonce);
  // A generation that became durable at its writer. `before`: what it continues, as recorded there.
  void minted(const Generation& g, std::uint8_t writer, const Generation& before);
  void acknowledge(Era& e, std::uint8_t write);
  // Nobody is left who remembers what was not flushed in `e`; `on_both` is what both trees have.
  void memory_lost(Era& e, Writes on_both, bool excuse);
  // Both have what the other lacks, and neither descends from the other.
  bool forked(std::uint64_t a, std::uint64_t b) const;
  Writes acknowledged() const; // anywhere, and not excused
  const std::vector<Era>& eras() const { return eras_; }

 private:
  bool descends(int e, int ancestor) const;
  std::vector<Era> eras_;
};

} // namespace lockstep::sim::explore
