// The command line of `lockstep-sim explore`.
#include "sim/explore.hpp"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace lockstep::sim::explore {
namespace {
constexpr const char* usage =
    "usage: lockstep-sim explore [--quick] [--paths]    the documented explorations, with what each must show\n"
    "       lockstep-sim explore --depth D              one of every fault and two writes in every mode, D choices deep\n"
    "       lockstep-sim explore --mode none|ping|etcd [--witness both|one] [--cuts N] [--crashes N] [--stuns N] [--delays N] [--silences N]\n"
    "                            [--operations N] [--commands N] [--only symmetric|one-way] [--grain fine|coarse] [--frozen] [--count-power] [--timeout PULSES]\n"
    "                            [--depth D] [--states N] [--memory MIB] [--check PERCENT] [--tolerate split] [--quiet]\n"
    "Exit: 0 fixpoint and nothing found, 1 something found, 2 wrong usage, 3 a bound was reached before the fixpoint.\n";

struct Line { // what was asked for
  Bounds bounds;
  Findings tolerated = 0;
  bool one = false, quick = false, paths = false, depth_only = true;
};

// One of every fault; what a mode does not promise is no finding.
int run_depth(Bounds b) {
  int worst = 0;
  b.budget = {.cuts = 1, .crashes = 1, .stuns = 1, .delays = 1, .silences = 0, .operations = 2, .commands = 1};
  for (auto mode : {ArbiterMode::none, ArbiterMode::ping, ArbiterMode::etcd}) {
    b.mode = mode, b.budget.silences = mode == ArbiterMode::etcd;
    std::printf("mode %s: ", mode == ArbiterMode::none ? "none" : mode == ArbiterMode::ping ? "ping" : "etcd");
    worst = std::max(worst, run_one(b, mode == ArbiterMode::etcd ? 0 : split));
  }
  return worst;
}

template <class T>
bool number(const char* text, T& out) {
  char* end = nullptr;
  auto v = std::strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || v > std::numeric_limits<T>::max()) return false;
  out = static_cast<T>(v);
  return true;
}

// Empty: understood. An option without a value is tried first.
std::string flag(const std::string& a, Line& l) {
  if (a == "--quick") l.quick = true;
  else if (a == "--paths") l.paths = true;
  else if (a == "--frozen") l.bounds.frozen = true;
  else if (a == "--count-power") l.bounds.power_excused = false;
  else if (a == "--quiet") l.bounds.progress = false;
  else return "unknown option " + a;
  return {};
}

bool word(const std::string& a, const std::string& v, Line& l) {
  auto& b = l.bounds;
  if (a == "--mode" && v == "none") b.mode = ArbiterMode::none;
  else if (a == "--mode" && v == "ping") b.mode = ArbiterMode::ping;
  else if (a == "--mode" && v == "etcd") b.mode = ArbiterMode::etcd;
  else if (a == "--witness" && v == "both") b.witness = Witness::both;
  else if (a == "--witness" && v == "one") b.witness = Witness::one;
  else if (a == "--grain" && v == "fine") b.grain = Grain::fine;
  else if (a == "--grain" && v == "coarse") b.grain = Grain::coarse;
  else if (a == "--only" && v == "symmetric") b.one_way = false;
  else if (a == "--only" && v == "one-way") b.symmetric = false;
  else if (a == "--tolerate" && v == "split") l.tolerated = split;
  else return false;
  return true;
}

std::string value(const std::string& a, const std::string& v, Line& l) {
  auto& b = l.bounds;
  l.one = true;
  l.depth_only = l.depth_only && (a == "--depth" || a == "--memory" || a == "--states" || a == "--check");
  auto t = v.c_str();
  bool good = a == "--cuts"         ? number(t, b.budget.cuts)
              : a == "--crashes"    ? number(t, b.budget.crashes)
              : a == "--stuns"      ? number(t, b.budget.stuns)
              : a == "--delays"     ? number(t, b.budget.delays)
              : a == "--silences"   ? number(t, b.budget.silences)
              : a == "--operations" ? number(t, b.budget.operations) && b.budget.operations <= 8
              : a == "--commands"   ? number(t, b.budget.commands)
              : a == "--timeout"    ? number(t, b.timeout_pulses) && b.timeout_pulses >= 3 && b.timeout_pulses <= 9
              : a == "--depth"      ? number(t, b.depth)
              : a == "--states"     ? number(t, b.states)
              : a == "--memory"     ? number(t, b.memory_mb)
              : a == "--check"      ? number(t, b.check_percent) && b.check_percent <= 100
                                    : word(a, v, l);
  return good ? "" : a + " does not take \"" + v + "\"";
}
} // namespace

int command(int argc, char** argv) {
  Line l;
  for (int i = 0; i < argc; ++i) {
    std::string a = argv[i];
    if (a == "--help") {
      std::printf("%s", usage);
      return 0;
    }
    auto wrong = flag(a, l);
    if (!wrong.empty() && i + 1 < argc) wrong = value(a, argv[++i], l);
    if (wrong.empty()) continue;
    std::fprintf(stderr, "lockstep-sim: %s\n%s", wrong.c_str(), usage);
    return 2;
  }
  if (l.one && l.depth_only && l.bounds.depth != UINT32_MAX) return run_depth(l.bounds);
  return l.one ? run_one(l.bounds, l.tolerated) : run_claims(l.quick, l.paths);
}

} // namespace lockstep::sim::explore
