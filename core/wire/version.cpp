#include "core/wire/version.hpp"

namespace lockstep {

const std::uint8_t protocol_version = 1;
const std::uint16_t compare_version = 1;

} // namespace lockstep
