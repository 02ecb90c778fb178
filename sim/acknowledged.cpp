#include "sim/acknowledged.hpp"
#include "sim/hash.hpp"
#include <algorithm>

namespace lockstep::sim {
namespace {
std::uint64_t of_key(Key k) { return k.none() ? 0 : hash_of(k.minter, k.counter) | 1; }
std::uint64_t of_bytes(const std::uint8_t* p, std::size_t n) {
  std::uint64_t h = n + 1;
  for (std::size_t i = 0; i < n; ++i) h = hash_of(h, p[i]);
  return h | 1;
}
} // namespace

std::string to_string(const Cell& c, const Tree& t) {
  auto path = path_of(t, c.object);
  switch (c.kind) {
  case Cell::entry: return "entry " + path + "/" + c.name;
  case Cell::unit: return "unit " + std::to_string(c.unit_number) + " of " + path + " (" + lockstep::to_string(c.object) + ")";
  case Cell::mode: return "mode of " + path;
  case Cell::xattr: return "attribute " + c.name + " of " + path;
  }
  return {};
}

std::optional<std::uint64_t> value_of(const Tree& t, const Cell& c) {
  auto o = t.find(c.object);
  if (!o || !named(t, c.object)) return std::nullopt;
  switch (c.kind) {
  case Cell::entry: return of_key(t.entry(c.object, c.name));
  case Cell::unit: return t.version(c.object, c.unit_number);
  case Cell::mode: return o->attrs.mode + 1;
  case Cell::xattr: {
    auto x = o->attrs.xattrs.find(c.name);
    if (x == o->attrs.xattrs.end()) return 0;
    return of_bytes(reinterpret_cast<const std::uint8_t*>(x->second.data()), x->second.size());
  }
  }
  return std::nullopt;
}

std::vector<std::pair<Cell, std::uint64_t>> cells_of(const Op& op, const Content* content, const Tree& t) {
  std::vector<std::pair<Cell, std::uint64_t>> v;
  auto entry = [&](Key dir, const std::string& name, Key k) { v.push_back({Cell{Cell::entry, dir, 0, name}, of_key(k)}); };
  auto zero = [&](std::uint64_t first, std::uint64_t end) {
    auto o = t.find(op.object);
    if (!o) return;
    for (auto u = o->units.lower_bound(first); u != o->units.end() && u->first < end; ++u)
      v.push_back({Cell{Cell::unit, op.object, u->first, {}}, 0});
  };
  switch (op.kind) {
  case OpKind::create:
  case OpKind::link: entry(op.dir, op.name, op.object); break;
  case OpKind::unlink: entry(op.dir, op.name, {}); break;
  case OpKind::rename:
    entry(op.dir, op.name, op.flags & rename_exchange ? op.replaced : Key{});
    entry(op.dir2, op.name2, op.object);
    break;
  case OpKind::write:
    if (content) v.reserve(content->units.size());
    for (std::uint64_t i = 0; content && i < content->units.size(); ++i)
      v.push_back({Cell{Cell::unit, op.object, op.offset / unit_size + i, {}}, content->units[i]});
    break;
  case OpKind::truncate: zero(op.length / unit_size, UINT64_MAX); break;
  case OpKind::fallocate:
    if (op.flags & ~1u) zero(op.offset / unit_size, (op.offset + op.length) / unit_size);
    break;
  case OpKind::setattr:
    if (op.mask & setattr_mask::mode) v.push_back({Cell{Cell::mode, op.object, 0, {}}, op.mode + 1});
    break;
  case OpKind::setxattr:
    v.push_back({Cell{Cell::xattr, op.object, 0, op.text}, content ? of_bytes(content->bytes.data(), content->bytes.size()) : 1});
    break;
  case OpKind::removexattr: v.push_back({Cell{Cell::xattr, op.object, 0, op.text}, 0}); break;
  default: break;
  }
  return v;
}

void Promises::submitted(const Cell& c, std::uint64_t value) { cells_[c].maybe.insert(value); }

void Promises::acknowledged(const Cell& c, std::uint64_t value) {
  auto& p = cells_[c];
  p = Promise{};
  p.value = value, p.acknowledged = true;
}

void Promises::synced(Key file) {
  for (auto kind : {Cell::unit, Cell::mode, Cell::xattr}) {
    for (auto i = cells_.lower_bound({kind, file, 0, {}}); i != cells_.end() && i->first.kind == kind && i->first.object == file; ++i) {
      if (i->second.acknowledged && i->second.maybe.empty()) i->second.synced = true;
    }
  }
  for (auto i = cells_.begin(); i != cells_.end() && i->first.kind == Cell::entry; ++i) { // entries are first in their order
    if (i->second.acknowledged && i->second.value == of_key(file)) i->second.synced = true;
  }
}
void Promises::all_synced() {
  for (auto& [c, p] : cells_) {
    if (p.acknowledged && !p.excused) p.synced = true;
  }
}
void Promises::lost_memory(const Tree& a, const Tree& b) {
  for (auto& [c, p] : cells_) {
    if (p.synced || !p.acknowledged) continue;
    auto x = value_of(a, c), y = value_of(b, c);
    if (!x || !y || *x != p.value || *y != p.value) p.excused = true;
  }
}
void Promises::only_there(const Tree& survivor) {
  for (auto& [c, p] : cells_) {
    auto v = value_of(survivor, c);
    if (p.acknowledged && (!v || *v != p.value)) p.excused = true, p.synced = false;
  }
}
void Promises::adopt(const Tree& t, const Tree& on_its_disk) {
  std::erase_if(cells_, [&](auto& c) { return !value_of(t, c.first); });
  settle(t);
  for (auto& [c, p] : cells_) {
    if (p.synced && value_of(on_its_disk, c) != p.value) p.synced = false; // its flush failed, and it is told to serve all the same
  }
}
std::string Promises::check(const Tree& t, const std::set<Cell>* besides) const {
  for (auto& [c, p] : cells_) {
    if (!p.acknowledged || p.excused) continue;
    if (besides && besides->count(c)) continue;
    auto v = value_of(t, c);
    if (!v || *v == p.value || p.maybe.count(*v)) continue;
    return to_string(c, t) + " is not what was acknowledged (value " + std::to_string(*v) + " instead of " +
           std::to_string(p.value) + (p.synced ? ", flushed" : "") + ")";
  }
  return {};
}
void Promises::settle(const Tree& t) {
  for (auto& [c, p] : cells_) {
    auto v = value_of(t, c);
    if (!v) continue;
    if (*v != p.value || !p.acknowledged || !p.maybe.empty()) p.value = *v, p.synced = false; // it may have gone and come back since
    p.acknowledged = true, p.excused = false, p.maybe.clear();
  }
}

} // namespace lockstep::sim
