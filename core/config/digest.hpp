// A 64-bit digest of bytes, the same on every machine, compiler and version. It tells configurations apart; it protects
// nothing.
#pragma once
#include <cstdint>
#include <string_view>

namespace lockstep {

std::uint64_t stable_digest(std::string_view bytes);

} // namespace lockstep
