// The cores' configuration as a plan describes it.
#pragma once
#include "core/mirror/mirror.hpp"
#include "core/node/node.hpp"
#include "sim/plan.hpp"

namespace lockstep::sim {

MirrorConfig mirror_config(const Plan&, NodeUid, Incarnation);
NodeConfig node_config(const Plan&, std::uint8_t index);

} // namespace lockstep::sim
