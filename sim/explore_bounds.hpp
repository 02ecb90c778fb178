// Words for the bounds of an exploration.
#pragma once
#include "sim/explore.hpp"

namespace lockstep::sim::explore {

inline Budget budget(int cuts, int crashes, int stuns, int operations) {
  Budget b;
  b.cuts = static_cast<std::uint8_t>(cuts), b.crashes = static_cast<std::uint8_t>(crashes);
  b.stuns = static_cast<std::uint8_t>(stuns), b.operations = static_cast<std::uint8_t>(operations);
  return b;
}
inline Bounds bounds(ArbiterMode mode, Budget b) {
  Bounds x;
  x.mode = mode, x.budget = b;
  return x;
}
inline Bounds calm(Bounds b) { // symmetric cuts; the witness answers one side of each
  b.one_way = false, b.witness = Witness::one;
  return b;
}
inline Bounds whole_cuts(Bounds b) {
  b.one_way = false;
  return b;
}
inline Bounds one_sided(Bounds b) {
  b.witness = Witness::one;
  return b;
}
inline Bounds until(Findings f, Bounds b) {
  b.enough = f;
  return b;
}
inline Bounds fine(Bounds b) {
  b.grain = Grain::fine;
  return b;
}
inline Bounds late(int delays, Bounds b) {
  b.budget.delays = static_cast<std::uint8_t>(delays);
  return b;
}
inline Bounds silent(int silences, Bounds b) {
  b.budget.silences = static_cast<std::uint8_t>(silences);
  return b;
}
inline Bounds counted(Bounds b) {
  b.power_excused = false;
  return b;
}

} // namespace lockstep::sim::explore
