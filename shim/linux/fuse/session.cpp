#include "shim/linux/fuse/session.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace lockstep {

FuseSession::FuseSession(Tree& tree, PayloadStore& payloads, FuseMount::Submit submit, FuseMount::Options options,
                         std::unique_ptr<FuseChannel> channel)
    : tree_(tree), payloads_(payloads), submit_(std::move(submit)), options_(options), channel_(std::move(channel)),
      inodes_(root_key(options.root)) {}

FuseSession::~FuseSession() { join(); }

void FuseSession::start() {
  remove_orphans();
  const unsigned count = std::max(1u, options_.threads);
  running_ = count; // before the first thread, which may end at once
  for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this] { loop(); });
}

void FuseSession::join() {
  for (auto& t : threads_)
    if (t.joinable()) t.join();
}

void FuseSession::loop() {
  pthread_setname_np(pthread_self(), "fuse");
  Request r;
  while (channel_->receive(r)) handle(r), ++handled_;
  std::lock_guard lock(running_mutex_);
  if (--running_ == 0) ended_.notify_all();
}

bool FuseSession::ended_within(std::chrono::milliseconds t) {
  std::unique_lock lock(running_mutex_);
  return ended_.wait_for(lock, t, [this] { return running_ == 0; });
}

void FuseSession::wait_until_quiet(std::chrono::milliseconds quiet, std::chrono::milliseconds limit) {
  auto until = std::chrono::steady_clock::now() + limit;
  for (std::uint64_t before = ~0ull; std::chrono::steady_clock::now() < until; before = handled_) {
    if (before == handled_ && waiting_ == 0) return;
    if (ended_within(quiet)) return;
  }
}

void FuseSession::handle(Request& r) {
  switch (r.in.opcode) {
  case FUSE_INIT: return init(r);
  case FUSE_FORGET: return forget(r);
  case FUSE_BATCH_FORGET: return batch_forget(r);
  case FUSE_DESTROY: return answer(r.in.unique, 0);
  default:
    // Locks, ioctl, poll, flush, copy_file_range and the rest: the kernel does them itself, or says that they do not
    // exist.
    if (!handle_look(r) && !handle_change(r)) answer(r.in.unique, ENOSYS);
  }
}

void FuseSession::init(Request& r) {
  fuse_init_in in{};
  std::memcpy(&in, r.body.data(), std::min(sizeof in, r.body.size()));
  fuse_init_out out{};
  out.major = FUSE_KERNEL_VERSION, out.minor = FUSE_KERNEL_MINOR_VERSION;
  std::uint32_t want = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |
                       FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |
                       FUSE_EXPLICIT_INVAL_DATA | FUSE_HANDLE_KILLPRIV_V2 | FUSE_POSIX_ACL | FUSE_DONT_MASK |
                       FUSE_SETXATTR_EXT | FUSE_INIT_EXT;
  if (options_.writeback) want |= FUSE_WRITEBACK_CACHE;
  out.flags = want & in.flags;
  out.max_readahead = in.max_readahead;
  out.max_background = 64, out.congestion_threshold = 48;
  out.max_write = fuse_max_write, out.max_pages = fuse_max_write / 4096;
  out.time_gran = 1;
  channel_->reply(r.in.unique, out);
}

void FuseSession::forget(Request& r) {
  fuse_forget_in in;
  if (r.take(in)) inodes_.forget(inodes_.at(r.in.nodeid), in.nlookup);
}

void FuseSession::batch_forget(Request& r) {
  fuse_batch_forget_in in;
  fuse_forget_one one;
  if (!r.take(in)) return;
  for (std::uint32_t i = 0; i < in.count && r.take(one); ++i) inodes_.forget(inodes_.at(one.nodeid), one.nlookup);
}

bool FuseSession::handle_look(Request& r) {
  switch (r.in.opcode) {
  case FUSE_LOOKUP: return lookup(r), true;
  case FUSE_GETATTR: return getattr(r), true;
  case FUSE_READLINK: return readlink(r), true;
  case FUSE_STATFS: return statfs(r), true;
  case FUSE_GETXATTR: return getxattr(r), true;
  case FUSE_LISTXATTR: return listxattr(r), true;
  case FUSE_OPEN: return open(r), true;
  case FUSE_READ: return read(r), true;
  case FUSE_LSEEK: return lseek(r), true;
  case FUSE_OPENDIR: return opendir(r), true;
  case FUSE_READDIR: return readdir(r, false), true;
  case FUSE_READDIRPLUS: return readdir(r, true), true;
  case FUSE_RELEASEDIR: return releasedir(r), true;
  default: return false;
  }
}

bool FuseSession::handle_change(Request& r) {
  switch (r.in.opcode) {
  case FUSE_CREATE: return create(r), true;
  case FUSE_MKNOD: return make(r, FileType::regular), true;
  case FUSE_MKDIR: return make(r, FileType::directory), true;
  case FUSE_SYMLINK: return make(r, FileType::symlink), true;
  case FUSE_TMPFILE: return tmpfile(r), true;
  case FUSE_LINK: return link(r), true;
  case FUSE_UNLINK:
  case FUSE_RMDIR: return unlink(r), true;
  case FUSE_RENAME: return rename(r, false), true;
  case FUSE_RENAME2: return rename(r, true), true;
  case FUSE_RELEASE: return release(r), true;
  case FUSE_SETATTR: return setattr(r), true;
  case FUSE_WRITE: return write(r), true;
  case FUSE_FSYNC:
  case FUSE_FSYNCDIR: return fsync(r), true;
  case FUSE_FALLOCATE: return fallocate(r), true;
  case FUSE_SETXATTR: return setxattr(r), true;
  case FUSE_REMOVEXATTR: return removexattr(r), true;
  default: return false;
  }
}

