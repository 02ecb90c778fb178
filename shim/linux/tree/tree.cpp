// Opening the replicated directories, and finding objects in them.
#include "shim/linux/tree/tree.hpp"
#include "core/lineage/record.hpp"
#include "shim/linux/descriptor_limit.hpp"
#include "shim/linux/tree/directory.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

namespace lockstep {
namespace {

constexpr const char* marker_xattr = "trusted.lockstep.root";

Error refuse(const std::string& path, const std::string& what, int error = 0) {
  return {"directory " + path + " cannot be replicated: " + what +
          (error ? std::string(" (") + std::strerror(error) + ")" : "")};
}

// Creates `name` in `dir` when it is missing, private to root.
int own_subdirectory(int dir, const char* name, Fd& out) {
  if (mkdirat(dir, name, 0700) && errno != EEXIST) return errno;
  out = Fd(openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return out ? 0 : errno;
}

} // namespace

Tree::~Tree() = default;

Result<std::unique_ptr<Tree>> Tree::open(const std::vector<std::string>& directories, Options options) {
  options.open_objects = std::min(options.open_objects, raise_descriptor_limit() / 4);
  std::unique_ptr<Tree> tree(new Tree(options));
  for (auto& path : directories)
    if (auto s = tree->open_root(path); !s) return s;
  return tree;
}

Status Tree::open_root(const std::string& path) {
  auto root = std::make_unique<Root>();
  root->path = path;
  root->dir = Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root->dir) return refuse(path, "it must exist and be a directory", errno);
  if (int e = own_subdirectory(root->dir.get(), own_directory, root->own))
    return refuse(path, "no .lockstep directory can be made in it", e);
  int e = own_subdirectory(root->own.get(), "staging", root->staging);
  if (!e) e = own_subdirectory(root->own.get(), "orphans", root->orphans);
  if (e) return refuse(path, "its .lockstep directory is not usable", e);
  root->token = Fd(openat(root->own.get(), "token", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!root->token) return refuse(path, "no token file can be made in its .lockstep directory", errno);
  if (fsetxattr(root->token.get(), "trusted.lockstep.probe", "1", 1, 0))
    return refuse(path, "its file system does not keep trusted.* extended attributes; use ext4, xfs or btrfs", errno);
  struct stat st {};
  fstat(root->dir.get(), &st);
  root->device = st.st_dev;

  auto index = static_cast<std::uint8_t>(roots_.size());
  ObjectHandle handle, orphans;
  handle.root = orphans.root = index, handle.type = orphans.type = FileType::directory;
  Fd probe;
  e = get_handle(root->dir.get(), "", handle);
  if (!e) e = get_handle(root->orphans.get(), "", orphans);
  if (!e) e = open_handle(root->dir.get(), handle, O_PATH, probe);
  if (e) return refuse(path, "its file system cannot open files by handle; use ext4, xfs or btrfs", e);
  index_.assign(root_key(index), handle);
  index_.assign(orphans_key(index), orphans);
  roots_.push_back(std::move(root));
  return {};
}

Result<DirUid> Tree::marker(std::uint32_t root) const {
  std::uint8_t value[16];
  auto n = fgetxattr(roots_[root]->dir.get(), marker_xattr, value, sizeof value);
  if (n < 0 && errno == ENODATA) return DirUid{};
  if (n != sizeof value)
    return Error{"the marker of " + roots_[root]->path +
                 " is damaged; remove the xattr trusted.lockstep.root to start anew"};
  DirUid uid;
  Reader r(value, sizeof value);
  get(r, uid);
  return uid;
}

Status Tree::set_marker(std::uint32_t root, DirUid uid) {
  Writer w;
  put(w, uid);
  auto& r = *roots_[root];
  if (fsetxattr(r.dir.get(), marker_xattr, w.bytes().data(), w.bytes().size(), 0) || fsync(r.dir.get()))
    return Error{"cannot write the marker on " + r.path + ": " + std::strerror(errno)};
  return {};
}

TreeSpace Tree::space() const {
  TreeSpace least{UINT64_MAX, UINT64_MAX};
  for (auto& root : roots_) {
    struct statvfs s {};
    if (fstatvfs(root->dir.get(), &s)) continue;
    least.free_bytes = std::min<std::uint64_t>(least.free_bytes, s.f_bavail * s.f_frsize);
    // A file system without fixed inodes (btrfs) reports none at all.
    if (s.f_files) least.free_inodes = std::min<std::uint64_t>(least.free_inodes, s.f_favail);
  }
  return least;
}

Key Tree::mint() { return {key_minter(options_.node_uid, options_.incarnation, life_), ++minted_}; }

std::shared_ptr<OpenObject> Tree::open(Key key, int& error) {
  if (auto known = open_.find(key)) return known;
  auto handle = index_.find(key);
  if (!handle) return error = ENOENT, nullptr;
  auto object = open_unchecked(key, *handle, error);
  if (object)
    open_.insert(key, object);
  else if (error == ENOENT)
    index_.erase(key);
  return object;
}

std::shared_ptr<OpenObject> Tree::open_unchecked(Key key, const ObjectHandle& handle, int& error) {
  auto object = std::make_shared<OpenObject>();
  object->type = handle.type, object->root = handle.root;
  int mount = roots_[handle.root]->dir.get();
  int flags = handle.type == FileType::regular     ? O_RDWR | O_NOATIME | O_LARGEFILE
              : handle.type == FileType::directory ? O_RDONLY | O_DIRECTORY | O_NOATIME
                                                   : O_PATH | O_NOFOLLOW;
  error = open_handle(mount, handle, flags, object->fd);
  // An immutable file can still be read.
  if (handle.type == FileType::regular && (error == EPERM || error == EACCES))
    error = open_handle(mount, handle, O_RDONLY | O_NOATIME, object->fd);
  if (error) return nullptr;
  if (key.minter == 0) return object; // the fixed keys carry no xattr
  Found found;
  error = find_object(object->fd.get(), "", found);
  if (!error && found.key != key) error = ENOENT;
  return error ? nullptr : object;
}

int Tree::directory(Key key, std::shared_ptr<OpenObject>& out) {
  int error = 0;
  out = open(key, error);
  if (out && out->type != FileType::directory) error = ENOTDIR;
  return error;
}

void Tree::remember(Key key, const ObjectHandle& handle) { index_.assign(key, handle); }

void Tree::forget(Key key) {
  index_.erase(key);
  open_.erase(key);
}

int Tree::lookup(Key dir, const std::string& name, Found& out) {
  std::shared_ptr<OpenObject> d;
  if (int e = directory(dir, d)) return e;
  if (int e = find_object(d->fd.get(), name, out)) return e;
  out.handle.root = d->root;
  if (out.key.none()) {
    std::lock_guard lock(minted_mutex_);
    if (int e = find_object(d->fd.get(), name, out)) return e;
    out.handle.root = d->root;
    if (out.key.none()) {
      Key key = mint();
      if (int e = write_key_at(d->fd.get(), name, key, out.handle)) return e;
      out.key = key, out.void_key = false;
      note_minted(dir, key, out.handle.type);
    }
  }
  if (!index_.find(out.key)) remember(out.key, out.handle);
  return 0;
}

void Tree::note_minted(Key dir, Key object, FileType type) {
  minted_marks_.dirs.insert(dir);
  if (type == FileType::directory) {
    minted_marks_.dirs.insert(object);
    return;
  }
  auto& marks = minted_marks_.files[object];
  marks.attrs = true;
  if (type == FileType::regular) marks.blocks.add(0, BlockRanges::whole_file);
}

PendingSet Tree::take_minted() {
  std::lock_guard lock(minted_mutex_);
  return std::exchange(minted_marks_, {});
}

} // namespace lockstep
