#include "sim/plan.hpp"
#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace lockstep::sim {
namespace {
// Every event: its name and the fields after it. L link, C class, N node, F `for` duration, D `down` duration, B `by` duration,
// P percent, M per mille, E `after N effects` (optional), W word, X effect, R the rest of the line.
struct Shape {
  What what;
  const char* name;
  const char* fields;
};
constexpr Shape shapes[] = {
    {What::cut, "cut", "LCF"},
    {What::delay, "delay", "LCBF"},
    {What::loss, "loss", "LCPF"},
    {What::reorder, "reorder", "LCPF"},
    {What::duplicate, "duplicate", "LCPF"},
    {What::clog, "clog", "LCF"},
    {What::corrupt, "corrupt", "LCPF"},
    {What::reset, "reset", ""},
    {What::crash, "crash", "NED"},
    {What::kill, "kill", "NED"},
    {What::crash_on, "crash-on", "NXD"},
    {What::kill_on, "kill-on", "NXD"},
    {What::pause, "pause", "NF"},
    {What::freeze, "freeze", "NF"},
    {What::clock_rate, "clock-rate", "NMF"},
    {What::wall_jump, "wall-jump", "NB"},
    {What::eio, "eio", "NPF"},
    {What::enospc, "enospc", "NPF"},
    {What::full, "full", "NF"},
    {What::flush_error, "flush-error", "NF"},
    {What::slow_disk, "slow-disk", "NBF"},
    {What::hung_disk, "hung-disk", "NF"},
    {What::persist_error, "persist-error", "NF"},
    {What::log_error, "log-error", "NF"},
    {What::lose_record, "lose-record", "N"},
    {What::lose_identity, "lose-identity", "N"},
    {What::snapshot, "snapshot", "N"},
    {What::restore, "restore", "N"},
    {What::restore_data, "restore-data", "N"},
    {What::restore_var, "restore-var", "N"},
    {What::aside_fails, "aside-fails", "NF"},
    {What::rot_log, "rot-log", "N"},
    {What::rot_record, "rot-record", "N"},
    {What::script_fails, "script-fails", "NWF"},
    {What::script_hangs, "script-hangs", "NWF"},
    {What::mount_fails, "mount-fails", "NF"},
    {What::vip_fails, "vip-fails", "NF"},
    {What::process_dead, "process-dead", "NF"},
    {What::checker_down, "checker-down", "NF"},
    {What::witness_down, "witness-down", "F"},
    {What::arbiter_down, "arbiter-down", "F"},
    {What::arbiter_slow, "arbiter-slow", "BF"},
    {What::arbiter_emptied, "arbiter-emptied", ""},
    {What::arbiter_deleted, "arbiter-deleted", ""},
    {What::arbiter_saved, "arbiter-saved", ""},
    {What::arbiter_restored, "arbiter-restored", ""},
    {What::command, "command", "NW"},
    {What::command_on, "command-on", "NXW"},
    {What::write, "do", "R"},
    {What::stray, "stray", "N"},
};
const Shape& shape(What w) {
  return *std::find_if(std::begin(shapes), std::end(shapes), [&](auto& s) { return s.what == w; });
}
constexpr const char* class_names[] = {"beat0", "beat1", "beats", "stream", "all", "arbiter"};
constexpr const char* mode_names[] = {"none", "ping", "etcd"};
static_assert(std::size(mode_names) == mode_count);
const char* node_name(std::uint8_t n) { return n == 0 ? "a" : n == 1 ? "b" : "w"; }
std::optional<std::uint8_t> node_of(const std::string& s) {
  if (s.size() != 1) return {};
  auto p = std::strchr("abw", s[0]);
  return p ? std::optional<std::uint8_t>(static_cast<std::uint8_t>(p - std::begin("abw"))) : std::nullopt;
}
std::optional<std::int64_t> integer(const std::string& s) {
  std::int64_t v = 0;
  auto r = std::from_chars(s.data(), s.data() + s.size(), v);
  if (r.ec != std::errc{} || r.ptr != s.data() + s.size() || v < 0) return {};
  return v;
}
} // namespace

const char* mode_name(Mode m) { return mode_names[static_cast<int>(m)]; }
std::optional<Mode> mode_of(const std::string& s) {
  for (std::size_t i = 0; i < mode_count; ++i) {
    if (s == mode_names[i]) return static_cast<Mode>(i);
  }
  return std::nullopt;
}
const char* what_name(What w) { return shape(w).name; }
const char* class_name(Class c) { return class_names[static_cast<int>(c)]; }
bool is_fault(What w) { return w != What::command && w != What::command_on && w != What::write && w != What::snapshot && w != What::arbiter_saved; }

