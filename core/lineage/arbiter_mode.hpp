// Who settles it when both nodes may think the other is gone (design 6). In digests and records: never renumber.
#pragma once
#include <cstdint>

namespace lockstep {
enum class ArbiterMode : std::uint8_t { none = 0, ping = 1, etcd = 2 };
} // namespace lockstep
