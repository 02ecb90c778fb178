// May a live member of a pair go on after silence (design 6). Modes none and ping; asked once per silence, never cold.
#include "core/node/node.hpp"
#include "core/base/mutant.hpp"

namespace lockstep {

Node::Arbitration Node::may_continue() {
  switch (config_.module.check.splitbrain.mode) {
  case ArbiterMode::none: return Arbitration::yes;
  case ArbiterMode::ping: break;
  case ArbiterMode::etcd: return Arbitration::no; // the configuration check refuses it until it can be asked
  }
  if (episode_.answered) return episode_.accepted || mutated(Mutant::refusal_ignored) ? Arbitration::yes : Arbitration::no;
  if (!episode_.asked) {
    episode_.asked = true, episode_.ticket = new_ticket();
    emit(nfx::AskWitness{episode_.ticket});
  }
  return Arbitration::pending;
}

} // namespace lockstep
