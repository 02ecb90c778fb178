// A run: two machines, a witness, an operator and an application, from a plan to a verdict.
#pragma once
#include "sim/app.hpp"
#include "sim/arbiter.hpp"
#include "sim/host.hpp"
#include "sim/links.hpp"
#include "sim/oracles.hpp"
#include "sim/plan.hpp"

namespace lockstep::sim {

struct Outcome {
  std::optional<Violation> violation;
  std::string waited; // ended in a named wait, which one
  std::uint64_t hash = 0;
  Counts counts;
};

class World {
 public:
  World(const Plan&, bool verbose, Sabotage, Observer*);
  Outcome run();

 private:
  void schedule();
  void happens(const Event&);
  void expect(const Expectation&);
  void start_again(NodeIndex n, Duration after);
  void repair();
  bool advance(Instant until); // false: an oracle spoke
  void liveness_phase();
  bool become_pair();
  void stuck();
  void operator_decides();
  void drill();
  bool come_to_rest();

  const Plan plan_;
  Queue queue_;
  Weather weather_;
  Trace trace_;
  Links links_;
  Arbiter arbiter_;
  Oracles oracles_;
  Surroundings around_;
  std::array<std::unique_ptr<Host>, 2> hosts_;
  std::uint64_t operations_ = 0, restarts_ = 0;
  std::uint64_t phase_ = 0; // starts that were planned in an earlier one are void
  std::array<std::unique_ptr<App>, 2> apps_;
  bool repaired_ = false;
  std::string waited_;
};

Outcome run_plan(const Plan&, bool verbose = false, Sabotage = Sabotage::none, Observer* = nullptr);

} // namespace lockstep::sim
