#include "sim/explore_world.hpp"
#include "core/base/assert.hpp"
#include "sim/explore_machine.hpp"
#include "sim/machines.hpp"
#include <algorithm>

namespace lockstep::sim::explore {

std::uint64_t Census::alive = 0;

World::World() : now(Instant{} + seconds(1000)), machines{Shared<Machine>(Machine{}), Shared<Machine>(Machine{})} {}

namespace {
bool works(const World& w, NodeIndex n) { return w.machines[n]->running() && !w.machines[n]->stunned; }
bool beat_can_arrive(const World& w, NodeIndex from) { return w.beat[from] && !w.cut[from] && works(w, 1 - from); }
bool frame_can_arrive(const World& w, NodeIndex from) {
  return !w.stream[from].empty() && !w.cut[from] && works(w, 1 - from) && w.stream[from].front()->connection == w.connection[1 - from];
}
bool linkable(const World& w) { return works(w, 0) && works(w, 1) && !w.cut[0] && !w.cut[1]; }

// What must happen before time passes: nothing of it is later than its pulse.
void due(const World& w, std::vector<Choice>& out) {
  for (NodeIndex n = 0; n < 2; ++n) {
    auto from = static_cast<NodeIndex>(1 - n);
    if (beat_can_arrive(w, from)) out.push_back({Act::beat, from});
    if (frame_can_arrive(w, from)) out.push_back({Act::frame, from});
    if (!works(w, n)) continue;
    auto& m = *w.machines[n];
    if (m.writing) out.push_back({Act::persisted, n});
    if (m.question) out.push_back({Act::answered, n});
    if (m.wake_due) out.push_back({Act::wake, n});
  }
}

void cuts(const World& w, const Bounds& b, std::vector<Choice>& out) {
  if (w.left.cuts == 0) return;
  if (!b.one_way && (w.unheard[0] || w.unheard[1]) && works(w, 0) && works(w, 1)) return;
  std::uint8_t sides = b.witness == Witness::one && !w.cut[0] && !w.cut[1] ? 2 : 1; // chosen when the cut begins
  for (std::uint8_t side = 0; side < sides; ++side) {
    auto variant = [side](int which) { return static_cast<std::uint8_t>(which * 2 + side); };
    if (b.one_way && !w.cut[0]) out.push_back({Act::cut, 0, variant(0)});
    if (b.one_way && !w.cut[1]) out.push_back({Act::cut, 0, variant(1)});
    if (b.symmetric && !w.cut[0] && !w.cut[1]) out.push_back({Act::cut, 0, variant(2)});
  }
}

void crashes(const World& w, NodeIndex n, std::vector<Choice>& out) {
  auto& m = *w.machines[n];
  bool dirty = !m.disk.files.clean(), writing = m.writing.has_value();
  bool under_way = w.beat[n] || !w.stream[n].empty();
  for (std::uint8_t v = 0; v < 8; ++v) {
    if ((v & 1 && !dirty) || (v & 2 && !writing) || (v & 4 && !under_way)) continue;
    out.push_back({Act::crash, n, v});
  }
}

// What may come between any two things that are due.
void interruptions(const World& w, const Bounds& b, std::vector<Choice>& out) {
  cuts(w, b, out);
  for (NodeIndex n = 0; n < 2; ++n) {
    auto& m = *w.machines[n];
    if (w.late[n] && !w.cut[n] && works(w, 1 - n)) out.push_back({Act::late_beat, n});
    if (w.left.delays && w.beat[n] && !w.late[n] && !w.cut[n]) out.push_back({Act::delay, n});
    if (w.left.crashes && m.running()) crashes(w, n, out);
    if (!w.left.silences || !m.question || !works(w, n)) continue;
    out.push_back({Act::answer_lost, n});
    if (m.question->put) out.push_back({Act::question_late, n});
  }
  for (std::uint8_t i = 0; i < w.orphans.size(); ++i) out.push_back({Act::orphan, 0, i});
}

// What changes what comes next, and nothing that is under way: coarse, only when nothing is.
void beginnings(const World& w, const Bounds& b, std::vector<Choice>& out) {
  for (NodeIndex n = 0; n < 2; ++n) {
    auto& m = *w.machines[n];
    if (w.cut[n] && (b.one_way || n == 0)) out.push_back({Act::heal, n});
    if (!m.running()) out.push_back({Act::start, n});
    else if (m.stunned) out.push_back({Act::resume, n});
    else {
      if (w.left.stuns) out.push_back({Act::stun, n});
      if (w.left.operations && m.mount == MountKind::replicate && m.open.empty()) out.push_back({Act::write, n});
      if (w.left.commands) out.push_back({Act::command, n, 0}), out.push_back({Act::command, n, 1});
    }
  }
}
} // namespace

// Whose business a due choice is.
static NodeIndex receiver(const Choice& c) { return c.act == Act::beat || c.act == Act::frame ? 1 - c.node : c.node; }

std::vector<Choice> choices(const World& w, const Bounds& b) {
  std::vector<Choice> out;
  due(w, out);
  if (out.empty()) out.push_back({Act::tick});
  auto others = [&](const Choice& c) { return receiver(c) != w.turn; };
  if (b.grain == Grain::coarse && !std::all_of(out.begin(), out.end(), others)) std::erase_if(out, others);
  bool at_rest = out[0].act == Act::tick;
  interruptions(w, b, out);
  if (at_rest || b.grain == Grain::fine) beginnings(w, b, out);
  return out;
}

namespace {
nin::ArbiterAnswer ask(World& w, const Question& q) {
  nin::ArbiterAnswer a;
  a.ticket = q.ticket;
  if (q.put && w.key == q.expected) {
    w.key = q.put, ++w.revision;
    a.says = nin::ArbiterSays::swapped;
  } else if (w.key) a.says = nin::ArbiterSays::holds, a.value = *w.key;
  else a.says = nin::ArbiterSays::absent;
  a.revision = w.revision;
  return a;
}

// A connection whose partner is gone or unreachable ends within a pulse; both sides dial as soon as they can reach each other.
void keep_connection(World& w, const Bounds& b, Transcript* t) {
  for (NodeIndex n = 0; n < 2; ++n) {
    if (w.connection[n] == 0 || !works(w, n)) continue;
    if (w.cut[0] || w.cut[1] || w.connection[1 - n] != w.connection[n]) Work(w, b, n, t).lose_connection("connection reset");
  }
  for (auto& s : w.stream) {
    std::erase_if(s, [&](auto& p) { return p->connection != w.connection[0] && p->connection != w.connection[1]; });
  }
  if (w.connection[0] || w.connection[1] || !linkable(w)) return;
  w.connection[0] = w.connection[1] = ++w.connections;
  for (NodeIndex n = 0; n < 2; ++n) Work(w, b, n, t).to_mirror(in::Connected{});
}

void tick(World& w, const Bounds& b, Transcript* t) {
  w.now = w.now + pulse;
  for (NodeIndex n = 0; n < 2; ++n) {
    auto& m = w.machines[n];
    if (b.frozen && m->stunned) m.own().behind = m->behind + pulse;
    if (w.cut[n] || !w.machines[1 - n]->running()) w.beat[n].reset();
  }
  keep_connection(w, b, t);
  for (NodeIndex n = 0; n < 2; ++n) {
    if (!works(w, n)) continue;
    Work work(w, b, n, t);
    work.to_node(nin::Wake{});
    work.to_mirror(in::Wake{});
  }
}

void deliver_frame(World& w, const Bounds& b, NodeIndex from, Transcript* t) {
  auto p = w.stream[from].front();
  w.stream[from].erase(w.stream[from].begin());
  Work work(w, b, 1 - from, t);
  work.to_mirror(in::FromPeer{p->frame, p->content ? work.keep(*p->content) : Payload{}});
}

void crash(World& w, const Bounds& b, const Choice& c, Transcript* t) {
  --w.left.crashes;
  Work(w, b, c.node, t).crash(c.variant & 1, c.variant & 2);
  if (c.variant & 4) w.beat[c.node].reset(), w.stream[c.node].clear();
}

void cut(World& w, const Choice& c) {
  --w.left.cuts;
  if (!w.cut[0] && !w.cut[1]) w.witness_side = c.variant & 1;
  auto which = c.variant / 2;
  if (which != 1) w.cut[0] = true;
  if (which != 0) w.cut[1] = true;
}

void change(World& w, const Bounds& b, const Choice& c, Transcript* t) {
  auto n = c.node;
  auto& m = w.machines[n];
  switch (c.act) {
  case Act::beat: w.unheard[n] = false; return Work(w, b, 1 - n, t).to_node(nin::BeatIn{0, *std::exchange(w.beat[n], nullptr)});
  case Act::late_beat: return Work(w, b, 1 - n, t).to_node(nin::BeatIn{0, *std::exchange(w.late[n], nullptr)});
  case Act::frame: return deliver_frame(w, b, n, t);
  case Act::persisted: return Work(w, b, n, t).persisted();
  case Act::wake: {
    m.own().wake_due = false;
    Work work(w, b, n, t);
    work.to_node(nin::Wake{});
    return work.to_mirror(in::Wake{});
  }
  case Act::answered:
  case Act::answer_lost: {
    auto q = *std::exchange(m.own().question, std::nullopt);
    auto a = ask(w, q);
    if (c.act == Act::answer_lost) --w.left.silences, a = {}, a.ticket = q.ticket, a.problem = "no answer";
    return Work(w, b, n, t).to_node(a);
  }
  case Act::question_late: {
    --w.left.silences;
    auto q = *std::exchange(m.own().question, std::nullopt);
    w.orphans.push_back(q);
    nin::ArbiterAnswer a;
    a.ticket = q.ticket, a.problem = "no answer";
    return Work(w, b, n, t).to_node(a);
  }
  case Act::orphan: {
    auto q = w.orphans[c.variant];
    w.orphans.erase(w.orphans.begin() + c.variant);
    ask(w, q);
    return;
  }
  case Act::tick: return tick(w, b, t);
  case Act::write: --w.left.operations; return Work(w, b, n, t).submit(w.submitted++);
  case Act::delay: --w.left.delays; w.late[n] = std::exchange(w.beat[n], nullptr); return;
  case Act::cut: return cut(w, c);
  case Act::heal:
    w.cut[n] = false;
    if (!b.one_way) w.cut[1 - n] = false, w.unheard = {true, true};
    return;
  case Act::crash: return crash(w, b, c, t);
  case Act::start: return Work(w, b, n, t).start(m->stopped ? "root" : "at boot time");
  case Act::stun: --w.left.stuns; m.own().stunned = true; return;
  case Act::resume: m.own().stunned = false, m.own().wake_due = true; return;
  case Act::command: {
    --w.left.commands;
    Command x;
    x.verb = c.variant ? Verb::swap : Verb::stop, x.who = "root";
    return Work(w, b, n, t).to_node(nin::Operator{x});
  }
  }
}

// ---------------------------------------------------------------- judging
void judge(World& w, Transcript* t) {
  auto found = [&](Finding f, int n, const std::string& what) {
    w.found |= bit(f);
    if (t) t->line(w, n, std::string("** ") + name(f) + ": " + what);
  };
  std::array<bool, 2> service{};
  for (NodeIndex n = 0; n < 2; ++n) {
    bool serves = w.serves(n);
    service[n] = serves || w.address(n);
    if (!serves) continue;
    auto& m = *w.machines[n];
    auto& r = m.disk.state.record;
    auto era = r ? w.ledger.era(r->g.nonce) : nullptr;
    if (!era) continue;
    auto has = writes_in(m.disk.files.now());
    if (era->acknowledged & ~era->excused & ~has) found(Finding::S3, n, "serves without a write that was acknowledged in its own line of generations");
    if (w.ledger.acknowledged() & ~has) found(Finding::stale, n, "serves without an acknowledged write");
    if (r->state == Freshness::inconsistent) found(Finding::S10, n, "serves while it is recorded as inconsistent");
  }
  if (service[0] && service[1]) found(Finding::dual, 2, "both nodes serve");
}

// A green pair without anything under way has equal trees.
void judge_pair(World& w, Transcript* t) {
  auto &a = *w.machines[0], &b = *w.machines[1];
  if (!a.running() || !b.running() || !a.mirror->ready() || !b.mirror->ready() || !a.mirror->linked() || !b.mirror->linked()) return;
  if (!w.stream[0].empty() || !w.stream[1].empty() || !a.mirror->in_flight().empty() || !b.mirror->in_flight().empty()) return;
  if (digest(a.disk.files.now()) == digest(b.disk.files.now())) return;
  auto d = difference(a.disk.files.now(), b.disk.files.now());
  if (d.empty()) return;
  w.found |= bit(Finding::S11);
  if (t) t->line(w, 2, "** S11: " + d);
}

void carry_frames(World& w, const Bounds& b, Transcript* t) {
  for (bool moved = true; moved;) {
    moved = false;
    for (NodeIndex n = 0; n < 2; ++n) {
      if (frame_can_arrive(w, n)) deliver_frame(w, b, n, t), moved = true;
    }
  }
}

void step(World& w, const Bounds& b, const Choice& c, Transcript* t) {
  bool owed = c.act <= Act::answered;
  change(w, b, c, t);
  if (b.grain == Grain::coarse) {
    if (owed) w.turn = receiver(c);
    carry_frames(w, b, t);
    // A turn ends when nothing of it is left.
    std::vector<Choice> left;
    due(w, left);
    if (std::none_of(left.begin(), left.end(), [&](auto& x) { return receiver(x) == w.turn; })) w.turn = 2;
  }
  judge(w, t), judge_pair(w, t);
}
} // namespace

// Where nothing but one thing that is due can happen, it happens: such a state is no state of its own.
void apply(World& w, const Bounds& b, Choice c, Transcript* t) {
  w.found = 0;
  step(w, b, c, t);
  if (b.grain == Grain::fine) return;
  for (auto next = choices(w, b); next.size() == 1 && next[0].act != Act::tick; next = choices(w, b)) {
    if (t) t->line(w, 2, describe(w, next[0]));
    step(w, b, next[0], t);
  }
}

World paired(const Bounds& b) {
  World w;
  w.far = pulse * (2 * b.timeout_pulses + 2);
  Work(w, b, 0, nullptr).start("root", Verb::prim);
  Work(w, b, 1, nullptr).start("at boot time");
  auto pass = [&](int pulses) {
    for (std::vector<Choice> next; pulses >= 0;) {
      next.clear();
      due(w, next);
      if (next.empty()) next.push_back({Act::tick}), --pulses;
      apply(w, b, next.front());
      LOCKSTEP_ASSERT(w.found == 0);
    }
  };
  auto green = [&] { return w.machines[0]->node->standing() == Standing::prim && w.machines[1]->node->standing() == Standing::second; };
  for (int i = 0; i < 60 && !green(); ++i) pass(1);
  LOCKSTEP_ASSERT(green());
  Op op;
  op.kind = OpKind::create, op.object = the_file, op.dir = root_key(0), op.name = "file", op.mode = 0644;
  w.machines[0].own().open.insert(1000);
  Work(w, b, 0, nullptr).to_mirror(in::Submit{1000, op, {}});
  pass(static_cast<int>(b.timeout_pulses) * 3);
  LOCKSTEP_ASSERT(green() && w.machines[0]->open.empty() && w.machines[1]->disk.files.now().find(the_file));
  w.left = b.budget;
  return w;
}

std::string describe(const World& w, Choice c) {
  std::string me = c.node ? "b" : "a", other = c.node ? "a" : "b";
  switch (c.act) {
  case Act::beat: return other + " hears " + me;
  case Act::late_beat: return other + " hears what " + me + " said long ago";
  case Act::frame: return "the connection carries a frame to " + other;
  case Act::persisted: return "the record of " + me + " is durable";
  case Act::wake: return me + " goes on";
  case Act::answered: return "the arbiter answers " + me;
  case Act::tick: return "a pulse passes";
  case Act::write: return "a write on " + me;
  case Act::delay: return "a heartbeat of " + me + " is late";
  case Act::cut: {
    static constexpr const char* which[] = {"a's messages do not reach b", "b's messages do not reach a", "the network is cut"};
    return which[c.variant / 2];
  }
  case Act::heal: return w.cut[0] && w.cut[1] ? "the cut from " + me + " to " + other + " heals" : "the cut heals";
  case Act::crash:
    return me + " crashes" + (c.variant & 1 ? ", what was not flushed stays" : "") + (c.variant & 2 ? ", the record in flight made it" : "") +
           (c.variant & 4 ? ", what was under way is lost" : "");
  case Act::start: return me + " starts";
  case Act::stun: return me + " stands still";
  case Act::resume: return me + " is back";
  case Act::answer_lost: return "the arbiter carries out what " + me + " asked, the answer is lost";
  case Act::question_late: return "the arbiter is silent to " + me + "; the question is still under way";
  case Act::orphan: return "the arbiter carries out a question that nobody waits for";
  case Act::command: return std::string("an operator: ") + (c.variant ? "swap" : "stop") + " on " + me;
  }
  return {};
}

} // namespace lockstep::sim::explore
