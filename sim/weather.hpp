// What the plan's faults mean at a moment: a pure function of (plan, time), so that a fault needs no start and stop event.
// Every fault ends at plan.heal.
#pragma once
#include "sim/hash.hpp"
#include "sim/plan.hpp"
#include <bitset>

namespace lockstep::sim {

using NodeIndex = std::uint8_t; // 0: a, 1: b, 2: the witness

class Weather {
 public:
  explicit Weather(const Plan& p) : plan_(p) {
    for (auto& e : p.events) planned_.set(static_cast<std::size_t>(e.what));
  }
  bool matches(Class of_event, Class of_packet) const {
    if (of_event == Class::all || of_event == of_packet) return true;
    return of_event == Class::beats && (of_packet == Class::beat0 || of_packet == Class::beat1);
  }
  Instant end_of(const Event& e) const { return Instant{std::min((e.at + e.length).ns, plan_.heal.ns)}; }
  bool holds(const Event& e, Instant now) const { return now.ns >= e.at.ns && now < end_of(e); }

  const Event* on_link(What w, NodeIndex from, NodeIndex to, Class c, Instant now) const {
    if (!is_planned(w)) return nullptr;
    for (auto& e : plan_.events) {
      if (e.what == w && e.node == from && e.other == to && matches(e.cls, c) && holds(e, now)) return &e;
    }
    return nullptr;
  }
  const Event* on_node(What w, NodeIndex n, Instant now) const {
    if (!is_planned(w)) return nullptr;
    for (auto& e : plan_.events) {
      if (e.what == w && e.node == n && holds(e, now)) return &e;
    }
    return nullptr;
  }
  const Event* anywhere(What w, Instant now) const {
    if (!is_planned(w)) return nullptr;
    for (auto& e : plan_.events) {
      if (e.what == w && holds(e, now)) return &e;
    }
    return nullptr;
  }
  // The first moment from `t` on at which neither a cut nor a clog holds the link.
  Instant open_at(NodeIndex from, NodeIndex to, Class c, Instant t) const {
    for (bool again = true; again;) {
      again = false;
      for (auto w : {What::cut, What::clog}) {
        if (auto e = on_link(w, from, to, c, t)) t = end_of(*e), again = true;
      }
    }
    return t;
  }
  bool open(NodeIndex from, NodeIndex to, Class c, Instant t) const { return !on_link(What::cut, from, to, c, t); }

 private:
  bool is_planned(What w) const { return planned_.test(static_cast<std::size_t>(w)); }
  const Plan& plan_;
  std::bitset<what_count> planned_; // most plans have few kinds of faults, and every packet asks for all
};

} // namespace lockstep::sim
