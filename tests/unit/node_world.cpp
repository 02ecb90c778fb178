#include "tests/unit/node_world.hpp"
#include <stdexcept>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <iostream>
#include <utility>

namespace lockstep::test {
namespace {
const char* freshness(Freshness f) {
  const char* names[] = {"own", "shared", "outdated", "inconsistent"};
  return names[static_cast<int>(f)];
}
const char* why(Why w) {
  const char* names[] = {"", "boot", "goodbye", "resynced", "yield", "failover-off", "consent", "resync", "operator"};
  return names[static_cast<int>(w)];
}
std::string order_name(const MirrorOrder& o) {
  const char* names[] = {"LoadSet", "PrepareAlone", "GoAlone", "Unprepare", "ServeResync", "FollowResync",
                         "Pair",    "Ready",        "Break",   "Permit",    "Quiesce",     "HandOver"};
  std::string s = names[o.index()];
  if (auto* f = std::get_if<order::FollowResync>(&o)) s += f->session.full ? " full" : " delta";
  if (auto* f = std::get_if<order::ServeResync>(&o)) s += f->session.full ? " full" : " delta";
  if (auto* q = std::get_if<order::Quiesce>(&o)) s += q->fail_held ? " fail held" : "";
  return s;
}
} // namespace

World::World(std::function<void(NodeConfig&)> tune) {
  for (int i = 0; i < 2; ++i) {
    auto& c = hosts[i].config;
    c.name = "node" + std::to_string(i + 1), c.peer_name = "node" + std::to_string(2 - i),
    c.index = static_cast<std::uint32_t>(i);
    c.networks = {{"default", "flow", ms(200), seconds(3), true}};
    c.module.rfs.emplace();
    c.module.rfs->directories.push_back({.dir = "/data"});
    c.module.user.emplace();
    VipInterface vip;
    vip.addresses.push_back({.addr = "10.0.0.9"});
    c.module.vip.interfaces = {vip};
    c.config_digest = 1;
    if (tune) tune(c);
    boot(i);
  }
}

World::~World() {
  if (std::getenv("LOCKSTEP_TRACE"))
    for (auto& line : trace) std::cerr << line << "\n";
}

void World::boot(int i) {
  auto& h = hosts[i];
  Boot b;
  b.record = h.record;
  b.record_state = h.record ? RecordState::present : RecordState::blank;
  b.record_damaged = h.record_damaged;
  b.fresh_uid = {1, 100 + static_cast<std::uint64_t>(i) + (h.record ? 0 : 10 * boots)};
  b.dirs_uid = h.dirs_uid, b.dirs_ok = h.dirs_ok, b.dirs_empty = h.dirs_empty;
  if (!h.dirs_ok) b.dirs_problem = "/data is not mounted";
  ++h.incarnation, ++boots;
  h.node = std::make_unique<Node>(h.config, b, 1000 + boots, now);
  h.source.reset(), h.target.reset(), h.equal.reset();
  h.permit = {0, Instant::distant_past()};
}

void World::pause(int i, Duration d) {
  note(i, "PAUSE");
  hosts[i].asleep_until = now + d;
}

void World::command(int i, Verb v, std::string who, std::string identity) {
  later(i, {}, nin::Operator{{next_command++, v, std::move(who), std::move(identity)}});
  run({});
}

void World::crash(int i) {
  note(i, "CRASH");
  boot(i);
  hosts[i].vip = false;
}

std::string World::state(int i) const {
  auto v = hosts[i].node->view();
  return std::string(role_name(v.role)) + " " + sub_name(v.sub);
}

void World::note(int i, std::string line) {
  char at[32];
  std::snprintf(at, sizeof at, "%8.3f ", static_cast<double>(now.ns - seconds(1000).ns) / 1e9);
  trace.push_back((std::getenv("LOCKSTEP_TRACE") ? at : "") + ("node" + std::to_string(i + 1)) + " " + std::move(line));
}

void World::later(int i, Duration d, decltype(NodeInput::what) what) {
  queue.emplace(now + delay(d), Pending{i, hosts[i].incarnation, {now, 0, std::move(what)}});
}

void World::feed(int i, decltype(NodeInput::what) what) {
  NodeEffects effects;
  NodeInput input{now, now.ns / 1'000'000'000, std::move(what)};
  if (auto b = checked_step(*hosts[i].node, input, effects)) throw std::logic_error(told(*b));
  carry_out(i, std::move(effects));
}

void World::run(Duration d) {
  auto end = now + d;
  for (int steps = 0;; ++steps) {
    BOOST_REQUIRE_MESSAGE(steps < 200000, "the nodes never come to rest");
    auto next = queue.empty() ? Instant::never() : queue.begin()->first;
    int waker = -1;
    for (int i = 0; i < 2; ++i)
      if (auto t = hosts[i].node->next_deadline(); lockstep::later(t, hosts[i].asleep_until) < next)
        next = lockstep::later(t, hosts[i].asleep_until), waker = i;
    if (next > end) break;
    now = lockstep::later(now, next);
    if (waker >= 0)
      feed(waker, nin::Wake{});
    else {
      auto p = std::move(queue.begin()->second);
      queue.erase(queue.begin());
      if (p.life != hosts[p.host].incarnation) continue;
      if (now < hosts[p.host].asleep_until)
        queue.emplace(hosts[p.host].asleep_until, std::move(p));
      else
        feed(p.host, std::move(p.input.what));
    }
  }
  now = end;
}

void World::mirror(int i, const MirrorOrder& order) {
  auto& h = hosts[i];
  if (auto* p = std::get_if<order::Permit>(&order)) h.permit = *p;
  bool ends = std::holds_alternative<order::Quiesce>(order) || std::holds_alternative<order::HandOver>(order) ||
              std::holds_alternative<order::PrepareAlone>(order);
  if (ends) h.permit.until = Instant::distant_past();
  if (!std::holds_alternative<order::Permit>(order)) note(i, "mirror " + order_name(order));
  if (!h.mirror_answers) return;
  auto say = [&](Duration d, MirrorSaid s) { later(i, d, nin::Mirror{std::move(s)}); };
  if (std::holds_alternative<order::PrepareAlone>(order)) say(ms(5), said::AloneReady{{}, true});
  if (std::holds_alternative<order::Quiesce>(order) || std::holds_alternative<order::HandOver>(order)) {
    h.source.reset(), h.target.reset();
    say(ms(5), said::Quiesced{{}, true});
  }
  if (auto* s = std::get_if<order::ServeResync>(&order)) h.source = s->session;
  if (auto* s = std::get_if<order::FollowResync>(&order)) h.target = s->session;
  if (std::holds_alternative<order::Break>(order)) h.source.reset(), h.target.reset();
  sessions();
}

// A copy takes half a second once both ends take part in the same one.
void World::sessions() {
  for (int t = 0; t < 2; ++t) {
    auto &target = hosts[t], &source = hosts[1 - t];
    if (!target.target || target.target != source.source || cuts[0][1] || cuts[1][0]) continue;
    later(1 - t, ms(400), nin::Mirror{said::SourceDrained{*source.source, {}}});
    later(t, ms(500), nin::Mirror{said::EqualAt{*target.target, {}}});
    target.target.reset();
  }
}

void World::ask_arbiter(int i, const nfx::AskArbiter& q) {
  auto name = [](const std::optional<Generation>& g) { return g ? "g" + std::to_string(g->counter) : std::string("nothing"); };
  std::string line = q.put ? "asks the arbiter for " + name(q.put) + " instead of " + name(q.expected) : "reads the arbiter's key";
  nin::ArbiterAnswer a;
  a.ticket = q.ticket;
  if (!hosts[i].arbiter) {
    if (std::exchange(hosts[i].asked, line) != line) note(i, line + ": no answer"); // said once
    a.problem = "10.0.0.1:2379 does not answer";
    return later(i, seconds(1), a);
  }
  hosts[i].asked.clear();
  auto& s = arbiter;
  bool lost = s.answers_lost && q.put;
  bool swaps = q.put && s.key == q.expected;
  if (swaps) s.key = q.put, ++s.revision;
  a.says = swaps ? nin::ArbiterSays::swapped : s.key ? nin::ArbiterSays::holds : nin::ArbiterSays::absent;
  if (s.key) a.value = *s.key;
  a.revision = s.revision;
  note(i, line + (swaps ? ": done" : ": holds " + name(s.key)) + (lost ? ", the answer is lost" : ""));
  if (lost) a = {.ticket = q.ticket, .problem = "10.0.0.1:2379 does not answer"};
  later(i, s.takes, a);
}

void World::carry_out(int i, NodeEffects effects) {
  auto& h = hosts[i];
  for (auto& e : effects) {
    if (auto* x = std::get_if<nfx::SendBeat>(&e)) {
      if (!cuts[i][1 - i] && !lose() && !(mute_goodbye && x->beat.goodbye != Goodbye::none)) {
        auto back = decode_beat(encode(x->beat).data(), encode(x->beat).size());
        BOOST_REQUIRE(back.has_value());
        later(1 - i, ms(1), nin::BeatIn{x->network, *back});
      }
    } else if (auto* x = std::get_if<nfx::Persist>(&e)) {
      if (h.persist_fails || (!h.perfect_disk && lose())) {
        later(i, ms(1), nin::Persisted{x->ticket, false, "no space left on device"});
        continue;
      }
      auto before = h.record.value_or(Record{});
      h.record = x->record;
      if (before.state != x->record.state || before.g != x->record.g || before.why != x->record.why)
        note(i, "record " + std::string(freshness(x->record.state)) + " g" + std::to_string(x->record.g.counter) +
                    (x->record.why == Why::none ? "" : std::string(" (") + why(x->record.why) + ")"));
      later(i, ms(1), nin::Persisted{x->ticket, true, ""});
    } else if (auto* x = std::get_if<nfx::MarkDirs>(&e)) {
      h.dirs_uid = x->uid;
      note(i, "directories marked");
      later(i, ms(1), nin::MountDone{x->ticket, true, ""});
    } else if (auto* x = std::get_if<nfx::SetAside>(&e)) {
      note(i, "set aside");
      later(i, ms(20), nin::AsideDone{x->ticket, !h.aside_fails, h.aside_fails ? "2 GiB do not fit" : ""});
    } else if (auto* x = std::get_if<nfx::RunScript>(&e)) {
      std::string line = x->name;
      for (auto& a : x->args) line += " " + a;
      h.scripts.push_back(line);
      note(i, "script " + line);
      auto known = h.script_time.find(x->name);
      later(i, known == h.script_time.end() ? ms(10) : known->second, nin::ScriptDone{x->ticket, 0, false});
    } else if (auto* x = std::get_if<nfx::KillScript>(&e)) {
      note(i, "kill script");
      later(i, ms(1), nin::ScriptDone{x->ticket, 137, false});
    } else if (auto* x = std::get_if<nfx::AskWitness>(&e)) {
      note(i, "ask witness");
      later(i, ms(10), nin::WitnessAnswer{x->ticket, h.witness});
    } else if (auto* x = std::get_if<nfx::AskArbiter>(&e)) {
      ask_arbiter(i, *x);
    } else if (auto* x = std::get_if<nfx::MountFor>(&e)) {
      const char* kinds[] = {"plain", "read-only", "replicated"};
      note(i, std::string("directory ") + kinds[static_cast<int>(x->kind)]);
      h.mount = x->kind;
      later(i, ms(2), nin::MountDone{x->ticket, true, ""});
    } else if (auto* x = std::get_if<nfx::RaiseVip>(&e)) {
      if (!h.vip) note(i, "address up");
      h.vip = true, h.vip_until = x->until;
      later(i, ms(2), nin::VipDone{x->ticket, true, ""});
    } else if (auto* x = std::get_if<nfx::DropVip>(&e)) {
      if (h.vip) note(i, "address down");
      h.vip = false;
      later(i, ms(2), nin::VipDone{x->ticket, true, ""});
    } else if (auto* x = std::get_if<nfx::ToMirror>(&e)) {
      mirror(i, x->order);
    } else if (std::get_if<nfx::WatchProcesses>(&e)) {
    } else if (auto* x = std::get_if<nfx::Answer>(&e)) {
      h.answers[x->id] = *x;
      if (!x->ok) note(i, "refused: " + x->sentence);
    } else if (auto* x = std::get_if<nfx::Log>(&e)) {
      bool told = x->level != 'I' && x->level != 'S' && x->message.compare(0, 9, "Resource ") != 0;
      if (told) note(i, "log " + x->message);
    } else if (std::get_if<nfx::Tell>(&e)) {
    } else if (auto* x = std::get_if<nfx::Exit>(&e)) {
      note(i, (x->restart ? "EXIT restart: " : "EXIT: ") + x->reason);
      ++h.exits, h.restart = x->restart;
      boot(i);
      if (x->restart && keep_restarting) later(i, ms(100), nin::Operator{{0, Verb::start, "automatically", ""}});
      return;
    }
  }
}

void World::pair() {
  start(0, Verb::prim);
  run(seconds(3));
  start(1);
  run(seconds(8));
  BOOST_REQUIRE_EQUAL(state(0), "PRIM Ready");
  BOOST_REQUIRE_EQUAL(state(1), "SECOND Ready");
}

} // namespace lockstep::test