std::string print(Duration d) {
  struct {
    std::int64_t ns;
    const char* name;
  } units[] = {{1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}, {1, "ns"}};
  for (auto& u : units) {
    if (d.ns % u.ns == 0) return std::to_string(d.ns / u.ns) + u.name;
  }
  return {};
}
std::optional<Duration> parse_duration(const std::string& s) {
  auto end = s.find_first_not_of("0123456789");
  if (end == 0 || end == std::string::npos || end > 10) return {};
  auto v = integer(s.substr(0, end));
  auto unit = s.substr(end);
  std::int64_t scale = unit == "ns"    ? 1
                       : unit == "us"  ? 1'000
                       : unit == "ms"  ? 1'000'000
                       : unit == "s"   ? 1'000'000'000
                       : unit == "min" ? 60'000'000'000
                                       : 0;
  if (!v || scale == 0 || *v > INT64_MAX / 4 / scale) return {};
  return Duration{*v * scale};
}

std::string print(const Event& e) {
  std::string s = "at " + print(e.at) + " " + what_name(e.what);
  for (const char* f = shape(e.what).fields; *f; ++f) {
    switch (*f) {
    case 'L': s += std::string(" ") + node_name(e.node) + ">" + node_name(e.other); break;
    case 'C': s += std::string(" ") + class_name(e.cls); break;
    case 'N': s += std::string(" ") + node_name(e.node); break;
    case 'F': s += " for " + print(e.length); break;
    case 'D': s += " down " + print(e.length); break;
    case 'B': s += " by " + print(e.by); break;
    case 'P': s += " " + std::to_string(e.number) + "%"; break;
    case 'M': s += " " + std::to_string(e.number); break;
    case 'X': s += " " + e.effect; break;
    case 'E': s += e.number ? " after " + std::to_string(e.number) : ""; break;
    default: s += " " + e.word;
    }
  }
  return s;
}

namespace {
constexpr const char* expectation_names[] = {"role", "wait", "not-serving", "equal", "rule", "no-rule", "file"};
std::string in_words(const Expectation& x) {
  std::string s = std::string("expect ") + expectation_names[x.kind];
  bool of_node = x.kind <= Expectation::not_serving || x.kind == Expectation::file;
  if (of_node) s += std::string(" ") + node_name(x.node);
  if (!x.word.empty()) s += " " + x.word;
  return s + " at " + lockstep::sim::print(x.at);
}
} // namespace

std::string print(const Plan& p) {
  std::string s;
  auto line = [&](const std::string& l) { s += l + "\n"; };
  if (!p.name.empty()) line("name " + p.name);
  line("seed " + std::to_string(p.seed));
  line(std::string("mode ") + mode_name(p.mode));
  line(std::string("async ") + (p.sync_on_second ? "none" : "second"));
  line(std::string("failover ") + (p.failover ? "on" : "off"));
  for (std::size_t i = 0; i < p.networks.size(); ++i)
    line("network " + std::to_string(i) + " pulse " + print(p.networks[i].pulse) + " timeout " + print(p.networks[i].timeout));
  line("flow " + std::to_string(p.flow));
  if (p.wall_s != Plan{}.wall_s || p.wall_jumps) line("wall " + std::to_string(p.wall_s) + (p.wall_jumps ? " jumping" : ""));
  if (!p.operator_starts) line("manual");
  if (p.stays_stopped) line("stays-stopped");
  if (p.memory != Plan{}.memory) line("memory " + std::to_string(p.memory));
  line("work rate " + std::to_string(p.work.rate) + " ops " + std::to_string(p.work.ops) + " files " +
       std::to_string(p.work.files) + " dirs " + std::to_string(p.work.dirs) + " from " + print(p.work.from));
  const Workload usual;
  bool few = std::count(p.work.mix.begin(), p.work.mix.end(), 0u) > static_cast<std::ptrdiff_t>(mix_names.size() / 2);
  if (few) line("mix only");
  for (std::size_t i = 0; i < mix_names.size(); ++i) {
    if (p.work.mix[i] != (few ? 0 : usual.mix[i])) line(std::string("mix ") + mix_names[i] + " " + std::to_string(p.work.mix[i]));
  }
  for (auto& e : p.events) line(print(e));
  line("heal " + print(p.heal));
  line("liveness " + print(p.liveness));
  for (auto& x : p.expectations) line(in_words(x));
  for (auto& k : p.kills) line("kills " + k);
  return s;
}

