// Operations on one object's bytes and attributes, and what an operation that was carried out before looks like.
#include "shim/linux/tree/times.hpp"
#include "shim/linux/tree/tree.hpp"
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

namespace lockstep {
namespace {

// A file opened for reading only is immutable.
int file_error_number(int e) { return e == EBADF ? EPERM : e; }

// Everything up to some later position may have been carried out before: an object that is gone was removed by a later
// operation, a name that is taken is the outcome or was given away since. The operations that follow lead to the same
// end.
bool already_so(const Op& op, std::int32_t error) {
  switch (op.kind) {
  case OpKind::create:
  case OpKind::link: return error == EEXIST || error == ENOENT;
  case OpKind::unlink: return error == ENOENT || error == ESTALE;
  case OpKind::rename: return error == ENOENT || error == ESTALE || error == EEXIST;
  case OpKind::removexattr: return error == ENODATA || error == ENOENT;
  case OpKind::write:
  case OpKind::truncate:
  case OpKind::setattr:
  case OpKind::fallocate:
  case OpKind::setxattr:
  case OpKind::sync: return error == ENOENT;
  default: return false;
  }
}

bool as_before(int fd, const struct stat& before) {
  struct stat now {};
  if (fstat(fd, &now)) return false;
  bool same = now.st_size == before.st_size && to_ns(now.st_mtim) == to_ns(before.st_mtim);
  return same || (ftruncate(fd, before.st_size) == 0 && set_times(fd, std::nullopt, to_ns(before.st_mtim)) == 0);
}

} // namespace

OpResult Tree::execute(const Op& op, std::span<const std::uint8_t> payload) { return dispatch(op, payload); }

OpResult Tree::apply(const Op& op, std::span<const std::uint8_t> payload, bool may_be_done) {
  auto result = dispatch(op, payload);
  if (!result.error || !may_be_done || !already_so(op, result.error)) return result;
  // The replay of an earlier operation may have set an older time.
  std::shared_ptr<OpenObject> d;
  for (auto key : {op.dir, op.dir2})
    if (!key.none() && directory(key, d) == 0) set_times(d->fd.get(), std::nullopt, op.time_ns);
  return {0, op.length};
}

OpResult Tree::dispatch(const Op& op, std::span<const std::uint8_t> payload) {
  switch (op.kind) {
  case OpKind::create: return create(op);
  case OpKind::link: return link(op);
  case OpKind::unlink: return unlink(op);
  case OpKind::rename: return rename(op);
  case OpKind::write: return write(op, payload);
  case OpKind::truncate: return truncate(op);
  case OpKind::setattr: return setattr(op);
  case OpKind::fallocate: return fallocate(op);
  case OpKind::setxattr: return refused(setxattr(op, payload));
  case OpKind::removexattr: return refused(removexattr(op));
  case OpKind::sync: return {sync(op)};
  case OpKind::drain_dir: return drain_dir(op, payload);
  case OpKind::drain_query: return drain_query(op, payload);
  case OpKind::drain_data: return drain_data(op, payload);
  case OpKind::drain_attrs: return {drain_attrs(op, payload)};
  case OpKind::drained: return {end_of_drain()};
  }
  return {EINVAL};
}

OpResult Tree::write(const Op& op, std::span<const std::uint8_t> payload) {
  int e = 0;
  auto file = open(op.object, e);
  if (!file) return {e};
  std::size_t done = 0;
  while (done < payload.size()) {
    auto n = pwrite(file->fd.get(), payload.data() + done, payload.size() - done, static_cast<off_t>(op.offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      e = n < 0 ? file_error_number(errno) : EIO;
      break;
    }
    done += static_cast<std::size_t>(n);
  }
  bool some = done > 0;
  if (some || payload.empty())
    if (int t = set_times(file->fd.get(), std::nullopt, op.time_ns)) return {t, done, some};
  if (e == 0) return {0, done};
  // The application hears of what was written, as write(2) would say it.
  if (some) return {0, done, true};
  return refused(e);
}

OpResult Tree::truncate(const Op& op) {
  int e = 0;
  auto file = open(op.object, e);
  if (!file) return {e};
  if (ftruncate(file->fd.get(), static_cast<off_t>(op.length))) return refused(file_error_number(errno));
  return changed(set_times(file->fd.get(), std::nullopt, op.time_ns));
}

// What the mask does not name stays, set-id bits included: a change of owner would take them away, so the mode is put
// back.
OpResult Tree::setattr(const Op& op) {
  int e = 0;
  auto object = open(op.object, e);
  if (!object) return {e};
  int fd = object->fd.get();
  struct stat st {};
  if (fstatat(fd, "", &st, AT_EMPTY_PATH)) return {errno};
  bool owner = op.mask & (setattr_mask::uid | setattr_mask::gid);
  auto uid = op.mask & setattr_mask::uid ? op.uid : static_cast<uid_t>(-1);
  auto gid = op.mask & setattr_mask::gid ? op.gid : static_cast<gid_t>(-1);
  if (owner && fchownat(fd, "", uid, gid, AT_EMPTY_PATH)) return refused(errno);
  mode_t mode = op.mask & setattr_mask::mode ? op.mode : st.st_mode;
  bool owner_or_mode = owner || (op.mask & setattr_mask::mode);
  if (owner_or_mode && object->type != FileType::symlink &&
      chmod(path_of(fd).c_str(), mode & 07777))
    return owner ? changed(errno) : refused(errno);
  std::optional<std::int64_t> atime, mtime;
  if (op.mask & setattr_mask::atime) atime = op.atime_ns;
  if (op.mask & setattr_mask::mtime) mtime = op.mtime_ns;
  if (!atime && !mtime) return {};
  e = set_times(fd, atime, mtime);
  return owner_or_mode ? changed(e) : refused(e);
}

OpResult Tree::fallocate(const Op& op) {
  int e = 0;
  auto file = open(op.object, e);
  if (!file) return {e};
  int fd = file->fd.get();
  struct stat before {};
  if (fstat(fd, &before)) return {errno};
  if (::fallocate(fd, static_cast<int>(op.flags), static_cast<off_t>(op.offset), static_cast<off_t>(op.length)) == 0)
    return changed(set_times(fd, std::nullopt, op.time_ns));
  e = file_error_number(errno);
  // A request that was understood may have been carried out up to where the space ended. New room can be given back.
  bool none = e == EOPNOTSUPP || e == EINVAL || e == EPERM || e == EFBIG || e == ETXTBSY;
  if (none) return {e};
  bool moves_content = op.flags & ~static_cast<std::uint32_t>(FALLOC_FL_KEEP_SIZE);
  if (moves_content) return changed(e);
  return as_before(fd, before) ? refused(e) : changed(e);
}

int Tree::setxattr(const Op& op, std::span<const std::uint8_t> payload) {
  if (hidden_xattr(op.text)) return EPERM;
  int e = 0;
  auto object = open(op.object, e);
  if (!object) return e;
  return ::setxattr(path_of(object->fd.get()).c_str(), op.text.c_str(), payload.data(), payload.size(),
                    static_cast<int>(op.flags))
             ? errno
             : 0;
}

int Tree::removexattr(const Op& op) {
  if (hidden_xattr(op.text)) return EPERM;
  int e = 0;
  auto object = open(op.object, e);
  if (!object) return e;
  return ::removexattr(path_of(object->fd.get()).c_str(), op.text.c_str()) ? errno : 0;
}

int Tree::sync(const Op& op) {
  int e = 0;
  auto object = open(op.object, e);
  if (!object) return e;
  if (object->type != FileType::regular && object->type != FileType::directory) return 0;
  return fsync(object->fd.get()) ? errno : 0;
}

} // namespace lockstep
