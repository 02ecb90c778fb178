#include "sim/executor.hpp"
#include "sim/hash.hpp"
#include <algorithm>

namespace lockstep::sim {
namespace {

// One operation at work: checks against the tree as it is, collects what changes, commits at the end.
class Work {
 public:
  Work(FileSystem& fs, const Op& op, const Content* content, bool may_be_done, const Injected& injected)
      : fs_(fs), t_(fs.now()), op_(op), content_(content), done_ok_(may_be_done), injected_(injected) {}
  Result run();

 private:
  Result carry_out();
  Result fail(std::int32_t e) { return {.error = e}; }
  Result commit() {
    fs_.commit(std::move(txn_));
    return {.amount = op_.length};
  }
  Attributes attrs(Key k) const { return t_.find(k)->attrs; }
  void set(Key k, Attributes a) { txn_.push_back(change::SetAttributes{k, std::move(a)}); }
  void touch(Key k) {
    if (op_.time_ns == 0 || !t_.find(k)) return;
    auto a = attrs(k);
    a.mtime_ns = op_.time_ns;
    set(k, a);
  }
  void unlink_name(Key dir, const std::string& name, Key object) {
    txn_.push_back(change::DropEntry{dir, name});
    auto o = t_.find(object);
    if (o && o->names.size() <= 1) txn_.push_back(change::DropObject{object});
  }
  Result create();
  Result link();
  Result unlink();
  Result rename();
  Result write();
  Result truncate();
  Result setattr();
  Result allocate();
  Result xattr();

