// Requests that create, move and remove names. The kernel holds its lock on the directories until we answer, so what is
// looked up here is still true when the operation is carried out.
#include "shim/linux/fuse/access_list.hpp"
#include "shim/linux/fuse/session.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

namespace lockstep {

// Owner, mode and access lists as the file system would give them: a set-group-id directory passes on its group, and
// the bit to directories; a default access list takes the place of the umask.
int FuseSession::new_object(const Request& r, Inode* dir, FileType type, std::uint32_t mode, std::uint32_t umask,
                            std::vector<Step>& steps) {
  int e = 0;
  auto d = object(dir, e);
  if (!d) return e;
  struct stat st {};
  if (fstat(d->fd.get(), &st)) return errno;
  Op op;
  op.kind = OpKind::create, op.time_ns = wall_ns();
  op.object = tree_.mint(), op.type = type, op.dir = op.parent = dir->key;
  op.mode = mode & 07777, op.uid = r.in.uid, op.gid = r.in.gid;
  if (st.st_mode & S_ISGID) {
    op.gid = st.st_gid;
    if (type == FileType::directory) op.mode |= S_ISGID;
  }
  steps.push_back({op, {}});
  std::uint8_t value[4096];
  auto size = type == FileType::symlink ? -1 : fgetxattr(d->fd.get(), default_list_xattr, value, sizeof value);
  auto list = size > 0 ? decode_access_list(value, static_cast<std::size_t>(size)) : std::nullopt;
  if (!list) {
    if (type != FileType::symlink) steps[0].op.mode &= ~umask;
    return 0;
  }
  auto defaults = encode(*list);
  if (inherit(*list, steps[0].op.mode)) steps.push_back(set_list(op, access_list_xattr, encode(*list)));
  if (type == FileType::directory) steps.push_back(set_list(op, default_list_xattr, std::move(defaults)));
  return 0;
}

FuseSession::Step FuseSession::set_list(const Op& created, const char* name, Bytes value) {
  Op op;
  op.kind = OpKind::setxattr, op.time_ns = created.time_ns;
  op.object = created.object, op.type = created.type, op.parent = created.dir;
  op.text = name, op.length = value.size();
  return {op, payloads_.add(std::move(value))};
}

void FuseSession::create(Request& r) {
  auto dir = inodes_.at(r.in.nodeid);
  fuse_create_in in;
  std::string name;
  if (!r.take(in) || !r.take(name)) return answer(r.in.unique, EIO);
  if (name.size() > entry_name_max) return answer(r.in.unique, ENAMETOOLONG);
  if (is_hidden(dir, name)) return answer(r.in.unique, EPERM);
  Found found;
  if (tree_.lookup(dir->key, name, found) == 0) { // the kernel did not know it yet
    if (in.flags & O_EXCL) return answer(r.in.unique, EEXIST);
    return answer_entry(r.in.unique, dir, name, true);
  }
  std::vector<Step> steps;
  if (int e = new_object(r, dir, FileType::regular, in.mode, in.umask, steps)) return answer(r.in.unique, e);
  steps[0].op.name = name;
  submit_all(std::move(steps), [this, unique = r.in.unique, dir, name](std::int32_t error, std::uint64_t) {
    error ? answer(unique, error) : answer_entry(unique, dir, name, true);
  });
}

void FuseSession::make(Request& r, FileType type) {
  auto dir = inodes_.at(r.in.nodeid);
  std::uint32_t mode = 0777, rdev = 0, umask = 0;
  std::string name, target;
  bool understood = true;
  if (type == FileType::regular) {
    fuse_mknod_in in{};
    understood = r.take(in);
    mode = in.mode, umask = in.umask, rdev = in.rdev, type = file_type(mode);
  } else if (type == FileType::directory) {
    fuse_mkdir_in in{};
    understood = r.take(in);
    mode = in.mode, umask = in.umask;
  }
  understood = understood && r.take(name) && (type != FileType::symlink || r.take(target));
  if (!understood) return answer(r.in.unique, EIO);
  if (name.size() > entry_name_max) return answer(r.in.unique, ENAMETOOLONG);
  if (is_hidden(dir, name)) return answer(r.in.unique, EPERM);
  std::vector<Step> steps;
  if (int e = new_object(r, dir, type, mode, umask, steps)) return answer(r.in.unique, e);
  steps[0].op.name = name, steps[0].op.rdev = rdev, steps[0].op.text = target;
  submit_all(std::move(steps), [this, unique = r.in.unique, dir, name](std::int32_t error, std::uint64_t) {
    error ? answer(unique, error) : answer_entry(unique, dir, name, false);
  });
}

// A file without a name lives in orphans from its beginning (data T12).
void FuseSession::tmpfile(Request& r) {
  auto dir = inodes_.at(r.in.nodeid);
  fuse_create_in in;
  if (!r.take(in)) return answer(r.in.unique, EIO);
  std::vector<Step> steps;
  if (int e = new_object(r, dir, FileType::regular, in.mode, in.umask, steps)) return answer(r.in.unique, e);
  auto& op = steps[0].op;
  op.name = orphan_name(op.object);
  for (auto& s : steps) s.op.parent = orphans_key(options_.root);
  op.dir = op.parent;
  submit_all(steps, [this, unique = r.in.unique, op](std::int32_t error, std::uint64_t) {
    if (error) return answer(unique, error);
    Found found;
    if (int e = tree_.lookup(op.dir, op.name, found)) return answer(unique, e);
    auto inode = inodes_.look_up(op.object, op.type, op.dir);
    int e = 0;
    auto object = tree_.open(op.object, e);
    if (object) e = open_inode(inode, object);
    if (!e) became_orphan(inode);
    struct {
      fuse_entry_out entry{};
      fuse_open_out open{};
    } out;
    out.entry.nodeid = inodes_.nodeid(inode), out.entry.entry_valid = out.entry.attr_valid = valid_seconds;
    fill(found.st, inode, out.entry.attr);
    out.open.open_flags = FOPEN_KEEP_CACHE;
    if (!e && channel_->reply(unique, out)) return;
    if (!e)
      close_inode(inode);
    else
      answer(unique, e);
    inodes_.forget(inode, 1);
    submit({removal_of_orphan(op.object), {}}, [](std::int32_t, std::uint64_t) {});
  });
}

void FuseSession::link(Request& r) {
  auto dir = inodes_.at(r.in.nodeid);
  fuse_link_in in;
  std::string name;
  if (!r.take(in) || !r.take(name)) return answer(r.in.unique, EIO);
  if (name.size() > entry_name_max) return answer(r.in.unique, ENAMETOOLONG);
  if (is_hidden(dir, name)) return answer(r.in.unique, EPERM);
  auto inode = inodes_.at(in.oldnodeid);
  auto op = op_on(OpKind::link, inode);
  op.dir = dir->key, op.name = name;
  bool orphan;
  {
    std::lock_guard lock(inodes_.mutex());
    orphan = inode->orphan;
  }
  if (orphan) { // an O_TMPFILE gets its name: it moves out of orphans
    op.kind = OpKind::rename, op.dir2 = op.dir, op.name2 = op.name;
    op.dir = orphans_key(options_.root), op.name = orphan_name(op.object);
  }
  submit({op, {}}, [this, unique = r.in.unique, dir, name, inode, orphan](std::int32_t error, std::uint64_t) {
    if (error) return answer(unique, error);
    if (orphan) {
      std::lock_guard lock(inodes_.mutex());
      inode->orphan = false;
    }
    answer_entry(unique, dir, name, false);
  });
}

// The last name of an open file goes: it moves to orphans, until it is closed.
bool FuseSession::needs_orphanage(Key key, const struct stat& st, Inode*& inode) {
  inode = inodes_.find(key);
  if (!inode || S_ISDIR(st.st_mode) || st.st_nlink > 1) return false;
  std::lock_guard lock(inodes_.mutex());
  if (inode->opens) return true;
  inode->leaving = true; // who opens it from here comes too late
  return false;
}

Op FuseSession::removal_of_orphan(Key key) {
  Op op;
  op.kind = OpKind::unlink, op.object = key, op.time_ns = wall_ns();
  op.dir = op.parent = orphans_key(options_.root), op.name = orphan_name(key);
  return op;
}

void FuseSession::unlink(Request& r) {
  auto dir = inodes_.at(r.in.nodeid);
  std::string name;
  if (!r.take(name)) return answer(r.in.unique, EIO);
  if (is_hidden(dir, name)) return answer(r.in.unique, ENOENT);
  Found found;
  if (int e = tree_.lookup(dir->key, name, found)) return answer(r.in.unique, e);
  Op op;
  op.kind = OpKind::unlink, op.time_ns = wall_ns();
  op.object = found.key, op.type = found.handle.type, op.dir = op.parent = dir->key, op.name = name;
  Inode* inode = nullptr;
  if (needs_orphanage(found.key, found.st, inode)) return unlink_open(r, op, inode);
  int e = 0;
  if (inode && op.type == FileType::directory) { // it may be somebody's working directory
    auto kept = tree_.open(op.object, e);
    std::lock_guard lock(inodes_.mutex());
    inode->object = kept;
  }
  submit({op, {}}, [this, unique = r.in.unique, key = op.object](std::int32_t error, std::uint64_t) {
    if (error)
      if (auto inode = inodes_.find(key)) {
        std::lock_guard lock(inodes_.mutex());
        inode->leaving = false;
        if (inode->opens == 0) inode->object.reset();
      }
    answer(unique, error);
  });
}

void FuseSession::unlink_open(Request& r, Op op, Inode* inode) {
  op.kind = OpKind::rename, op.dir2 = orphans_key(options_.root), op.name2 = orphan_name(op.object);
  submit({op, {}}, [this, unique = r.in.unique, inode](std::int32_t error, std::uint64_t) {
    if (!error) became_orphan(inode);
    answer(unique, error);
  });
}

void FuseSession::rename(Request& r, bool with_flags) {
  auto from = inodes_.at(r.in.nodeid);
  fuse_rename_in plain{};
  fuse_rename2_in in{};
  std::string name, name2;
  bool understood = with_flags ? r.take(in) : r.take(plain);
  if (!understood || !r.take(name) || !r.take(name2)) return answer(r.in.unique, EIO);
  auto to = inodes_.at(with_flags ? in.newdir : plain.newdir);
  if (name2.size() > entry_name_max) return answer(r.in.unique, ENAMETOOLONG);
  if (is_hidden(from, name) || is_hidden(to, name2)) return answer(r.in.unique, EPERM);
  if (in.flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) return answer(r.in.unique, EINVAL);
  Found moved, replaced;
  if (int e = tree_.lookup(from->key, name, moved)) return answer(r.in.unique, e);
  int there = tree_.lookup(to->key, name2, replaced);
  if (there && there != ENOENT) return answer(r.in.unique, there);
  bool exchange = in.flags & RENAME_EXCHANGE;
  if (!there && (in.flags & RENAME_NOREPLACE)) return answer(r.in.unique, EEXIST);
  if (there && exchange) return answer(r.in.unique, ENOENT);
  Op op;
  op.kind = OpKind::rename, op.time_ns = wall_ns(), op.flags = exchange ? rename_exchange : 0;
  op.object = moved.key, op.type = moved.handle.type, op.parent = from->key;
  op.dir = from->key, op.name = name, op.dir2 = to->key, op.name2 = name2;
  Inode* open_one = nullptr;
  if (!there) {
    op.replaced = replaced.key, op.replaced_type = replaced.handle.type, op.replaced_parent = to->key;
    if (!exchange && op.replaced != op.object && needs_orphanage(replaced.key, replaced.st, open_one))
      return rename_over_open(r, op, open_one);
  }
  submit({op, {}}, [this, unique = r.in.unique, op](std::int32_t error, std::uint64_t) {
    if (!error)
      after_rename(op);
    else if (auto inode = inodes_.find(op.replaced)) {
      std::lock_guard lock(inodes_.mutex());
      inode->leaving = false;
    }
    answer(unique, error);
  });
}

void FuseSession::after_rename(const Op& op) {
  auto moved = inodes_.find(op.object), exchanged = op.flags & rename_exchange ? inodes_.find(op.replaced) : nullptr;
  std::lock_guard lock(inodes_.mutex());
  if (moved) moved->parent = op.dir2;
  if (exchanged) exchanged->parent = op.dir;
}

// The replaced file is open: it gets a name in orphans first.
void FuseSession::rename_over_open(Request& r, Op op, Inode* replaced) {
  Op keep;
  keep.kind = OpKind::link, keep.time_ns = op.time_ns, keep.object = op.replaced, keep.parent = op.dir2;
  keep.dir = orphans_key(options_.root), keep.name = orphan_name(op.replaced);
  submit({keep, {}}, [this, unique = r.in.unique, op, replaced](std::int32_t error, std::uint64_t) {
    if (error) return answer(unique, error);
    submit({op, {}}, [this, unique, op, replaced](std::int32_t failed, std::uint64_t) {
      if (failed)
        submit({removal_of_orphan(op.replaced), {}}, [](std::int32_t, std::uint64_t) {});
      else
        after_rename(op), became_orphan(replaced);
      answer(unique, failed);
    });
  });
}

void FuseSession::release(Request& r) {
  auto inode = inodes_.at(r.in.nodeid);
  bool last, orphan;
  Key key = inode->key;
  close_inode(inode);
  {
    std::lock_guard lock(inodes_.mutex());
    last = inode->opens == 0;
    orphan = inode->orphan;
    if (last && orphan) inode->leaving = true;
  }
  if (last && orphan) submit({removal_of_orphan(key), {}}, [](std::int32_t, std::uint64_t) {});
  answer(r.in.unique, 0);
}

// Files that were open and unlinked when a former life of this mount ended.
void FuseSession::remove_orphans() {
  int e = 0;
  auto orphans = tree_.open(orphans_key(options_.root), e);
  if (!orphans) return;
  DirectoryReader reader(reopen_directory(orphans->fd.get()));
  Listed entry;
  while (reader.next(entry)) {
    Found found;
    if (tree_.lookup(orphans_key(options_.root), entry.name, found)) continue;
    auto op = removal_of_orphan(found.key);
    op.name = entry.name, op.type = found.handle.type;
    submit({op, {}}, [](std::int32_t, std::uint64_t) {});
  }
}

} // namespace lockstep
