// Per-decision randomness (dst 2.10): every choice of the simulated world is a hash of what it is about, never the next draw
// of a shared stream, so that taking one fault out of a plan does not reshuffle the rest.
#pragma once
#include "core/base/prng.hpp"
#include <cstdint>

namespace lockstep::sim {

template <class... Parts>
constexpr std::uint64_t hash_of(std::uint64_t seed, Parts... parts) {
  std::uint64_t h = mix64(seed);
  ((h = mix64(h ^ static_cast<std::uint64_t>(parts))), ...);
  return h;
}
// Uniform in [low, high].
constexpr std::int64_t pick(std::uint64_t h, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(mix64(h) % static_cast<std::uint64_t>(high - low + 1));
}
constexpr bool percent(std::uint64_t h, std::uint64_t p) { return mix64(h) % 100 < p; }

} // namespace lockstep::sim
