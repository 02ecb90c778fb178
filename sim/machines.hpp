// The cores' configuration as a plan describes it.
#pragma once
#include "core/mirror/mirror.hpp"
#include "core/node/node.hpp"
#include "sim/disk.hpp"
#include "sim/plan.hpp"

namespace lockstep::sim {

inline constexpr const char* watched_interface = "net";
inline constexpr Duration errd_poll = seconds(5);

MirrorConfig mirror_config(const Plan&, NodeUid, Incarnation);
NodeConfig node_config(const Plan&, std::uint8_t index);
Boot what_a_start_finds(const Disk&, NodeUid fresh_uid, std::int64_t wall_s);
order::LoadSet set_to_load(const State&);

} // namespace lockstep::sim
