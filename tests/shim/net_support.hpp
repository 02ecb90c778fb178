// Running a loop until something happened, and the pieces that network tests share.
#pragma once
#include "shim/common/crypto/cluster_key.hpp"
#include "shim/common/net/loop.hpp"
#include "tests/shim/temporary.hpp"
#include <chrono>

namespace lockstep::test {

// Runs the loop until `happened()`, and says whether it did within 10 s: a limit for what hangs, not a delay.
template <class Pred>
bool run_until(Loop& loop, Pred happened) {
  auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!happened() && std::chrono::steady_clock::now() < limit) loop.run_for(ms(2));
  return happened();
}
// Gives what must *not* happen its chance.
inline void run_on(Loop& loop, Duration d = ms(50)) { loop.run_for(d); }

inline ClusterKey key_of(std::uint8_t fill) {
  ClusterKey::Secret s;
  s.fill(fill);
  return ClusterKey::from_secret(s);
}

} // namespace lockstep::test
