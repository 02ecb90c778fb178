// Inputs and effects in words, for transcripts; and as a number, for the effect hash.
#pragma once
#include "core/mirror/io.hpp"
#include "core/node/io.hpp"
#include <string>

namespace lockstep::sim {

std::string describe(const NodeInput&);
std::string describe(const NodeEffect&);
std::string describe(const MirrorInput&);
std::string describe(const MirrorEffect&);
std::string describe(const Beat&);
std::string describe(const Record&);
std::string describe(const Frame&);
std::uint64_t summary(const NodeEffect&);
std::uint64_t summary(const MirrorEffect&);

} // namespace lockstep::sim