namespace {
class Parser {
 public:
  Parser(const std::string& text, const std::string& file) : text_(text), file_(file) {}
  ParsedPlan run() {
    std::size_t at = 0;
    while (at < text_.size() && error_.empty()) {
      auto end = std::min(text_.find('\n', at), text_.size());
      ++line_;
      split(text_.substr(at, end - at));
      at = end + 1;
      next_ = 0;
      if (!words_.empty()) line();
      if (error_.empty() && next_ < words_.size()) fail("unexpected \"" + words_[next_] + "\"");
    }
    if (!error_.empty()) return {std::nullopt, error_};
    std::stable_sort(plan_.events.begin(), plan_.events.end(), [](auto& x, auto& y) { return x.at < y.at; });
    if (plan_.flow >= plan_.networks.size()) {
      return {std::nullopt, file_ + ": flow names network " + std::to_string(plan_.flow) + ", which is not declared"};
    }
    return {plan_, {}};
  }

 private:
  void split(const std::string& l) {
    words_.clear();
    std::string w;
    for (char c : l.substr(0, l.find('#')) + " ") {
      if (c != ' ' && c != '\t' && c != '\r') w += c;
      else if (!w.empty()) words_.push_back(std::exchange(w, {}));
    }
  }
  void fail(const std::string& why) {
    if (error_.empty()) error_ = file_ + ":" + std::to_string(line_) + ": " + why;
  }
  std::string word(const char* expected) {
    if (next_ < words_.size()) return words_[next_++];
    fail(std::string("the line ends where ") + expected + " should follow");
    return {};
  }
  std::string rest() {
    std::string s;
    while (next_ < words_.size()) s += (s.empty() ? "" : " ") + words_[next_++];
    return s;
  }
  void keyword(const char* k) {
    auto w = word(k);
    if (w != k) fail("\"" + w + "\" where \"" + k + "\" should be");
  }
  std::int64_t number(std::int64_t low, std::int64_t high) {
    auto w = word("a number");
    auto v = integer(w);
    if (!v || *v < low || *v > high) {
      fail("\"" + w + "\" is not a number from " + std::to_string(low) + " to " + std::to_string(high));
      return low;
    }
    return *v;
  }
  Duration duration() {
    auto w = word("a duration such as 5s or 200ms");
    auto d = parse_duration(w);
    if (!d) fail("\"" + w + "\" is not a duration: write 5s, 200ms, 10us or 2min");
    return d.value_or(Duration{});
  }
  template <std::size_t N>
  std::size_t choice(const char* const (&names)[N], const char* what) {
    auto w = word(what);
    for (std::size_t i = 0; i < N; ++i) {
      if (w == names[i]) return i;
    }
    std::string all;
    for (auto n : names) all += std::string(all.empty() ? "" : ", ") + n;
    fail("\"" + w + "\" is not " + what + ": use one of " + all);
    return 0;
  }
  std::uint8_t node(std::uint8_t last) {
    auto w = word("a node");
    auto n = node_of(w);
    if (!n || *n > last) fail("\"" + w + "\" is not a node: use a" + (last == 2 ? ", b or w" : " or b"));
    return n.value_or(0);
  }
  void line();
  void event();
  void expectation();
  void workload();

