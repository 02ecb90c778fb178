// Virtual time: events in the total order (time, node, sequence). Nothing else moves the world.
#pragma once
#include "core/base/time.hpp"
#include <algorithm>
#include <functional>
#include <vector>

namespace lockstep::sim {

class Queue {
 public:
  Instant now() const { return now_; }
  void at(Instant t, std::uint8_t node, std::function<void()> run) {
    heap_.push_back({later(t, now_), node, next_++, std::move(run)});
    std::push_heap(heap_.begin(), heap_.end(), After{});
  }
  // Runs the next event if it is not after `limit`.
  bool step(Instant limit) {
    if (heap_.empty() || heap_.front().at > limit) return false;
    std::pop_heap(heap_.begin(), heap_.end(), After{});
    auto e = std::move(heap_.back());
    heap_.pop_back();
    now_ = e.at;
    ++steps_;
    e.run();
    return true;
  }
  std::uint64_t steps() const { return steps_; }

 private:
  struct Entry {
    Instant at;
    std::uint8_t node;
    std::uint64_t sequence;
    std::function<void()> run;
  };
  struct After {
    bool operator()(const Entry& x, const Entry& y) const {
      return std::tie(x.at, x.node, x.sequence) > std::tie(y.at, y.node, y.sequence);
    }
  };
  Instant now_{0};
  std::uint64_t next_ = 0, steps_ = 0;
  std::vector<Entry> heap_;
};

} // namespace lockstep::sim
