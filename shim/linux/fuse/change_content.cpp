// Requests that change one object's bytes or attributes.
#include "shim/linux/fuse/session.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

namespace lockstep {
namespace {

constexpr std::size_t copied_at_most = 64 * 1024; // larger writes keep the memory the kernel delivered them in

std::int64_t time_of(std::uint64_t seconds, std::uint32_t ns) {
  return static_cast<std::int64_t>(seconds) * 1'000'000'000 + ns;
}

} // namespace

// FUSE_HANDLE_KILLPRIV_V2: a write or truncate by somebody without the privilege, and every change of owner, takes the
// set-id bits. changes: false when there is nothing to take.
std::uint32_t FuseSession::mode_without_privileges(Inode* inode, bool always, bool& changes) {
  changes = false;
  if (!always || inode->type != FileType::regular) return 0;
  int e = 0;
  auto o = object(inode, e);
  struct stat st {};
  if (!o || fstat(o->fd.get(), &st)) return 0;
  auto mode = st.st_mode & 07777u;
  auto less = mode & ~static_cast<std::uint32_t>(S_ISUID);
  if (mode & S_IXGRP) less &= ~static_cast<std::uint32_t>(S_ISGID);
  changes = less != mode;
  return less;
}

void FuseSession::setattr(Request& r) {
  auto inode = inodes_.at(r.in.nodeid);
  fuse_setattr_in in;
  if (!r.take(in)) return answer(r.in.unique, EIO);
  std::vector<Step> steps;
  if (in.valid & FATTR_SIZE) {
    auto op = op_on(OpKind::truncate, inode);
    op.length = in.size;
    steps.push_back({op, {}});
  }
  auto op = op_on(OpKind::setattr, inode);
  if (in.valid & FATTR_UID) op.mask |= setattr_mask::uid, op.uid = in.uid;
  if (in.valid & FATTR_GID) op.mask |= setattr_mask::gid, op.gid = in.gid;
  if (in.valid & FATTR_MODE) op.mask |= setattr_mask::mode, op.mode = in.mode & 07777;
  if (in.valid & (FATTR_ATIME | FATTR_ATIME_NOW)) {
    op.mask |= setattr_mask::atime;
    op.atime_ns = in.valid & FATTR_ATIME_NOW ? op.time_ns : time_of(in.atime, in.atimensec);
  }
  if (in.valid & (FATTR_MTIME | FATTR_MTIME_NOW)) {
    op.mask |= setattr_mask::mtime;
    op.mtime_ns = in.valid & FATTR_MTIME_NOW ? op.time_ns : time_of(in.mtime, in.mtimensec);
  }
  if (!(in.valid & FATTR_MODE)) {
    bool changes = false;
    auto mode = mode_without_privileges(inode, in.valid & (FATTR_UID | FATTR_GID | FATTR_KILL_SUIDGID), changes);
    if (changes) op.mask |= setattr_mask::mode, op.mode = mode;
  }
  if (op.mask) steps.push_back({op, {}});
  if (steps.empty()) return answer_attributes(r.in.unique, inode);
  submit_all(std::move(steps), [this, unique = r.in.unique, inode](std::int32_t error, std::uint64_t) {
    error ? answer(unique, error) : answer_attributes(unique, inode);
  });
}

void FuseSession::write(Request& r) {
  auto inode = inodes_.at(r.in.nodeid);
  fuse_write_in in;
  if (!r.take(in) || r.body.size() < in.size) return answer(r.in.unique, EIO);
  auto data = r.body.first(in.size);
  Step step{op_on(OpKind::write, inode), {}};
  step.op.offset = in.offset, step.op.length = in.size;
  step.payload = payloads_.add(in.size > copied_at_most ? Buffer{std::move(r.buffer), data}
                                                        : Buffer::copy(data.data(), data.size()));
  auto done = [this, unique = r.in.unique](std::int32_t error, std::uint64_t amount) {
    if (error) return answer(unique, error);
    channel_->reply(unique, fuse_write_out{static_cast<std::uint32_t>(amount), 0});
  };
  bool changes = false;
  auto mode = mode_without_privileges(inode, in.write_flags & FUSE_WRITE_KILL_SUIDGID, changes);
  if (!changes) return submit(std::move(step), std::move(done));
  auto op = op_on(OpKind::setattr, inode);
  op.mask = setattr_mask::mode, op.mode = mode;
  submit_all({{op, {}}, std::move(step)}, [this, done, nodeid = r.in.nodeid](std::int32_t error, std::uint64_t amount) {
    channel_->invalidate_attributes(nodeid);
    done(error, amount);
  });
}

void FuseSession::fsync(Request& r) {
  submit({op_on(OpKind::sync, inodes_.at(r.in.nodeid)), {}},
         [this, unique = r.in.unique](std::int32_t error, std::uint64_t) { answer(unique, error); });
}

void FuseSession::fallocate(Request& r) {
  fuse_fallocate_in in;
  if (!r.take(in)) return answer(r.in.unique, EIO);
  auto op = op_on(OpKind::fallocate, inodes_.at(r.in.nodeid));
  op.offset = in.offset, op.length = in.length, op.flags = in.mode;
  submit({op, {}}, [this, unique = r.in.unique](std::int32_t error, std::uint64_t) { answer(unique, error); });
}

void FuseSession::setxattr(Request& r) {
  auto inode = inodes_.at(r.in.nodeid);
  fuse_setxattr_in in;
  std::string name;
  if (!r.take(in) || !r.take(name) || r.body.size() < in.size) return answer(r.in.unique, EIO);
  if (hidden_xattr(name)) return answer(r.in.unique, EPERM);
  Step step{op_on(OpKind::setxattr, inode), {}};
  step.op.text = name, step.op.flags = in.flags, step.op.length = in.size;
  step.payload = payloads_.add(Buffer::copy(r.body.data(), in.size));
  std::vector<Step> steps{std::move(step)};
  int e = 0;
  auto o = in.setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID ? object(inode, e) : nullptr;
  struct stat st {};
  if (o && fstatat(o->fd.get(), "", &st, AT_EMPTY_PATH) == 0 && (st.st_mode & S_ISGID)) {
    auto op = op_on(OpKind::setattr, inode); // before the list, which sets the other bits
    op.mask = setattr_mask::mode, op.mode = st.st_mode & 07777 & ~static_cast<std::uint32_t>(S_ISGID);
    steps.insert(steps.begin(), {op, {}});
  }
  submit_all(std::move(steps),
             [this, unique = r.in.unique](std::int32_t error, std::uint64_t) { answer(unique, error); });
}

void FuseSession::removexattr(Request& r) {
  std::string name;
  if (!r.take(name)) return answer(r.in.unique, EIO);
  if (hidden_xattr(name)) return answer(r.in.unique, ENODATA);
  auto op = op_on(OpKind::removexattr, inodes_.at(r.in.nodeid));
  op.text = name;
  submit({op, {}}, [this, unique = r.in.unique](std::int32_t error, std::uint64_t) { answer(unique, error); });
}

} // namespace lockstep
