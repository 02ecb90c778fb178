#include "core/base/assert.hpp"
#include "sim/explore_world.hpp"
#include "sim/hash.hpp"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <unordered_map>

namespace lockstep::sim::explore {
namespace {
struct Asserted {
  std::string what;
};
[[noreturn]] void on_assert(const char* expression, const char* file, int line) {
  throw Asserted{std::string(file) + ":" + std::to_string(line) + ": " + expression};
}

struct Seen {
  std::uint32_t parent = 0;
  Choice by;
  std::uint8_t checked = 0;
  std::uint32_t depth = 0;
  std::uint64_t next = 0; // hash over all it leads to: states taken for equal must lead to the same
};

// Breadth first: the first path to anything is a shortest one.
class Search {
 public:
  Search(const Bounds& b, Findings tolerated) : b_(b), tolerated_(tolerated), began_(std::chrono::steady_clock::now()) {}
  Result run();

 private:
  struct Open {
    std::uint32_t id;
    World world;
  };
  void expand(Open&&);
  bool reached(World&& w, std::uint32_t from, Choice by, std::uint64_t& hash);
  void found(Findings, std::uint32_t state, const Choice* last);
  bool change(World&, Choice); // false: an assertion of the core failed
  std::uint64_t successors(const World&);
  void check();
  void progress(bool last);
  std::vector<Choice> path_to(std::uint32_t state) const;
  double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }
  std::uint64_t megabytes() const { return (Census::alive * machine_bytes + seen_.size() * seen_bytes) >> 20; }

  static constexpr std::uint64_t machine_bytes = 16'000, seen_bytes = 80; // measured, rounded up
  const Bounds b_;
  const Findings tolerated_;
  std::chrono::steady_clock::time_point began_;
  double said_ = 0;
  std::vector<Seen> seen_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_hash_;
  std::deque<Open> open_;
  std::deque<std::pair<std::uint32_t, World>> twins_; // taken for equal to a state whose successors are not known yet
  Result result_;
  bool stop_ = false;
};

bool Search::change(World& w, Choice c) {
  try {
    apply(w, b_, c);
    return true;
  } catch (const Asserted&) {
    w.found = bit(Finding::assertion);
    return false;
  }
}

std::vector<Choice> Search::path_to(std::uint32_t s) const {
  std::vector<Choice> p;
  for (; s; s = seen_[s].parent) p.push_back(seen_[s].by);
  std::reverse(p.begin(), p.end());
  return p;
}

void Search::found(Findings f, std::uint32_t state, const Choice* last) {
  for (std::size_t i = 0; i < finding_count; ++i) {
    if (!(f >> i & 1) || (result_.found >> i & 1)) continue;
    result_.path[i] = path_to(state);
    if (last) result_.path[i].push_back(*last);
  }
  result_.found |= f;
  if (f & ~tolerated_) stop_ = true, result_.end = End::judged;
  else if (b_.enough && (result_.found & b_.enough) == b_.enough) stop_ = true, result_.end = End::enough;
}

bool Search::reached(World&& w, std::uint32_t from, Choice by, std::uint64_t& hash) {
  hash = state_hash(w);
  auto [at, fresh] = by_hash_.try_emplace(hash, static_cast<std::uint32_t>(seen_.size()));
  if (!fresh) {
    if (hash_of(hash, from, result_.transitions) % 100 < b_.check_percent) twins_.emplace_back(at->second, std::move(w));
    return false;
  }
  auto depth = seen_.empty() ? 0 : seen_[from].depth + 1;
  seen_.push_back({from, by, 0, depth, 0});
  result_.depth = std::max(result_.depth, depth);
  open_.push_back({at->second, std::move(w)});
  return true;
}

void Search::expand(Open&& o) {
  auto depth = seen_[o.id].depth;
  if (depth >= b_.depth) {
    result_.end = End::depth;
    return;
  }
  std::uint64_t all = 1;
  for (auto c : choices(o.world, b_)) {
    World w = o.world;
    ++result_.transitions;
    bool sane = change(w, c);
    if (w.found) found(w.found, o.id, &c);
    std::uint64_t hash = 0;
    if (sane) reached(std::move(w), o.id, c, hash);
    all = hash_of(all, static_cast<int>(c.act), c.node, c.variant, hash);
    if (stop_) return;
  }
  seen_[o.id].next = all;
}

std::uint64_t Search::successors(const World& from) {
  std::uint64_t all = 1;
  for (auto c : choices(from, b_)) {
    World w = from;
    bool sane = change(w, c);
    all = hash_of(all, static_cast<int>(c.act), c.node, c.variant, sane ? state_hash(w) : 0);
  }
  return all;
}

// States that were taken for equal must go on equally: what tells them apart would be missing in the hash.
void Search::check() {
  while (!twins_.empty() && !stop_) {
    auto& [id, w] = twins_.front();
    if (seen_[id].next == 0) break;
    ++result_.checked;
    if (successors(w) != seen_[id].next) {
      stop_ = true, result_.end = End::differs;
      std::fprintf(stderr, "two states with one hash go on differently: state %u\n", id);
    }
    twins_.pop_front();
  }
}

void Search::progress(bool last) {
  auto t = elapsed();
  if (!b_.progress || (!last && t < said_ + 5)) return;
  said_ = t;
  std::fprintf(stderr, "  %zu states, %zu open, depth %u, %llu transitions, %.0f states/s, about %llu MiB\n", seen_.size(), open_.size(), result_.depth,
               static_cast<unsigned long long>(result_.transitions), double(seen_.size()) / std::max(t, 0.001), static_cast<unsigned long long>(megabytes()));
}

Result Search::run() {
  set_assert_hook(on_assert);
  std::uint64_t hash = 0;
  reached(paired(b_), 0, {}, hash);
  while (!open_.empty() && !stop_) {
    auto o = std::move(open_.front());
    open_.pop_front();
    expand(std::move(o));
    check();
    if (seen_.size() >= b_.states) stop_ = true, result_.end = End::states;
    if (!stop_ && result_.transitions % 64 < 8 && megabytes() >= b_.memory_mb) stop_ = true, result_.end = End::memory;
    if (result_.transitions % 32 < 8) progress(false);
  }
  progress(true);
  result_.states = seen_.size();
  result_.seconds = elapsed();
  return result_;
}

class Printed : public Transcript {
 public:
  void line(const World&, int node, const std::string& text) override { std::printf("          %s: %s\n", node == 0 ? "a" : node == 1 ? "b" : "-", text.c_str()); }
};
} // namespace

Result search(const Bounds& b, Findings tolerated) { return Search(b, tolerated).run(); }

void print_path(const Bounds& b, const std::vector<Choice>& path) {
  set_assert_hook(on_assert);
  auto w = paired(b);
  Printed out;
  int n = 0;
  auto start = w.now;
  for (auto c : path) {
    std::printf("  %2d. %4.0f s  %s\n", ++n, double((w.now - start).ns) / 1e9, describe(w, c).c_str());
    try {
      apply(w, b, c, &out);
    } catch (const Asserted& a) {
      std::printf("          ** an assertion of the core: %s\n", a.what.c_str());
      return;
    }
  }
}

} // namespace lockstep::sim::explore
