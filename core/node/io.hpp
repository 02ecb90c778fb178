// Node's contract: heartbeats, lineage, arbiter, automaton, scripts, checkers and operator commands of one module on one node.
//   void Node::step(const NodeInput&, NodeEffects&);   Instant Node::next_deadline() const;
// Effects are carried out in order; a crash may fall between any two. Whatever takes time carries a Ticket, quoted by its
// result; a result nobody waits for is ignored with a Note. Nothing that promises leaves before the Persisted behind it.
#pragma once
#include "core/base/time.hpp"
#include "core/lineage/record.hpp"
#include "core/mirror/io.hpp"
#include "core/rules.hpp"
#include "core/wire/beat.hpp"
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lockstep {

// What the host found at the start of an incarnation.
struct Boot {
  RecordState record_state = RecordState::blank;
  std::optional<Record> record;
  NodeUid fresh_uid;                // random; becomes the node's uid if there is no record
  bool record_damaged = false;      // said loudly; record_state is then `lost`
  std::string record_problem;       // sentence, empty: none
  // The replicated directories: what their identity markers say ((iii) 25).
  bool dirs_ok = true;
  std::string dirs_problem;         // sentence: missing, not mounted, not a directory, other identity
  DirUid dirs_uid;                  // marker found on the roots; none: unmarked
  bool dirs_empty = true;
  // Data T2: the checkpoint recorded beside the record and the one on the data root. They must agree with the record.
  Position checkpoint_file, checkpoint_root;
  bool set_readable = true;         // the pending log; false: everything is pending (data T26)
  bool set_everything = false;
  std::int64_t wall_s = 0;          // label and maxloop interval only
};

// ---------------------------------------------------------------- operator
enum class Verb : std::uint8_t {
  start, prim, prim_fullsync, primforce, second, second_fullsync, stop, restart, stopstart, swap, forcestop,
  failover_on, failover_off, errd_on, errd_off,
};
const char* verb_name(Verb); // as an operator types it: "prim fullsync"
std::optional<Verb> verb_of(std::string_view word);
bool starts(Verb); // what a stopped module can do; all else is refused until it runs (safekit:T1, T14)
struct Command {
  std::uint64_t id = 0;    // answered by exactly one Answer
  Verb verb = Verb::start;
  std::string who;         // "root", "admin@10.0.0.1", "SYSTEM", "at boot time", "automatically"
  std::string identity;    // -i: called by a detector; counts in maxloop (safekit 1.11). Empty: an operator; resets it
};

// ---------------------------------------------------------------- world -> Node
namespace nin {
struct Wake {};
struct BeatIn {
  std::uint32_t network = 0;  // index into NodeConfig::networks
  Beat beat;
};
struct Persisted {
  Ticket ticket;
  bool ok = true;
  std::string problem; // sentence: disk full, I/O error
};
struct ScriptDone {
  Ticket ticket;
  std::int32_t exit_code = 0;  // 128+n: signal; 126, 127: not executable, not found
  bool absent = false;         // the module has no such script: success
};
struct WitnessAnswer {
  Ticket ticket;
  bool reachable = false;
};
// What the arbiter's key holds (design 6, control:E1-E6). No answer in time is `silent`: the question may still be carried out
// later, or was and the answer got lost (control:H4, H5).
enum class ArbiterSays : std::uint8_t {
  holds,   // the key holds `value`; a swap was not made
  absent,  // there is no key; a swap was not made
  swapped, // the key now holds what was put
  silent,  // no answer that proves anything: unreachable, minority, refused login, a value that is not ours
};
struct ArbiterAnswer {
  Ticket ticket;
  ArbiterSays says = ArbiterSays::silent;
  Generation value;           // of `holds`
  std::uint64_t revision = 0; // of the store, when it answered: one that goes back was restored ((iii) 6)
  std::string problem;        // of `silent`: a sentence that names the endpoints and what to do
};
struct MountDone { // of MountFor
  Ticket ticket;
  bool ok = true;
  std::string problem;
};
struct AsideDone { // of SetAside: everything that will be overwritten is copied and flushed, or could not be (data:T25)
  Ticket ticket;
  bool ok = true;
  std::string problem; // sentence: what does not fit, where
};
struct VipDone { // of every RaiseVip and DropVip; a refresh that worked may be left unanswered
  Ticket ticket;
  bool ok = true;
  std::string problem;
};
struct Mirror { // what Mirror says
  MirrorSaid what;
};
struct Operator {
  Command command;
};
struct ProcessCount { // answers of the process watcher, at every errd poll; index into NodeConfig errd procs
  std::uint32_t proc = 0;
  std::uint32_t running = 0;
};
struct CheckerSaid { // intf, ip, and later tcp, ping, custom: "intf.10.0.0.0", "ip.10.0.0.9"
  std::string resource;
  bool up = false;
  std::string detail;
};
struct SetResource { // `safekit set`
  std::string resource, value, who;
};
struct PeerRejected { // the transport refused a datagram of the peer's address: other version, wrong key
  std::string why;
};
} // namespace nin
struct NodeInput {
  Instant now;
  std::int64_t wall_s = 0; // labels and the maxloop interval (days); decides nothing else
  std::variant<nin::Wake, nin::BeatIn, nin::Persisted, nin::ScriptDone, nin::WitnessAnswer, nin::ArbiterAnswer, nin::MountDone, nin::AsideDone,
               nin::VipDone, nin::Mirror, nin::Operator, nin::ProcessCount, nin::CheckerSaid, nin::SetResource, nin::PeerRejected>
      what;
};

// ---------------------------------------------------------------- Node -> world
enum class MountKind : std::uint8_t {
  plain,     // STOP: the directory as it is, writable
  read_only, // WAIT and SECOND: a read-only bind of itself
  replicate, // PRIM and ALONE: the FUSE mount
};

namespace nfx {
struct SendBeat {
  std::uint32_t network = 0;
  Beat beat;
};
struct Persist {
  Ticket ticket;
  Record record;
};
struct MarkDirs { // write the identity marker on every replicated root (durable before the result)
  Ticket ticket;  // answered by MountDone
  DirUid uid;
};
struct SetAside { // copy what differs from the source, or everything, to diverged/<name>/, completely (data:T25)
  Ticket ticket;
  std::string name; // of the directory: the generation that yields
};
struct RunScript { // strictly one at a time, in order (safekit 5)
  Ticket ticket;
  std::string name;              // "start_prim"
  std::vector<std::string> args; // "force", then state, next state, action
};
struct KillScript { // TERM to its process group, KILL after a grace; ScriptDone follows
  Ticket ticket;
};
struct AskWitness {
  Ticket ticket;
};
struct AskArbiter { // reads the key of this data set, or replaces it in one step if it still holds what is expected
  Ticket ticket;
  DirUid data_set;                    // names the key, together with the module
  std::optional<Generation> expected; // of a swap; none: the key must be absent
  std::optional<Generation> put;      // none: only read
};
struct MountFor {
  Ticket ticket;
  MountKind kind = MountKind::plain;
  bool force = false; // busy: kill by policy, then abort the connection
};
struct RaiseVip { // claim or extend: every address, valid until `until` (probe and announce when it was not up)
  Ticket ticket;
  Instant until;
  bool announce = false; // send gratuitous ARP again
};
struct DropVip {
  Ticket ticket;
};
struct ToMirror {
  MirrorOrder order;
};
struct WatchProcesses { // which classes are watched now; observations arrive every polltimer
  bool on = false;
};
struct Answer { // to a Command
  std::uint64_t id = 0;
  bool ok = true;
  std::string sentence; // refused: why and what to do
};
// A line of the module's log. Level letters are the field's: C critical, E event, U user action, S script, I information.
struct Log {
  char level = 'E';
  const char* origin = "heart"; // heart, rfsplug, userplug, vipplug, errd, intfcheck, ipcheck, splitbraincheck, reintegre, safekit
  std::string message;          // the field's own vocabulary (safekit 6.3): "Local state ALONE Ready"
};
struct Tell {
  Note note;
};
struct Exit { // the incarnation is over: STOP reached. restart: start again automatically (stopstart, wait)
  bool restart = false;
  std::string reason;
};
} // namespace nfx
using NodeEffect = std::variant<nfx::SendBeat, nfx::Persist, nfx::MarkDirs, nfx::SetAside, nfx::RunScript, nfx::KillScript, nfx::AskWitness,
                                nfx::AskArbiter, nfx::MountFor, nfx::RaiseVip, nfx::DropVip, nfx::ToMirror, nfx::WatchProcesses, nfx::Answer, nfx::Log,
                                nfx::Tell, nfx::Exit>;
using NodeEffects = std::vector<NodeEffect>;

// ---------------------------------------------------------------- what a person sees
// Why a node waits, since when, what it needs, what the operator can do (design 5). From a closed list (oracle L7).
enum class Wait : std::uint8_t {
  none, starting, first_start, for_peer, for_fresher_peer, peer_unknown_record, inconsistent, went_back, unrelated_peer, config_differs,
  witness_refused, yielded_source_gone, aside_failed, directory, record_unreadable, checker_down, failover_off, disk, persist_failed,
  stopping, maxloop, arbiter_refused, arbiter_silent,
};
struct WaitReason {
  Wait kind = Wait::none;
  Rule rule = Rule::none;
  Instant since;
  std::string why;    // one sentence
  std::string needs;  // what it waits for
  std::string to_do;  // what the operator can do
};

struct Resource {
  std::string name, value; // "heartbeat.flow" "up"
  std::int64_t changed_wall_s = 0;
};

// A copy's progress, as a resource of the source's heartbeat: its target shows the same figures.
inline constexpr const char* resync_resource = "rfs.resync";
std::string to_text(const ResyncProgress&);
std::optional<ResyncProgress> parse_progress(const std::string&);

struct NodeView { // everything `state`, ready.txt and the console show
  Role role = Role::stop;
  Sub sub = Sub::not_ready;
  bool uptodate = false;
  bool serving = false; // PRIM or ALONE, settled, and inside the lease
  Role peer_role = Role::stop;
  Sub peer_sub = Sub::not_ready;
  bool peer_known = false;
  WaitReason wait;
  Record record;
  std::optional<Beat> peer;
  std::string peer_refused; // why nothing of the peer is understood, empty: nothing was refused since it was last heard
  std::optional<ResyncProgress> resync;
  bool writes_held = false;
  Instant held_since;
  std::vector<Resource> resources;
};

} // namespace lockstep
