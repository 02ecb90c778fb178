#include "sim/shrink.hpp"
#include <algorithm>

namespace lockstep::sim {
namespace {
class Shrinker {
 public:
  Shrinker(Plan p, const Oracle& o, int attempts) : best_(std::move(p)), oracle_(o), left_(attempts) {}
  Plan run() {
    for (bool smaller = true; smaller && left_ > 0;) {
      smaller = drop_events();
      smaller = fewer_operations() || smaller;
      smaller = simpler() || smaller;
    }
    return best_;
  }

 private:
  bool fails(const Plan& p) {
    if (left_-- <= 0) return false;
    auto o = run_plan(p);
    if (!o.violation || std::string(o.violation->oracle->name) != oracle_.name) return false;
    best_ = p;
    return true;
  }
  bool drop_events() {
    bool any = false;
    for (auto size = std::max<std::size_t>(best_.events.size() / 2, 1);; size /= 2) {
      for (std::size_t at = 0; at < best_.events.size();) {
        auto p = best_;
        p.events.erase(p.events.begin() + long(at), p.events.begin() + long(std::min(at + size, p.events.size())));
        if (fails(p)) any = true;
        else at += size;
      }
      if (size <= 1) return any;
    }
  }
  bool fewer_operations() {
    bool any = false;
    for (auto p = best_; p.work.ops > 0;) {
      p.work.ops /= 2;
      if (!fails(p)) break;
      any = true;
    }
    return any;
  }
  bool simpler() {
    bool any = false;
    auto attempt = [&](auto change) {
      auto p = best_;
      change(p);
      if (!(p == best_) && fails(p)) any = true;
    };
    attempt([](Plan& p) { p.sync_on_second = false; });
    attempt([](Plan& p) { p.work.mix = {10, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; });
    attempt([](Plan& p) { p.work.files = 1, p.work.dirs = 0; });
    attempt([](Plan& p) { p.networks.resize(1), p.flow = 0; });
    for (std::size_t i = 0; i < best_.work.mix.size(); ++i) attempt([i](Plan& p) { p.work.mix[i] = 0; });
    for (std::size_t i = 0; i < best_.events.size(); ++i) attempt([i](Plan& p) { p.events[i].length = p.events[i].length / 2; });
    return any;
  }

  Plan best_;
  const Oracle& oracle_;
  int left_;
};
} // namespace

Plan shrink(const Plan& failing, const Oracle& o, int attempts) { return Shrinker(failing, o, attempts).run(); }

} // namespace lockstep::sim
