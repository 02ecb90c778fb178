// Two Mirrors, a pipe that can be cut, trees keyed by Key with a volatile and a durable side, and a hand for Node's orders.
// One cell of a file is a digest_block; its content is one number.
#pragma once
#include "core/base/prng.hpp"
#include "core/mirror/mirror.hpp"
#include <memory>

namespace lockstep::testing {

struct Object {
  FileType type = FileType::regular;
  std::uint32_t mode = 0;
  std::vector<std::uint64_t> cells;        // regular
  std::map<std::string, Key> entries;      // directory
  bool operator==(const Object&) const = default;
};

struct Tree {
  std::map<Key, Object> objects;
  Tree() {
    objects[root_key(0)].type = FileType::directory;
    objects[orphans_key(0)].type = FileType::directory;
  }
  bool operator==(const Tree&) const = default;
  std::int32_t carry_out(const Op&, const Bytes& payload);
  std::int32_t drain_dir(const Op&, const Bytes& payload, std::vector<Key>& lacks);
  std::uint64_t differing(const Op&, const Bytes& digests) const; // drain_query
  in::ItemRead read(const fx::ReadItem&, Bytes& digests) const;
  Key parent_of(Key) const;
  void drop_unreachable(); // purge of staging, and what a crash leaves
  static Tree after_crash(const Tree& durable, const Tree& now, Prng&);
};

struct Side {
  std::unique_ptr<Mirror> mirror;
  std::uint64_t incarnation = 0;
  bool up = false;
  Tree now, durable;
  PendingSet disk; // the set log
  Position checkpoint;
  std::deque<MirrorEffect> executor, set_log;
  std::deque<std::pair<fx::Flush, Tree>> flushes;
  std::deque<std::pair<Bytes, Bytes>> pipe; // to this side: frame, payload
  std::map<std::uint64_t, Bytes> payloads;
  std::uint64_t next_handle = 1;
  std::vector<MirrorSaid> said;
  std::map<std::uint64_t, std::int32_t> completed; // token -> error
  std::vector<Note> notes;
  // faults
  std::map<std::uint64_t, in::Executed> next_results; // nth execution from now -> its result instead
  std::uint64_t executions = 0;
  std::int32_t apply_error = 0, flush_error = 0, set_error = 0;
  std::map<std::uint64_t, Bytes> executor_payloads; // by ticket
  bool hung = false;
  bool closed_by_core = false;
};

class World {
 public:
  explicit World(std::uint64_t seed = 1, MirrorConfig config = {});
  Side& side(int i) { return sides_[i]; }
  Mirror& mirror(int i) { return *sides_[i].mirror; }

  void boot(int i);
  void crash(int i); // power loss: of what was not flushed, anything may be there
  void order(int i, MirrorOrder);
  std::uint64_t submit(int i, Op, Bytes cells = {});
  void connect();
  void cut(); // what is under way is lost
  bool connected() const { return connected_; }

  bool step_once();                 // one thing that can happen, chosen by the seed; false: nothing
  void run();                       // until nothing is left to happen at this time
  void run_for(Duration);           // lets time pass from deadline to deadline
  template <class T>
  const T* last_said(int i) const {
    for (auto it = sides_[i].said.rbegin(); it != sides_[i].said.rend(); ++it)
      if (auto* x = std::get_if<T>(&*it)) return x;
    return nullptr;
  }
  void forget_said() { sides_[0].said.clear(), sides_[1].said.clear(); }

  // Node's part, shortened. `full` makes both equal from nothing.
  void permit(int i, Instant until = Instant::never());
  void differs(int i, PendingSet marks) { feed(i, in::Differs{std::move(marks)}); }
  void tell_space(int i, std::uint64_t bytes, std::uint64_t inodes) { feed(i, in::Space{bytes, inodes}); }
  void alone(int i);                       // prepares if need be, mints, goes alone
  Session begin_resync(int source, bool full);
  bool finish_resync(int source);          // runs to Ready
  void pair(int source, bool full) { begin_resync(source, full), finish_resync(source); }
  void take_over(int survivor);
  std::uint64_t generation() const { return generation_; }

  // I-cover (data.md (ii)): the first item that differs between any two images and is in no set; empty: covered.
  std::string uncovered(const PendingSet& besides = {}) const;

  Prng& prng() { return prng_; }
  Instant now;

 private:
  void feed(int i, decltype(MirrorInput::what) what);
  void carry(int i, MirrorEffect&&);
  void trace(int i, const MirrorEffect&);
  void execute(int i);
  void set_log(int i);
  void flush(int i);
  void deliver(int i);
  Payload store(int i, Bytes, std::uint64_t size);

  MirrorConfig config_;
  Prng prng_;
  Side sides_[2];
  bool connected_ = false;
  std::uint64_t generation_ = 0, session_ = 0, next_token_ = 1;
  Session current_;
};

// Shorthands for tests.
Op make(Key dir, std::string name, Key object, FileType type = FileType::regular);
Op write_op(Key object, std::uint64_t cell, std::uint64_t cells, Key parent = root_key(0));
Bytes cells(std::initializer_list<std::uint64_t>);
std::string difference(const Tree&, const Tree&); // empty: equal

} // namespace lockstep::testing
