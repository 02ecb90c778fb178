// The small world of the exhaustive search: two machines with the real cores, one heartbeat network, one replication connection,
// a witness or an arbiter, one file that an application writes. It is a value: copied, changed by one choice, compared.
// What a machine owes itself (executor, flushes, set log, mounts, address, messages between its two cores) is carried out at once and
// in order; what is left to choose is listed by choices(). Time moves in steps of one pulse, when nothing that is due is left.
#pragma once
#include "core/mirror/mirror.hpp"
#include "core/node/node.hpp"
#include "sim/disk.hpp"
#include "sim/executor.hpp"
#include "sim/explore.hpp"
#include "sim/explore_ledger.hpp"
#include <array>
#include <memory>

namespace lockstep::sim::explore {

// Shared until somebody changes it.
template <class T>
class Shared {
 public:
  explicit Shared(T v) : value_(std::make_shared<T>(std::move(v))) {}
  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }
  T& own() {
    if (value_.use_count() > 1) value_ = std::make_shared<T>(*value_);
    return *value_;
  }

 private:
  std::shared_ptr<T> value_;
};

struct Question { // to the arbiter, not answered
  Ticket ticket;
  std::optional<Generation> expected, put;
};

struct Census { // counts those that hold one: what the search keeps in memory
  Census() { ++alive; }
  Census(const Census&) { ++alive; }
  Census& operator=(const Census&) = default;
  ~Census() { --alive; }
  static std::uint64_t alive;
};

struct Machine {
  Census census;
  // what survives a crash
  Disk disk{1};
  bool stopped = false; // left by itself, for good: only an operator starts it
  // the process
  std::optional<Node> node;
  std::optional<Mirror> mirror;
  Incarnation incarnation;
  std::optional<nfx::Persist> writing; // the record on its way to the disk: a crash leaves the old or the new one
  std::optional<Question> question;
  std::map<std::uint64_t, Content> payloads;
  std::uint64_t handles = 0;
  std::set<std::uint64_t> open; // operations of the application, not answered
  MountKind mount = MountKind::plain;
  bool vip = false, set_aside = false;
  Instant vip_until;
  bool stunned = false, wake_due = false;
  Duration behind; // of its clock: the time it was frozen with it

  bool running() const { return node.has_value(); }
};

struct Packet { // on the replication connection
  std::uint64_t connection = 0;
  Frame frame;
  std::shared_ptr<const Content> content;
};

struct World {
  World();
  Instant now;
  Duration far; // longer than every timer that looks back
  std::array<Shared<Machine>, 2> machines;
  // By sender: the newest heartbeat under way, one that is late, and the connection.
  std::array<std::shared_ptr<const Beat>, 2> beat, late;
  std::array<std::vector<std::shared_ptr<const Packet>>, 2> stream;
  std::array<std::uint64_t, 2> connection{}; // as each side sees it; 0: none
  std::uint64_t connections = 0, lives = 0;
  std::array<bool, 2> cut{}; // from this node to the other
  std::array<bool, 2> unheard{}; // since the cut healed; a calm network (symmetric cuts only) stays whole until both were heard
  std::uint8_t witness_side = 0;
  std::optional<Generation> key; // of the arbiter
  std::uint64_t revision = 0;
  std::vector<Question> orphans; // requests that nobody waits for any more and that may still be carried out
  Budget left;
  std::uint8_t submitted = 0; // operations so far
  NodeIndex turn = 2;         // coarse: the machine that does what is due; 2: none has begun
  Ledger ledger;
  Findings found; // by the last choice; no part of the state

  Instant clock(NodeIndex n) const { return now - machines[n]->behind; }
  bool serves(NodeIndex n) const { return machines[n]->running() && !machines[n]->stunned && machines[n]->node->serving(clock(n)); }
  bool address(NodeIndex n) const { return machines[n]->vip && clock(n) <= machines[n]->vip_until; }
};

// What a person reads along a path; nothing during a search.
class Transcript {
 public:
  virtual ~Transcript() = default;
  virtual void line(const World&, int node, const std::string&) = 0; // node 2: the world
};

World paired(const Bounds&);                                    // both nodes up, PRIM and SECOND Ready, one file, at rest
std::vector<Choice> choices(const World&, const Bounds&);
void apply(World&, const Bounds&, Choice, Transcript* = nullptr);
std::uint64_t state_hash(const World&);
std::string describe(const World&, Choice);

inline constexpr Key the_file{9, 1};

} // namespace lockstep::sim::explore
