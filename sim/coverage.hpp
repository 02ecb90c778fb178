// What a campaign reached, and what it never did, by name: every rule, every row of the automaton's table from every state, every row of
// the rejoin table at a meeting of two nodes, a crash right after every kind of effect and at every place of a list. A row that
// cannot be reached in this world by construction stands in a short list with the reason (coverage.cpp).
#pragma once
#include "core/node/transitions.hpp"
#include "sim/observer.hpp"
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace lockstep::sim {

inline constexpr std::size_t places_counted = 12; // of a crash within a list of effects; the longest lists of a step are rare

class Coverage final : public Observer {
 public:
  void next_run() { now_ = {}; } // another plan begins
  void stepped(Instant, const Host&, const NodeInput&, const NodeEffects&, std::size_t carried) override;
  void stepped(Instant, const Host&, const MirrorInput&, const MirrorEffects&, std::size_t carried) override;
  void happened(Instant, const Host&, Happening) override;
  void struck(const Host&, bool of_node, std::size_t effect, std::size_t place) override;

  // Names, and how often; 0: never.
  std::map<std::string, std::uint64_t> table() const;
  // Never reached, and not in the list of what cannot be.
  std::vector<std::string> missing() const;
  // In the list, and reached: the list is wrong.
  std::vector<std::string> unexpected() const;
  std::string report() const;

 private:
  struct Node {
    lockstep::State state = lockstep::State::stop;
    std::optional<Beat> said;                      // its last heartbeat
    std::pair<std::uint64_t, std::uint64_t> met{}; // revisions that were compared last
  };
  void told(const Note& n) { ++rules_[static_cast<std::size_t>(n.rule)]; }
  void applied(const RulesAtWork&);
  void met(const Host&, const Beat&);

  std::array<Node, 2> now_;
  std::map<std::size_t, std::uint64_t> rules_;
  std::map<std::pair<lockstep::State, lockstep::Event>, std::uint64_t> rows_;
  std::map<std::string, std::uint64_t> meetings_, strikes_;
};

} // namespace lockstep::sim
