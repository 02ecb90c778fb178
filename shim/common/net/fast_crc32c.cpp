#include "shim/common/net/fast_crc32c.hpp"
#include "core/base/crc32c.hpp"
#include <cstring>

namespace lockstep {

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static std::uint32_t crc_sse42(const std::uint8_t* p, std::size_t n,
                                                                 std::uint32_t seed) {
  std::uint64_t c = ~seed;
  for (; n >= 8; p += 8, n -= 8) {
    std::uint64_t v;
    std::memcpy(&v, p, 8);
    c = __builtin_ia32_crc32di(c, v);
  }
  auto r = static_cast<std::uint32_t>(c);
  for (; n > 0; ++p, --n) r = __builtin_ia32_crc32qi(r, *p);
  return ~r;
}

std::uint32_t fast_crc32c(const void* data, std::size_t size, std::uint32_t seed) {
  static const bool has = __builtin_cpu_supports("sse4.2");
  return has ? crc_sse42(static_cast<const std::uint8_t*>(data), size, seed) : crc32c(data, size, seed);
}
#else
std::uint32_t fast_crc32c(const void* data, std::size_t size, std::uint32_t seed) { return crc32c(data, size, seed); }
#endif

} // namespace lockstep
