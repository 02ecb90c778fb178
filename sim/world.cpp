#include "sim/world.hpp"
#include "core/base/assert.hpp"
#include "sim/hash.hpp"
#include "sim/machines.hpp"
#include "sim/record_copies.hpp"
#include <algorithm>

namespace lockstep::sim {
namespace {
struct CoreAsserted {
  std::string what;
};
// An assertion of the core is a bug found: it ends the run, not the program.
[[noreturn]] void on_assert(const char* expression, const char* file, int line) {
  throw CoreAsserted{std::string(file) + ":" + std::to_string(line) + ": " + expression};
}
constexpr std::uint64_t most_steps_in_an_instant = 50'000;

std::optional<Verb> verb_of_word(std::string word) {
  std::replace(word.begin(), word.end(), '_', ' '); // a word of a plan has no space
  return verb_of(word);
}
} // namespace

World::World(const Plan& plan, bool verbose, Sabotage sabotage, Observer* observer)
    : plan_(plan), weather_(plan_), links_(plan_, queue_, weather_), arbiter_(plan_, queue_, weather_), oracles_(plan_, queue_, trace_),
      around_{plan_, queue_, weather_, links_, arbiter_, trace_, oracles_, sabotage} {
  trace_.verbose = verbose, trace_.observer = observer;
  for (NodeIndex n = 0; n < 2; ++n) {
    hosts_[n] = std::make_unique<Host>(n, around_);
    apps_[n] = std::make_unique<App>(plan_, queue_, oracles_, *hosts_[n], operations_);
  }
  oracles_.attach(*hosts_[0], *hosts_[1], arbiter_);
  arbiter_.on_change = [this](const Arbiter::Change& c) { oracles_.key_changed(c); };
}

void World::start_again(NodeIndex n, Duration after) {
  queue_.at(queue_.now() + after, n, [this, n, phase = phase_] {
    if (phase != phase_) return; // who was to start it has gone home
    auto& h = *hosts_[n];
    if (!h.powered()) h.power_on();
    if (!h.running()) h.command(Verb::start, "at boot time");
  });
}

void World::happens(const Event& e) {
  if (is_fault(e.what)) ++trace_.counts.faults;
  ++trace_.counts.injected[static_cast<std::size_t>(e.what)];
  auto& h = *hosts_[e.node < 2 ? e.node : 0];
  trace_.line(queue_.now(), 2, [&] { return print(e); });
  if (trace_.observer) trace_.observer->fault(queue_.now(), e);
  switch (e.what) {
  case What::reset:
    oracles_.connection_reset();
    links_.reset();
    break;
  case What::arbiter_emptied: arbiter_.emptied(); break;
  case What::arbiter_deleted: arbiter_.deleted(); break;
  case What::arbiter_saved: arbiter_.saved(); break;
  case What::arbiter_restored: arbiter_.restored(); break;
  case What::crash:
  case What::kill:
  case What::crash_on:
  case What::kill_on:
    h.on_down = [this, n = e.node, down = e.length] {
      if (down.ns) start_again(n, down);
    };
    if (e.what == What::crash || e.what == What::kill) h.crash_after(e.number, e.what == What::kill);
    else h.lie_in_wait({e.effect, {}, e.what == What::kill_on});
    break;
  case What::pause: h.pause(weather_.end_of(e)); break;
  case What::lose_record:
  case What::lose_identity:
    h.power_off();
    if (e.what == What::lose_record) h.disk().state.record.reset();
    else h.disk().lose_identity();
    oracles_.record_lost(h);
    start_again(e.node, seconds(1));
    break;
  case What::snapshot: h.disk().take_snapshot(); break;
  case What::restore:
  case What::restore_data:
  case What::restore_var:
    if (!h.disk().snapshot) break;
    h.power_off();
    if (e.what == What::restore) h.disk().restore();
    else if (e.what == What::restore_data) h.disk().restore_data();
    else h.disk().restore_var();
    oracles_.restored(h);
    start_again(e.node, seconds(1));
    break;
  case What::freeze: h.freeze(weather_.end_of(e)); break;
  case What::clock_rate:
    h.clock_rate(e.number);
    queue_.at(weather_.end_of(e), e.node, [&h] {
      if (!h.frozen()) h.clock_rate(1000);
    });
    break;
  case What::checker_down:
    h.say_checker();
    queue_.at(weather_.end_of(e), e.node, [&h] { h.say_checker(); });
    break;
  case What::rot_record:
    h.power_off();
    h.disk().state.record = after_rot(h.disk().state.record, hash_of(plan_.seed, e.node, e.at.ns, 52), oracles_);
    start_again(e.node, seconds(1));
    break;
  case What::stray: h.meets_stray(); break;
  case What::rot_log: h.disk().state.set_readable = false; break;
  case What::wall_jump: h.jump_wall(e.by); break;
  case What::full:
    for (auto t = queue_.now(); t < weather_.end_of(e); t = t + seconds(1)) queue_.at(t, e.node, [&h] { h.say_space(true); });
    queue_.at(weather_.end_of(e), e.node, [&h] { h.say_space(false); });
    break;
  case What::command_on:
    if (auto v = verb_of_word(e.word)) h.lie_in_wait({e.effect, *v, false});
    else oracles_.violated(oracle::expected, "\"" + e.word + "\" is not a command");
    break;
  case What::command:
    if (auto v = verb_of_word(e.word)) h.command(*v, "root");
    else oracles_.violated(oracle::expected, "\"" + e.word + "\" is not a command");
    break;
  case What::write:
    if (!apps_[0]->perform(e.word) && !apps_[1]->perform(e.word))
      oracles_.violated(oracle::expected, "no application could do \"" + e.word + "\"");
    break;
  default: break; // the weather
  }
}

void World::expect(const Expectation& x) {
  auto& h = *hosts_[x.node];
  auto fail = [&](const std::string& is) {
    oracles_.violated(oracle::expected, "line " + std::to_string(x.line) + ": expected " + x.word + ", found " + is);
  };
  std::string role = "STOP NotReady";
  NodeView v;
  if (h.running()) v = h.node()->view(), role = std::string(role_name(v.role)) + " " + sub_name(v.sub);
  switch (x.kind) {
  case Expectation::role:
    if (role.rfind(x.word, 0) != 0) fail(role + " (" + v.wait.why + ")");
    break;
  case Expectation::wait:
    if (v.wait.kind == Wait::none || std::string(rule_name(v.wait.rule)) != x.word) fail(role + " waiting by " + rule_name(v.wait.rule) + ": " + v.wait.why);
    break;
  case Expectation::not_serving:
    if (v.serving || h.vip_up()) fail("it serves");
    break;
  case Expectation::equal: {
    auto d = difference(hosts_[0]->disk().files.now(), hosts_[1]->disk().files.now());
    if (!d.empty()) fail(d);
    break;
  }
  case Expectation::rule:
    if (!oracles_.saw(x.word)) fail("it never fired");
    break;
  case Expectation::no_rule:
    if (oracles_.saw(x.word)) fail("it fired");
    break;
  case Expectation::file: {
    auto path = x.word.substr(0, x.word.find(' '));
    auto want = x.word.substr(path.size());
    auto& t = h.disk().files.now();
    Key at = root_key(0);
    for (std::size_t from = 0; from <= path.size();) {
      auto slash = std::min(path.find('/', from), path.size());
      at = t.entry(at, path.substr(from, slash - from));
      from = slash + 1;
    }
    auto o = t.find(at);
    std::string is = at.none() || !o ? " missing" : " " + std::to_string(t.version(at, 0));
    if (is != want) fail(path + is);
    break;
  }
  }
}

void World::schedule() {
  for (NodeIndex n = 0; n < 2; ++n) {
    queue_.at(Instant{0}, n, [this, n] { hosts_[n]->power_on(); });
    if (plan_.operator_starts) queue_.at(Instant{0} + seconds(1), n, [this, n] { hosts_[n]->command(Verb::start, "at boot time"); });
    hosts_[n]->on_exit = [this, n] { // somebody stopped it: somebody starts it again, later
      if (plan_.operator_starts && !plan_.stays_stopped) start_again(n, ms(pick(hash_of(plan_.seed, n, ++restarts_, 71), 500, 20'000)));
    };
  }
  if (plan_.operator_starts) queue_.at(Instant{0} + seconds(2), 0, [this] { hosts_[0]->command(Verb::prim, "root"); });
  for (auto& e : plan_.events) queue_.at(Instant{e.at.ns}, e.node, [this, &e] { happens(e); });
  for (auto& x : plan_.expectations) queue_.at(Instant{x.at.ns}, 2, [this, &x] { expect(x); });
  queue_.at(Instant{plan_.heal.ns}, 2, [this] { repair(); });
}

void World::repair() {
  repaired_ = true;
  oracles_.healed();
  trace_.line(queue_.now(), 2, [] { return "heal"; });
  if (trace_.observer) trace_.observer->healed(queue_.now());
  for (NodeIndex n = 0; n < 2; ++n) {
    hosts_[n]->forget_plans(); // faults end here, also one that was to strike after so many effects
    hosts_[n]->on_exit = [this, n] { start_again(n, seconds(1)); };
    hosts_[n]->on_down = [this, n] { start_again(n, seconds(1)); };
    start_again(n, ms(500 + 700 * n));
  }
}

bool World::advance(Instant until) {
  Instant at = queue_.now();
  std::uint64_t since = queue_.steps();
  while (!oracles_.violation() && queue_.step(until)) {
    if (queue_.now() != at) at = queue_.now(), since = queue_.steps();
    else if (queue_.steps() - since > most_steps_in_an_instant) oracles_.violated(oracle::busy, "no time passes any more");
  }
  return !oracles_.violation();
}

void World::liveness_phase() {
  for (bool asked = false;; asked = true) {
    if (!become_pair()) return;
    if (oracles_.paired()) break;
    auto reason = oracles_.legitimate_wait();
    if (reason.empty() || asked) return stuck();
    waited_ = reason;
    if (plan_.mode == Mode::etcd) return;
    operator_decides();
  }
  oracles_.at_rest();
  drill();
}

// From heal on the pair forms by itself and lasts; what a slow disk had queued before may still break it once. A node that waits
// for an operator for a minute and tells a true reason will go on waiting. False: an oracle spoke.
bool World::become_pair() {
  auto deadline = queue_.now() + plan_.liveness;
  do {
    for (int named = 0; named < 60;) {
      if (!advance(queue_.now() + seconds(1))) return false;
      if (oracles_.paired() || queue_.now() >= deadline) break;
      named = oracles_.waits_for_operator() && !oracles_.legitimate_wait().empty() ? named + 1 : 0;
    }
    for (auto& x : plan_.expectations) {
      if (x.at.ns > queue_.now().ns && !advance(Instant{x.at.ns} + ms(1))) return false;
    }
    if (!oracles_.paired()) return true;
    if (!come_to_rest()) return false;
    if (oracles_.paired()) return true;
    for (auto& a : apps_) a->resume();
  } while (queue_.now() < deadline);
  oracles_.violated(oracle::live, "the pair did not last");
  return false;
}

void World::stuck() {
  std::string is;
  for (auto& h : hosts_) {
    is += h->index() ? "; b " : "a ";
    if (!h->running()) {
      is += "STOP";
      continue;
    }
    auto v = h->node()->view();
    is += std::string(role_name(v.role)) + " " + sub_name(v.sub) + " (" + rule_name(v.wait.rule) + " " + v.wait.why + ")";
  }
  oracles_.violated(oracles_.waits_for_operator() ? oracle::L7 : oracle::live, is);
}

// What the sentence of a named wait asks for: the node with the best copy serves, the other one gives its own up.
void World::operator_decides() {
  auto best = oracles_.best_copy();
  auto &source = *hosts_[best], &target = *hosts_[1 - best];
  auto& r = source.disk().state.record;
  if (target.running() && target.node()->waiting().kind == Wait::aside_failed) target.command(Verb::stop, "root"); // there is room now
  bool serves = source.running() && role_serves(source.node()->role());
  if (!serves) source.command(r && r->state == Freshness::inconsistent ? Verb::primforce : Verb::prim, "root");
  for (int i = 0; i < 60 && !oracles_.violation(); ++i) {
    if (!advance(queue_.now() + seconds(1))) return;
    if (target.running() && target.node()->role() == Role::second) break;
    bool ready = source.running() && role_serves(source.node()->role()) && source.node()->sub() == Sub::ready;
    if (i >= 20 && ready && oracles_.waits_for_operator()) {
      target.command(Verb::second_fullsync, "root");
      break;
    }
  }
  oracles_.count_changes();
}

// The repaired pair does its work: one node dies, stops, or hands over, the other serves in time, and both are a pair again.
void World::drill() {
  if (oracles_.violation() || oracles_.failover_was_off() || !plan_.expectations.empty() || plan_.mode == Mode::etcd) return;
  auto kind = hash_of(plan_.seed, 113) % 4;
  auto prim = role_serves(hosts_[0]->node()->role()) ? 0 : 1;
  auto &first = *hosts_[prim], &second = *hosts_[1 - prim];
  Duration longest{};
  for (auto& n : plan_.networks) longest = std::max(longest, n.timeout);
  first.on_exit = second.on_exit = first.on_down = second.on_down = nullptr;
  ++phase_;
  oracles_.count_changes();
  trace_.line(queue_.now(), 2, [&] { return "drill " + std::to_string(kind); });
  auto& serves = kind == 3 ? first : second;
  if (kind == 0) first.power_off();
  else if (kind == 3) second.power_off();
  else first.command(kind == 1 ? Verb::stop : Verb::swap, "root");
  if (!advance(queue_.now() + longest + seconds(10))) return;
  if (!serves.serves()) return oracles_.violated(oracle::L2, std::string(serves.index() ? "b" : "a") + " does not serve after the drill");
  if (kind == 1 && first.running()) return oracles_.violated(oracle::L5, "a stop of the primary of a healthy pair takes longer than its takeover");
  for (NodeIndex n = 0; n < 2; ++n) start_again(n, ms(100));
  for (int i = 0; i < 60 && !oracles_.paired(); ++i) {
    if (!advance(queue_.now() + seconds(1))) return;
  }
  if (!oracles_.paired()) return stuck();
  if (advance(queue_.now() + seconds(8))) oracles_.at_rest();
}

// A while of ordinary work on the repaired pair, then nothing in flight.
bool World::come_to_rest() {
  if (!advance(queue_.now() + seconds(5))) return false;
  for (auto& a : apps_) a->stop();
  for (int i = 0; i < 60 && !(apps_[0]->idle() && apps_[1]->idle()); ++i) {
    if (!advance(queue_.now() + seconds(1))) return false;
  }
  if (!apps_[0]->idle() || !apps_[1]->idle()) oracles_.violated(oracle::L4, "an operation of the application is never answered");
  return advance(queue_.now() + seconds(8));
}

Outcome World::run() {
  set_assert_hook(on_assert);
  try {
    schedule();
    if (advance(Instant{plan_.heal.ns})) liveness_phase();
  } catch (const CoreAsserted& a) {
    oracles_.violated(oracle::asserted, a.what);
  }
  trace_.counts.simulated_ns = queue_.now().ns;
  return {oracles_.violation(), waited_, trace_.hash, trace_.counts};
}

Outcome run_plan(const Plan& p, bool verbose, Sabotage s, Observer* o) { return World(p, verbose, s, o).run(); }

} // namespace lockstep::sim
