// Listing directories. The offsets are the file system's own.
#include "shim/linux/fuse/session.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace lockstep {
namespace {

void put_dirent(Bytes& out, const Listed& e) {
  fuse_dirent d{};
  d.ino = e.inode, d.off = static_cast<std::uint64_t>(e.next);
  d.namelen = static_cast<std::uint32_t>(e.name.size()), d.type = e.type;
  auto at = out.size();
  out.resize(at + FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + e.name.size()));
  std::memcpy(out.data() + at, &d, FUSE_NAME_OFFSET);
  std::memcpy(out.data() + at + FUSE_NAME_OFFSET, e.name.data(), e.name.size());
}

std::size_t dirent_size(const Listed& e, bool plus) {
  return (plus ? sizeof(fuse_entry_out) : 0) + FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + e.name.size());
}

} // namespace

void FuseSession::opendir(Request& r) {
  int e = 0;
  auto o = object(inodes_.at(r.in.nodeid), e);
  if (!o) return answer(r.in.unique, e);
  auto opened = std::make_unique<OpenDirectory>(reopen_directory(o->fd.get()));
  if (!opened->reader.valid()) return answer(r.in.unique, errno);
  fuse_open_out out{};
  out.fh = reinterpret_cast<std::uint64_t>(opened.get());
  out.open_flags = FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR;
  auto mine = opened.release(); // RELEASEDIR gives it back, perhaps before this thread goes on
  if (!channel_->reply(r.in.unique, out)) delete mine;
}

void FuseSession::releasedir(Request& r) {
  fuse_release_in in;
  if (r.take(in)) delete reinterpret_cast<OpenDirectory*>(in.fh);
  answer(r.in.unique, 0);
}

int FuseSession::list(OpenDirectory& opened, Inode* dir, const fuse_read_in& in, bool plus, Bytes& out,
                      std::vector<Inode*>& referenced) {
  std::lock_guard lock(opened.mutex);
  auto from = static_cast<std::int64_t>(in.offset);
  if (opened.at != from || from == 0)
    if (int e = opened.reader.seek(from)) return e;
  opened.at = from;
  out.reserve(in.size);
  Listed entry;
  while (opened.reader.next(entry)) {
    if (out.size() + dirent_size(entry, plus) > in.size) {
      opened.at = -1; // this one was read and not given: seek next time
      break;
    }
    opened.at = entry.next;
    if (is_hidden(dir, entry.name)) continue;
    if (plus) {
      fuse_entry_out e{}; // no node: the name only, the kernel looks it up when it needs it
      Found found;
      bool dots = entry.name == "." || entry.name == "..";
      if (!dots && tree_.lookup(dir->key, entry.name, found) == 0) referenced.push_back(make_entry(dir, found, e));
      auto p = reinterpret_cast<const std::uint8_t*>(&e);
      out.insert(out.end(), p, p + sizeof e);
    }
    put_dirent(out, entry);
  }
  return opened.reader.error();
}

// Once answered, the directory may be closed by another thread at once: nothing of it is touched behind the reply.
void FuseSession::readdir(Request& r, bool plus) {
  fuse_read_in in;
  if (!r.take(in)) return answer(r.in.unique, EIO);
  Bytes out;
  std::vector<Inode*> referenced;
  int e = list(*reinterpret_cast<OpenDirectory*>(in.fh), inodes_.at(r.in.nodeid), in, plus, out, referenced);
  iovec part{out.data(), out.size()};
  bool sent = false;
  if (e)
    answer(r.in.unique, e);
  else
    sent = channel_->reply(r.in.unique, {&part, 1});
  if (sent) return;
  for (auto i : referenced) inodes_.forget(i, 1);
}

} // namespace lockstep
