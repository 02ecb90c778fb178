#include "sim/shrink.hpp"
#include "sim/progress.hpp"
#include <algorithm>
#include <cstdio>
#include <tuple>

namespace lockstep::sim {
namespace {
std::uint64_t faults_of(const Plan& p) { return p.events.size(); }

// What makes one plan simpler than another, the most important first. Every step of the shrinker makes it less, so it ends.
auto size_of(const Plan& p) {
  std::int64_t times = p.heal.ns / 1'000'000;
  for (auto& e : p.events) times += (e.at + e.length).ns / 1'000'000;
  return std::tuple(p.events.size(), p.work.ops, print(p).size(), times);
}

std::vector<Duration> rounder(Duration d) {
  std::vector<Duration> v;
  for (auto unit : {seconds(10), seconds(1), ms(100), ms(10)}) {
    auto down = d.ns - d.ns % unit.ns;
    for (auto ns : {down, down + unit.ns}) {
      if (ns != d.ns) v.push_back(Duration{ns});
    }
  }
  return v;
}

class Shrinker {
 public:
  Shrinker(const Plan& p, const Fails& fails, double cpu) : fails_(fails), until_(cpu_seconds() + cpu) { done_.plan = p; }
  Shrunk run() {
    auto began = cpu_seconds();
    for (bool smaller = true; smaller && !late();) {
      smaller = fewer_faults();
      smaller = fewer_operations() || smaller;
      smaller = merged_faults() || smaller;
      smaller = usual_settings() || smaller;
      smaller = rounder_numbers() || smaller;
    }
    done_.finished = !late(), done_.cpu_seconds = cpu_seconds() - began;
    return done_;
  }

 private:
  using Effort = Shrunk::Effort;
  bool late() const { return cpu_seconds() >= until_; }
  const Plan& best() const { return done_.plan; }
  bool attempt(Effort& of, Plan p) {
    std::stable_sort(p.events.begin(), p.events.end(), [](auto& x, auto& y) { return x.at < y.at; });
    if (!(size_of(p) < size_of(best())) || late()) return false;
    ++of.runs;
    if (!fails_(p)) return false;
    ++of.kept;
    done_.plan = std::move(p);
    return true;
  }
  template <class Change>
  bool with(Effort& of, Change change) {
    auto p = best();
    change(p);
    return attempt(of, std::move(p));
  }

