// How an object of a replicated tree is found without a path: its file handle, and the key that its xattr carries.
// trusted.lockstep.key = {version, key, file handle}: the handle names inode and generation, so that a copied xattr is
// void (data:T17). Works on every type: regular, directory, symlink, special.
#pragma once
#include "core/base/ids.hpp"
#include "core/mirror/op.hpp"
#include "shim/linux/tree/fd.hpp"
#include <array>
#include <optional>
#include <string>
#include <sys/stat.h>

namespace lockstep {

inline constexpr const char* key_xattr = "trusted.lockstep.key";
inline constexpr const char* own_xattr_prefix = "trusted.lockstep.";

// What name_to_handle_at(2) gives; small, because there is one in memory for every object (data T18).
struct ObjectHandle {
  std::uint8_t root = 0; // index of the replicated directory
  FileType type = FileType::regular;
  std::uint8_t kind = 0, size = 0; // of the kernel's handle
  std::array<std::uint8_t, 20> bytes{};
  bool same_inode(const ObjectHandle& o) const { return kind == o.kind && size == o.size && bytes == o.bytes; }
};

FileType file_type(mode_t mode);
mode_t format_bits(FileType type); // S_IFREG ...

// All return 0 or an errno. `name` empty: the object that `dirfd` itself refers to.
int get_handle(int dirfd, const std::string& name, ObjectHandle& out);
int open_handle(int mount_fd, const ObjectHandle& h, int flags, Fd& out);
int write_key(int fd, Key key, const ObjectHandle& h);
int write_key_at(int dirfd, const std::string& name, Key key, const ObjectHandle& h);

// One name in a directory as it is now.
struct Found {
  ObjectHandle handle;
  struct stat st {};
  Key key;               // none: keyless, or void
  bool void_key = false; // carries a key that names another inode
};
int find_object(int dirfd, const std::string& name, Found& out);

} // namespace lockstep
