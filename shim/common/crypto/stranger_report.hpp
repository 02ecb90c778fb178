// What strangers send is counted and told in one sentence: the first at once, then a summary at most once a minute.
#pragma once
#include "core/base/time.hpp"
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace lockstep {

class StrangerReport {
 public:
  using Sink = std::function<void(const std::string& sentence)>;
  explicit StrangerReport(Sink sink) : sink_(std::move(sink)) {}

  // `make()` gives the sentence; called only when it is due. A sentence about others than the one at hand is prefixed
  // by how many were refused since the last report.
  template <class Make>
  void note(Instant now, Make make) {
    ++total_, ++since_;
    if (total_ > 1 && now < next_) return;
    next_ = now + seconds(60);
    if (sink_)
      sink_(since_ > 1 ? "refused " + std::to_string(since_) + " in the last minutes, the latest: " + make() : make());
    since_ = 0;
  }
  std::uint64_t total() const { return total_; }

 private:
  Sink sink_;
  Instant next_ = Instant::distant_past();
  std::uint64_t total_ = 0, since_ = 0;
};

} // namespace lockstep
