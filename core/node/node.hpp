// Node: who may serve. Heartbeats, lineage, arbiter, automaton, scripts, checkers and operator commands of one module on one
// node, as a pure machine (design 2-6). The contract of its inputs and effects is core/node/io.hpp.
// One object is one incarnation: the first Operator input that starts the module begins it, nfx::Exit ends it; the host then
// destroys Node and Mirror and, if Exit says restart, begins again with a fresh Boot and a Command{start, "automatically"}.
#pragma once
#include "core/config/module_config.hpp"
#include "core/node/io.hpp"
#include "core/node/liveness.hpp"

namespace lockstep {

struct NodeConfig {
  std::string name, peer_name;   // of cluster.xml
  std::uint32_t index = 0;       // of this node among the two: 0 or 1 (the elder decides where nothing else does)
  ModuleConfig module;
  std::vector<Network> networks; // of <heart>, in order; at least one
  std::uint64_t config_digest = 0; // pair_digest(module)
};

// What this incarnation will be called, before it is durable: the host needs it to make Mirror and the heartbeat's cipher.
NodeUid uid_of(const Boot&);
Incarnation next_incarnation(const Boot&);

class Node {
 public:
  Node(const NodeConfig&, const Boot&, std::uint64_t seed, Instant now);
  // Total: every input in every state. `now` never decreases.
  void step(const NodeInput&, NodeEffects&);
  Instant next_deadline() const;
  NodeView view() const;
  // PRIM or ALONE, settled, and inside the lease: what ready.txt says and what dangerous effects ask again (design 2.10).
  bool serving(Instant now) const;
};

} // namespace lockstep
