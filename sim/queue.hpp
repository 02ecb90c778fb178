// Virtual time: events in the total order (time, node, sequence). Nothing else moves the world.
#pragma once
#include "core/base/time.hpp"
#include "sim/pool.hpp"
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace lockstep::sim {

class Queue {
 public:
  Queue() = default;
  Queue(const Queue&) = delete;
  ~Queue() {
    for (auto& e : heap_) e.work->end(*e.work, pool_);
  }
  Instant now() const { return now_; }
  // `run` is called once, and never copied.
  template <class F>
  void at(Instant t, std::uint8_t node, F run) {
    auto* work = new (pool_.take(sizeof(WorkOf<F>))) WorkOf<F>{{&WorkOf<F>::go, &WorkOf<F>::finish}, std::move(run)};
    heap_.push_back({later(t, now_), std::uint64_t{node} << 56 | next_++, work});
    std::push_heap(heap_.begin(), heap_.end(), After{});
  }
  // Runs the next event if it is not after `limit`.
  bool step(Instant limit) {
    if (heap_.empty() || heap_.front().at > limit) return false;
    std::pop_heap(heap_.begin(), heap_.end(), After{});
    auto e = heap_.back();
    heap_.pop_back();
    now_ = e.at;
    ++steps_;
    auto end = [this](Work* w) { w->end(*w, pool_); };
    std::unique_ptr<Work, decltype(end)> held(e.work, end); // an assertion of the core throws
    held->run(*held);
    return true;
  }
  std::uint64_t steps() const { return steps_; }

 private:
  struct Work { // what is to be done, without its type; its memory belongs to the pool
    void (*run)(Work&);
    void (*end)(Work&, Pool&);
  };
  template <class F>
  struct WorkOf : Work {
    F f;
    static void go(Work& w) { static_cast<WorkOf&>(w).f(); }
    static void finish(Work& w, Pool& pool) {
      auto& me = static_cast<WorkOf&>(w);
      me.~WorkOf();
      pool.give(&me, sizeof(WorkOf));
    }
  };
  struct Entry { // small: a heap moves it about
    Instant at;
    std::uint64_t order; // node, then sequence
    Work* work;
  };
  struct After {
    bool operator()(const Entry& x, const Entry& y) const { return x.at != y.at ? x.at > y.at : x.order > y.order; }
  };
  Pool pool_;
  Instant now_{0};
  std::uint64_t next_ = 0, steps_ = 0;
  std::vector<Entry> heap_;
};

} // namespace lockstep::sim
