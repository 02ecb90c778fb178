#include "sim/hash.hpp"
#include "sim/describe.hpp"
#include "sim/plan.hpp"
#include <algorithm>

namespace lockstep::sim {
namespace {

class Maker {
 public:
  Maker(std::uint64_t seed, Mode mode) : r_(hash_of(seed, static_cast<int>(mode), 77)) { plan_.seed = seed, plan_.mode = mode; }
  Plan run() {
    configuration();
    workload();
    quiet_end_ = seconds(20);
    fault_time_ = seconds(between(30, 120));
    choose_classes();
    auto faults = between(3, 12);
    while (faults-- > 0) fault();
    auto rare = hash_of(plan_.seed, static_cast<int>(plan_.mode), 78) % 150;
    if (rare == 0) both_half_copied();
    if (rare == 1 && plan_.mode == Mode::etcd) source_stands_still();
    plan_.heal = quiet_end_ + fault_time_ + seconds(20);
    plan_.liveness = seconds(240) + longest_timeout() * 6;
    std::stable_sort(plan_.events.begin(), plan_.events.end(), [](auto& x, auto& y) { return x.at < y.at; });
    return *parse_plan(print(plan_), "generated").plan; // the text is the plan
  }

 private:
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(r_.below(static_cast<std::uint64_t>(high - low + 1)));
  }
  Duration longest_timeout() const {
    Duration d{};
    for (auto& n : plan_.networks) d = std::max(d, n.timeout);
    return d;
  }
  void configuration() {
    plan_.networks.assign(static_cast<std::size_t>(between(1, 2)), Network{});
    for (auto& n : plan_.networks) {
      n.timeout = seconds(between(1, 10));
      n.pulse = ms(n.timeout.in_ms() / between(4, 10));
    }
    plan_.flow = static_cast<std::uint32_t>(r_.below(plan_.networks.size()));
    plan_.sync_on_second = r_.chance(1, 5);
    plan_.failover = !r_.chance(1, 25);
    if (r_.chance(1, 12)) plan_.memory = static_cast<std::uint32_t>(between(4, 100));
  }
  void workload() {
    auto& w = plan_.work;
    w.rate = static_cast<std::uint32_t>(between(5, 30));
    w.ops = static_cast<std::uint32_t>(between(200, 1500));
    w.files = static_cast<std::uint32_t>(between(2, 20));
    w.dirs = static_cast<std::uint32_t>(between(0, 6));
    for (auto& m : w.mix) {
      if (r_.chance(1, 3)) m = static_cast<std::uint32_t>(between(0, 30));
    }
    w.mix[0] += 2, w.mix[2] += 2; // something must exist, and be written
  }
  void choose_classes() {
    for (std::size_t i = 0; i < what_count; ++i) {
      auto w = static_cast<What>(i);
      bool of_arbiter = w >= What::arbiter_down && w <= What::arbiter_restored;
      bool offered = w != What::write && w != What::snapshot && w != What::arbiter_saved && (w != What::witness_down || plan_.mode == Mode::ping) &&
                     (!of_arbiter || plan_.mode == Mode::etcd) && w != What::restore_data && w != What::restore_var;
      if (w == What::arbiter_restored && offered && !r_.chance(1, 4)) offered = false; // much is excused from there on
      if (offered && r_.chance(1, 3)) classes_.push_back(w), weights_.push_back(static_cast<std::uint64_t>(between(1, 20)));
    }
    if (classes_.empty()) classes_.push_back(What::crash), weights_.push_back(1);
  }
  What draw() {
    std::uint64_t sum = 0;
    for (auto w : weights_) sum += w;
    auto x = r_.below(sum);
    for (std::size_t i = 0;; ++i) {
      if (x < weights_[i]) return classes_[i];
      x -= weights_[i];
    }
  }
  void add(Event e) { plan_.events.push_back(std::move(e)); }
  void fault() {
    Event e;
    e.what = draw();
    e.at = quiet_end_ + ms(between(0, fault_time_.in_ms()));
    e.node = static_cast<std::uint8_t>(r_.below(2)), e.other = 1 - e.node;
    e.length = r_.chance(1, 2) ? ms(between(1, 3000)) : ms(between(1, longest_timeout().in_ms() * 3));
    switch (e.what) {
    case What::cut: return cut(e);
    case What::delay: e.by = ms(between(1, 2000)), e.cls = any_class(), maybe_of_arbiter(e); break;
    case What::corrupt:
      e.number = between(1, 30), e.cls = any_class();
      break;
    case What::clock_rate: e.number = between(850, 1150); break;
    case What::wall_jump: e.by = seconds(between(1, 100'000)), e.length = {}; break;
    case What::loss:
    case What::reorder:
    case What::duplicate: e.number = between(5, 90), e.cls = Class::beats, maybe_of_arbiter(e); break;
    case What::clog: e.cls = any_class(), maybe_of_arbiter(e); break;
    case What::arbiter_slow: e.by = ms(between(1, 8000)); break;
    case What::arbiter_emptied:
    case What::arbiter_deleted: e.length = {}; break;
    case What::arbiter_restored: {
      auto s = e;
      s.what = What::arbiter_saved, s.at = ms(between(quiet_end_.in_ms() / 2, e.at.in_ms())), s.length = {};
      add(s);
      e.length = {};
      break;
    }
    case What::crash:
    case What::kill:
      e.number = r_.chance(1, 2) ? between(1, 60) : 0;
      if (r_.chance(1, 4)) { // both at once, or soon after each other
        auto second = e;
        second.node = e.other, second.at = e.at + ms(between(0, 3) * between(0, 500)), second.length = ms(between(100, 20000));
        add(second);
      }
      e.length = ms(between(100, 20000));
      break;
    case What::eio:
    case What::enospc: e.number = between(1, 100); break;
    case What::slow_disk: e.by = ms(between(1, 400)); break;
    case What::restore:
    case What::restore_data:
    case What::restore_var: {
      auto s = e;
      s.what = What::snapshot, s.at = ms(between(quiet_end_.in_ms() / 2, e.at.in_ms())), s.length = {};
      add(s);
      e.length = {};
      break;
    }
    case What::lose_record:
    case What::lose_identity:
    case What::rot_log:
    case What::rot_record:
    case What::stray:
    case What::reset: e.length = {}; break;
    case What::script_fails:
    case What::script_hangs: e.word = std::vector<std::string>{"start_prim", "stop_prim", "start_second", "stop_second", "prestart", "poststop", "transition"}[r_.below(7)]; break;
    case What::crash_on:
    case What::kill_on: e.effect = any_effect(), e.length = ms(between(100, 20000)); break;
    case What::command_on:
      e.effect = r_.chance(1, 2) ? any_state() : any_effect();
      [[fallthrough]];
    case What::command: {
      static const std::vector<std::string> verbs{"stop", "start", "swap", "restart", "stopstart", "prim", "second", "forcestop",
                                                  "failover_off", "failover_on", "stop", "swap"};
      e.word = verbs[r_.below(verbs.size())], e.length = {};
      break;
    }
    default: break;
    }
    add(e);
  }
  // Each node a half copy of the other, once with a restored disk: what needs this many things in one order is met by nobody's luck.
  void both_half_copied() {
    Event e;
    auto node = [&](std::uint8_t n) { e.node = n, e.other = 1 - n; };
    auto next = [&](What w, Duration length = {}) { e.what = w, e.length = length, add(e); };
    auto copies = [&](Duration down) { // the node crashes, and is back at a slow disk
      next(What::crash, down);
      e.at = e.at + down, e.by = ms(between(50, 400));
      next(What::slow_disk, seconds(10));
      e.at = e.at + ms(between(300, 4000));
    };
    auto first = static_cast<std::uint8_t>(r_.below(2));
    node(first), e.at = quiet_end_ + seconds(between(0, 10));
    copies(ms(between(500, 5000)));
    next(What::snapshot);
    node(1 - first), e.at = e.at + seconds(between(10, 25));
    copies(longest_timeout() + ms(between(500, 3000)));
    node(first), next(What::restore);
    fault_time_ = std::max(fault_time_, e.at - quiet_end_);
  }
  // A source has recorded the pair and stands still, its clock too, before it hears its SECOND confirm. That one takes the key, and of
  // what it says only that it acts comes through: the source is refused while its lease holds by its own clock. The times are of these networks.
  void source_stands_still() {
    for (auto& n : plan_.networks) n.timeout = seconds(10), n.pulse = seconds(1);
    Event e;
    auto source = static_cast<std::uint8_t>(r_.below(2)), target = static_cast<std::uint8_t>(1 - source);
    auto next = [&](What w, Duration at, Duration length) { e.what = w, e.at = at, e.length = length, add(e); };
    auto link = [&](std::uint8_t from, std::uint8_t to, Class c) { e.node = from, e.other = to, e.cls = c; };
    auto lost = quiet_end_ + seconds(between(0, 5)), back = lost + seconds(12), paired = back + seconds(8);
    auto still = paired + ms(3500), acts = still + seconds(10);
    link(target, source, Class::beats);
    next(What::crash, lost, back - lost);
    next(What::cut, back + seconds(1), ms(7500)); // that the target is equal is heard when this ends, and no more then
    next(What::cut, paired + ms(1700), acts + ms(between(500, 1200)) - paired - ms(1700));
    next(What::cut, acts + ms(1900), seconds(15));
    link(source, target, Class::beats);
    next(What::cut, paired, ms(1800)); // READY arrives after that
    next(What::freeze, still, ms(14500));
    link(target, 2, Class::arbiter), e.by = ms(1500);
    next(What::delay, still, seconds(20));
    fault_time_ = std::max(fault_time_, acts + seconds(17) - quiet_end_);
  }
  std::string any_effect() {
    auto i = r_.below(std::size(node_effects) + std::size(mirror_effects));
    auto mine = i < std::size(node_effects);
    return std::string(mine ? node_effects[i] : mirror_effects[i - std::size(node_effects)]) + "_"; // Send is not SendBeat
  }
  // The line that says that a state is reached, transient ones too: what a command meets there.
  std::string any_state() {
    static const std::vector<std::string> states{"WAIT_Transient", "WAIT_NotReady", "ALONE_Transient", "ALONE_Ready", "PRIM_Transient",
                                                 "PRIM_Ready",     "SECOND_Transient", "SECOND_Ready"};
    return "Log_E_heart_Local_state_" + states[r_.below(states.size())];
  }
  Class any_class() {
    static constexpr Class c[] = {Class::beat0, Class::beats, Class::stream, Class::all};
    return c[r_.below(4)];
  }
  // A link to or from the arbiter instead of the one between the nodes.
  void maybe_of_arbiter(Event& e) {
    if (plan_.mode != Mode::etcd || !r_.chance(1, 2)) return;
    e.cls = Class::arbiter, e.other = 2;
    if (r_.chance(1, 2)) std::swap(e.node, e.other);
  }
  // One node or both, one direction or both, for as long as the cut between the nodes or longer.
  void cut_from_arbiter(Event e) {
    e.cls = Class::arbiter, e.other = 2;
    for (std::uint8_t n = 0; n < 2; ++n) {
      if (!r_.chance(1, 3)) continue;
      e.node = n, e.other = 2;
      if (r_.chance(1, 2)) e.length = e.length * between(1, 3);
      bool there = r_.chance(2, 3);
      if (there) add(e);
      if (!there || r_.chance(1, 2)) std::swap(e.node, e.other), add(e);
    }
  }
  // None, one direction, one class, one network, isolation, the witness: the useful set is small enough to name.
  void cut(Event e) {
    e.cls = any_class();
    if (plan_.networks.size() > 1 && r_.chance(1, 4)) e.cls = Class::beat1;
    if (plan_.mode == Mode::etcd) cut_from_arbiter(e);
    if (plan_.mode == Mode::ping && r_.chance(1, 3)) { // isolated from the witness too
      auto w = e;
      w.other = 2, w.cls = Class::all;
      add(w);
    }
    add(e);
    if (r_.chance(2, 3)) std::swap(e.node, e.other), add(e);
  }

  Prng r_;
  Plan plan_;
  Duration quiet_end_, fault_time_;
  std::vector<What> classes_;
  std::vector<std::uint64_t> weights_;
};
} // namespace

Plan make_plan(std::uint64_t seed, Mode mode) { return Maker(seed, mode).run(); }

} // namespace lockstep::sim
