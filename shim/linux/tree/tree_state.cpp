// The source's side of a drain: what an object is now, as it goes on the wire.
#include "shim/linux/tree/digest.hpp"
#include "shim/linux/tree/directory.hpp"
#include "shim/linux/tree/times.hpp"
#include "shim/linux/tree/tree.hpp"
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <sys/xattr.h>

namespace lockstep {
namespace {

constexpr std::size_t list_max = 65536;

int read_xattrs(int fd, std::vector<std::pair<std::string, std::string>>& out) {
  auto path = path_of(fd);
  std::string names(list_max, 0);
  auto n = ::listxattr(path.c_str(), names.data(), names.size());
  if (n < 0) return errno == EOPNOTSUPP ? 0 : errno;
  std::string value(xattr_value_max, 0);
  for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
    std::string name(names.c_str() + at);
    at += name.size() + 1;
    if (hidden_xattr(name)) continue;
    auto size = ::getxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (size < 0) return errno;
    out.emplace_back(name, value.substr(0, static_cast<std::size_t>(size)));
  }
  std::sort(out.begin(), out.end());
  return 0;
}

int apply_xattrs(int fd, const FileState& state) {
  std::vector<std::pair<std::string, std::string>> have;
  if (int e = read_xattrs(fd, have)) return e;
  auto path = path_of(fd);
  std::map<std::string, std::string> want(state.xattrs.begin(), state.xattrs.end());
  for (auto& [name, value] : have) {
    auto it = want.find(name);
    if (it == want.end()) {
      if (::removexattr(path.c_str(), name.c_str()) && errno != ENODATA) return errno;
    } else if (it->second == value)
      want.erase(it);
  }
  for (auto& [name, value] : want)
    if (::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0)) return errno;
  return 0;
}

DirEntry entry_of(int dirfd, const std::string& name, const Found& found) {
  DirEntry e;
  e.name = name, e.key = found.key, e.type = found.handle.type;
  e.mode = found.st.st_mode & 07777, e.uid = found.st.st_uid, e.gid = found.st.st_gid;
  e.rdev = found.st.st_rdev, e.mtime_ns = to_ns(found.st.st_mtim);
  if (e.type == FileType::regular) e.size = static_cast<std::uint64_t>(found.st.st_size);
  if (e.type != FileType::symlink) return e;
  std::string target(link_target_max, 0);
  auto n = readlinkat(dirfd, name.c_str(), target.data(), target.size());
  e.target = target.substr(0, n > 0 ? static_cast<std::size_t>(n) : 0);
  return e;
}

} // namespace

bool hidden_xattr(const std::string& name) { return name.starts_with(own_xattr_prefix); }

int read_state(int fd, FileState& out) {
  struct stat st {};
  if (fstatat(fd, "", &st, AT_EMPTY_PATH)) return errno;
  out.type = file_type(st.st_mode);
  out.mode = st.st_mode & 07777, out.uid = st.st_uid, out.gid = st.st_gid;
  out.size = out.type == FileType::regular ? static_cast<std::uint64_t>(st.st_size) : 0;
  out.atime_ns = to_ns(st.st_atim), out.mtime_ns = to_ns(st.st_mtim);
  return read_xattrs(fd, out.xattrs);
}

// Owner before xattrs (it clears capabilities), xattrs before mode (an ACL sets it), times last.
int apply_state(int fd, const FileState& state) {
  if (fchownat(fd, "", state.uid, state.gid, AT_EMPTY_PATH)) return errno;
  if (int e = apply_xattrs(fd, state)) return e;
  if (state.type != FileType::symlink && chmod(path_of(fd).c_str(), state.mode & 07777)) return errno;
  return set_times(fd, state.atime_ns, state.mtime_ns);
}

int Tree::read_directory(const OpenObject& dir, Key key, DirState& out) {
  int fd = dir.fd.get();
  if (int e = read_state(fd, out.self)) return e;
  bool is_root = key == root_key(dir.root);
  DirectoryReader reader(reopen_directory(fd));
  if (!reader.valid()) return errno;
  Listed entry;
  while (reader.next(entry)) {
    if (is_root && entry.name == own_directory) continue;
    Found found;
    if (int e = lookup(key, entry.name, found)) {
      if (e == ENOENT) continue; // removed meanwhile
      return e;
    }
    out.entries.push_back(entry_of(fd, entry.name, found));
  }
  std::sort(out.entries.begin(), out.entries.end(), [](auto& a, auto& b) { return a.name < b.name; });
  return reader.error();
}

in::ItemRead Tree::read_item(const fx::ReadItem& order, Bytes& digests) {
  in::ItemRead out;
  out.ticket = order.ticket;
  auto object = open(order.object, out.error);
  if (!object) return out;
  int fd = object->fd.get();
  if (order.directory) {
    out.error = object->type == FileType::directory ? read_directory(*object, order.object, out.dir) : ENOTDIR;
    return out;
  }
  out.error = read_state(fd, out.attrs);
  out.size = out.attrs.size;
  auto offset = order.block * block_size;
  out.end_of_file = offset >= out.size;
  if (out.error || order.attrs || out.end_of_file) return out;
  out.error = digest_range(fd, offset, std::min(block_size, out.size - offset), digests);
  return out;
}

// A hole is named as one when the whole range is a hole; a mixed range travels as data.
in::DataRead Tree::read_data(const fx::ReadData& order, Bytes& data) {
  in::DataRead out;
  out.ticket = order.ticket;
  auto file = open(order.object, out.error);
  if (!file) return out;
  int fd = file->fd.get();
  auto begin = static_cast<off_t>(order.offset), end = static_cast<off_t>(order.offset + order.length);
  auto first = lseek(fd, begin, SEEK_DATA);
  struct stat st {};
  if (fstat(fd, &st)) return out.error = errno, out;
  if (begin < st.st_size && (first >= end || (first < 0 && errno == ENXIO))) {
    out.hole = true;
    out.length = static_cast<std::uint64_t>(std::min(end, st.st_size) - begin);
    return out;
  }
  data.resize(order.length);
  std::size_t done = 0;
  while (done < data.size()) {
    auto n = pread(fd, data.data() + done, data.size() - done, begin + static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return out.error = errno, data.clear(), out;
    if (n == 0) break; // the end of the file
    done += static_cast<std::size_t>(n);
  }
  data.resize(done);
  out.length = done;
  return out;
}

} // namespace lockstep
