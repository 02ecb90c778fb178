// The small states that Mirror is made of; each belongs to one of its files.
#pragma once
#include "core/mirror/io.hpp"
#include <deque>
#include <map>
#include <optional>
#include <set>

namespace lockstep {

inline constexpr std::int32_t errno_noent = 2, errno_io = 5, errno_nospc = 28;

enum class MirrorRole : std::uint8_t {
  idle,
  alone,     // ALONE, perhaps source of a session
  prim,      // PRIM: completes nothing without the peer's receipt
  preparing, // PRIM or SECOND on the way to alone: nothing completes
  target,    // SECOND Transient
  second,    // SECOND Ready
};

// Who is on the other end of the op stream and which stream it is (control:R3).
struct Stream {
  bool open = false, source = false;
  bool closed = false; // by Break: what was sent stays known, nothing more is said
  std::uint64_t generation = 0, session = 0;
  NodeUid peer_uid; // none: any (only the source's uid is named by a session)
  Incarnation peer;
};

// ---- primary side
struct WaitingOp { // submitted, not decided
  std::uint64_t token = 0;
  Op op;
  Payload payload;
  PendingSet touched;
  Ticket mark;         // none: no mark asked for, or it is durable
  bool marked = false; // what it touches is durable (data:D5)
  bool failed = false; // the marks could not be made durable: EIO
};
struct LiveOp { // decided, not completed
  enum class Stage : std::uint8_t { queued, executing, executed };
  std::uint64_t token = 0;
  Op op;
  Payload payload;
  std::uint64_t seq = 0;   // 0: not sent
  std::uint64_t order = 0; // its own seq, or the newest when it was decided
  Stage stage = Stage::queued;
  std::int32_t error = 0;
  std::uint64_t amount = 0;
  bool failed = false;  // cancelled: SECOND never applies it
  bool unknown = false; // failed with an effect nobody knows (data:D9)
  bool on_both = false; // both nodes had flushed it before this one went on alone: no set needs to count it
};
struct ExecEntry {
  bool read = false;    // a drain's ReadItem instead of a live operation
  std::uint64_t id = 0; // LiveOp or Drain
  auto operator<=>(const ExecEntry&) const = default;
};
struct SentOp { // on the stream, kept until received and executed
  Op op;
  Payload payload;
  Bytes bytes;
  bool executed = false;
  bool holds = false; // keeps the payload for a resend
  Instant since;
};
struct SendSide {
  std::uint64_t next_seq = 1, base = 0; // the stream begins behind `base`
  std::map<std::uint64_t, SentOp> sent;
  std::uint64_t sent_bytes = 0; // not receipted
  std::uint64_t received = 0, applied = 0, outcomes = 0; // the peer's word
  std::uint64_t executed = 0;                            // contiguous, here
  std::uint64_t watermark = 0;                           // told to the peer
  std::map<std::uint64_t, OutcomeNote> exceptions;       // not acknowledged (data:D9)
  std::uint64_t exceptions_told = 0;                     // they are told up to here, in order
  Instant exception_since = Instant::never();
  Instant watermark_due = Instant::never();
  Instant progress_since = Instant::distant_past(); // the peer's word last moved, or the link came up or went
  bool unknown = false;     // an operation failed with an unknown effect: this stream never ends well
  bool failed_said = false; // on this connection
};
struct HeldState {
  bool said = false;
  Instant since;
};

// ---- secondary side
struct GotOp {
  std::uint64_t seq = 0;
  Op op;
  Payload payload;
  bool emitted = false, applied = false, cancelled = false, without_watermark = false;
  Instant since;
};
struct ReceiveSide {
  std::deque<GotOp> queue; // in stream order, contiguous
  std::size_t emitted = 0; // so many of its front were handed to the executor
  std::map<Ticket, std::uint64_t> applying;
  std::uint64_t base = 0; // the stream begins behind it
  bool based = false;
  std::uint64_t received = 0, receipted = 0, applied = 0, watermark = 0, outcomes = 0;
  std::uint64_t guessed = 0; // the first that was refused here, and taken for refused there too, without the primary's word
  std::map<std::uint64_t, OutcomeNote> notes; // cancelled or amended, not yet applied
  std::uint64_t receipted_bytes = 0, promised_bytes = 0, promised_inodes = 0;
  bool receipt_owed = false;
  bool dropped = false; // operations were refused: the peer must send them again
  Instant say_due = Instant::never();
};

// ---- sets
struct FlushState {
  Ticket ticket; // in flight
  Position position;
  Instant next;
  bool dirty = false;  // something was carried out since the last one began
  bool frozen = false; // a flush failed: no checkpoint of this incarnation any more (data T4)
};

// ---- takeover
struct Prepare {
  bool active = false, ready = false, flushing = false, flushed = false, marking = false, marked = false, covers = true;
  Ticket flush, mark;
  std::optional<Generation> go;
};
enum class LeaveKind : std::uint8_t { none, quiesce, quiesce_failing, hand_over };
struct Leaving {
  LeaveKind kind = LeaveKind::none;
  Instant since;
  bool settled = false, flushed = false, marked = false, covers = true;
  Ticket flush, mark;
};

// ---- resynchronisation
struct Drain { // one item between `to drain` and drained; its range is locked (data:D7)
  enum class Kind : std::uint8_t { directory, block, attrs };
  enum class Stage : std::uint8_t { queued, reading, marking, asked, loading };
  Kind kind = Kind::directory;
  Key key;
  std::uint64_t block = 0;
  Stage stage = Stage::queued;
  std::uint64_t seq = 0; // of the question the target must answer
  Ticket mark;
  DirState dir;
  PendingSet lacks; // what the target lacks, being marked
  std::uint64_t length = 0;
  std::uint32_t loads = 0;  // ReadData in flight
  bool unreadable = false; // one of them failed: once more, later
};
struct SourceSession {
  enum class Stage : std::uint8_t { collecting, marking, draining, drained };
  Session session;
  Stage stage = Stage::collecting;
  bool full = false;
  PendingSet collected; // the target's set
  Ticket union_mark;
  std::set<Key> dirs;             // to drain
  std::map<Key, FileMarks> files; // to drain
  // Files with blocks to drain whose size on the target is not behind their own any more: the target has nothing beyond the
  // source's end, so that what a live operation uncovers there is zeros on both.
  std::set<Key> sized;
  std::set<Key> dirs_done, found; // full: what is in sync, what was seen (its marks exist)
  std::map<std::uint64_t, Drain> drains;
  std::map<Ticket, std::uint64_t> reads;   // ReadItem, ReadData -> drain
  std::map<Ticket, std::uint64_t> extents; // ReadData -> offset
  std::uint64_t drained_at = 0;
  Instant retry_at = Instant::distant_past(); // this node's own disk failed to read an item
  ResyncProgress progress;
  Instant progress_due;
};
struct TargetSession {
  bool active = false;
  Session session;
  Ticket mark;               // `recent` of before, made durable
  bool everything = false;   // that failed: nothing less than everything covers it
  std::uint64_t drained = 0; // position of the `drained` operation, 0: not received
  Ticket flush;
  bool equal = false;
};

} // namespace lockstep
