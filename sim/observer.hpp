// Who watches a run as it happens: the picture, the coverage gate. An observer is told what the cores were given and ordered, what
// became of the machines, and the transcript's lines if it wants them. It never changes a run: the effect hash is the same without it.
#pragma once
#include "core/mirror/io.hpp"
#include "core/node/io.hpp"
#include "sim/plan.hpp"
#include <string>

namespace lockstep::sim {

class Host;

enum class Happening : std::uint8_t { power_on, power_off, killed, paused, resumed, started, exited };

class Observer {
 public:
  virtual ~Observer() = default;
  // After a step, of which the first `carried` effects were carried out: fewer than all when the machine went down in between.
  virtual void stepped(Instant, const Host&, const NodeInput&, const NodeEffects&, std::size_t /*carried*/) {}
  virtual void stepped(Instant, const Host&, const MirrorInput&, const MirrorEffects&, std::size_t /*carried*/) {}
  virtual void happened(Instant, const Host&, Happening) {}
  // The crash that a plan counted down to: right after this effect (its index in the machine's variant, its place in the list from 1).
  virtual void struck(const Host&, bool /*of_node*/, std::size_t /*effect*/, std::size_t /*place*/) {}
  virtual void fault(Instant, const Event&) {}
  virtual void healed(Instant) {}
  virtual bool wants_lines() const { return false; }
  virtual void line(Instant, int /*node*/, const std::string&) {}
};

} // namespace lockstep::sim
