// S8, S9: what a secondary applies is, one by one and without a gap, what the source that it follows sent: the incarnation and
// generation named when it began to follow. Only what the source itself called cancelled may be left out.
#pragma once
#include "core/mirror/io.hpp"
#include "sim/oracle_names.hpp"
#include "sim/weather.hpp"
#include "sim/hash.hpp"
#include <array>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace lockstep::sim {

class StreamOrder {
 public:
  using Finding = std::optional<std::pair<const Oracle*, std::string>>;
  Finding sent(NodeUid from, Incarnation, const Frame&);
  // Of what was sent last with this content.
  std::optional<Position> position_of(NodeUid from, Incarnation by, std::uint64_t generation, const Op&) const;
  void went_back(NodeUid u) { ++epochs_[u]; } // its next incarnation has the number of one that was
  void follows(NodeIndex n, const Session& s) { followers_[n] = {true, s, epochs_[s.source], {}}; }
  void process_gone(NodeIndex n) { followers_[n] = {}; }
  Finding applies(NodeIndex n, const Op&);
  std::set<Key> on_the_way(NodeIndex n) const; // objects of what was sent to n and is not applied there
  const Session* followed_by(NodeIndex n) const { return followers_[n].active ? &followers_[n].session : nullptr; }

 private:
  struct Sent {
    std::uint64_t digest = 0, length = 0;
    OpKind kind = OpKind::write;
    std::array<Key, 4> keys; // of all it touches
    bool cancelled = false, amended = false;
  };
  struct Stream {
    std::map<std::uint64_t, Sent> ops;
    std::map<std::uint64_t, std::uint64_t> begins; // session -> the position behind which it begins
  };
  struct Follower {
    bool active = false;
    Session session;
    std::uint64_t epoch = 0;
    // Positions that may be the last one applied: more than one where a cancelled operation looks like the next.
    std::set<std::uint64_t> at;
  };
  std::map<NodeUid, std::uint64_t> epochs_;
  const Stream* stream_of(const Follower&) const;
  std::map<std::tuple<NodeUid, std::uint64_t, std::uint64_t, std::uint64_t>, Stream> streams_; // node, epoch, incarnation, generation
  std::array<Follower, 2> followers_;
};

} // namespace lockstep::sim
