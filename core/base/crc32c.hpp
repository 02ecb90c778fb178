// CRC-32C (Castagnoli), the checksum of everything small that reaches a disk or a wire: crc32c("123456789") = e3069283.
// Detects every burst of up to 32 bits. Not a defence against someone who wants to deceive: that is the AEAD's work.
#pragma once
#include <cstddef>
#include <cstdint>

namespace lockstep {

// `seed` is the result for the bytes before, to go on where another call stopped.
std::uint32_t crc32c(const void* data, std::size_t size, std::uint32_t seed = 0);

} // namespace lockstep
