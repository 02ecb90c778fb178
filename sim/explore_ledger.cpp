#include "sim/explore_ledger.hpp"

namespace lockstep::sim::explore {

int Ledger::find(std::uint64_t nonce) const {
  for (std::size_t i = eras_.size(); i-- > 0;) {
    if (eras_[i].g.nonce == nonce) return static_cast<int>(i);
  }
  return -1;
}
const Era* Ledger::era(std::uint64_t nonce) const {
  auto i = find(nonce);
  return i < 0 ? nullptr : &eras_[static_cast<std::size_t>(i)];
}
Era* Ledger::era(std::uint64_t nonce) {
  auto i = find(nonce);
  return i < 0 ? nullptr : &eras_[static_cast<std::size_t>(i)];
}

void Ledger::minted(const Generation& g, std::uint8_t writer, const Generation& before) {
  Era e;
  e.g = g, e.writer = writer, e.parent = find(before.nonce);
  if (e.parent >= 0) {
    auto& p = eras_[static_cast<std::size_t>(e.parent)];
    bool takes_over = p.writer != writer;
    e.acknowledged = p.acknowledged, e.excused = p.excused;
    e.flushed = takes_over ? static_cast<Writes>(p.acknowledged & ~p.excused) : p.flushed; // data:D10: flushed before it served
    p.superseded = p.superseded || takes_over;
  }
  eras_.push_back(e);
}

void Ledger::acknowledge(Era& e, std::uint8_t write) {
  auto w = static_cast<Writes>(1u << write);
  e.acknowledged |= w, e.own |= w;
}

void Ledger::memory_lost(Era& e, Writes on_both, bool excuse) {
  if (excuse) e.excused |= static_cast<Writes>(e.acknowledged & ~e.flushed & ~on_both);
}

bool Ledger::descends(int e, int ancestor) const {
  for (; e >= 0; e = eras_[static_cast<std::size_t>(e)].parent) {
    if (e == ancestor) return true;
  }
  return false;
}

bool Ledger::forked(std::uint64_t a, std::uint64_t b) const {
  auto x = find(a), y = find(b);
  if (x < 0 || y < 0 || descends(x, y) || descends(y, x)) return false;
  auto &p = eras_[static_cast<std::size_t>(x)], &q = eras_[static_cast<std::size_t>(y)];
  return (p.acknowledged & ~p.excused & ~q.acknowledged) && (q.acknowledged & ~q.excused & ~p.acknowledged);
}

Writes Ledger::acknowledged() const {
  unsigned all = 0, excused = 0;
  for (auto& e : eras_) all |= e.acknowledged, excused |= e.excused;
  return static_cast<Writes>(all & ~excused);
}

} // namespace lockstep::sim::explore
