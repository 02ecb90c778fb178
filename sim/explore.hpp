// Small-scope exhaustive search (dst 4.4): every order of deliveries, losses, crashes, restarts, timeouts and arbiter answers of a
// pair with a few operations, over the real cores, to a fixpoint or a depth. What is a choice and what is not: sim/README.md.
#pragma once
#include "core/base/time.hpp"
#include "core/lineage/arbiter_mode.hpp"
#include "sim/weather.hpp"
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace lockstep::sim::explore {

// What counts as one choice. fine: every message and every record by itself. coarse: what the replication connection can carry it
// carries at once, and a machine that has begun with what is due does all of it before the other one goes on.
enum class Grain : std::uint8_t { fine, coarse };
enum class Witness : std::uint8_t { both, one }; // who reaches it during a cut: both nodes, or one of them, chosen with the cut

// How often each fault may still happen; what the application may still do. Without these there is no fixpoint.
struct Budget {
  std::uint8_t cuts = 0;       // of one direction or of both at once; they heal whenever the search likes
  std::uint8_t crashes = 0;    // with or without what was not flushed, the record in flight, and what is under way
  std::uint8_t stuns = 0;      // a machine stands still, its clock goes on
  std::uint8_t delays = 0;     // a heartbeat that arrives at any later time, also after newer ones
  std::uint8_t silences = 0;   // an arbiter's answer that is lost, or a question carried out later or never
  std::uint8_t operations = 0; // writes of the application
  std::uint8_t commands = 0;   // an operator's stop, swap or prim
  bool operator==(const Budget&) const = default;
};

struct Bounds {
  ArbiterMode mode = ArbiterMode::none;
  Witness witness = Witness::both;
  Grain grain = Grain::coarse;
  Budget budget;
  bool symmetric = true, one_way = true; // which cuts
  bool frozen = false;                   // a stun freezes the machine's clock too (dst 4.4: row 6t, the printed limit)
  bool power_excused = true;             // writes that nobody flushed when both memories are gone are excused (dst 4.4: combination 9)
  std::uint32_t timeout_pulses = 3;      // the heartbeat's timeout; the lease is two thirds of it
  std::uint32_t depth = UINT32_MAX;      // choices
  std::uint64_t states = UINT64_MAX;     // give up after so many
  std::uint64_t memory_mb = 4096;        // ... or when about so much is used
  std::uint32_t check_percent = 1;       // of the states taken for equal: carried on from both
  std::uint32_t enough = 0;              // findings: the search ends when it has all of these; 0: it goes on to the fixpoint
  bool progress = true;
  bool operator==(const Bounds&) const = default;
};
inline constexpr Duration pulse = seconds(10); // with a timeout of three: the product's 30 s; the core's own pauses are at most three pulses

// What an exploration looks for. `found` is a set of them.
enum class Finding : std::uint8_t {
  dual,  // S2, S13: both serve at one moment
  stale, // S4: one serves without an acknowledged write
  fork,  // acknowledged writes on both sides that no source can merge
  S1, S3, S6, S7, S8, S10, S11, S13, S17, S19, mirror_first, invariant, assertion,
};
inline constexpr std::size_t finding_count = static_cast<std::size_t>(Finding::assertion) + 1;
using Findings = std::uint32_t;
constexpr Findings bit(Finding f) { return 1u << static_cast<unsigned>(f); }
inline constexpr Findings split = bit(Finding::dual) | bit(Finding::stale) | bit(Finding::fork);
inline constexpr Findings everything = (1u << finding_count) - 1;
const char* name(Finding);

enum class Act : std::uint8_t {
  beat, late_beat, frame, persisted, wake, answered, tick, // what the world owes
  write, delay, cut, heal, crash, start, stun, resume, answer_lost, question_late, orphan, command,
};
struct Choice {
  Act act = Act::tick;
  NodeIndex node = 0;
  std::uint8_t variant = 0;
  bool operator==(const Choice&) const = default;
};

enum class End : std::uint8_t { fixpoint, depth, states, memory, enough, judged, differs };
struct Result {
  End end = End::fixpoint;
  std::uint64_t states = 0, transitions = 0, checked = 0;
  std::uint32_t depth = 0;
  double seconds = 0;
  Findings found = 0;
  std::array<std::vector<Choice>, finding_count> path; // the shortest to each
};
// Goes on over findings in `tolerated`; anything else ends the search.
Result search(const Bounds&, Findings tolerated);
// The path in words.
void print_path(const Bounds&, const std::vector<Choice>&);

// One documented exploration with what it must show.
struct Claim {
  const char* sentence;
  Bounds bounds;
  Findings shows;          // each of these, and nothing else; 0: holds, to the fixpoint
  Findings tolerated = 0;  // may be there as well: what the mode does not promise
};
// True: it shows what it says. Prints a line, and with `paths` the shortest way to each finding.
bool prove(const Claim&, bool paths);
// All of sim/README.md; quick: those that end within a minute together. 0: all show what they say.
int run_claims(bool quick, bool paths);
// One exploration; 0: fixpoint and nothing found, 1: something found, 3: bound reached before the fixpoint.
int run_one(const Bounds&, Findings tolerated);
// `lockstep-sim explore ...`
int command(int argc, char** argv);

} // namespace lockstep::sim::explore
