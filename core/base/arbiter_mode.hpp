// How a node may continue alone after silence (design 6). In digests and records: never renumber.
#pragma once
#include <cstdint>

namespace lockstep {

enum class ArbiterMode : std::uint8_t { none = 0, ping = 1, etcd = 2 };

} // namespace lockstep
