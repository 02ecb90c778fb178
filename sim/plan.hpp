// The only input of a run (design 10): configuration, workload, faults with virtual times, phases, expectations. Text, one
// item per line, `#` starts a comment; printing and parsing are inverse. Nodes are a, b and w (the witness).
//
//   mode none|ping|etcd     async second|none        failover on|off       limit 600s
//   network 0 pulse 700ms timeout 30s                flow 0
//   work rate 20 ops 240 files 12 dirs 4 from 5s
//   mix create 10           (weights: create mkdir write bigwrite rename unlink link truncate setattr punch xattr fsync exchange orphan;
//                          `mix only` before them: no others)
//   at 10s cut a>b beat0 for 5s                      (see the table in plan.cpp for every event)
//   wall 1700000000 jumping (what wall clocks say: labels; they decide nothing, oracle S20)
//   manual                  (nobody starts anything)      stays-stopped   (nobody restarts what was stopped)
//   heal 60s                liveness 300s
//   expect b ALONE Ready at 40s
//   kills lease_from_arrival   (a planted bug that this plan must find: core/base/mutant.hpp)
#pragma once
#include "core/base/time.hpp"
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lockstep::sim {

enum class What : std::uint8_t {
  // network; they hold for `length` on one directed link and class
  cut, delay, loss, reorder, duplicate, clog, corrupt, reset,
  // nodes
  crash, kill, crash_on, kill_on, pause, freeze, clock_rate, wall_jump,
  // disks
  eio, enospc, full, flush_error, slow_disk, hung_disk, persist_error, log_error, lose_record, lose_identity, snapshot, restore, restore_data, restore_var, aside_fails,
  rot_log, rot_record,
  // scripts, what is watched, and the witness
  script_fails, script_hangs, mount_fails, vip_fails, process_dead, checker_down, witness_down,
  // the arbiter's store
  arbiter_down, arbiter_slow, arbiter_emptied, arbiter_deleted, arbiter_saved, arbiter_restored,
  // an operator, and the application
  command, command_on, write,
  // a file that came past the mount is met (data T16); in plans by hand
  stray,
};
inline constexpr std::size_t what_count = static_cast<std::size_t>(What::stray) + 1;
const char* what_name(What);
bool is_fault(What);

enum class Class : std::uint8_t { beat0, beat1, beats, stream, all, arbiter };
const char* class_name(Class);

struct Event {
  What what = What::cut;
  Duration at;
  std::uint8_t node = 0, other = 1; // the node, or the link node>other; 2 is the witness or the arbiter
  Class cls = Class::all;
  Duration length;        // for how long; crash and kill: how long down (0: until `command start`)
  std::int64_t number = 0; // crash: after so many more effects; loss, reorder, duplicate, corrupt: percent; clock_rate: per mille
  Duration by;            // delay
  std::string word;       // script, verb, file operation
  std::string effect;     // command_on, crash_on, kill_on: it happens right after the effect that begins so (_ for a space)
  bool operator==(const Event&) const = default;
};

enum class Mode : std::uint8_t { none, ping, etcd };
inline constexpr std::size_t mode_count = 3;
const char* mode_name(Mode);
std::optional<Mode> mode_of(const std::string&);
struct Network {
  Duration pulse = ms(700), timeout = seconds(30);
  bool operator==(const Network&) const = default;
};

inline constexpr std::array<const char*, 14> mix_names{"create", "mkdir",   "write", "bigwrite", "rename", "unlink",   "link",
                                                       "truncate", "setattr", "punch", "xattr",    "fsync",  "exchange", "orphan"};
struct Workload {
  std::uint32_t rate = 20; // operations per second while there is somebody to serve them
  std::uint32_t ops = 240, files = 12, dirs = 4;
  Duration from = seconds(5);
  std::array<std::uint32_t, mix_names.size()> mix{10, 3, 40, 4, 8, 8, 3, 4, 5, 2, 2, 8, 1, 2};
  bool operator==(const Workload&) const = default;
};

struct Expectation { // what a hand-written plan shows; evaluated at `at`
  enum Kind : std::uint8_t { role, wait, not_serving, equal, rule, no_rule, file } kind = role;
  Duration at;
  std::uint8_t node = 0;
  std::string word; // "ALONE Ready", a Wait's name, a rule's id, "f 3": unit 0 of f has the content of write number 3
  int line = 0;
  bool operator==(const Expectation& o) const { return kind == o.kind && at == o.at && node == o.node && word == o.word; }
};

struct Plan {
  std::string name;
  std::uint64_t seed = 1;
  Mode mode = Mode::none;
  bool sync_on_second = false; // async none
  bool failover = true;
  std::vector<Network> networks{Network{}};
  std::uint32_t flow = 0; // network that carries the stream
  std::uint32_t memory = 20'000;    // items that Mirror remembers before it coarsens them (data:T27)
  Workload work;
  std::vector<Event> events; // ordered by time
  Duration heal = seconds(60);      // all faults end here at the latest; stopped nodes are started
  Duration liveness = seconds(300); // from heal: PRIM/SECOND Ready and equal, or a named wait
  std::int64_t wall_s = 1'700'000'000; // wall clock at the beginning
  bool wall_jumps = false;             // by days, forwards and backwards
  bool operator_starts = true;      // start both, prim on a at 2 s; false: only what the plan says
  bool stays_stopped = false;       // a module that an operator stopped is started by the plan or at heal, by nobody else
  std::vector<Expectation> expectations;
  std::vector<std::string> kills;   // mutants that must not survive it
  bool operator==(const Plan&) const = default;
};

struct ParsedPlan {
  std::optional<Plan> plan;
  std::string error; // "FILE:LINE: what is wrong, what to do"
};
ParsedPlan parse_plan(const std::string& text, const std::string& file);
std::string print(const Plan&);
std::string print(const Event&);
std::string print(Duration);
std::optional<Duration> parse_duration(const std::string&);

// Swarm testing: a random subset of the fault classes with random weights; at least 200 operations and 3 faults.
Plan make_plan(std::uint64_t seed, Mode mode);

} // namespace lockstep::sim