  bool fewer_faults() {
    bool any = false;
    for (auto size = std::max<std::size_t>(best().events.size() / 2, 1);; size /= 2) {
      for (std::size_t at = 0; at < best().events.size();) {
        auto p = best();
        p.events.erase(p.events.begin() + long(at), p.events.begin() + long(std::min(at + size, p.events.size())));
        if (attempt(done_.faults, std::move(p))) any = true;
        else at += size;
      }
      if (size <= 1) return any;
    }
  }
  // Two of a kind become one that lasts from the beginning of the first to the end of the last, on all classes if they differ in it.
  bool merged_faults() {
    bool any = false;
    for (std::size_t i = 0; i < best().events.size(); ++i) {
      for (std::size_t j = i + 1; j < best().events.size();) {
        auto p = best();
        auto& x = p.events[i];
        auto& y = p.events[j];
        bool alike = x.what == y.what && x.node == y.node && x.other == y.other && x.word == y.word;
        x.length = std::max(x.at + x.length, y.at + y.length) - x.at;
        x.number = std::max(x.number, y.number), x.by = std::max(x.by, y.by);
        if (x.cls != y.cls) x.cls = Class::all;
        p.events.erase(p.events.begin() + long(j));
        if (alike && attempt(done_.faults, std::move(p))) any = true;
        else ++j;
      }
    }
    return any;
  }
  // The workload is cut at its end: the smallest number between one that does not fail and one that does.
  bool fewer_operations() {
    bool any = with(done_.operations, [](Plan& p) { p.work.ops = 0; });
    for (std::uint32_t holds = 0; best().work.ops > holds + 1 && !late();) {
      auto half = holds + (best().work.ops - holds) / 2;
      if (with(done_.operations, [&](Plan& p) { p.work.ops = half; })) any = true;
      else holds = half;
    }
    return any;
  }
  bool usual_settings() {
    bool any = false;
    auto set = [&](auto change) { any = with(done_.settings, change) || any; };
    const Plan usual;
    set([&](Plan& p) { p.work.mix = usual.work.mix; });
    set([](Plan& p) { p.work.mix = {10, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; });
    for (std::size_t i = 0; i < mix_names.size(); ++i) set([i](Plan& p) { p.work.mix[i] = 0; });
    set([](Plan& p) { p.networks.resize(1), p.flow = 0; });
    for (std::size_t i = 0; i < best().networks.size(); ++i) {
      for (auto network : {Network{seconds(1), seconds(3)}, Network{seconds(1), seconds(10)}, usual.networks[0]})
        set([&](Plan& p) { p.networks[i] = network; });
    }
    set([](Plan& p) { p.sync_on_second = false; });
    set([](Plan& p) { p.failover = true; });
    set([](Plan& p) { p.stays_stopped = false; });
    set([&](Plan& p) { p.memory = usual.memory; });
    set([&](Plan& p) { p.wall_s = usual.wall_s, p.wall_jumps = false; });
    set([](Plan& p) { p.work.files = 1, p.work.dirs = 0; });
    set([](Plan& p) { p.work.rate = 1; });
    return any;
  }
  bool rounder_numbers() {
    bool any = false;
    auto set = [&](auto change) { return any = with(done_.numbers, change) || any; };
    for (std::uint64_t seed = 1; seed <= 3; ++seed) set([&](Plan& p) { p.seed = seed; });
    for (std::uint32_t rate : {10, 20}) set([&](Plan& p) { p.work.rate = rate; });
    auto halved = [](Duration d) { return Duration{d.ns / 2 - d.ns / 2 % seconds(1).ns}; };
    set([&](Plan& p) { // earlier, all together: fewer operations come before them
      for (auto& e : p.events) e.at = halved(e.at);
    });
    for (std::size_t i = 0; i < best().events.size(); ++i) {
      set([&](Plan& p) { p.events[i].at = halved(p.events[i].at); });
      for (auto d : rounder(best().events[i].at)) set([&](Plan& p) { p.events[i].at = d; });
      for (auto d : rounder(best().events[i].length)) set([&](Plan& p) { p.events[i].length = d; });
      for (auto d : rounder(best().events[i].by)) set([&](Plan& p) { p.events[i].by = d; });
      set([&](Plan& p) { p.events[i].length = Duration{p.events[i].length.ns / 2}; });
      for (std::int64_t number : {0, 1, 9, 50, 100}) set([&](Plan& p) { p.events[i].number = number; });
    }
    Duration last{};
    for (auto& e : best().events) last = std::max(last, e.at + e.length);
    for (auto d : rounder(last + seconds(10))) set([&](Plan& p) { p.heal = d; });
    for (auto d : rounder(best().heal)) set([&](Plan& p) { p.heal = d; });
    // Never a tighter limit than the usual one: it would fail by itself.
    set([&](Plan& p) { p.liveness = std::max(p.liveness, Plan{}.liveness); });
    return any;
  }

  const Fails& fails_;
  const double until_;
  Shrunk done_;
};
} // namespace

Fails fails_as(const Oracle& o) {
  return [name = std::string(o.name)](const Plan& p) {
    auto outcome = run_plan(p);
    return outcome.violation && outcome.violation->oracle->name == name;
  };
}

Shrunk shrink(const Plan& failing, const Fails& fails, double cpu_seconds) { return Shrinker(failing, fails, cpu_seconds).run(); }

std::string told(const Plan& before, const Shrunk& s) {
  char line[400];
  auto n = [](std::uint64_t v) { return static_cast<unsigned long long>(v); };
  std::snprintf(line, sizeof line,
                "shrunk from %llu faults to %llu in %llu runs, from %llu operations to %llu in %llu; settings %llu of %llu, numbers %llu of %llu "
                "made simpler; %.1f CPU seconds%s\n",
                n(faults_of(before)), n(faults_of(s.plan)), n(s.faults.runs), n(before.work.ops), n(s.plan.work.ops), n(s.operations.runs),
                n(s.settings.kept), n(s.settings.runs), n(s.numbers.kept), n(s.numbers.runs), s.cpu_seconds,
                s.finished ? "" : ", then the time was up (--shrink SECONDS gives it more)");
  return line;
}

} // namespace lockstep::sim