  const std::string& text_;
  const std::string& file_;
  int line_ = 0;
  std::vector<std::string> words_;
  std::size_t next_ = 0;
  std::string error_;
  Plan plan_;
};

void Parser::event() {
  Event e;
  e.at = duration();
  auto w = word("an event");
  auto s = std::find_if(std::begin(shapes), std::end(shapes), [&](auto& x) { return w == x.name; });
  if (s == std::end(shapes)) return fail("\"" + w + "\" is not an event");
  e.what = s->what;
  for (const char* f = s->fields; *f && error_.empty(); ++f) {
    switch (*f) {
    case 'L': {
      auto l = word("a link such as a>b");
      auto from = l.size() == 3 ? node_of(l.substr(0, 1)) : std::nullopt;
      auto to = l.size() == 3 ? node_of(l.substr(2)) : std::nullopt;
      if (!from || !to || l[1] != '>' || *from == *to) return fail("\"" + l + "\" is not a link: write a>b, b>a, a>w ...");
      e.node = *from, e.other = *to;
      break;
    }
    case 'C': e.cls = static_cast<Class>(choice(class_names, "a traffic class")); break;
    case 'N': e.node = node(1); break;
    case 'F': keyword("for"), e.length = duration(); break;
    case 'D': keyword("down"), e.length = duration(); break;
    case 'B': keyword("by"), e.by = duration(); break;
    case 'P': {
      auto p = word("a percentage");
      auto v = p.size() > 1 && p.back() == '%' ? integer(p.substr(0, p.size() - 1)) : std::nullopt;
      if (!v || *v > 100) return fail("\"" + p + "\" is not a percentage such as 30%");
      e.number = *v;
      break;
    }
    case 'E':
      if (next_ < words_.size() && words_[next_] == "after") ++next_, e.number = number(0, 1'000'000);
      break;
    case 'R': e.word = rest(); break;
    case 'M': e.number = number(500, 2000); break;
    case 'X': e.effect = word("an effect"); break;
    default: e.word = word("a word");
    }
  }
  if (e.what == What::write && e.word.empty()) return fail("a file operation should follow \"do\": do write d/f 0 2");
  plan_.events.push_back(e);
}

void Parser::expectation() {
  Expectation x;
  x.line = line_;
  x.kind = static_cast<Expectation::Kind>(choice(expectation_names, "an expectation"));
  if (x.kind <= Expectation::not_serving || x.kind == Expectation::file) x.node = node(1);
  while (next_ < words_.size() && words_[next_] != "at") x.word += (x.word.empty() ? "" : " ") + words_[next_++];
  keyword("at"), x.at = duration();
  plan_.expectations.push_back(x);
}

void Parser::workload() {
  auto& w = plan_.work;
  keyword("rate"), w.rate = static_cast<std::uint32_t>(number(0, 10'000));
  keyword("ops"), w.ops = static_cast<std::uint32_t>(number(0, 10'000'000));
  keyword("files"), w.files = static_cast<std::uint32_t>(number(1, 100'000));
  keyword("dirs"), w.dirs = static_cast<std::uint32_t>(number(0, 100'000));
  keyword("from"), w.from = duration();
}

void Parser::line() {
  static constexpr const char* asyncs[] = {"second", "none"};
  static constexpr const char* onoff[] = {"on", "off"};
  auto w = word("an item");
  if (w == "name") plan_.name = word("a name");
  else if (w == "seed") plan_.seed = static_cast<std::uint64_t>(number(0, INT64_MAX));
  else if (w == "mode") plan_.mode = static_cast<Mode>(choice(mode_names, "an arbiter mode"));
  else if (w == "async") plan_.sync_on_second = choice(asyncs, "a value of async") == 1;
  else if (w == "failover") plan_.failover = choice(onoff, "a switch") == 0;
  else if (w == "wall") {
    plan_.wall_s = number(0, 100'000'000'000);
    if (next_ < words_.size()) keyword("jumping"), plan_.wall_jumps = true;
  } else if (w == "manual") plan_.operator_starts = false;
  else if (w == "stays-stopped") plan_.stays_stopped = true;
  else if (w == "memory") plan_.memory = static_cast<std::uint32_t>(number(1, 1'000'000));
  else if (w == "flow") plan_.flow = static_cast<std::uint32_t>(number(0, 1));
  else if (w == "heal") plan_.heal = duration();
  else if (w == "liveness") plan_.liveness = duration();
  else if (w == "work") workload();
  else if (w == "at") event();
  else if (w == "expect") expectation();
  else if (w == "kills") plan_.kills.push_back(word("a mutant"));
  else if (w == "network") {
    auto n = static_cast<std::size_t>(number(0, 1));
    if (n == plan_.networks.size()) plan_.networks.emplace_back();
    keyword("pulse"), plan_.networks[n].pulse = duration();
    keyword("timeout"), plan_.networks[n].timeout = duration();
    if (error_.empty() && plan_.networks[n].pulse * 2 > plan_.networks[n].timeout) fail("the timeout is shorter than two pulses");
  } else if (w == "mix") {
    auto m = word("an operation");
    if (m == "only") return plan_.work.mix.fill(0);
    auto i = std::find_if(mix_names.begin(), mix_names.end(), [&](auto n) { return m == n; });
    if (i == mix_names.end()) return fail("\"" + m + "\" is not an operation of the workload");
    plan_.work.mix[static_cast<std::size_t>(i - mix_names.begin())] = static_cast<std::uint32_t>(number(0, 1000));
  } else fail("\"" + w + "\" is not an item of a plan");
}
} // namespace

ParsedPlan parse_plan(const std::string& text, const std::string& file) { return Parser(text, file).run(); }

} // namespace lockstep::sim
