// The core's crc32c (core/base/crc32c.hpp) at the speed of the processor's own instruction where there is one:
// replicated data passes through it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace lockstep {
std::uint32_t fast_crc32c(const void* data, std::size_t size, std::uint32_t seed = 0);
}
