// The heartbeat: one datagram per pulse and network, carrying the node's whole claim. Everything two nodes negotiate
// (hello, goodbye, consent, READY) is state in a beat, repeated until it is answered: losing or repeating one changes nothing.
// A beat that claims something leaves only after the Persisted of the record behind the claim (design 2.5).
#pragma once
#include "core/base/time.hpp"
#include "core/lineage/record.hpp"
#include "core/wire/version.hpp"
#include <string>
#include <vector>

namespace lockstep {

enum class Role : std::uint8_t { stop, wait, alone, prim, second };
enum class Sub : std::uint8_t { not_ready, transient, ready };
const char* role_name(Role); // "STOP" "WAIT" "ALONE" "PRIM" "SECOND"
const char* sub_name(Sub);   // "NotReady" "Transient" "Ready"

// A resynchronisation is bound to all of these (control:R3).
struct Session {
  Generation source_gen;
  NodeUid source;
  LifeId source_life, target_life;
  bool full = false;
  std::uint64_t number = 0; // chosen by the target, increases within its life
  auto operator<=>(const Session&) const = default;
};

enum class Goodbye : std::uint8_t { none, stop, swap, failover_off };

struct Beat {
  std::uint16_t compare_version = lockstep::compare_version; // version of the rejoin table; both use the smaller ((iii) 28)
  NodeUid node_uid;
  Incarnation incarnation;
  std::uint64_t nonce = 0;  // with the incarnation: the sender's life
  std::uint64_t seq = 0;    // per life and network, increases
  std::int64_t sent_ns = 0; // the sender's own boot time; only ever echoed back to it
  Duration timeout{};       // the sender's timeout on this network ((iii) 7)
  Duration pulse{};
  // What I last heard from you on this network: the proof behind the echo lease (design 3).
  LifeId echo;
  std::uint64_t echo_seq = 0;
  std::int64_t echo_sent_ns = 0;

  std::string node_name;
  std::uint64_t config_digest = 0; // {dirs, arbiter} ((iii) 29)
  RecordState record_state = RecordState::blank;
  Record record;     // as durable now (rev quotes it, control:R4)
  bool dirs_empty = true;  // nothing to keep aside on this node (control:K2)
  bool went_back = false;  // its own checks say so: checkpoint on disk and beside the record disagree (data:T2)
  Position checkpoint;     // the newest I announced: older than what the peer remembers means I went back in time (control:T1)
  bool live = false; // PRIM, ALONE or SECOND Ready in this incarnation, no candidate outstanding
  Role role = Role::wait;
  Sub sub = Sub::not_ready;
  bool serving = false;
  bool failover = true;
  bool checkers_up = true;

  Goodbye goodbye = Goodbye::none; // durable leave of a pair; last_seq names the last operation
  Position last;                   // with goodbye, consent or equal: mint only when all up to here is received ((iii) 3)
  bool consent = false;            // "outdated at your generation", an explicit answer (control:R2)
  bool asks_consent = false;       // PRIM: replication is broken, leave the pair and say so (design 4 (b))
  bool swap_ready = false;         // SECOND: will take over on a swap ((iii) 11)
  bool wants_swap = false;         // SECOND asks PRIM to swap (operator or defaultprim)
  std::uint64_t quotes_rev = 0;    // the peer's rev that a yield or consent was computed from (control:R4)

  bool resync_active = false; // `session` is the one I take part in (target proposes, source repeats it)
  Session session;
  bool equal = false;     // target: durable outdated(resynced), equal at `last` (control:R1 step 1)
  bool ready_for = false; // source: READY for `session` (control:R1 step 2)

  std::vector<std::pair<std::string, std::string>> resources; // for `state -v` on the other node; bounded

  LifeId life() const { return {incarnation, nonce}; }
};

inline constexpr std::size_t beat_max_bytes = 16384; // fragments on a LAN; more is refused
Bytes encode(const Beat&);
std::optional<Beat> decode_beat(const std::uint8_t* p, std::size_t n);
void put(Writer&, const Session&);
bool get(Reader&, Session&);

} // namespace lockstep
