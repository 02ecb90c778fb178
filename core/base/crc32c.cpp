#include "core/base/crc32c.hpp"
#include <array>

namespace lockstep {
namespace {

using Table = std::array<std::array<std::uint32_t, 256>, 8>;

// Slicing by eight: table k answers for a byte that lies k bytes before the end of the eight.
constexpr Table make_table() {
  Table t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) ? 0x82f63b78u : 0u);
    t[0][i] = c;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t i = 0; i < 256; ++i) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xff];
  return t;
}
constexpr Table table = make_table();

std::uint32_t load32(const std::uint8_t* p) {
  return std::uint32_t{p[0]} | std::uint32_t{p[1]} << 8 | std::uint32_t{p[2]} << 16 | std::uint32_t{p[3]} << 24;
}

} // namespace

std::uint32_t crc32c(const void* data, std::size_t size, std::uint32_t seed) {
  auto p = static_cast<const std::uint8_t*>(data);
  std::uint32_t c = ~seed;
  for (; size >= 8; size -= 8, p += 8) {
    std::uint32_t lo = load32(p) ^ c, hi = load32(p + 4);
    c = table[7][lo & 0xff] ^ table[6][(lo >> 8) & 0xff] ^ table[5][(lo >> 16) & 0xff] ^ table[4][lo >> 24] ^
        table[3][hi & 0xff] ^ table[2][(hi >> 8) & 0xff] ^ table[1][(hi >> 16) & 0xff] ^ table[0][hi >> 24];
  }
  for (; size > 0; --size, ++p) c = (c >> 8) ^ table[0][(c ^ *p) & 0xff];
  return ~c;
}

} // namespace lockstep
