// Requests that change nothing: answered from the tree at once, never behind a mutation.
#include "shim/linux/fuse/session.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

namespace lockstep {
void FuseSession::lookup(Request& r) {
  auto dir = inodes_.at(r.in.nodeid);
  std::string name;
  if (!r.take(name)) return answer(r.in.unique, EIO);
  fuse_entry_out out{};
  out.entry_valid = valid_seconds;
  Found found;
  int e = name.size() > entry_name_max ? ENAMETOOLONG
          : is_hidden(dir, name)       ? ENOENT
                                       : tree_.lookup(dir->key, name, found);
  // That a name does not exist is worth remembering as well.
  if (e == ENOENT) return void(channel_->reply(r.in.unique, out));
  if (e) return answer(r.in.unique, e);
  auto inode = make_entry(dir, found, out);
  if (!channel_->reply(r.in.unique, out)) inodes_.forget(inode, 1);
}

void FuseSession::getattr(Request& r) { answer_attributes(r.in.unique, inodes_.at(r.in.nodeid)); }

void FuseSession::readlink(Request& r) {
  int e = 0;
  auto o = object(inodes_.at(r.in.nodeid), e);
  if (!o) return answer(r.in.unique, e);
  char target[link_target_max + 1];
  auto n = readlinkat(o->fd.get(), "", target, sizeof target);
  if (n < 0) return answer(r.in.unique, errno);
  iovec part{target, static_cast<std::size_t>(n)};
  channel_->reply(r.in.unique, {&part, 1});
}

void FuseSession::statfs(Request& r) {
  int e = 0;
  auto o = tree_.open(root_key(options_.root), e);
  struct statvfs s {};
  if (!o || fstatvfs(o->fd.get(), &s)) return answer(r.in.unique, o ? errno : e);
  fuse_statfs_out out{};
  out.st.blocks = s.f_blocks, out.st.bfree = s.f_bfree, out.st.bavail = s.f_bavail;
  out.st.files = s.f_files, out.st.ffree = s.f_ffree;
  out.st.bsize = static_cast<std::uint32_t>(s.f_bsize), out.st.frsize = static_cast<std::uint32_t>(s.f_frsize);
  out.st.namelen = entry_name_max;
  channel_->reply(r.in.unique, out);
}

void FuseSession::getxattr(Request& r) {
  fuse_getxattr_in in;
  std::string name;
  if (!r.take(in) || !r.take(name)) return answer(r.in.unique, EIO);
  if (hidden_xattr(name)) return answer(r.in.unique, ENODATA);
  int e = 0;
  auto o = object(inodes_.at(r.in.nodeid), e);
  if (!o) return answer(r.in.unique, e);
  std::string value(in.size, 0);
  auto n = ::getxattr(path_of(o->fd.get()).c_str(), name.c_str(), value.data(), value.size());
  if (n < 0) return answer(r.in.unique, errno);
  if (in.size == 0) return void(channel_->reply(r.in.unique, fuse_getxattr_out{static_cast<std::uint32_t>(n), 0}));
  iovec part{value.data(), static_cast<std::size_t>(n)};
  channel_->reply(r.in.unique, {&part, 1});
}

void FuseSession::listxattr(Request& r) {
  fuse_getxattr_in in;
  if (!r.take(in)) return answer(r.in.unique, EIO);
  int e = 0;
  auto o = object(inodes_.at(r.in.nodeid), e);
  if (!o) return answer(r.in.unique, e);
  std::string all(65536, 0), shown;
  auto n = ::listxattr(path_of(o->fd.get()).c_str(), all.data(), all.size());
  if (n < 0) return answer(r.in.unique, errno);
  for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
    std::string name(all.c_str() + at);
    at += name.size() + 1;
    if (!hidden_xattr(name)) shown.append(name).push_back(0);
  }
  if (in.size == 0)
    return void(channel_->reply(r.in.unique, fuse_getxattr_out{static_cast<std::uint32_t>(shown.size()), 0}));
  if (shown.size() > in.size) return answer(r.in.unique, ERANGE);
  iovec part{shown.data(), shown.size()};
  channel_->reply(r.in.unique, {&part, 1});
}

void FuseSession::open(Request& r) {
  auto inode = inodes_.at(r.in.nodeid);
  int e = 0;
  auto o = object(inode, e);
  if (o) e = open_inode(inode, o);
  if (e) return answer(r.in.unique, e);
  fuse_open_out out{};
  out.open_flags = FOPEN_KEEP_CACHE;
  if (!channel_->reply(r.in.unique, out)) close_inode(inode);
}

void FuseSession::read(Request& r) {
  fuse_read_in in;
  if (!r.take(in)) return answer(r.in.unique, EIO);
  int e = 0;
  auto o = object(inodes_.at(r.in.nodeid), e);
  if (!o) return answer(r.in.unique, e);
  // The request itself has been read: its memory carries the answer.
  std::uint8_t* memory = r.buffer.get();
  std::size_t want = std::min<std::size_t>(in.size, fuse_max_write), done = 0;
  while (done < want) {
    auto n = pread(o->fd.get(), memory + done, want - done, static_cast<off_t>(in.offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return answer(r.in.unique, errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  iovec part{memory, done};
  channel_->reply(r.in.unique, {&part, 1});
}

void FuseSession::lseek(Request& r) {
  fuse_lseek_in in;
  if (!r.take(in)) return answer(r.in.unique, EIO);
  int e = 0;
  auto o = object(inodes_.at(r.in.nodeid), e);
  if (!o) return answer(r.in.unique, e);
  // Nobody uses the descriptor's own offset.
  auto at = ::lseek(o->fd.get(), static_cast<off_t>(in.offset), static_cast<int>(in.whence));
  if (at < 0) return answer(r.in.unique, errno);
  channel_->reply(r.in.unique, fuse_lseek_out{static_cast<std::uint64_t>(at)});
}

} // namespace lockstep
