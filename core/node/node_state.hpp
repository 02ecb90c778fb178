// The small states that Node is made of; each belongs to one of its files.
#pragma once
#include "core/lineage/compare.hpp"
#include "core/node/io.hpp"
#include "core/node/transitions.hpp"
#include <deque>

namespace lockstep {

// What this node is in the lineage, whatever its scripts do. Role (what others see) follows it.
enum class Standing : std::uint8_t {
  idle,   // cold: no part in anything
  alone,  // own is durable, Mirror serves
  prim,   // shared is durable: completes nothing without the other node
  second, // shared is durable: may take over
  target, // inconsistent or resynced is durable: a copy is running
};

// ---- persist.cpp: one change of the record at a time; each is computed from the record as it is durable when its turn
// comes.
enum class ChangeKind : std::uint8_t {
  boot,
  mint,
  offer,
  claim, // the arbiter is asked for this generation (control:E2)
  store, // the arbiter's store went back, or was armed again ((iii) 6)
  follow,
  equal,
  share_source,
  share_target,
  goodbye,
  yield,
  consent,
  whole, // of a pair that it left without a word, refused: its set is whole all the same
  failover_off,
  forget,
  settings,
};
struct Change {
  ChangeKind kind = ChangeKind::settings;
  Rule rule = Rule::none;
  MintedAs as = MintedAs::prim;       // mint, claim
  bool adopt = false;                 // mint: what the arbiter was asked for becomes the generation
  std::uint64_t revision = 0;         // store
  bool covers = false;                // mint, goodbye, yield, consent
  bool full_next = false;             // mint: the next copy is a full one (prim fullsync)
  bool complete = true;               // consent
  bool empty_history = false;         // mint of primforce on inconsistent data (control:O1)
  DirUid dir;                         // mint of the first generation; follow
  Session session;                    // follow, equal, share_*
  std::optional<bool> failover, errd; // settings
  std::optional<std::uint32_t> loop_count;
};
struct Writing {
  Ticket ticket;
  Change change;
  Record record;
};

// ---- steps.cpp: the row being carried out
struct Task {
  Step step = Step::settled;
  Event event = Event::cmd_start; // of its row
  State from = State::stop, to = State::stop;
};
struct Running {
  Task task;
  Ticket ticket;        // none: waits for a condition
  Ticket killed_ticket; // KillScript was sent
  Instant limit = Instant::never();
  bool asked = false; // its effect is out
  bool second_try = false;
};

// ---- takeover.cpp: on the way from a pair to alone
struct Continuing {
  Rule rule = Rule::none; // none: only prepared early (data:D10)
  bool ready = false, minting = false, covers = true;
  Position last;
};

// ---- resync.cpp
struct Following { // this node is the target
  Session session;
  Record source;             // as it was when the copy was proposed: its lineage is adopted (control:R1 step 1)
  Instant since;
  bool started = false;      // FollowResync is out
  bool acknowledged = false; // the source repeated the session
  bool equal = false;        // durable outdated(resynced)
  bool handing_in = false;   // shared is being made durable
  Position at;
};
struct Serving { // this node is the source
  Session session;
  bool pairing = false; // Pair is out
  bool shared = false;  // durable: READY may be said
  bool done = false;    // the target is SECOND Ready
};
enum class Aside : std::uint8_t { none, marking, copying, done, failed };

// ---- what the operator wants of this incarnation
enum class Want : std::uint8_t { start, prim, prim_fullsync, primforce, second, second_fullsync };

// ---- arbiter.cpp: a witness is asked at most once per silence ((iii) 10)
struct Episode {
  bool asked = false, answered = false, accepted = false;
  Ticket ticket;
};
// The arbiter's key as it was last heard; one question is out at a time, so answers are in the store's order.
struct ArbiterKey {
  Ticket ticket;                          // of the question that is out; none: nothing is asked
  Instant limit = Instant::never();       // no answer until then is silence
  std::optional<Generation> put;          // of a swap that is out
  bool known = false, silent = false;     // the last question was answered; was not
  std::optional<Generation> value;        // known: what it holds, none: absent
  std::uint64_t revision = 0;             // newest seen in this life
  bool went_back = false;                 // until it is durable
  Instant asked_again_from = Instant::distant_past();
  Instant wake = Instant::never();
  Instant since = Instant::never();       // a live member asks since then whether it may go on
  std::string problem;                    // of silence
  bool overrides = false;                 // primforce: whatever it holds is replaced
  bool complained = false;                // a serving node said that the key is not its own
};
// What it means for this node's lineage (control:E4).
enum class KeyIs : std::uint8_t {
  unknown, silent,
  absent,     // a refusal ((iii) 6)
  current,    // my generation
  descends,   // a generation that mine descends from, or one that is void: it may be replaced
  granted,    // what I asked for (control:E2)
  foreign,    // somebody else's
  went_back,  // whatever it holds: the store was restored
};

// ---- watchers.cpp
struct WatchedProcess {
  std::optional<std::uint32_t> running;
  Instant from = Instant::never(); // looked at from here on
  std::string state;               // "", "init", "up", "down"
};

} // namespace lockstep
