#include "sim/explore_bounds.hpp"
#include <cstdio>
#include <iterator>

namespace lockstep::sim::explore {
namespace {
struct Named {
  const char *name, *sentence;
};
constexpr Named names[] = {
    {"dual", "S2: at most one node serves at a time"},
    {"stale", "S4: no node serves without an acknowledged write"},
    {"fork", "both nodes never have acknowledged writes that the other lacks"},
    {"S1", "a generation is used by one node only"},
    {"S3", "a node that serves has what was acknowledged in its own line of generations"},
    {"S6", "exclusion of the peer is durable before it is used"},
    {"S7", "no node is own while the other is shared in the same generation"},
    {"S8", "a node applies only what it follows"},
    {"S10", "a node that is overwritten is recorded as inconsistent, and never serves"},
    {"S11", "a green pair at rest has equal trees"},
    {"S13", "the address is raised by the writer of its generation only"},
    {"S17", "revision and incarnation never go back"},
    {"S19", "what one node alone acknowledged is overwritten only after it was set aside"},
    {"mirror-first", "a write is acknowledged in a pair only when the secondary has received it"},
    {"invariant", "what each machine checks about itself after every step holds"},
    {"assert", "the core's own assertions hold"},
};
static_assert(std::size(names) == finding_count);

const char* end_name(End e) {
  switch (e) {
  case End::fixpoint: return "fixpoint";
  case End::depth: return "depth reached before the fixpoint";
  case End::states: return "limit of states reached before the fixpoint";
  case End::memory: return "limit of memory reached before the fixpoint";
  case End::enough: return "found, then stopped";
  case End::judged: return "stopped by a finding";
  case End::differs: return "two states with one hash go on differently";
  }
  return "?";
}

std::string list(const Result& r) {
  std::string s;
  for (std::size_t i = 0; i < finding_count; ++i) {
    if (r.found >> i & 1) s += (s.empty() ? "" : ", ") + std::string(names[i].name) + " after " + std::to_string(r.path[i].size());
  }
  return s.empty() ? "nothing found" : s;
}

void print_paths(const Bounds& b, const Result& r) {
  for (std::size_t i = 0; i < finding_count; ++i) {
    if (!(r.found >> i & 1)) continue;
    std::printf("%s: not \"%s\", %zu choices\n", names[i].name, names[i].sentence, r.path[i].size());
    print_path(b, r.path[i]);
  }
}

unsigned long long number(std::uint64_t n) { return n; }

constexpr auto none = ArbiterMode::none, ping = ArbiterMode::ping, etcd = ArbiterMode::etcd;
constexpr Findings dual = bit(Finding::dual), stale = bit(Finding::stale);

std::vector<Claim> quick_claims() {
  return {
      {"1. two nodes, no arbiter: a cut is enough", until(split, bounds(none, budget(1, 0, 0, 2))), split, split},
      {"2. a witness that both reach: a cut is enough", until(split, bounds(ping, budget(1, 0, 0, 2))), split, split},
      {"3. a witness for one side, one-way loss", until(dual, one_sided(bounds(ping, budget(2, 0, 0, 0)))), dual, split},
      {"3. a witness for one side, a cut and a stun", until(dual, calm(bounds(ping, budget(1, 0, 1, 0)))), dual, split},
      {"9. async=second, both lose power before a flush", until(stale, counted(bounds(none, budget(0, 2, 0, 1)))), stale, stale | bit(Finding::S3)},
      {"a witness for one side, a whole cut", calm(bounds(ping, budget(1, 0, 0, 1))), 0},
      {"no arbiter: a crash and a write", bounds(none, budget(0, 1, 0, 1)), 0},
      {"no arbiter: a stun and a write", bounds(none, budget(0, 0, 1, 1)), 0},
      {"no arbiter: a late heartbeat and a write", late(1, bounds(none, budget(0, 0, 0, 1))), 0},
      {"no arbiter, every message by itself: a crash", fine(bounds(none, budget(0, 1, 0, 0))), 0},
      {"1-3 with etcd: a cut of any kind", bounds(etcd, budget(1, 0, 0, 0)), 0},
      {"1-3 with etcd: a stun and a write", bounds(etcd, budget(0, 0, 1, 1)), 0},
      {"1-3 with etcd: a crash and a write", bounds(etcd, budget(0, 1, 0, 1)), 0},
      {"etcd, an answer lost or late: a crash", silent(1, bounds(etcd, budget(0, 1, 0, 0))), 0},
      {"etcd, an answer lost or late: a stun", silent(1, bounds(etcd, budget(0, 0, 1, 0))), 0},
      {"no arbiter: a cut and a write, but for the split", bounds(none, budget(1, 0, 0, 1)), dual | stale, split},
  };
}

std::vector<Claim> deep_claims() {
  return {
      {"3h. a witness for one side: a whole cut and a crash", calm(bounds(ping, budget(1, 1, 0, 0))), 0},
      {"3h. ... and a write", calm(bounds(ping, budget(1, 1, 0, 1))), 0},
      {"1-3 with etcd: a cut of any kind and a write", bounds(etcd, budget(1, 0, 0, 1)), 0},
      {"etcd, an answer lost or late: a cut of any kind", silent(1, bounds(etcd, budget(1, 0, 0, 0))), 0},
      {"etcd, an answer lost or late: a cut and a write", silent(1, bounds(etcd, budget(1, 0, 0, 1))), 0},
      {"etcd, an answer lost or late: a crash and a write", silent(1, bounds(etcd, budget(0, 1, 0, 1))), 0},
      {"etcd, an answer lost or late: a stun and a write", silent(1, bounds(etcd, budget(0, 0, 1, 1))), 0},
      {"etcd, two answers lost or late: a crash", silent(2, bounds(etcd, budget(0, 1, 0, 0))), 0},
      {"1-3 with etcd: a cut and a stun", bounds(etcd, budget(1, 0, 1, 0)), 0},
      {"1-3 with etcd: a cut and a crash", bounds(etcd, budget(1, 1, 0, 0)), 0},
      {"no arbiter: two crashes and a write", bounds(none, budget(0, 2, 0, 1)), 0},
      {"no arbiter: a crash, a stun and a write", bounds(none, budget(0, 1, 1, 1)), 0},
      {"no arbiter: a cut and two writes, but for the split", bounds(none, budget(1, 0, 0, 2)), split, split},
      {"no arbiter, every message by itself: a crash and a write", fine(bounds(none, budget(0, 1, 0, 1))), 0},
  };
}
} // namespace

const char* name(Finding f) { return names[static_cast<std::size_t>(f)].name; }

bool prove(const Claim& c, bool paths) {
  auto r = search(c.bounds, c.shows | c.tolerated);
  bool ended = r.end == (c.bounds.enough ? End::enough : End::fixpoint);
  bool shown = ended && (r.found & c.shows) == c.shows && !(r.found & ~(c.shows | c.tolerated));
  std::printf("%-4s %-58s %-44s %8llu states %9llu transitions %6.1f s, %s\n", shown ? "ok" : "FAIL", c.sentence, list(r).c_str(), number(r.states),
              number(r.transitions), r.seconds, end_name(r.end));
  std::fflush(stdout);
  if (paths || !shown) print_paths(c.bounds, r);
  return shown;
}

int run_claims(bool quick, bool paths) {
  auto claims = quick_claims();
  if (!quick) {
    for (auto& c : deep_claims()) claims.push_back(c);
  }
  std::size_t failed = 0;
  for (auto& c : claims) failed += !prove(c, paths);
  std::printf("%zu passed, %zu failed\n", claims.size() - failed, failed);
  return failed ? 1 : 0;
}

int run_one(const Bounds& b, Findings tolerated) {
  auto r = search(b, tolerated);
  std::printf("%s: %s; %llu states, %llu transitions, depth %u, %llu equal states tried, %.1f s\n", end_name(r.end), list(r).c_str(), number(r.states),
              number(r.transitions), r.depth, number(r.checked), r.seconds);
  print_paths(b, r);
  if (r.found || r.end == End::differs) return 1;
  return r.end == End::fixpoint ? 0 : 3;
}

} // namespace lockstep::sim::explore
