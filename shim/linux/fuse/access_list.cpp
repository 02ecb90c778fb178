#include "shim/linux/fuse/access_list.hpp"

namespace lockstep {
namespace {

constexpr std::uint32_t version = 2;
enum Tag : std::uint16_t { user_obj = 1, user = 2, group_obj = 4, group = 8, mask = 16, other = 32 };

// Takes from the entry what the mode's three bits at `shift` do not grant, and from them what the entry does not.
void meet(AccessEntry& e, std::uint32_t& mode, unsigned shift) {
  e.permissions &= static_cast<std::uint16_t>(mode >> shift & 7);
  mode = (mode & ~(7u << shift)) | static_cast<std::uint32_t>(e.permissions) << shift;
}

} // namespace

std::optional<AccessList> decode_access_list(const std::uint8_t* p, std::size_t n) {
  Reader r(p, n);
  if (r.u32() != version || r.left() % 8) return std::nullopt;
  AccessList list;
  while (r.left()) {
    AccessEntry e;
    e.tag = r.u16(), e.permissions = r.u16(), e.id = r.u32();
    list.push_back(e);
  }
  return r.ok() ? std::optional(list) : std::nullopt;
}

Bytes encode(const AccessList& list) {
  Writer w;
  w.u32(version);
  for (auto& e : list) w.u16(e.tag), w.u16(e.permissions), w.u32(e.id);
  return w.take();
}

bool inherit(AccessList& list, std::uint32_t& mode) {
  AccessEntry *owning_group = nullptr, *masking = nullptr;
  bool says_more = false;
  for (auto& e : list) switch (e.tag) {
    case user_obj: meet(e, mode, 6); break;
    case other: meet(e, mode, 0); break;
    case group_obj: owning_group = &e; break;
    case mask: masking = &e, says_more = true; break;
    default: says_more = true;
    }
  if (masking)
    meet(*masking, mode, 3);
  else if (owning_group)
    meet(*owning_group, mode, 3);
  return says_more;
}

} // namespace lockstep
