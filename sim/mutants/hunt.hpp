// The alarm's own test (dst.md 4.3): every planted bug of the core must be noticed. A mutant is hunted first with the plans that
// name it, then with random seeds; a run counts as a kill only if the same plan is clean without the mutant.
#pragma once
#include "core/base/mutant.hpp"
#include "sim/plan.hpp"
#include "sim/shrink.hpp"
#include "sim/world.hpp"
#include <functional>

namespace lockstep::sim {

struct MutantInfo {
  const char* name;
  const char* rule;     // that it switches off
  const char* sentence; // what a node does then
  std::uint8_t modes;   // mutant_none | ...
  Mutant with;          // a second switch, without which another rule makes up for this one
};
const MutantInfo& info(Mutant);
std::optional<Mutant> mutant_named(const std::string&);
inline constexpr std::size_t mutant_count = sizeof(planted) / sizeof(planted[0]);

struct Bounds {
  std::uint64_t first = 1, seeds = 2000; // random seeds per mutant
  unsigned jobs = 1;
  bool plans_only = false;
  bool all_plans = false; // those that do not name the mutant too: to find out which could
};
struct Kill {
  const Oracle* oracle = nullptr; // null: it lives
  std::string by;                 // the plan's name or the seed
  std::optional<Plan> plan;       // of a seed
  std::string what;
  std::uint64_t runs = 0;         // until then
};

class Hunt {
 public:
  Hunt(std::vector<Plan> plans, const Bounds& bounds) : plans_(std::move(plans)), bounds_(bounds) {}
  Kill hunt(Mutant);
  Kill hunt_with_seeds(Mutant); // whatever plans name it
  // The smallest plan that kills it in the same way, and is clean without it.
  Shrunk shrunk(Mutant, const Kill&, double cpu_seconds) const;
  bool keep(Mutant, Plan, const std::string& directory) const; // as a plan that names the mutant, with its story; false: not written
  // Without any mutant: every plan, and so many seeds, must be clean. Empty, or the first that is not.
  std::string unclean(std::uint64_t seeds) const;
  // Plans that name a mutant and do not kill it.
  const std::vector<std::string>& false_promises() const { return false_promises_; }
  bool has_plan(Mutant) const;
  std::function<void(std::uint64_t runs)> on_progress;

 private:
  std::optional<Violation> run(const Plan&, Mutant) const;
  // Without the mutant, and with nothing but its second switch: then it is this mutant that was noticed.
  bool clean_without(const Plan&, Mutant) const;
  bool by_plan(const Plan&, Mutant, std::uint64_t variants, Kill&);
  bool by_plans(Mutant, Kill&);
  bool by_seeds(Mutant, Kill&);

  std::vector<Plan> plans_;
  Bounds bounds_;
  std::vector<std::string> false_promises_;
};

} // namespace lockstep::sim
