// The target's side of a drain (design 8): a directory becomes its final state by key, vanished entries wait in
// staging, content and attributes follow. What is found here under a key is that object, wherever it is.
#include "shim/linux/tree/digest.hpp"
#include "shim/linux/tree/directory.hpp"
#include "shim/linux/tree/times.hpp"
#include "shim/linux/tree/tree.hpp"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <map>
#include <stdio.h>
#include <sys/stat.h>

namespace lockstep {
namespace {

std::string staged_name(Key k) {
  char text[40];
  snprintf(text, sizeof text, "%016llx-%016llx", static_cast<unsigned long long>(k.minter),
           static_cast<unsigned long long>(k.counter));
  return text;
}

int move(int from, const std::string& name, int to, const std::string& name2) {
  return renameat2(from, name.c_str(), to, name2.c_str(), RENAME_NOREPLACE) ? errno : 0;
}

Op creation_of(const DirEntry& e) {
  Op op;
  op.kind = OpKind::create, op.object = e.key, op.type = e.type;
  op.mode = e.mode, op.uid = e.uid, op.gid = e.gid, op.rdev = e.rdev;
  op.time_ns = e.mtime_ns, op.text = e.target;
  return op;
}

int list_names(int dirfd, std::vector<std::string>& out) {
  DirectoryReader reader(reopen_directory(dirfd));
  if (!reader.valid()) return errno;
  Listed entry;
  while (reader.next(entry)) out.push_back(entry.name);
  return reader.error();
}

} // namespace

OpResult Tree::drain_dir(const Op& op, std::span<const std::uint8_t> payload) {
  DirState state;
  if (!decode(payload.data(), payload.size(), state)) return {EBADMSG};
  OpResult result;
  for (auto& e : state.entries)
    if (!e.content_follows && !index_.find(e.key)) result.lacks.push_back(e.key);
  if (!result.lacks.empty()) return result;

  // Which file system an unknown directory belongs to shows when its parent is drained.
  if (roots() > 1 && !index_.find(op.object)) {
    unplaced_[op.object] = std::move(state);
    return result;
  }
  unplaced_.erase(op.object);
  result.error = settle(op.object, state);
  if (!result.error) result.error = retry_blocked();
  if (!result.error) result.error = settle_placed();
  return result;
}

// The directory becomes what the state says.
int Tree::settle(Key key, const DirState& state) {
  std::shared_ptr<OpenObject> d;
  int e = directory(key, d);
  if (e == ENOENT) {
    e = staged_directory(key, 0);
    if (!e) e = directory(key, d);
  }
  std::erase_if(blocked_, [&](auto& b) { // this is the newer word about them
    auto same = [&](auto& entry) { return entry.key == b.child.key; };
    return b.dir == key || std::any_of(state.entries.begin(), state.entries.end(), same);
  });
  if (!e) e = detach_vanished(d->root, d->fd.get(), state);
  if (!e) e = attach_all(key, d->root, d->fd.get(), state);
  return e ? e : apply_state(d->fd.get(), state.self);
}

int Tree::settle_placed() {
  for (auto it = unplaced_.begin(); it != unplaced_.end();) {
    if (!index_.find(it->first)) {
      ++it;
      continue;
    }
    auto [key, state] = std::move(*it);
    unplaced_.erase(it);
    if (int e = settle(key, state)) return e;
    if (int e = retry_blocked()) return e;
    it = unplaced_.begin(); // what it holds may be known now
  }
  return 0;
}

// What waits for a place now will not get one: an earlier session that broke left it, or the source's word was not a
// tree.
int Tree::end_of_drain() {
  bool all_placed = blocked_.empty() && unplaced_.empty();
  blocked_.clear();
  unplaced_.clear();
  return all_placed ? 0 : ELOOP;
}

// A directory that no drained directory holds yet: made in staging, attached later.
int Tree::staged_directory(Key key, std::uint8_t root) {
  DirEntry entry;
  entry.key = key, entry.type = FileType::directory, entry.mode = 0700;
  return create_missing(entry, root, roots_[root]->staging.get(), staged_name(key));
}

int Tree::create_missing(const DirEntry& entry, std::uint8_t root, int dirfd, const std::string& name) {
  return create_at(creation_of(entry), root, dirfd, name);
}

// By key and name: what is not in the final state leaves first, so that no name stands in another's way.
int Tree::detach_vanished(std::uint8_t root, int dirfd, const DirState& state) {
  std::map<std::string, Key> wanted;
  for (auto& e : state.entries) wanted.emplace(e.name, e.key);
  struct stat st {
  }, top{};
  fstat(dirfd, &st), fstat(roots_[root]->dir.get(), &top);
  bool is_root = st.st_ino == top.st_ino && st.st_dev == top.st_dev;
  std::vector<std::string> names;
  if (int e = list_names(dirfd, names)) return e;
  for (auto& name : names) {
    if (is_root && name == own_directory) continue;
    Found found;
    if (int e = find_object(dirfd, name, found)) return e;
    auto it = wanted.find(name);
    if (it != wanted.end() && it->second == found.key && !found.key.none()) continue;
    if (int e = detach(root, dirfd, name, found)) return e;
  }
  return 0;
}

int Tree::detach(std::uint8_t root, int dirfd, const std::string& name, const Found& found) {
  int staging = roots_[root]->staging.get();
  bool is_dir = found.handle.type == FileType::directory;
  // Another name keeps it findable by its key.
  if (!is_dir && found.st.st_nlink > 1) return unlinkat(dirfd, name.c_str(), 0) ? errno : 0;
  if (found.key.none()) return move(dirfd, name, staging, "keyless-" + to_string(mint()));
  auto handle = found.handle;
  handle.root = root;
  remember(found.key, handle);
  return move(dirfd, name, staging, staged_name(found.key));
}

int Tree::attach_all(Key dir, std::uint8_t root, int dirfd, const DirState& state) {
  for (auto& entry : state.entries) {
    Found found;
    int e = find_object(dirfd, entry.name, found);
    if (e == 0) continue; // what is still here after the detaching is right
    if (e != ENOENT) return e;
    e = attach(root, dirfd, entry);
    if (e == EINVAL && entry.type == FileType::directory)
      blocked_.push_back({dir, entry});
    else if (e)
      return e;
  }
  return 0;
}

int Tree::attach(std::uint8_t root, int dirfd, const DirEntry& entry) {
  auto known = index_.find(entry.key);
  if (!known) return create_missing(entry, root, dirfd, entry.name);
  if (known->type != entry.type) return EUCLEAN; // a key never changes its type: one of the trees is damaged
  if (known->root != root) return EXDEV;
  return entry.type == FileType::directory ? attach_directory(root, dirfd, entry) : attach_file(root, dirfd, entry);
}

int Tree::attach_file(std::uint8_t root, int dirfd, const DirEntry& entry) {
  int staging = roots_[root]->staging.get();
  int e = move(staging, staged_name(entry.key), dirfd, entry.name);
  if (e != ENOENT) return e;
  auto object = open(entry.key, e);
  if (!object) return e == ENOENT ? create_missing(entry, root, dirfd, entry.name) : e;
  return linkat(object->fd.get(), "", dirfd, entry.name.c_str(), AT_EMPTY_PATH) ? errno : 0;
}

int Tree::attach_directory(std::uint8_t root, int dirfd, const DirEntry& entry) {
  int e = move(roots_[root]->staging.get(), staged_name(entry.key), dirfd, entry.name);
  if (e != ENOENT) return e;
  auto object = open(entry.key, e);
  if (!object) return e == ENOENT ? create_missing(entry, root, dirfd, entry.name) : e;
  Fd parent;
  std::string name;
  if ((e = locate_directory(*object, entry.key, parent, name))) return e;
  return move(parent.get(), name, dirfd, entry.name);
}

// Where a directory is now. ".." into the covered root would step onto the mount that covers it: there the kernel says
// EXDEV.
int Tree::locate_directory(const OpenObject& dir, Key key, Fd& parent, std::string& name) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_XDEV;
  parent = Fd(static_cast<int>(::syscall(SYS_openat2, dir.fd.get(), "..", &how, sizeof how)));
  if (!parent && errno == EXDEV) parent = reopen_directory(roots_[dir.root]->dir.get());
  if (!parent) return errno;
  char path[4096];
  auto n = readlink(path_of(dir.fd.get()).c_str(), path, sizeof path);
  if (n > 0)
    name = std::string(path, static_cast<std::size_t>(n))
               .substr(std::string(path, static_cast<std::size_t>(n)).rfind('/') + 1);
  Found found;
  if (!name.empty() && name_is(parent.get(), name, key, found) == 0) return 0;
  std::vector<std::string> names;
  if (int e = list_names(parent.get(), names)) return e;
  for (auto& candidate : names)
    if (name_is(parent.get(), candidate, key, found) == 0) return name = candidate, 0;
  return ENOENT;
}

