// What was sent, received or drained since the older of both durable checkpoints (data:D1, D2, D3), in memory. Kept as spans
// of the stream: a span is forgotten as a whole when both checkpoints have passed the last position noted in it.
#pragma once
#include "core/mirror/pending.hpp"
#include <deque>

namespace lockstep {

class Recent {
 public:
  void note(std::uint64_t seq, const PendingSet& touched);
  void cut();                           // later notes go into a span of their own
  bool release(std::uint64_t durable);  // forgets every span that ended at or before; true: something went
  void coarsen();                       // too many items: `everything`, still tied to the last position (data T27)
  void clear() { spans_.clear(), cut_ = true; }
  PendingSet all() const;
  template <class Predicate>
  bool any(Predicate of_set) const { // true for one of the spans' sets
    for (auto& s : spans_)
      if (of_set(s.items)) return true;
    return false;
  }
  std::size_t size() const;
  std::size_t spans() const { return spans_.size(); }
  bool empty() const { return spans_.empty(); }
  // As Mirror::walk.
  template <class Walker>
  void walk(Walker& w) const {
    w(cut_, spans_.size());
    for (const auto& span : spans_) w.seq(span.last), w(span.items);
  }

 private:
  struct Span {
    std::uint64_t last = 0;
    PendingSet items;
  };
  std::deque<Span> spans_;
  bool cut_ = true;
};

} // namespace lockstep
