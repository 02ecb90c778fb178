// The arbiter of mode etcd: one linearizable register per data set and the store's revision, behind links that lose, delay and cut in
// each direction. A question may be carried out after its asker gave up, or carried out and the answer lost (control:H4, H5).
#pragma once
#include "core/node/io.hpp"
#include "sim/queue.hpp"
#include "sim/weather.hpp"
#include <array>
#include <functional>
#include <map>
#include <set>

namespace lockstep::sim {

class Arbiter {
 public:
  struct Change {
    NodeIndex by = 0;
    std::optional<Generation> from;
    Generation to;
  };
  using Answer = std::function<void(const nin::ArbiterAnswer&)>;
  Arbiter(const Plan&, Queue&, const Weather&);
  std::function<void(const Change&)> on_change; // carried out now

  // Answered once, within a few seconds: the client gives up by itself.
  void ask(NodeIndex from, const nfx::AskArbiter&, Answer);
  void emptied();  // another store took its place: no keys, and revisions from the beginning
  void deleted();  // somebody removed the keys
  void saved();
  void restored(); // the state of `saved`

  bool ever_held(const Generation& g) const { return held_.count(g.nonce) > 0; }
  bool lost_state() const { return lost_state_; }  // emptied or restored: what was held may be held again
  bool went_back() const { return went_back_; }    // restored to something older than what was granted since
  std::uint64_t changes() const { return changes_; }

 private:
  struct Store {
    std::map<DirUid, Generation> keys;
    std::uint64_t revision = 1;
  };
  std::optional<Instant> passes(NodeIndex from, NodeIndex to, std::uint64_t salt) const;
  nin::ArbiterAnswer carry_out(NodeIndex from, const nfx::AskArbiter&);

  const Plan& plan_;
  Queue& queue_;
  const Weather& weather_;
  Store store_;
  std::optional<Store> saved_;
  std::set<std::uint64_t> held_;
  std::array<std::uint64_t, 2> packets_{}; // asked by each node
  std::uint64_t changes_ = 0;
  bool lost_state_ = false, went_back_ = false;
};

} // namespace lockstep::sim
