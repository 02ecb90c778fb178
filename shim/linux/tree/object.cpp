#include "shim/linux/tree/object.hpp"
#include "core/base/bytes.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/xattr.h>

namespace lockstep {
namespace {

constexpr std::uint8_t key_version = 1;

// Room for the largest handle we keep; a larger one is refused with EOVERFLOW by the kernel.
struct KernelHandle {
  alignas(file_handle) unsigned char raw[sizeof(file_handle) + sizeof(ObjectHandle::bytes)]{};
  file_handle* get() { return reinterpret_cast<file_handle*>(raw); }
  unsigned char* bytes() { return raw + sizeof(file_handle); }
};

Bytes encode_key(Key key, const ObjectHandle& h) {
  Writer w;
  w.u8(key_version), w.u64(key.minter), w.u64(key.counter), w.u8(h.kind), w.raw(h.bytes.data(), h.size);
  return w.take();
}

// The key, and whether it is this inode's.
void decode_key(const std::uint8_t* p, std::size_t n, Found& found) {
  Reader r(p, n);
  auto version = r.u8();
  Key key;
  key.minter = r.u64(), key.counter = r.u64();
  auto kind = r.u8();
  bool mine = r.ok() && version == key_version && kind == found.handle.kind && r.left() == found.handle.size &&
              std::memcmp(p + (n - r.left()), found.handle.bytes.data(), r.left()) == 0;
  if (mine && !key.none())
    found.key = key;
  else
    found.void_key = true;
}

} // namespace

FileType file_type(mode_t mode) {
  switch (mode & S_IFMT) {
  case S_IFDIR: return FileType::directory;
  case S_IFLNK: return FileType::symlink;
  case S_IFIFO: return FileType::fifo;
  case S_IFSOCK: return FileType::socket;
  case S_IFCHR: return FileType::char_device;
  case S_IFBLK: return FileType::block_device;
  default: return FileType::regular;
  }
}

mode_t format_bits(FileType type) {
  switch (type) {
  case FileType::regular: return S_IFREG;
  case FileType::directory: return S_IFDIR;
  case FileType::symlink: return S_IFLNK;
  case FileType::fifo: return S_IFIFO;
  case FileType::socket: return S_IFSOCK;
  case FileType::char_device: return S_IFCHR;
  case FileType::block_device: return S_IFBLK;
  }
  return S_IFREG;
}

int get_handle(int dirfd, const std::string& name, ObjectHandle& out) {
  KernelHandle k;
  k.get()->handle_bytes = sizeof(ObjectHandle::bytes);
  int mount = 0;
  if (name_to_handle_at(dirfd, name.c_str(), k.get(), &mount, name.empty() ? AT_EMPTY_PATH : 0)) return errno;
  if (k.get()->handle_type < 0 || k.get()->handle_type > 255) return EOVERFLOW;
  out.kind = static_cast<std::uint8_t>(k.get()->handle_type);
  out.size = static_cast<std::uint8_t>(k.get()->handle_bytes);
  out.bytes = {};
  std::memcpy(out.bytes.data(), k.bytes(), out.size);
  return 0;
}

int open_handle(int mount_fd, const ObjectHandle& h, int flags, Fd& out) {
  KernelHandle k;
  k.get()->handle_bytes = h.size;
  k.get()->handle_type = h.kind;
  std::memcpy(k.bytes(), h.bytes.data(), h.size);
  int fd = open_by_handle_at(mount_fd, k.get(), flags | O_CLOEXEC);
  if (fd < 0) return errno == ESTALE ? ENOENT : errno;
  out = Fd(fd);
  return 0;
}

int write_key(int fd, Key key, const ObjectHandle& h) {
  auto value = encode_key(key, h);
  return ::setxattr(path_of(fd).c_str(), key_xattr, value.data(), value.size(), 0) ? errno : 0;
}

int write_key_at(int dirfd, const std::string& name, Key key, const ObjectHandle& h) {
  auto value = encode_key(key, h);
  return ::lsetxattr(path_of(dirfd, name).c_str(), key_xattr, value.data(), value.size(), 0) ? errno : 0;
}

int find_object(int dirfd, const std::string& name, Found& out) {
  out = {};
  if (fstatat(dirfd, name.c_str(), &out.st, AT_SYMLINK_NOFOLLOW | (name.empty() ? AT_EMPTY_PATH : 0))) return errno;
  if (int e = get_handle(dirfd, name, out.handle)) return e;
  out.handle.type = file_type(out.st.st_mode);
  std::uint8_t value[64];
  auto n = name.empty() ? ::getxattr(path_of(dirfd).c_str(), key_xattr, value, sizeof value)
                        : ::lgetxattr(path_of(dirfd, name).c_str(), key_xattr, value, sizeof value);
  if (n >= 0)
    decode_key(value, static_cast<std::size_t>(n), out);
  else if (errno == ERANGE)
    out.void_key = true;
  else if (errno != ENODATA)
    return errno;
  return 0;
}

} // namespace lockstep