// A child that was an ancestor of its new parent gets free when the directory that still held it in the chain is drained. Its parent was
// drained before, and live operations may have changed that since: what it is now stays, its times too.
int Tree::retry_blocked() {
  bool progress = true;
  while (progress && !blocked_.empty()) {
    progress = false;
    for (std::size_t i = 0; i < blocked_.size();) {
      std::shared_ptr<OpenObject> d;
      FileState now;
      int e = directory(blocked_[i].dir, d);
      if (!e) e = read_state(d->fd.get(), now);
      if (!e) e = attach(d->root, d->fd.get(), blocked_[i].child);
      if (e == EINVAL) {
        ++i;
        continue;
      }
      if (!e) e = set_times(d->fd.get(), now.atime_ns, now.mtime_ns);
      if (e && e != ENOENT) return e; // ENOENT: of an earlier session, gone since
      blocked_.erase(blocked_.begin() + static_cast<std::ptrdiff_t>(i));
      progress = true;
    }
  }
  return 0;
}

OpResult Tree::drain_query(const Op& op, std::span<const std::uint8_t> payload) {
  OpResult result;
  auto file = open(op.object, result.error);
  if (!file) return result;
  auto count = payload.size() / digest_size;
  if (payload.size() % digest_size || count > 64) return {EBADMSG};
  Bytes mine;
  auto length = std::min<std::uint64_t>(op.length, count * digest_block);
  if ((result.error = digest_range(file->fd.get(), op.offset, length, mine))) return result;
  for (std::size_t i = 0; i < count; ++i) {
    bool same = (i + 1) * digest_size <= mine.size() &&
                std::memcmp(payload.data() + i * digest_size, mine.data() + i * digest_size, digest_size) == 0;
    if (!same) result.need |= 1ull << i;
  }
  return result;
}

