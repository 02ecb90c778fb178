#include "core/base/ids.hpp"

namespace lockstep {
namespace {
std::string hex(std::uint64_t v, int digits) {
  std::string s(static_cast<std::size_t>(digits), '0');
  for (int i = digits - 1; i >= 0; --i, v >>= 4) s[static_cast<std::size_t>(i)] = "0123456789abcdef"[v & 15];
  return s;
}
} // namespace

std::string to_string(const Key& k) {
  if (k.minter == 0) return (is_orphans(k) ? "orphans" : "root") + std::to_string((k.counter - 2) / 2);
  return hex(k.minter, 16) + "." + std::to_string(k.counter);
}
std::string to_string(const Generation& g) {
  return g.none() ? "none" : std::to_string(g.counter) + "." + hex(g.nonce >> 48, 4);
}
std::string to_string(const Position& p) { return std::to_string(p.generation) + ":" + std::to_string(p.seq); }
template <class Tag>
std::string to_string(const Uid128<Tag>& u) {
  return hex(u.hi, 16) + hex(u.lo, 16);
}
template std::string to_string(const NodeUid&);
template std::string to_string(const DirUid&);

} // namespace lockstep
