// Digests by which both nodes compare content: the first 16 bytes of SHA-256 of each digest_block.
#pragma once
#include "core/base/bytes.hpp"

namespace lockstep {

inline constexpr std::size_t digest_size = 16;
// Appends one digest per digest_block of [offset, offset + length); what lies beyond the end of the file counts as
// nothing, so that a shorter file differs. 0 or an errno.
int digest_range(int fd, std::uint64_t offset, std::uint64_t length, Bytes& out);

} // namespace lockstep
