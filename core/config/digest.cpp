#include "core/config/digest.hpp"
#include "core/base/bytes.hpp"
#include "core/base/prng.hpp"
#include "core/config/module_config.hpp"
#include <algorithm>

namespace lockstep {

std::uint64_t stable_digest(std::string_view bytes) {
  std::uint64_t h = 0xcbf29ce484222325u; // FNV-1a, then mixed: equal on every machine and build
  for (unsigned char c : bytes) h = (h ^ c) * 0x100000001b3u;
  return mix64(h);
}

std::uint64_t pair_digest(const ModuleConfig& config) {
  Writer w;
  w.u32(config.rfs ? static_cast<std::uint32_t>(config.rfs->directories.size()) : 0);
  if (config.rfs)
    for (const auto& d : config.rfs->directories) w.text(d.dir);
  auto args = config.check.splitbrain.args; // any witness is as good as another: their order says nothing
  std::sort(args.begin(), args.end());
  w.u8(static_cast<std::uint8_t>(config.check.splitbrain.mode));
  w.u32(static_cast<std::uint32_t>(args.size()));
  for (const auto& a : args) w.text(a);
  const auto& b = w.bytes();
  return stable_digest({reinterpret_cast<const char*>(b.data()), b.size()});
}

} // namespace lockstep
