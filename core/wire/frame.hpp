// What travels on the replication connection (TCP 5600+, inside TLS; each frame has a checksum below this layer).
// Every frame quotes the generation and both incarnations' session by its stream: a connection starts with Hello frames both
// ways, and everything after belongs to that pair of incarnations; positions of another generation are dropped (data T5).
#pragma once
#include "core/mirror/op.hpp"
#include "core/mirror/pending.hpp"
#include "core/wire/beat.hpp"
#include <bit>
#include <variant>

namespace lockstep {

// First frame of each side on every connection, and again when the side's stream changes. A stream is carried on while the
// newest hellos of both sides name the same one: that decides between resume (data T6) and break.
// A target counts its sessions from 1 in every life, and a node that lost its record or was restored counts its incarnations again: the
// hello of a source that still counts on a former life of the target must not be taken for the one of the new session.
inline std::uint64_t stream_number(const Session& s) {
  return (s.number + (s.target_life.incarnation.value << 32)) ^ s.target_life.nonce ^ std::rotl(s.source_life.nonce, 1);
}

struct HelloFrame {
  NodeUid node_uid;
  Incarnation incarnation;
  std::uint64_t generation = 0; // counter of the stream this side is in; 0: in none
  std::uint64_t session = 0;    // stream_number of that stream's session
  bool is_source = false;       // PRIM or source of a resync
  Position received, applied;   // SECOND, target: last contiguous, none: nothing of this stream; source: where it begins
};
struct OpFrame { // payload, if any, follows in the same frame
  Position at;
  std::uint64_t watermark = 0; // piggybacked Watermark::through without exceptions, 0: none
  Op op;
};
enum class Outcome : std::uint8_t { done, cancelled, amended };
struct OutcomeNote {
  std::uint64_t seq = 0;
  Outcome outcome = Outcome::done;
  std::uint64_t amount = 0; // amended: bytes really written
};
// "Everything up to `through` was executed here; as sent, except for these." SECOND may apply up to it.
struct WatermarkFrame {
  Position through;
  std::vector<OutcomeNote> exceptions;
};
// Cumulative. `received` is a promise to apply; `outcomes` acknowledges exceptions up to that watermark (data:D9).
struct ReceiptFrame {
  Position received, applied;
  std::uint64_t outcomes = 0;
};
struct CheckpointFrame { // durable here up to `at` (data:D2)
  Position at;
};
struct SetFrame { // the target's pending set, in chunks, before a session starts to drain
  std::uint64_t session = 0;
  bool last = false;
  PendingSet items;
};
struct LacksFrame { // answer to drain_dir at `at`: not applied, these keys are not here (data:D6); empty: applied
  Position at;
  std::vector<Key> keys;
};
struct NeedFrame { // answer to drain_query at `at`: bit i set = send digest_block i
  Position at;
  std::uint64_t blocks = 0;
};
struct FailedFrame { // I cannot go on as your partner: sentence for both logs, then the pair breaks
  std::int32_t error = 0;
  std::string sentence;
};

using Frame = std::variant<HelloFrame, OpFrame, WatermarkFrame, ReceiptFrame, CheckpointFrame, SetFrame, LacksFrame, NeedFrame,
                           FailedFrame>;

// The header part; the host appends an OpFrame's payload bytes behind it and cuts them off again on the other side.
Bytes encode(const Frame&);
// nullopt: malformed. `used` is where the payload starts.
std::optional<Frame> decode_frame(const std::uint8_t* p, std::size_t n, std::size_t& used);

} // namespace lockstep
