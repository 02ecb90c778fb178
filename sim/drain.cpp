// The resync target's half of the executor: directories by final state and key, content by digests (data:D6, T13-T15).
#include "sim/executor.hpp"
#include <algorithm>
#include <set>
#include <utility>

namespace lockstep::sim {
namespace {
void set_state(Attributes& a, const FileState& s) {
  a.mode = s.mode, a.uid = s.uid, a.gid = s.gid, a.atime_ns = s.atime_ns, a.mtime_ns = s.mtime_ns;
  a.xattrs = {s.xattrs.begin(), s.xattrs.end()};
}

Attributes attributes_of(const FileState& s) {
  Attributes a;
  a.type = FileType::directory;
  set_state(a, s);
  return a;
}

class DirectoryDrain {
 public:
  DirectoryDrain(FileSystem& fs, Key dir, const DirState& want) : fs_(fs), dir_(dir), want_(want) {}
  Result run() {
    Result r;
    for (auto& e : want_.entries) {
      auto o = fs_.now().find(e.key);
      if (!o && !e.content_follows && has_content(e.type)) r.lacks.push_back(e.key);
    }
    if (!r.lacks.empty()) return r;
    if (!fs_.now().is_directory(dir_)) make_detached();
    std::erase_if(fs_.blocked, [&](auto& b) { // this is the newer word about them
      return b.dir == dir_ || std::any_of(want_.entries.begin(), want_.entries.end(), [&](auto& e) { return e.key == b.child.key; });
    });
    detach_vanished();
    for (auto& e : want_.entries) {
      if (!attach(fs_, dir_, e)) fs_.blocked.push_back({dir_, e});
    }
    settle(fs_, dir_, want_.self);
    retry_blocked(fs_);
    return r;
  }

 private:
  // Its parent is not drained yet: it waits in staging to be attached (data T14).
  void make_detached() {
    Transaction t;
    t.push_back(change::SetAttributes{dir_, attributes_of(want_.self)});
    t.push_back(change::SetEntry{staging_key, to_string(dir_), dir_});
    fs_.commit(std::move(t));
  }
  static bool has_content(FileType t) { return t == FileType::regular || t == FileType::directory; }
  void detach(Key dir, const std::string& name) {
    auto key = fs_.now().entry(dir, name);
    Transaction t;
    t.emplace_back(change::DropEntry{dir, name});
    auto o = fs_.now().find(key);
    if (o && o->names.size() <= 1) t.push_back(change::SetEntry{staging_key, to_string(key), key});
    fs_.commit(std::move(t));
  }
  void detach_vanished() {
    auto had = fs_.now().find(dir_)->entries;
    for (auto& entry : had) {
      auto e = std::find_if(want_.entries.begin(), want_.entries.end(), [&](auto& x) { return x.name == entry.first; });
      if (e == want_.entries.end() || e->key != entry.second) detach(dir_, entry.first);
    }
  }
  // False: the directory is still below what is to become its child. It gets free when the one between them that lets go of the
  // chain is drained, as on the real tree.
  static bool attach(FileSystem& fs, Key dir, const DirEntry& e) {
    if (fs.now().entry(dir, e.name) == e.key) return true;
    auto o = fs.now().find(e.key);
    Transaction t;
    if (!o) {
      Attributes a;
      a.type = e.type, a.mode = e.mode, a.uid = e.uid, a.gid = e.gid, a.rdev = e.rdev, a.mtime_ns = e.mtime_ns;
      a.target = e.target;
      t.push_back(change::SetAttributes{e.key, a});
    } else {
      if (fs.now().inside(dir, e.key)) return false;
      for (auto& [d, name] : o->names) {
        if (d == staging_key || e.type == FileType::directory) t.push_back(change::DropEntry{d, name});
      }
    }
    t.push_back(change::SetEntry{dir, e.name, e.key});
    fs.commit(std::move(t));
    return true;
  }
  static void settle(FileSystem& fs, Key dir, const FileState& self) {
    auto a = fs.now().find(dir)->attrs;
    set_state(a, self);
    Transaction t;
    t.emplace_back(change::SetAttributes{dir, a});
    fs.commit(std::move(t));
  }
  static void retry_blocked(FileSystem& fs) {
    for (bool progress = true; progress;) {
      progress = false;
      auto waiting = std::exchange(fs.blocked, {});
      for (auto& b : waiting) {
        if (!fs.now().is_directory(b.dir)) continue;
        if (!attach(fs, b.dir, b.child)) {
          fs.blocked.push_back(b);
          continue;
        }
        progress = true; // its parent stays as it is: operations may have changed it since it was drained
      }
    }
  }

  FileSystem& fs_;
  Key dir_;
  const DirState& want_;
};
} // namespace

namespace drain {
Result directory(FileSystem& fs, const Op& op, const Content* content) {
  DirState want;
  if (!content || !decode(content->bytes.data(), content->bytes.size(), want)) return {.error = err::inval};
  return DirectoryDrain(fs, op.object, want).run();
}

// What still waits for a place now will not get one.
Result end(FileSystem& fs) { return {.error = std::exchange(fs.blocked, {}).empty() ? 0 : err::loop}; }

Result query(const FileSystem& fs, const Op& op, const Content* content) {
  if (!fs.now().find(op.object)) return {.error = err::noent};
  if (!content) return {.error = err::inval};
  auto mine = read_digests(fs.now(), op.object, op.offset, op.length);
  Result r;
  for (std::size_t i = 0; i * 8 < content->bytes.size(); ++i) {
    bool equal = (i + 1) * 8 <= mine.size() &&
                 std::equal(mine.begin() + long(i * 8), mine.begin() + long(i * 8 + 8), content->bytes.begin() + long(i * 8));
    if (!equal) r.need |= std::uint64_t{1} << i;
  }
  return r;
}

Result attributes(FileSystem& fs, const Op& op, const Content* content) {
  FileState s;
  if (!content || !decode(content->bytes.data(), content->bytes.size(), s)) return {.error = err::inval};
  auto o = fs.now().find(op.object);
  if (!o) return {.error = err::noent};
  auto a = o->attrs;
  Transaction t;
  set_state(a, s);
  if (a.type == FileType::regular && a.size != s.size) {
    if (s.size < a.size) t.push_back(change::CutUnits{op.object, s.size / unit_size, UINT64_MAX});
    a.size = s.size;
  }
  t.push_back(change::SetAttributes{op.object, a});
  fs.commit(std::move(t));
  return {};
}
} // namespace drain

void purge_staging(FileSystem& fs) {
  std::vector<Key> work{staging_key};
  std::set<Key> gone;
  Transaction names;
  while (!work.empty()) {
    auto dir = work.back();
    work.pop_back();
    auto o = fs.now().find(dir);
    if (!o) continue;
    for (auto& [name, key] : o->entries) {
      names.push_back(change::DropEntry{dir, name});
      gone.insert(key);
      auto e = fs.now().find(key);
      if (e && e->attrs.type == FileType::directory) work.push_back(key);
    }
  }
  if (names.empty()) return;
  // A name and what it was the last name of go together, as on a real file system.
  for (auto& k : gone) {
    auto o = fs.now().find(k);
    auto elsewhere = [&](auto& n) { return n.first != staging_key && !gone.count(n.first); };
    if (o && std::none_of(o->names.begin(), o->names.end(), elsewhere)) names.push_back(change::DropObject{k});
  }
  fs.commit(std::move(names));
}

} // namespace lockstep::sim
