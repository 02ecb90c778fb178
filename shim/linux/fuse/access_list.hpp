// POSIX access control lists as extended attributes hold them, and what a new object inherits (acl(5), "object creation
// and default ACLs"). The kernel checks permissions against them; only the inheritance is ours.
#pragma once
#include "core/base/bytes.hpp"
#include <optional>
#include <vector>

namespace lockstep {

inline constexpr const char* access_list_xattr = "system.posix_acl_access";
inline constexpr const char* default_list_xattr = "system.posix_acl_default";

struct AccessEntry {
  std::uint16_t tag = 0, permissions = 0;
  std::uint32_t id = 0;
};
using AccessList = std::vector<AccessEntry>;

std::optional<AccessList> decode_access_list(const std::uint8_t* p, std::size_t n); // nullopt: not one
Bytes encode(const AccessList& list);
// The default list of a directory becomes the access list of an object created in it with `mode`, and `mode` becomes
// what the list leaves of it. False: the list says no more than the mode does.
bool inherit(AccessList& list, std::uint32_t& mode);

} // namespace lockstep
