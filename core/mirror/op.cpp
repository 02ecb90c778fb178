#include "core/mirror/op.hpp"

namespace lockstep {
namespace {
constexpr std::size_t xattr_name_max = 255, entries_max = 64u << 20;

bool good_name(const std::string& s) {
  return !s.empty() && s != "." && s != ".." && s.find('/') == std::string::npos && s.find('\0') == std::string::npos;
}
std::size_t text_max(OpKind k) {
  return k == OpKind::create ? link_target_max : k == OpKind::setxattr || k == OpKind::removexattr ? xattr_name_max : 0;
}
bool takes_name(OpKind k) {
  return k == OpKind::create || k == OpKind::link || k == OpKind::unlink || k == OpKind::rename;
}
bool valid(const Op& op) {
  if (op.object.none() != (op.kind == OpKind::drained)) return false;
  if (op.length > INT64_MAX || op.offset > INT64_MAX - op.length) return false;
  if (takes_name(op.kind) ? op.dir.none() || !good_name(op.name) : !op.name.empty()) return false;
  if (op.kind == OpKind::rename ? op.dir2.none() || !good_name(op.name2) : !op.name2.empty()) return false;
  return op.text.size() <= text_max(op.kind);
}
FileType get_type(Reader& r) { return static_cast<FileType>(r.bounded(static_cast<std::uint8_t>(FileType::block_device))); }

void put(Writer& w, const FileState& s) {
  w.u8(static_cast<std::uint8_t>(s.type)), w.u32(s.mode), w.u32(s.uid), w.u32(s.gid), w.u64(s.size);
  w.i64(s.atime_ns), w.i64(s.mtime_ns);
  w.u32(static_cast<std::uint32_t>(s.xattrs.size()));
  for (auto& [name, value] : s.xattrs) w.text(name), w.text(value);
}
bool get(Reader& r, FileState& s) {
  s.type = get_type(r);
  s.mode = r.u32(), s.uid = r.u32(), s.gid = r.u32(), s.size = r.u64();
  s.atime_ns = r.i64(), s.mtime_ns = r.i64();
  s.xattrs.clear();
  for (auto n = r.count(65536, 8); n > 0 && r.ok(); --n) {
    auto name = r.text(xattr_name_max);
    auto value = r.text(xattr_value_max);
    if (!s.xattrs.empty() && s.xattrs.back().first >= name) r.fail();
    s.xattrs.emplace_back(std::move(name), std::move(value));
  }
  if (s.size > INT64_MAX) r.fail();
  return r.ok();
}
void put(Writer& w, const DirEntry& e) {
  w.text(e.name), put(w, e.key), w.u8(static_cast<std::uint8_t>(e.type));
  w.u32(e.mode), w.u32(e.uid), w.u32(e.gid), w.u64(e.rdev), w.u64(e.size), w.i64(e.mtime_ns);
  w.text(e.target), w.flag(e.content_follows);
}
bool get(Reader& r, DirEntry& e) {
  e.name = r.text(entry_name_max), e.key = get_key(r), e.type = get_type(r);
  e.mode = r.u32(), e.uid = r.u32(), e.gid = r.u32(), e.rdev = r.u64(), e.size = r.u64(), e.mtime_ns = r.i64();
  e.target = r.text(link_target_max), e.content_follows = r.flag();
  if (!good_name(e.name) || e.key.none()) r.fail();
  return r.ok();
}
} // namespace

const char* op_name(OpKind k) {
  switch (k) {
    case OpKind::create: return "create";
    case OpKind::link: return "link";
    case OpKind::unlink: return "unlink";
    case OpKind::rename: return "rename";
    case OpKind::write: return "write";
    case OpKind::truncate: return "truncate";
    case OpKind::setattr: return "setattr";
    case OpKind::fallocate: return "fallocate";
    case OpKind::setxattr: return "setxattr";
    case OpKind::removexattr: return "removexattr";
    case OpKind::sync: return "sync";
    case OpKind::drain_dir: return "drain_dir";
    case OpKind::drain_query: return "drain_query";
    case OpKind::drain_data: return "drain_data";
    case OpKind::drain_attrs: return "drain_attrs";
    case OpKind::drained: return "drained";
  }
  return "?";
}

std::string to_string(const Op& op) {
  std::string s = op_name(op.kind);
  if (!op.object.none()) s += " " + to_string(op.object);
  if (!op.dir.none()) s += " " + to_string(op.dir) + "/" + op.name;
  if (!op.dir2.none()) s += " -> " + to_string(op.dir2) + "/" + op.name2;
  if (!op.replaced.none()) s += " over " + to_string(op.replaced);
  if (op.offset || op.length) s += " " + std::to_string(op.offset) + "+" + std::to_string(op.length);
  return s;
}

bool is_drain(OpKind k) { return k >= OpKind::drain_dir; }

void put(Writer& w, const Key& k) { w.u64(k.minter), w.u64(k.counter); }
Key get_key(Reader& r) {
  Key k;
  k.minter = r.u64(), k.counter = r.u64();
  return k;
}

void put(Writer& w, const Op& op) {
  w.u8(static_cast<std::uint8_t>(op.kind));
  put(w, op.object), put(w, op.dir), put(w, op.dir2), put(w, op.replaced);
  w.text(op.name), w.text(op.name2), w.text(op.text);
  w.u8(static_cast<std::uint8_t>(op.type)), w.u8(static_cast<std::uint8_t>(op.replaced_type));
  w.u64(op.offset), w.u64(op.length);
  w.u32(op.mode), w.u32(op.uid), w.u32(op.gid), w.u64(op.rdev), w.u32(op.flags), w.u32(op.mask);
  w.i64(op.atime_ns), w.i64(op.mtime_ns), w.i64(op.time_ns);
}
bool get(Reader& r, Op& op) {
  op = Op{};
  op.kind = static_cast<OpKind>(r.bounded(static_cast<std::uint8_t>(last_op_kind)));
  op.object = get_key(r), op.dir = get_key(r), op.dir2 = get_key(r), op.replaced = get_key(r);
  op.name = r.text(entry_name_max), op.name2 = r.text(entry_name_max), op.text = r.text(link_target_max);
  op.type = get_type(r), op.replaced_type = get_type(r);
  op.offset = r.u64(), op.length = r.u64();
  op.mode = r.u32(), op.uid = r.u32(), op.gid = r.u32(), op.rdev = r.u64(), op.flags = r.u32(), op.mask = r.u32();
  op.atime_ns = r.i64(), op.mtime_ns = r.i64(), op.time_ns = r.i64();
  if (r.ok() && !valid(op)) r.fail();
  return r.ok();
}

Bytes encode(const DirState& d) {
  Writer w;
  put(w, d.self);
  w.u32(static_cast<std::uint32_t>(d.entries.size()));
  for (auto& e : d.entries) put(w, e);
  return w.take();
}
bool decode(const std::uint8_t* p, std::size_t n, DirState& d) {
  Reader r(p, n);
  d = DirState{};
  if (!get(r, d.self)) return false;
  for (auto left = r.count(entries_max, 62); left > 0 && r.ok(); --left) {
    DirEntry e;
    if (!get(r, e)) return false;
    if (!d.entries.empty() && d.entries.back().name >= e.name) return false;
    d.entries.push_back(std::move(e));
  }
  return r.done();
}
Bytes encode(const FileState& s) {
  Writer w;
  put(w, s);
  return w.take();
}
bool decode(const std::uint8_t* p, std::size_t n, FileState& s) {
  Reader r(p, n);
  s = FileState{};
  return get(r, s) && r.done();
}

} // namespace lockstep
