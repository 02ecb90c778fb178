#include "sim/host.hpp"
#include "sim/judged.hpp"
#include "core/base/assert.hpp"
#include "sim/describe.hpp"
#include "sim/machines.hpp"
#include "sim/oracles.hpp"
#include "sim/record_copies.hpp"
#include <algorithm>

namespace lockstep::sim {

Host::Host(NodeIndex index, const Surroundings& s)
    : index_(index), plan_(s.plan), queue_(s.queue), weather_(s.weather), links_(s.links), arbiter_(s.arbiter), trace_(s.trace), oracles_(s.oracles), sabotage_(s.sabotage),
      disk_(replicated_dirs) {
  fresh_uid_ = {hash_of(plan_.seed, index, 31), hash_of(plan_.seed, index, 32)};
  attach_links();
}

std::uint64_t Host::chance(std::uint64_t salt) { return hash_of(plan_.seed, index_, salt, ++chances_); }

Duration Host::disk_time(Instant start, std::int64_t low_us, std::int64_t high_us) {
  Duration d = us(pick(chance(1), low_us, high_us));
  if (auto e = weather_.on_node(What::slow_disk, index_, start)) d = d + Duration{pick(chance(2), 0, e->by.ns)};
  return d;
}
Instant Host::disk_start(Instant free) const {
  auto start = later(free, queue_.now());
  while (auto e = weather_.on_node(What::hung_disk, index_, start)) start = weather_.end_of(*e);
  return start;
}

void Host::attach_links() {
  Links::End end;
  end.powered = [this] { return powered_; };
  end.listening = [this] { return running() && !paused(); };
  end.beat = [this](std::uint32_t network, std::shared_ptr<const Beat> b) {
    if (!running()) return;
    later_here({}, [this, network, b = std::move(b)] {
      oracles_.beat_heard(*this, network, *b);
      bool loses = sabotage_ == Sabotage::deaf && index_ == 1 && queue_.now() > Instant{0} + seconds(20);
      if (!loses) to_node(nin::BeatIn{network, *b});
    });
  };
  end.connected = [this] {
    later_here({}, [this] { to_mirror(in::Connected{}); });
  };
  end.disconnected = [this](const std::string& why) {
    later_here({}, [this, why] { to_mirror(in::Disconnected{why}); });
  };
  end.frame = [this](Frame&& f, std::shared_ptr<const Content> c) {
    later_here({}, [this, f = std::move(f), c = std::move(c)]() mutable { to_mirror(in::FromPeer{std::move(f), c ? keep(c) : Payload{}}); });
  };
  links_.attach(index_, std::move(end));
}

void Host::pause(Instant until) {
  if (!running()) return;
  paused_until_ = later(paused_until_, until);
  trace_.happened(queue_.now(), *this, index_, Happening::paused, [] { return "paused"; });
  queue_.at(paused_until_ + ns(1), index_, [this, life = life_] {
    if (life != life_ || paused()) return;
    trace_.happened(queue_.now(), *this, index_, Happening::resumed, [] { return "runs again"; });
    run_held_back();
  });
}
void Host::clock_rate(std::int64_t per_mille) {
  clock_base_ = clock(), world_base_ = queue_.now(), rate_ = per_mille;
}
void Host::freeze(Instant until) {
  if (!running()) return;
  clock_rate(0);
  queue_.at(until, index_, [this, life = power_life_] {
    if (life == power_life_) clock_rate(1000);
  });
  pause(until);
}
void Host::say_space(bool full) {
  auto bytes = full ? std::uint64_t{1} << 20 : std::uint64_t{1} << 40;
  later_here({}, [this, bytes] { to_mirror(in::Space{bytes, bytes >> 12}); });
}
// As Tree::lookup gives it a key and notes it for in::Differs.
void Host::meets_stray() {
  if (!running()) return;
  Key key{hash_of(plan_.seed, index_, 13) | 1, ++strays_};
  Op made, written;
  made.kind = OpKind::create, made.dir = root_key(0), made.object = key, made.mode = 0644;
  made.name = std::string("stray-") + (index_ ? "b" : "a") + std::to_string(strays_);
  written.kind = OpKind::write, written.object = key, written.length = unit_size;
  Content content{{hash_of(key.minter, key.counter) | 1}, {}};
  carry_out(disk_.files, made, nullptr, false, {});
  carry_out(disk_.files, written, &content, false, {});
  auto marks = touched_by(made);
  disk_.state.stray.add(marks);
  later_here({}, [this, marks] { to_mirror(in::Differs{marks}); });
}
void Host::say_checker() {
  later_here(ms(1), [this] { to_node(nin::CheckerSaid{std::string("intf.") + watched_interface, !weather_.on_node(What::checker_down, index_, queue_.now()), {}}); });
}
void Host::run_held_back() {
  auto held = std::exchange(held_back_, {});
  auto life = life_;
  for (auto& f : held) {
    if (life == life_) f();
  }
}

void Host::power_on() {
  if (powered_) return;
  powered_ = true;
  ++power_life_;
  clock_base_ = Instant{0} + seconds(pick(hash_of(plan_.seed, index_, power_life_, 41), 1, 100)), world_base_ = queue_.now(), rate_ = 1000;
  trace_.happened(queue_.now(), *this, index_, Happening::power_on, [] { return "power on"; });
}

void Host::power_off() {
  if (!powered_) return;
  trace_.happened(queue_.now(), *this, index_, Happening::power_off, [] { return "power off"; });
  stop_process();
  auto h = hash_of(plan_.seed, index_, power_life_, 51);
  disk_.files.crash(h);
  if (record_in_flight_) disk_.state.record = after_torn_write(disk_.state.record, *record_in_flight_, h, oracles_);
  for (std::size_t i = 0, n = log_in_flight_.empty() ? 0 : mix64(h) % (log_in_flight_.size() + 1); i < n; ++i) {
    auto& [rewrite, set] = log_in_flight_[i];
    if (rewrite) disk_.state.set = set, disk_.state.set_readable = true;
    else disk_.state.set.add(set);
  }
  record_in_flight_.reset(), log_in_flight_.clear();
  powered_ = application_ = vip_ = false;
  mount_ = MountKind::plain;
  oracles_.after_crash(*this);
  if (on_application_lost) on_application_lost();
  if (on_down) on_down();
}

void Host::kill_process() {
  if (!running()) return;
  trace_.happened(queue_.now(), *this, index_, Happening::killed, [] { return "process killed"; });
  stop_process();
  // What was handed to the kernel is carried out.
  if (record_in_flight_) disk_.state.record = record_in_flight_;
  for (auto& [rewrite, set] : log_in_flight_) {
    if (rewrite) disk_.state.set = set, disk_.state.set_readable = true;
    else disk_.state.set.add(set);
  }
  record_in_flight_.reset(), log_in_flight_.clear();
  oracles_.after_kill(*this);
  if (on_application_lost) on_application_lost();
  if (on_down) on_down();
}

void Host::stop_process() {
  ++life_;
  node_.reset(), mirror_.reset();
  script_.reset(), held_back_.clear(), open_.clear(), payloads_.clear();
  paused_until_ = Instant::distant_past();
  effects_to_crash_ = 0;
  record_free_ = log_free_ = executor_free_ = flush_free_ = queue_.now();
  exiting_ = false;
  links_.forget(index_);
}

void Host::crash_after(std::int64_t effects, bool kill) {
  crash_is_kill_ = kill;
  if (effects > 0 && running()) effects_to_crash_ = effects;
  else if (kill) kill_process();
  else power_off();
}

void Host::lie_in_wait(Ambush a) {
  std::replace(a.effect.begin(), a.effect.end(), '_', ' '); // a word of a plan has no space
  ambushes_.push_back(std::move(a));
}

template <class Effect>
bool Host::ambushed(const Effect& e) {
  std::string name = effect_name(e), words;
  for (auto a = ambushes_.begin(); a != ambushes_.end(); ++a) {
    if (a->effect.compare(0, name.size(), name) != 0 && name.compare(0, a->effect.size(), a->effect) != 0) continue; // words are dear
    if (words.empty()) words = describe(e) + " ";
    if (words.compare(0, a->effect.size(), a->effect) != 0) continue;
    auto found = *a;
    ambushes_.erase(a);
    if (found.command) queue_.at(queue_.now(), index_, [this, verb = *found.command] { command(verb, "root"); });
    else crash_is_kill_ = found.kill;
    return !found.command;
  }
  return false;
}

bool Host::one_more_effect() {
  if (effects_to_crash_ == 0 || --effects_to_crash_ > 0) return true;
  return false;
}

void Host::start_process(const Command* first) {
  LOCKSTEP_ASSERT(powered_ && !running());
  ++life_;
  set_aside = false;
  if (!disk_.state.record) { // a lost record: the next start draws a new identity
    fresh_uid_ = {hash_of(plan_.seed, index_, life_, 33), hash_of(plan_.seed, index_, life_, 34)};
  }
  auto boot = what_a_start_finds(disk_, fresh_uid_, wall());
  incarnation_ = {boot.record ? boot.record->incarnation.value + 1 : 1};
  keys_ = 0;
  trace_.happened(queue_.now(), *this, index_, Happening::started, [&] { return "start, incarnation " + std::to_string(incarnation_.value); });
  auto seed = hash_of(plan_.seed, index_, life_, 61);
  mirror_ = std::make_unique<Mirror>(mirror_config(plan_, uid(), incarnation_), hash_of(seed, 1), clock());
  node_ = std::make_unique<Node>(node_config(plan_, index_), boot, hash_of(seed, 2), clock());
  node_facts_ = node_->facts(), mirror_facts_ = mirror_->facts();
  node_wake_ = mirror_wake_ = Instant::never();
  disk_.state.set.add(std::exchange(disk_.state.stray, {}));
  auto load = set_to_load(disk_.state);
  if (!disk_.state.set_readable) disk_.state.set = load.pending, disk_.state.set_readable = true; // written anew (data T26)
  step_mirror({clock(), in::Order{std::move(load)}});
  oracles_.started(*this);
  if (!node_config(plan_, index_).module.check.intf.empty()) say_checker();
  if (first) to_node(nin::Operator{*first});
}

void Host::command(Verb verb, const std::string& who) {
  if (!powered_) return;
  Command c;
  c.id = ++commands_, c.verb = verb, c.who = who;
  trace_.line(queue_.now(), index_, [&] { return std::string("command ") + verb_name(verb) + " by " + who; });
  oracles_.operator_said(*this, verb);
  if (running()) later_here({}, [this, c] { to_node(nin::Operator{c}); });
  else if (starts(verb)) start_process(&c);
}

// One step of either machine: its effects in order, a crash possible after each. False: it crashed.
template <class Effects, class Machine, class Facts, class Input>
bool Host::step_machine(Machine& machine, Facts& facts, const Input& input, Effects& effects, const char* arrow, const char* indent, std::size_t kind) {
  LOCKSTEP_ASSERT(!stepping_);
  stepping_ = true;
  trace_.line(queue_.now(), index_, [&] { return arrow + describe(input); });
  effects.clear();
  if (auto b = checked_step(machine, facts, input, effects); b && invariants_judge) oracles_.violated(*b->invariant, name_of(*this) + ": " + b->what);
  ++trace_.counts.steps;
  bool lives = true;
  std::size_t carried = 0;
  for (auto& e : effects) {
    trace_.mix(queue_.now().ns, index_, kind + e.index(), summary(e));
    trace_.line(queue_.now(), index_, [&] { return indent + describe(e); });
    std::visit([&](const auto& x) { carry(x); }, e);
    ++carried;
    bool struck = !ambushes_.empty() && ambushed(e);
    if ((lives = !struck && one_more_effect())) continue;
    if (trace_.observer) trace_.observer->struck(*this, kind == 0, e.index(), carried);
    break;
  }
  stepping_ = false;
  if (trace_.observer) trace_.observer->stepped(queue_.now(), *this, input, effects, carried);
  return lives;
}

// Two cores that answer each other let time pass, by microseconds; nothing else makes a Node step so often.
void Host::watch_busy() {
  if (queue_.now() >= busy_since_ + ms(100)) busy_since_ = queue_.now(), busy_steps_ = 0;
  if (++busy_steps_ == 1500) oracles_.violated(oracle::busy, "the Node of " + name_of(*this) + " took 1500 steps in 100 ms");
}

void Host::step_node(NodeInput&& input) {
  watch_busy();
  if (!step_machine(*node_, node_facts_, input, node_effects_, "> ", "    ", 0)) return crash_is_kill_ ? kill_process() : power_off();
  if (exiting_) {
    bool again = exit_restart_;
    stop_process();
    trace_.happened(queue_.now(), *this, index_, Happening::exited, [] { return "the process ends"; });
    oracles_.exited(*this);
    if (on_application_lost) on_application_lost();
    if (again) {
      queue_.at(queue_.now() + ms(100), index_, [this, life = life_] {
        if (life == life_ && powered_ && !running()) command(Verb::start, "automatically");
      });
    } else if (on_exit) on_exit();
    return;
  }
  wake_at(node_->next_deadline(), true);
  oracles_.after_step(*this);
}

void Host::step_mirror(MirrorInput&& input) {
  if (!step_machine(*mirror_, mirror_facts_, input, mirror_effects_, "} ", "      ", 100)) return crash_is_kill_ ? kill_process() : power_off();
  wake_at(mirror_->next_deadline(), false);
  oracles_.after_step(*this);
}

void Host::wake_at(Instant deadline, bool of_node) {
  auto& planned = of_node ? node_wake_ : mirror_wake_;
  if (deadline == planned || deadline == Instant::never()) {
    planned = deadline;
    return;
  }
  planned = deadline;
  auto in = later(deadline, clock()) - clock();
  if (rate_ > 0) in = Duration{in.ns / rate_ * 1000 + in.ns % rate_ * 1000 / rate_ + (rate_ == 1000 ? 0 : 1)};
  later_here(in, [this, of_node, deadline] {
    auto& p = of_node ? node_wake_ : mirror_wake_;
    if (p != deadline) return; // another one was planned since
    p = Instant::distant_past();
    if (of_node) to_node(nin::Wake{});
    else to_mirror(in::Wake{});
  });
}

void Host::submit(std::uint64_t token, Op op, Content content) {
  open_.insert(token);
  auto payload = content.size() ? keep(std::move(content)) : Payload{};
  later_here(us(10), [this, token, op = std::move(op), payload]() mutable { to_mirror(in::Submit{token, std::move(op), payload}); });
}

void Host::fail_open() {
  auto open = std::exchange(open_, {});
  for (auto t : open) {
    if (on_complete) on_complete(t, err::io);
  }
}

} // namespace lockstep::sim