  FileSystem& fs_;
  const Tree& t_;
  const Op& op_;
  const Content* content_;
  bool done_ok_;
  Injected injected_;
  Transaction txn_;
};

Result Work::create() {
  if (!t_.is_directory(op_.dir)) return fail(err::noent);
  Key there = t_.entry(op_.dir, op_.name);
  if (!there.none()) return done_ok_ && there == op_.object ? Result{} : fail(err::exist);
  if (t_.find(op_.object)) {
    if (!done_ok_) return fail(err::exist);
    return {}; // it went elsewhere since: what comes later in the stream says where
  }
  Attributes a;
  a.type = op_.type, a.mode = op_.mode, a.uid = op_.uid, a.gid = op_.gid, a.rdev = op_.rdev;
  a.mtime_ns = op_.time_ns, a.target = op_.text;
  set(op_.object, a);
  txn_.push_back(change::SetEntry{op_.dir, op_.name, op_.object});
  touch(op_.dir);
  return commit();
}

Result Work::link() {
  if (!t_.is_directory(op_.dir) || !t_.find(op_.object)) return fail(err::noent);
  Key there = t_.entry(op_.dir, op_.name);
  if (!there.none()) return done_ok_ && there == op_.object ? Result{} : fail(err::exist);
  txn_.push_back(change::SetEntry{op_.dir, op_.name, op_.object});
  touch(op_.dir);
  return commit();
}

Result Work::unlink() {
  Key there = t_.entry(op_.dir, op_.name);
  if (there != op_.object || there.none()) return done_ok_ ? Result{} : fail(err::noent);
  auto o = t_.find(op_.object);
  if (o && !o->entries.empty()) return fail(err::notempty);
  unlink_name(op_.dir, op_.name, op_.object);
  touch(op_.dir);
  return commit();
}

Result Work::rename() {
  if (!t_.is_directory(op_.dir) || !t_.is_directory(op_.dir2)) return done_ok_ ? Result{} : fail(err::noent);
  Key from = t_.entry(op_.dir, op_.name), to = t_.entry(op_.dir2, op_.name2);
  if (op_.flags & rename_exchange) {
    if (from == op_.replaced && to == op_.object && done_ok_) return {};
    if (from != op_.object || to != op_.replaced) return fail(err::noent);
    txn_.push_back(change::SetEntry{op_.dir, op_.name, op_.replaced});
    txn_.push_back(change::SetEntry{op_.dir2, op_.name2, op_.object});
  } else {
    if (from != op_.object) return done_ok_ && to == op_.object ? Result{} : fail(err::noent);
    if (to != op_.replaced) return fail(op_.replaced.none() ? err::exist : err::noent);
    if (!op_.replaced.none()) {
      auto o = t_.find(op_.replaced);
      if (o && !o->entries.empty()) return fail(err::notempty);
      unlink_name(op_.dir2, op_.name2, op_.replaced);
    }
    txn_.push_back(change::DropEntry{op_.dir, op_.name});
    txn_.push_back(change::SetEntry{op_.dir2, op_.name2, op_.object});
  }
  touch(op_.dir);
  if (op_.dir2 != op_.dir) touch(op_.dir2);
  return commit();
}

Result Work::write() {
  auto o = t_.find(op_.object);
  if (!o) return fail(err::noent);
  std::uint64_t first = op_.offset / unit_size, count = (op_.length + unit_size - 1) / unit_size;
  if (content_) count = std::min<std::uint64_t>(count, content_->units.size());
  bool hole = op_.kind == OpKind::drain_data && (op_.flags & drain_hole);
  if (injected_.error) count = std::min(count, injected_.part);
  if (hole) txn_.push_back(change::CutUnits{op_.object, first, first + (op_.length + unit_size - 1) / unit_size});
  auto a = o->attrs;
  if (op_.time_ns) a.mtime_ns = op_.time_ns;
  if (!hole && count > 0) a.size = std::max(a.size, (first + count) * unit_size);
  if (count > 0 || hole) {
    set(op_.object, a);
    fs_.commit(std::move(txn_));
  }
  if (!hole && content_) {
    for (std::uint64_t i = 0; i < count; ++i) fs_.write(op_.object, first + i, content_->units[i]);
  }
  if (injected_.unknown) return {.error = injected_.error, .partial = true};
  if (injected_.error) return {.error = injected_.error, .amount = count * unit_size, .partial = count > 0};
  return {.amount = count * unit_size};
}

Result Work::truncate() {
  if (!t_.find(op_.object)) return fail(err::noent);
  auto a = attrs(op_.object);
  txn_.push_back(change::CutUnits{op_.object, op_.length / unit_size, UINT64_MAX});
  a.size = op_.length;
  if (op_.time_ns) a.mtime_ns = op_.time_ns;
  set(op_.object, a);
  return commit();
}

Result Work::setattr() {
  if (!t_.find(op_.object)) return fail(err::noent);
  auto a = attrs(op_.object);
  if (op_.mask & setattr_mask::mode) a.mode = op_.mode;
  if (op_.mask & setattr_mask::uid) a.uid = op_.uid;
  if (op_.mask & setattr_mask::gid) a.gid = op_.gid;
  if (op_.mask & setattr_mask::atime) a.atime_ns = op_.atime_ns;
  if (op_.mask & setattr_mask::mtime) a.mtime_ns = op_.mtime_ns;
  set(op_.object, a);
  return commit();
}

Result Work::allocate() {
  constexpr std::uint32_t keep_size = 1, punch = 2, zero = 16;
  if (!t_.find(op_.object)) return fail(err::noent);
  auto a = attrs(op_.object);
  if (op_.flags & (punch | zero)) {
    txn_.push_back(change::CutUnits{op_.object, op_.offset / unit_size, (op_.offset + op_.length) / unit_size});
  }
  if (!(op_.flags & keep_size)) a.size = std::max(a.size, op_.offset + op_.length);
  if (op_.time_ns) a.mtime_ns = op_.time_ns;
  set(op_.object, a);
  return commit();
}

Result Work::xattr() {
  if (!t_.find(op_.object)) return fail(err::noent);
  auto a = attrs(op_.object);
  if (op_.kind == OpKind::removexattr) {
    if (!a.xattrs.erase(op_.text)) return done_ok_ ? Result{} : fail(err::nodata);
  } else {
    a.xattrs[op_.text] = content_ ? std::string(content_->bytes.begin(), content_->bytes.end()) : std::string{};
  }
  set(op_.object, a);
  return commit();
}

Result Work::run() {
  bool data = op_.kind == OpKind::write || op_.kind == OpKind::drain_data;
  if (!injected_.error || data) return carry_out();
  bool unknown = injected_.unknown && op_.kind != OpKind::sync;
  if (unknown && injected_.done && carry_out().error) return fail(injected_.error);
  return {.error = injected_.error, .partial = unknown};
}

Result Work::carry_out() {
  switch (op_.kind) {
  case OpKind::create: return create();
  case OpKind::link: return link();
  case OpKind::unlink: return unlink();
  case OpKind::rename: return rename();
  case OpKind::write:
  case OpKind::drain_data: return write();
  case OpKind::truncate: return truncate();
  case OpKind::setattr: return setattr();
  case OpKind::fallocate: return allocate();
  case OpKind::setxattr:
  case OpKind::removexattr: return xattr();
  case OpKind::sync: fs_.sync_file(op_.object); return {};
  case OpKind::drain_dir:
  case OpKind::drain_query:
  case OpKind::drain_attrs:
  case OpKind::drained: break;
  }
  return {};
}
} // namespace

namespace drain {
Result directory(FileSystem&, const Op&, const Content*);
Result end(FileSystem&);
Result query(const FileSystem&, const Op&, const Content*);
Result attributes(FileSystem&, const Op&, const Content*);
} // namespace drain

Result carry_out(FileSystem& fs, const Op& op, const Content* content, bool may_be_done, const Injected& injected) {
  fs.copied_unflushed = fs.copied_unflushed || is_drain(op.kind);
  switch (op.kind) {
  case OpKind::drain_dir: return injected.error ? Result{.error = injected.error} : drain::directory(fs, op, content);
  case OpKind::drain_query: return injected.error ? Result{.error = injected.error} : drain::query(fs, op, content);
  case OpKind::drain_attrs: return injected.error ? Result{.error = injected.error} : drain::attributes(fs, op, content);
  case OpKind::drained: return drain::end(fs);
  default: return Work(fs, op, content, may_be_done, injected).run();
  }
}

FileState read_attributes(const Object& o) {
  FileState s;
  s.type = o.attrs.type, s.mode = o.attrs.mode, s.uid = o.attrs.uid, s.gid = o.attrs.gid, s.size = o.attrs.size;
  s.atime_ns = o.attrs.atime_ns, s.mtime_ns = o.attrs.mtime_ns;
  s.xattrs.assign(o.attrs.xattrs.begin(), o.attrs.xattrs.end());
  return s;
}

DirState read_directory(const Tree& t, Key k) {
  DirState d;
  auto o = t.find(k);
  if (!o) return d;
  d.self = read_attributes(*o);
  for (auto& [name, key] : o->entries) {
    auto e = t.find(key);
    if (!e) continue;
    DirEntry x;
    x.name = name, x.key = key, x.type = e->attrs.type, x.mode = e->attrs.mode, x.uid = e->attrs.uid, x.gid = e->attrs.gid;
    x.rdev = e->attrs.rdev, x.size = e->attrs.size, x.mtime_ns = e->attrs.mtime_ns, x.target = e->attrs.target;
    d.entries.push_back(std::move(x));
  }
  return d;
}

Bytes read_digests(const Tree& t, Key file, std::uint64_t offset, std::uint64_t length) {
  Writer w;
  for (std::uint64_t at = offset; at < offset + length; at += digest_block) {
    std::uint64_t h = 0;
    for (std::uint64_t u = at / unit_size; u < (at + digest_block) / unit_size; ++u) {
      auto v = t.version(file, u);
      if (v) h = hash_of(h, u, v);
    }
    w.u64(h);
  }
  return w.take();
}

Content read_data(const Tree& t, Key file, std::uint64_t offset, std::uint64_t length) {
  Content c;
  for (std::uint64_t u = offset / unit_size; u < (offset + length + unit_size - 1) / unit_size; ++u)
    c.units.push_back(t.version(file, u));
  return c;
}

in::ItemRead read_item(const Tree& t, const fx::ReadItem& e, Content& digests) {
  in::ItemRead r;
  r.ticket = e.ticket;
  auto o = t.find(e.object);
  if (!o) {
    r.error = err::noent;
    return r;
  }
  r.attrs = read_attributes(*o), r.size = o->attrs.size;
  if (e.directory) r.dir = read_directory(t, e.object);
  else if (!e.attrs) {
    r.end_of_file = e.block * block_size >= o->attrs.size;
    if (!r.end_of_file) digests.bytes = read_digests(t, e.object, e.block * block_size, block_size);
  }
  return r;
}

in::DataRead read_extent(const Tree& t, const fx::ReadData& e, Content& data) {
  in::DataRead r;
  r.ticket = e.ticket;
  auto o = t.find(e.object);
  if (!o) {
    r.error = err::noent;
    return r;
  }
  auto end = std::min(e.offset + e.length, o->attrs.size);
  r.length = end > e.offset ? end - e.offset : 0;
  data = read_data(t, e.object, e.offset, r.length);
  r.hole = std::all_of(data.units.begin(), data.units.end(), [](auto v) { return v == 0; });
  if (r.hole) data = {};
  return r;
}

} // namespace lockstep::sim
