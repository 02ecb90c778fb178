// Operations on names: create, link, unlink, rename. A new object carries its key before its name appears (data T16);
// every touched directory gets the operation's time.
#include "shim/linux/tree/times.hpp"
#include "shim/linux/tree/tree.hpp"
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>

namespace lockstep {
namespace {

// Owner first: a change of owner takes set-id bits away. Symlinks have no mode of their own.
int own_and_mode(int fd, const Op& op) {
  if (fchownat(fd, "", op.uid, op.gid, AT_EMPTY_PATH)) return errno;
  if (op.type != FileType::symlink && chmod(path_of(fd).c_str(), op.mode & 07777)) return errno;
  return set_times(fd, op.time_ns, op.time_ns);
}

int make_named(const Op& op, int dirfd, const std::string& name) {
  switch (op.type) {
  case FileType::directory: return mkdirat(dirfd, name.c_str(), 0700) ? errno : 0;
  case FileType::symlink: return symlinkat(op.text.c_str(), dirfd, name.c_str()) ? errno : 0;
  default: return mknodat(dirfd, name.c_str(), format_bits(op.type) | 0600, op.rdev) ? errno : 0;
  }
}

void remove_named(const Op& op, int dirfd, const std::string& name) {
  unlinkat(dirfd, name.c_str(), op.type == FileType::directory ? AT_REMOVEDIR : 0);
}

} // namespace

int Tree::name_is(int dirfd, const std::string& name, Key key, Found& found) {
  if (int e = find_object(dirfd, name, found)) return e;
  return found.key == key ? 0 : ESTALE;
}

OpResult Tree::create(const Op& op) {
  std::shared_ptr<OpenObject> d;
  if (int e = directory(op.dir, d)) return {e};
  if (index_.find(op.object)) return {EEXIST};
  if (int e = create_at(op, d->root, d->fd.get(), op.name)) return refused(e);
  return changed(set_times(d->fd.get(), std::nullopt, op.time_ns));
}

int Tree::create_at(const Op& op, std::uint8_t root, int dirfd, const std::string& name) {
  if (op.type == FileType::regular) {
    int e = create_regular(op, *roots_[root], root, dirfd, name);
    if (e != EOPNOTSUPP && e != EISDIR) return e; // a file system without O_TMPFILE
  }
  return create_named(op, *roots_[root], root, dirfd, name);
}

int Tree::create_regular(const Op& op, const Root& root, std::uint8_t index, int dirfd, const std::string& name) {
  auto object = std::make_shared<OpenObject>();
  object->root = index;
  object->fd = Fd(openat(root.staging.get(), ".", O_TMPFILE | O_RDWR | O_NOATIME | O_CLOEXEC, 0600));
  if (!object->fd) return errno;
  int fd = object->fd.get();
  ObjectHandle handle;
  handle.root = index;
  if (int e = get_handle(fd, "", handle)) return e;
  if (int e = write_key(fd, op.object, handle)) return e;
  if (int e = own_and_mode(fd, op)) return e;
  if (linkat(fd, "", dirfd, name.c_str(), AT_EMPTY_PATH)) return errno;
  remember(op.object, handle);
  open_.insert(op.object, std::move(object));
  return 0;
}

// Made in staging, dressed there, then renamed into place.
int Tree::create_named(const Op& op, const Root& root, std::uint8_t index, int dirfd, const std::string& name) {
  int staging = root.staging.get();
  auto made = "new-" + to_string(op.object);
  if (int e = make_named(op, staging, made)) return e;
  Fd fd(openat(staging, made.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  ObjectHandle handle;
  handle.root = index, handle.type = op.type;
  int e = fd ? get_handle(fd.get(), "", handle) : errno;
  if (!e) e = write_key(fd.get(), op.object, handle);
  if (!e) e = own_and_mode(fd.get(), op);
  if (!e && renameat2(staging, made.c_str(), dirfd, name.c_str(), RENAME_NOREPLACE)) e = errno;
  if (e) return remove_named(op, staging, made), e;
  remember(op.object, handle);
  return 0;
}

OpResult Tree::link(const Op& op) {
  std::shared_ptr<OpenObject> d;
  if (int e = directory(op.dir, d)) return {e};
  int e = 0;
  auto object = open(op.object, e);
  if (!object) return {e};
  if (object->root != d->root) return {EXDEV};
  if (linkat(object->fd.get(), "", d->fd.get(), op.name.c_str(), AT_EMPTY_PATH)) return refused(errno);
  return changed(set_times(d->fd.get(), std::nullopt, op.time_ns));
}

OpResult Tree::unlink(const Op& op) {
  std::shared_ptr<OpenObject> d;
  if (int e = directory(op.dir, d)) return {e};
  Found found;
  if (int e = name_is(d->fd.get(), op.name, op.object, found)) return {e};
  bool is_dir = found.handle.type == FileType::directory;
  if (unlinkat(d->fd.get(), op.name.c_str(), is_dir ? AT_REMOVEDIR : 0)) return refused(errno);
  if (is_dir || found.st.st_nlink <= 1) forget(op.object);
  return changed(set_times(d->fd.get(), std::nullopt, op.time_ns));
}

OpResult Tree::rename(const Op& op) {
  std::shared_ptr<OpenObject> from, to;
  if (int e = directory(op.dir, from)) return {e};
  if (int e = directory(op.dir2, to)) return {e};
  if (from->root != to->root) return {EXDEV};
  Found moved, gone;
  if (int e = name_is(from->fd.get(), op.name, op.object, moved)) return {e};
  bool exchange = op.flags & rename_exchange;
  if (!op.replaced.none())
    if (int e = name_is(to->fd.get(), op.name2, op.replaced, gone)) return {e};
  unsigned flags = exchange ? RENAME_EXCHANGE : op.replaced.none() ? RENAME_NOREPLACE : 0;
  if (renameat2(from->fd.get(), op.name.c_str(), to->fd.get(), op.name2.c_str(), flags)) return refused(errno);
  bool was_last = gone.handle.type == FileType::directory || gone.st.st_nlink <= 1;
  if (!op.replaced.none() && !exchange && op.replaced != op.object && was_last) forget(op.replaced);
  if (int e = set_times(from->fd.get(), std::nullopt, op.time_ns)) return changed(e);
  return changed(set_times(to->fd.get(), std::nullopt, op.time_ns));
}

} // namespace lockstep
