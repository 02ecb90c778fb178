#include "sim/coverage.hpp"
#include "core/lineage/compare.hpp"
#include "sim/describe.hpp"
#include "sim/host.hpp"
#include <algorithm>

namespace lockstep::sim {
namespace {
using Names = std::vector<std::string>;
using Edge = lockstep::Event; // the automaton's: a plan has events too
using At = lockstep::State;

// ---------------------------------------------------------------- what there is
constexpr Rule all_rules[] = {
#define X(id, doc, text) Rule::id,
    LOCKSTEP_RULES(X)
#undef X
};
std::string name_of(Rule r) {
  static constexpr const char* ids[] = {
#define X(id, doc, text) #id,
      LOCKSTEP_RULES(X)
#undef X
  };
  return std::string("rule ") + ids[static_cast<std::size_t>(r)] + " (" + rule_name(r) + ", " + rule_sentence(r) + ")";
}
std::string name_of(At s, Edge e) { return std::string("row ") + state_name(s) + ", " + event_name(e); }

struct Meeting {
  Rule rule;
  Copy copy;
  bool loud;
};
// The rows of tests/golden/compare.txt, by what they decide.
constexpr Meeting golden[] = {
    {Rule::A1, Copy::delta, false}, {Rule::A2, Copy::none, true},   {Rule::F1, Copy::delta, true}, {Rule::F2, Copy::delta, true}, {Rule::F3, Copy::none, true},
    {Rule::G0, Copy::none, true},   {Rule::G1, Copy::none, false},  {Rule::K1, Copy::none, false}, {Rule::K2, Copy::full, false}, {Rule::K2, Copy::full, true},
    {Rule::K2L, Copy::full, true},  {Rule::K3, Copy::none, false},  {Rule::N1, Copy::none, false}, {Rule::N2, Copy::delta, false}, {Rule::N2, Copy::full, false},
    {Rule::N2F, Copy::full, true},  {Rule::N3, Copy::none, false},  {Rule::S0, Copy::none, true},  {Rule::S1, Copy::delta, false}, {Rule::S2, Copy::none, false},
    {Rule::S3, Copy::delta, false}, {Rule::S4, Copy::delta, false}, {Rule::S4c, Copy::delta, false}, {Rule::S5, Copy::none, false}, {Rule::S5, Copy::full, false}, {Rule::T1, Copy::full, true},
    {Rule::T2, Copy::none, true},
};
std::string name_of(const Meeting& m) {
  static constexpr const char* copies[] = {"", ", delta copy", ", full copy"};
  return std::string("meeting ") + rule_name(m.rule) + copies[static_cast<int>(m.copy)] + (m.loud ? ", loud" : "");
}

std::string after(bool of_node, std::size_t effect) {
  return std::string("crash after ") + (of_node ? "Node's " : "Mirror's ") + (of_node ? node_effects[effect] : mirror_effects[effect]);
}
std::string at_place(std::size_t place) { return "crash at place " + std::to_string(place) + " of a list of effects"; }

// ---------------------------------------------------------------- what cannot be
struct Impossible {
  const char* name; // the beginning of it; with a $: all of it
  const char* why;
};
// Short, and each with its argument; a name here that is reached fails the gate as well.
constexpr const char* one_config = "both nodes of a plan have one configuration; tests/unit and the real-node tests have two";
constexpr const char* two_owners = "two owners of one generation: the first durable one is in the other's way (oracle S1 would speak first)";
constexpr const char* restored_first = "a fork of which neither part is own takes a restored disk, and control:T2 speaks first";
constexpr const char* says_why = "a SECOND that was refused says why it waits, and nothing of it runs then but what leads out";
constexpr const char* by_then = "what makes it Transient is durable before the row is taken";
constexpr Impossible impossible[] = {
    {"rule none ", "not a rule"},
    {"rule G1 ", one_config}, {"meeting control:G1", one_config},
    {"rule S0 ", two_owners}, {"meeting control:S0", two_owners},
    {"rule F3 ", restored_first}, {"meeting control:F3", restored_first},
    {"meeting control:S5$", "one of two nodes wrote the generation; a third one did only in the golden table ((iii) 24)"},
    {"rule M1 ", "the simulated module has replicated directories; tests/unit has modules without"},
    {"rule dir_missing ", "the simulated directories cannot be missing"},
    {"rule defaultprim ", "plans have no preferred node"},
    {"row PRIM Ready, alone", by_then}, {"row SECOND Ready, alone", by_then}, {"row WAIT NotReady, follow", by_then},
    {"row WAIT Transient, failover off", says_why},
};

At state_of(const lockstep::Node& n) {
  bool ready = n.sub() == Sub::ready;
  switch (n.role()) {
  case Role::stop: return At::stop;
  case Role::wait: return n.sub() == Sub::transient ? At::wait_transient : At::wait_blocked;
  case Role::alone: return ready ? At::alone_ready : At::alone_transient;
  case Role::prim: return ready ? At::prim_ready : At::prim_transient;
  case Role::second: return ready ? At::second_ready : At::second_transient;
  }
  return At::stop;
}
std::optional<Edge> event_of(Verb v) {
  switch (v) {
  case Verb::start: return Edge::cmd_start;
  case Verb::prim: case Verb::prim_fullsync: case Verb::primforce: return Edge::cmd_prim;
  case Verb::second: case Verb::second_fullsync: return Edge::cmd_second;
  case Verb::stop: return Edge::cmd_stop;
  case Verb::restart: return Edge::cmd_restart;
  case Verb::stopstart: return Edge::cmd_stopstart;
  case Verb::swap: return Edge::cmd_swap;
  case Verb::forcestop: return Edge::cmd_forcestop;
  case Verb::failover_on: case Verb::failover_off: case Verb::errd_on: case Verb::errd_off: return std::nullopt;
  }
  return std::nullopt;
}
Side side_of(const Beat& b) {
  Side s;
  s.record_state = b.record_state, s.record = &b.record;
  s.live = !b.live ? LiveAs::no : b.record.g.minted_by == b.record.node_uid ? LiveAs::prim : LiveAs::second;
  s.config_digest = b.config_digest, s.version = b.compare_version, s.dirs_empty = b.dirs_empty;
  s.checkpoint = b.checkpoint, s.went_back = b.went_back;
  return s;
}
} // namespace

// ---------------------------------------------------------------- counting
void Coverage::met(const Host& h, const Beat& b) {
  auto& me = now_[h.index()];
  if (!me.said) return;
  std::pair revisions{me.said->record.rev + (me.said->incarnation.value << 32), b.record.rev + (b.incarnation.value << 32)};
  if (std::exchange(me.met, revisions) == revisions) return;
  auto v = compare(side_of(*me.said), side_of(b));
  ++meetings_[name_of(Meeting{v.rule, v.copy, v.loud})];
}

void Coverage::stepped(Instant, const Host& h, const NodeInput& input, const NodeEffects& effects, std::size_t carried) {
  auto& me = now_[h.index()];
  if (auto o = std::get_if<nin::Operator>(&input.what)) {
    if (auto e = event_of(o->command.verb)) ++rows_[{me.state, *e}];
  }
  if (auto b = std::get_if<nin::BeatIn>(&input.what)) met(h, b->beat);
  for (std::size_t i = 0; i < carried; ++i) {
    if (auto s = std::get_if<nfx::SendBeat>(&effects[i])) me.said = s->beat;
    else if (auto t = std::get_if<nfx::Tell>(&effects[i])) told(t->note);
  }
  for (auto& [state, event] : h.node()->rows_taken()) {
    if (event > Edge::cmd_swap || event == Edge::cmd_wait) ++rows_[{state, event}]; // a command was counted when it came
  }
  if (h.node()) applied(h.node()->at_work());
  me.state = state_of(*h.node());
}
void Coverage::applied(const RulesAtWork& rules) {
  if (!rules.any()) return;
  for (auto r : all_rules) rules_[static_cast<std::size_t>(r)] += rules.has(r);
}
void Coverage::stepped(Instant, const Host& h, const MirrorInput&, const MirrorEffects& effects, std::size_t carried) {
  if (h.mirror()) applied(h.mirror()->at_work());
  for (std::size_t i = 0; i < carried; ++i) {
    if (auto t = std::get_if<fx::Tell>(&effects[i])) told(t->note);
  }
}
void Coverage::happened(Instant, const Host& h, Happening what) {
  bool gone = what == Happening::power_off || what == Happening::killed || what == Happening::exited || what == Happening::started;
  if (gone) now_[h.index()] = {};
}
void Coverage::struck(const Host&, bool of_node, std::size_t effect, std::size_t place) {
  ++strikes_[after(of_node, effect)];
  if (place <= places_counted) ++strikes_[at_place(place)];
}

// ---------------------------------------------------------------- the report
std::map<std::string, std::uint64_t> Coverage::table() const {
  std::map<std::string, std::uint64_t> all;
  auto count = [](auto& map, auto key) {
    auto i = map.find(key);
    return i == map.end() ? 0 : i->second;
  };
  for (auto r : all_rules) all[name_of(r)] = count(rules_, static_cast<std::size_t>(r));
  for (auto& row : transitions()) {
    bool edge = row.kind == RowKind::go || (row.kind == RowKind::refuse && row.event <= Edge::cmd_swap);
    for (auto s : row.from) {
      if (edge) all[name_of(s, row.event)] = count(rows_, std::pair(s, row.event));
    }
  }
  for (auto& m : golden) all[name_of(m)] = count(meetings_, name_of(m));
  for (auto& [name, n] : meetings_) all[name] = n;
  for (std::size_t i = 0; i < std::size(node_effects); ++i) all[after(true, i)] = count(strikes_, after(true, i));
  for (std::size_t i = 0; i < std::size(mirror_effects); ++i) all[after(false, i)] = count(strikes_, after(false, i));
  for (std::size_t i = 1; i <= places_counted; ++i) all[at_place(i)] = count(strikes_, at_place(i));
  return all;
}
namespace {
const Impossible* excused(const std::string& name) {
  auto i = std::find_if(std::begin(impossible), std::end(impossible), [&](auto& x) {
    std::string pattern = x.name;
    return pattern.back() == '$' ? name + "$" == pattern : name.rfind(pattern, 0) == 0;
  });
  return i == std::end(impossible) ? nullptr : i;
}
} // namespace
std::vector<std::string> Coverage::missing() const {
  Names names;
  for (auto& [name, n] : table()) {
    if (n == 0 && !excused(name)) names.push_back(name);
  }
  return names;
}
std::vector<std::string> Coverage::unexpected() const {
  Names names;
  for (auto& [name, n] : table()) {
    auto e = excused(name);
    if (n != 0 && e && std::string(e->name) != "rule none ") names.push_back(name + ", said to be impossible: " + e->why);
  }
  return names;
}
std::string Coverage::report() const {
  auto all = table();
  auto reached = std::count_if(all.begin(), all.end(), [](auto& x) { return x.second > 0; });
  std::string out = "coverage: " + std::to_string(reached) + " of " + std::to_string(all.size()) + " reached\n";
  for (auto& name : missing()) out += "never reached: " + name + "\n";
  for (auto& name : unexpected()) out += "reached: " + name + "\n";
  return out;
}

} // namespace lockstep::sim
