// Linked before the core, this makes real programs of another version, for the scenarios about a peer of another version: the
// constants of core/wire/version.cpp are then not taken from the library.
#include "core/wire/version.hpp"

namespace lockstep {

const std::uint8_t protocol_version = LOCKSTEP_OTHER_PROTOCOL;
const std::uint16_t compare_version = LOCKSTEP_OTHER_TABLE;

} // namespace lockstep