OpResult Tree::drain_data(const Op& op, std::span<const std::uint8_t> payload) {
  if (!(op.flags & drain_hole)) {
    auto result = write(op, payload);
    if (!result.error && result.amount < payload.size()) result.error = ENOSPC;
    return result;
  }
  int e = 0;
  auto file = open(op.object, e);
  if (!file) return {e};
  auto offset = static_cast<off_t>(op.offset), length = static_cast<off_t>(op.length);
  if (::fallocate(file->fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) == 0)
    return {0, op.length};
  if (errno != EOPNOTSUPP) return {errno};
  Bytes zeros(op.length);
  return write(op, zeros);
}

int Tree::drain_attrs(const Op& op, std::span<const std::uint8_t> payload) {
  FileState state;
  if (!decode(payload.data(), payload.size(), state)) return EBADMSG;
  int e = 0;
  auto object = open(op.object, e);
  if (!object) return e;
  if (object->type != state.type) return EUCLEAN;
  if (state.type == FileType::regular && ftruncate(object->fd.get(), static_cast<off_t>(state.size))) return errno;
  return apply_state(object->fd.get(), state);
}

// Flat: a directory's children move up into staging, so that depth needs no stack.
int Tree::detach_all_under(std::uint8_t root, const std::string& staged) {
  int staging = roots_[root]->staging.get();
  Fd dir(openat(staging, staged.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir) return errno;
  std::vector<std::string> names;
  if (int e = list_names(dir.get(), names)) return e;
  for (auto& name : names)
    if (int e = move(dir.get(), name, staging, "purge-" + to_string(mint()))) return e;
  return 0;
}

Status Tree::purge_staging() {
  for (std::uint8_t r = 0; r < roots_.size(); ++r) {
    int staging = roots_[r]->staging.get(), e = 0;
    std::vector<std::string> names;
    while (names.clear(), !(e = list_names(staging, names)) && !names.empty())
      for (auto& name : names) {
        Found found;
        if (!e) e = find_object(staging, name, found);
        bool is_dir = found.handle.type == FileType::directory;
        if (!e && is_dir) e = detach_all_under(r, name);
        if (!e && unlinkat(staging, name.c_str(), is_dir ? AT_REMOVEDIR : 0)) e = errno;
        if (e) return Error{"cannot empty the staging directory of " + roots_[r]->path + ": " + std::strerror(e)};
        if (!found.key.none() && (is_dir || found.st.st_nlink <= 1)) forget(found.key);
      }
    if (e) return Error{"cannot read the staging directory of " + roots_[r]->path + ": " + std::strerror(e)};
  }
  return {};
}

} // namespace lockstep