// ---------------------------------------------------------------- helpers

Op FuseSession::op_on(OpKind kind, const Inode* inode) {
  Op op;
  op.kind = kind, op.time_ns = wall_ns();
  op.object = inode->key, op.type = inode->type, op.parent = inodes_.parent_of(inode);
  return op;
}

void FuseSession::submit(Step step, Done done) {
  ++waiting_;
  submit_(std::move(step.op), step.payload,
          [self = shared_from_this(), done = std::move(done)](std::int32_t error, std::uint64_t amount) {
            done(error, amount);
            --self->waiting_;
          });
}

void FuseSession::submit_all(std::vector<Step> steps, Done done) {
  auto first = std::move(steps.front());
  steps.erase(steps.begin());
  if (steps.empty()) return submit(std::move(first), std::move(done));
  submit(std::move(first),
         [this, steps = std::move(steps), done = std::move(done)](std::int32_t error, std::uint64_t amount) {
           if (!error) return submit_all(steps, done);
           for (auto& s : steps) payloads_.release(s.payload.handle);
           done(error, amount);
         });
}

std::shared_ptr<OpenObject> FuseSession::object(Inode* inode, int& error) {
  if (auto held = inodes_.object_of(inode)) return held;
  return tree_.open(inode->key, error);
}

bool FuseSession::is_hidden(const Inode* dir, const std::string& name) const {
  return dir->key == root_key(options_.root) && name == own_directory;
}

void FuseSession::fill(const struct stat& st, const Inode* inode, fuse_attr& out) {
  out.ino = st.st_ino, out.size = static_cast<std::uint64_t>(st.st_size),
  out.blocks = static_cast<std::uint64_t>(st.st_blocks);
  out.atime = static_cast<std::uint64_t>(st.st_atim.tv_sec),
  out.atimensec = static_cast<std::uint32_t>(st.st_atim.tv_nsec);
  out.mtime = static_cast<std::uint64_t>(st.st_mtim.tv_sec),
  out.mtimensec = static_cast<std::uint32_t>(st.st_mtim.tv_nsec);
  out.ctime = static_cast<std::uint64_t>(st.st_ctim.tv_sec),
  out.ctimensec = static_cast<std::uint32_t>(st.st_ctim.tv_nsec);
  out.mode = st.st_mode, out.uid = st.st_uid, out.gid = st.st_gid;
  out.rdev = static_cast<std::uint32_t>(st.st_rdev), out.blksize = static_cast<std::uint32_t>(st.st_blksize);
  out.nlink = static_cast<std::uint32_t>(st.st_nlink);
  // Neither the name in orphans nor our own directory counts.
  bool one_less = inode == inodes_.root();
  {
    std::lock_guard lock(inodes_.mutex());
    one_less = one_less || inode->orphan;
  }
  if (one_less && out.nlink) --out.nlink;
}

Inode* FuseSession::make_entry(Inode* dir, const Found& found, fuse_entry_out& out) {
  auto inode = inodes_.look_up(found.key, found.handle.type, dir->key);
  out.nodeid = inodes_.nodeid(inode);
  out.entry_valid = out.attr_valid = valid_seconds;
  fill(found.st, inode, out.attr);
  return inode;
}

void FuseSession::answer_entry(std::uint64_t unique, Inode* dir, const std::string& name, bool opened) {
  Found found;
  if (int e = tree_.lookup(dir->key, name, found)) return answer(unique, e);
  struct {
    fuse_entry_out entry{};
    fuse_open_out open{};
  } out;
  auto inode = make_entry(dir, found, out.entry);
  out.open.open_flags = FOPEN_KEEP_CACHE;
  int e = 0;
  if (opened) {
    auto object = tree_.open(inode->key, e);
    if (object) e = open_inode(inode, object);
  }
  bool sent = false;
  iovec part{&out, opened ? sizeof out : sizeof out.entry};
  if (e)
    answer(unique, e);
  else
    sent = channel_->reply(unique, {&part, 1});
  if (sent) return;
  if (opened && !e) close_inode(inode);
  inodes_.forget(inode, 1);
}

void FuseSession::answer_attributes(std::uint64_t unique, Inode* inode) {
  int e = 0;
  auto o = object(inode, e);
  if (!o) return answer(unique, e);
  struct stat st {};
  if (fstatat(o->fd.get(), "", &st, AT_EMPTY_PATH)) return answer(unique, errno);
  fuse_attr_out out{};
  out.attr_valid = valid_seconds;
  fill(st, inode, out.attr);
  channel_->reply(unique, out);
}

int FuseSession::open_inode(Inode* inode, std::shared_ptr<OpenObject> object) {
  std::lock_guard lock(inodes_.mutex());
  if (inode->leaving) return ENOENT;
  ++inode->opens;
  inode->object = std::move(object);
  return 0;
}

void FuseSession::close_inode(Inode* inode) {
  std::shared_ptr<OpenObject> closed; // outside the lock
  std::lock_guard lock(inodes_.mutex());
  if (--inode->opens == 0) closed = std::move(inode->object);
}

// Closed while it moved to orphans: nobody else removes it.
void FuseSession::became_orphan(Inode* inode) {
  bool closed;
  {
    std::lock_guard lock(inodes_.mutex());
    inode->orphan = true;
    inode->parent = orphans_key(options_.root);
    closed = inode->opens == 0;
    if (closed) inode->leaving = true;
  }
  if (closed) submit({removal_of_orphan(inode->key), {}}, [](std::int32_t, std::uint64_t) {});
}

} // namespace lockstep
