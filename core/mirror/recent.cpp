#include "core/mirror/recent.hpp"

namespace lockstep {

void Recent::note(std::uint64_t seq, const PendingSet& touched) {
  if (cut_ || spans_.empty()) spans_.emplace_back();
  cut_ = false;
  auto& span = spans_.back();
  span.last = seq;
  if (!span.items.everything) span.items.add(touched);
}

void Recent::cut() { cut_ = true; }

bool Recent::release(std::uint64_t durable) {
  bool any = false;
  while (!spans_.empty() && spans_.front().last <= durable) spans_.pop_front(), any = true;
  return any;
}

void Recent::coarsen() {
  if (spans_.empty()) return;
  Span all;
  all.last = spans_.back().last;
  all.items.everything = true;
  spans_.clear();
  spans_.push_back(std::move(all));
}

PendingSet Recent::all() const {
  PendingSet s;
  for (auto& span : spans_) s.add(span.items);
  return s;
}

std::size_t Recent::size() const {
  std::size_t n = 0;
  for (auto& span : spans_) n += span.items.size();
  return n;
}

} // namespace lockstep
