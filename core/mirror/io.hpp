// Mirror's contract: the op stream, the sets and the resynchronisation of one module on one node, as a pure machine.
//   void Mirror::step(const MirrorInput&, MirrorEffects&);   Instant Mirror::next_deadline() const;
// Mirror talks to the host (FUSE, executor, connection, flush and set-log workers) and to Node by inputs and effects only.
// Effects of one queue keep their order (executor queue: Execute, Apply, ReadItem; connection: Send; set log: AppendSet,
// RewriteSet); queues are independent. A crash may fall between any two effects.
#pragma once
#include "core/base/time.hpp"
#include "core/mirror/op.hpp"
#include "core/mirror/pending.hpp"
#include "core/rules.hpp"
#include "core/wire/frame.hpp"
#include <string>
#include <variant>
#include <vector>

namespace lockstep {

struct MirrorConfig {
  bool sync_on_second = false;          // async="none": completed when SECOND has applied (fsync: flushed)
  Duration sendtimeout = seconds(30);   // no receipt for so long: leave the pair (design 7)
  Duration locktimeout = seconds(100);
  Duration checkpoint_interval = seconds(5);
  std::uint32_t parallel_drains = 3;    // nbrei
  std::uint32_t dirs = 1;               // number of replicated directories: roots are root_key(0..dirs-1)
  NodeUid node_uid;
  Incarnation incarnation;
  std::size_t max_in_flight = 1024;           // operations sent and not completed: more are parked (bounded by FUSE's own limit)
  std::uint64_t max_queue_bytes = 256u << 20; // SECOND: received and not applied; beyond it no receipt is given (data T28)
  std::size_t max_recent = 200'000;           // items before coarsening (data T27)
};

// ---------------------------------------------------------------- Node -> Mirror
namespace order {
struct LoadSet { // once, first: what the host read from the pending log (and what a scan found changed while stopped)
  PendingSet pending;
  Position checkpoint;      // own, durable
  Position peer_checkpoint; // the newest the peer announced to us, as recorded
};
// Prepare to continue without the peer (data:D10). SECOND: apply all received, flush, make `recent` durable. PRIM: hold, make
// `recent` durable. Answer: AloneReady. Nothing completes until GoAlone.
struct PrepareAlone {};
// `own` is durable at this generation: serve alone, marking durably first (data:D5). Held operations complete.
struct GoAlone {
  Generation g;
  bool keeps_detached = false; // the next copy is full and reads nothing of it: after primforce it may be all that is left of half a copy
};
// Give up preparing (the arbiter refused, the peer is back): PRIM resumes holding as pair, SECOND goes on as SECOND.
struct Unprepare {};
// Serve the target of `session` as source (stays alone until Pair). Union of both sets is drained; full: everything is pending.
struct ServeResync {
  Session session;
};
// Be the target. `inconsistent` is already durable (oracle S10).
struct FollowResync {
  Session session;
};
// Source, control:R1 step 2: from here nothing completes without the target.
struct Pair {
  Generation g;
};
// Both: the peer counts as SECOND Ready / this node is SECOND Ready. Sets may be released by data:D2.
struct Ready {
  Generation g;
};
// The session or the pair with this peer incarnation is over. Target: back to idle, keeps its durable set. SECOND: stays able to
// PrepareAlone until Idle. Source in ALONE: goes on alone. PRIM in a pair: holds.
struct Break {
  std::string why;
};
// Completions and executions are allowed until `until` (boot time of this node); never() in ALONE without a lease.
struct Permit {
  std::uint64_t generation = 0;
  Instant until;
};
// Leave the role: held operations end with EIO (control:Y1) if `fail_held`; wait for what runs, flush, make the set durable.
// SECOND: apply all received, flush, make `recent` durable (data:D12). Answer: Quiesced. Afterwards idle.
struct Quiesce {
  bool fail_held = false;
};
// PRIM handing over by an orderly stop or swap: complete what is in flight with the peer, take no more. Answer: Quiesced with
// the last position, which the goodbye names; the set is durable.
struct HandOver {};
} // namespace order
using MirrorOrder = std::variant<order::LoadSet, order::PrepareAlone, order::GoAlone, order::Unprepare, order::ServeResync,
                                 order::FollowResync, order::Pair, order::Ready, order::Break, order::Permit, order::Quiesce,
                                 order::HandOver>;

// ---------------------------------------------------------------- Mirror -> Node
struct ResyncProgress {
  bool full = false;
  std::uint64_t dirs_done = 0, dirs_total = 0, files_done = 0, files_total = 0;
  std::uint64_t bytes_sent = 0, bytes_compared = 0, bytes_total = 0; // total is an estimate that may grow
};
namespace said {
struct AloneReady { // everything received is applied and flushed, `recent` is durable: `last` is the last applied position
  Position last;
  bool covers = true; // false: this incarnation's memory set is not whole (data:D14)
};
struct SourceDrained { // source: the union is drained up to `at`, told to the target
  Session session;
  Position at;
};
struct EqualAt { // target: everything up to `at` is applied and flushed (data:D13 step 1)
  Session session;
  Position at;
};
struct Quiesced {
  Position last;
  bool covers = true;
  // False: what was acknowledged may be missing here. A flush failed in this role (data:T4), or an operation was refused without the
  // primary's word: in equal trees it was refused there too, but the pair may have ended because they are not equal (data:D9).
  bool complete = true;
};
struct PeerLost { // the connection is gone; no decision in it
  std::string why;
};
struct PeerBack {}; // connected and resumed or ready for a session
struct PeerFailed { // the peer cannot go on or did not answer in time, or an outcome differed: leave the pair
  Rule rule;
  std::string why;
};
struct SelfFailed { // this node cannot go on as SECOND or target (ENOSPC, EIO, differing outcome); unfit until resynced
  Rule rule;
  std::string why;
};
struct Held { // operations wait for the pair to be settled, since when; ended = false when they go on
  bool holding = false;
  Instant since;
};
struct Progress {
  ResyncProgress progress;
};
struct Checkpointed { // own checkpoint and the peer's, both durable where they are announced
  Position own, peer;
  Incarnation of; // who announced `peer`: none when it is from a former life of this node
};
struct Received { // SECOND: last contiguous position received (compared with a goodbye's last operation)
  Position last;
};
} // namespace said
using MirrorSaid = std::variant<said::AloneReady, said::SourceDrained, said::EqualAt, said::Quiesced, said::PeerLost, said::PeerBack,
                                said::PeerFailed, said::SelfFailed, said::Held, said::Progress, said::Checkpointed, said::Received>;

// ---------------------------------------------------------------- host -> Mirror
namespace in {
struct Order {
  MirrorOrder order;
};
struct Submit { // an application's mutation, resolved to keys; answered by exactly one Complete
  std::uint64_t token = 0;
  Op op;
  Payload payload;
};
struct Executed { // of Execute; error is an errno, 0: done. amount: bytes of a short write
  Ticket ticket;
  std::int32_t error = 0;
  std::uint64_t amount = 0;
  bool partial = false; // error or short, and something reached the tree (data:D9)
  bool expired = false; // not_after had passed: nothing was done
};
struct Applied { // of Apply
  Ticket ticket;
  std::int32_t error = 0;
  std::uint64_t need = 0;     // drain_query: blocks that differ
  std::vector<Key> lacks;     // drain_dir: not applied, these are missing here
};
struct ItemRead { // of ReadItem
  Ticket ticket;
  std::int32_t error = 0;     // ENOENT: the object is gone, which is an answer
  bool end_of_file = false;   // nothing at or beyond the block
  std::uint64_t size = 0;     // of the file
  DirState dir;               // directory
  Payload digests;            // file block: digests of its digest_blocks (bytes behind the handle)
  FileState attrs;
};
struct DataRead { // of ReadData
  Ticket ticket;
  std::int32_t error = 0;
  bool hole = false;
  std::uint64_t length = 0;
  Payload data;
};
struct Connected {};
struct Disconnected {
  std::string why;
};
struct FromPeer {
  Frame frame;
  Payload payload;
};
struct Flushed { // of Flush: every replicated file system, and the checkpoint is recorded (log and data root)
  Ticket ticket;
  std::int32_t error = 0;
};
struct SetDurable { // of AppendSet and RewriteSet
  Ticket ticket;
  std::int32_t error = 0;
};
struct Space { // free space of the replicated file systems, from time to time (data T1)
  std::uint64_t free_bytes = 0, free_inodes = 0;
};
struct Differs { // found outside the stream: a keyless object got a key, a verify saw a difference (data T16, T30)
  PendingSet marks;
};
struct Wake {};
} // namespace in
struct MirrorInput {
  Instant now;
  std::variant<in::Order, in::Submit, in::Executed, in::Applied, in::ItemRead, in::DataRead, in::Connected, in::Disconnected,
               in::FromPeer, in::Flushed, in::SetDurable, in::Space, in::Differs, in::Wake>
      what;
};

// ---------------------------------------------------------------- Mirror -> host
namespace fx {
struct Execute { // carry out on the local tree; the host asks again that now <= not_after right before (design 2.10)
  Ticket ticket;
  Op op;
  Payload payload;
  Instant not_after;
};
struct Complete { // answer the application; error is an errno
  std::uint64_t token = 0;
  std::int32_t error = 0;
  std::uint64_t amount = 0;
  Instant not_after; // of a success: too late means the answer is held back and reported as Expired by EIO
};
struct Apply { // SECOND or target: carry out a received operation; a result is always wanted
  Ticket ticket;
  Op op;
  Payload payload;
  bool may_be_done = false; // replay after a crash or takeover: an outcome that is already there is success
};
struct ReadItem { // source: read a pending item; directory: entries; file: digests of one block, or its attributes
  Ticket ticket;
  Key object;
  bool directory = false, attrs = false;
  std::uint64_t block = 0; // file: block index
};
struct ReadData { // source: read one extent to send
  Ticket ticket;
  Key object;
  std::uint64_t offset = 0, length = 0;
};
struct Send {
  Frame frame;
  Payload payload;
  Bytes bytes; // the payload of an OpFrame that the core made itself (drain_dir, drain_attrs); `payload` is none then
};
struct Release { // this payload is not needed any more
  std::uint64_t handle = 0;
};
struct Flush { // syncfs of everything, then record the checkpoint durably: beside the record and on the data root (data T2)
  Ticket ticket;
  Position checkpoint; // generation 0: flush only
};
struct AppendSet { // make these marks durable (group commit is the host's)
  Ticket ticket;
  PendingSet marks;
};
struct RewriteSet { // replace the durable set by this one, atomically
  Ticket ticket;
  PendingSet set;
};
struct CloseConnection { // protocol error or a partner of another incarnation: dial again
  std::string why;
};
struct PurgeStaging {}; // target after Ready, or who goes on alone: remove what a copy had detached (data T15)
struct Say {
  MirrorSaid what;
};
struct Tell {
  Note note;
};
} // namespace fx
using MirrorEffect = std::variant<fx::Execute, fx::Complete, fx::Apply, fx::ReadItem, fx::ReadData, fx::Send, fx::Release, fx::Flush,
                                  fx::AppendSet, fx::RewriteSet, fx::CloseConnection, fx::PurgeStaging, fx::Say, fx::Tell>;
using MirrorEffects = std::vector<MirrorEffect>;

} // namespace lockstep
