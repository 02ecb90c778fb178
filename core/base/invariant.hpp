// What a machine checks about itself after every step, in the simulator, the exhaustive search and the daemon alike (dst.md 3.3, habit
// 10): each has a name and a sentence, looks only at what one node knows, and costs a few comparisons.
#pragma once
#include <optional>
#include <string>

namespace lockstep {

struct Invariant {
  const char* name;
  const char* sentence;
};
struct Broken {
  const Invariant* invariant = nullptr;
  std::string what; // what was seen instead
};
inline std::string told(const Broken& b) { return std::string(b.invariant->name) + ": " + b.what; }

// The first requirement that does not hold is the one that is told.
class Requirements {
 protected:
  void require(bool holds, const Invariant& i, const char* what) {
    if (!holds && !broken_) broken_ = Broken{&i, what};
  }
  std::optional<Broken> broken_;
};

// A step of a machine that has facts(), and what it breaks. `facts`: of before; of after when it returns. Nothing else steps the machine.
template <class Machine, class Facts, class Input, class Effects>
std::optional<Broken> checked_step(Machine& machine, Facts& facts, const Input& input, Effects& effects) {
  auto before = facts;
  machine.step(input, effects);
  facts = machine.facts();
  return check(before, facts, input, effects);
}

// The same for a host that does not keep the facts from one step to the next.
template <class Machine, class Input, class Effects>
std::optional<Broken> checked_step(Machine& machine, const Input& input, Effects& effects) {
  auto facts = machine.facts();
  return checked_step(machine, facts, input, effects);
}

} // namespace lockstep
