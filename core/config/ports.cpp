#include "core/base/assert.hpp"
#include "core/config/module_config.hpp"

namespace lockstep {

ModulePorts module_ports(std::uint32_t id) {
  LOCKSTEP_ASSERT(id >= 1 && id <= max_module_id);
  return {static_cast<std::uint16_t>(8888 + (id - 1)), static_cast<std::uint16_t>(5600 + (id - 1) * 4)};
}

} // namespace lockstep
