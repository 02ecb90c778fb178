#include "sim/tree.hpp"
#include <algorithm>
#include <set>
#include "core/base/assert.hpp"
#include "sim/hash.hpp"

namespace lockstep::sim {
namespace {
constexpr std::uint64_t units_per_block = block_size / unit_size;

void apply_to(std::map<Key, Object>& objects, const change::SetAttributes& c) { objects[c.object].attrs = c.attrs; }
void apply_to(std::map<Key, Object>& objects, const change::DropObject& c) { objects.erase(c.object); }
void apply_to(std::map<Key, Object>& objects, const change::DropEntry& c) {
  auto d = objects.find(c.dir);
  if (d == objects.end()) return;
  auto e = d->second.entries.find(c.name);
  if (e == d->second.entries.end()) return;
  auto o = objects.find(e->second);
  if (o != objects.end()) o->second.names.erase({c.dir, c.name});
  d->second.entries.erase(e);
}
void apply_to(std::map<Key, Object>& objects, const change::SetEntry& c) {
  apply_to(objects, change::DropEntry{c.dir, c.name});
  objects[c.dir].entries[c.name] = c.object;
  auto o = objects.find(c.object);
  if (o != objects.end()) o->second.names.insert({c.dir, c.name});
}
void apply_to(std::map<Key, Object>& objects, const change::CutUnits& c) {
  auto o = objects.find(c.object);
  if (o == objects.end()) return;
  auto& u = o->second.units;
  u.erase(u.lower_bound(c.first), c.end == UINT64_MAX ? u.end() : u.lower_bound(c.end));
}
} // namespace

void Tree::apply(const Change& c) {
  std::visit([&](const auto& x) { apply_to(objects_, x); }, c);
}
void Tree::write_unit(Key object, std::uint64_t unit, std::uint64_t version) {
  auto o = objects_.find(object);
  if (o == objects_.end()) return;
  if (version == 0) o->second.units.erase(unit);
  else o->second.units[unit] = version;
}
const Object* Tree::find(Key k) const {
  auto o = objects_.find(k);
  return o == objects_.end() ? nullptr : &o->second;
}
Key Tree::entry(Key dir, const std::string& name) const {
  auto d = find(dir);
  if (!d) return {};
  auto e = d->entries.find(name);
  return e == d->entries.end() ? Key{} : e->second;
}
bool Tree::is_directory(Key k) const {
  auto o = find(k);
  return o && o->attrs.type == FileType::directory;
}
bool Tree::inside(Key object, Key ancestor) const {
  for (int depth = 0; depth < 64; ++depth) {
    if (object == ancestor) return true;
    auto o = find(object);
    if (!o || o->names.empty()) return false;
    object = o->names.begin()->first;
  }
  return false;
}
std::uint64_t Tree::version(Key file, std::uint64_t unit) const {
  auto o = find(file);
  if (!o) return 0;
  auto u = o->units.find(unit);
  return u == o->units.end() ? 0 : u->second;
}

bool named(const Tree& t, Key k, int depth) {
  if (k.minter == 0) return k != staging_key;
  auto o = t.find(k);
  if (!o || depth > 64) return false;
  return std::any_of(o->names.begin(), o->names.end(), [&](auto& n) { return named(t, n.first, depth + 1); });
}

const Object* visible(const Tree& t, Key k) {
  if (k.minter == 0) return k == staging_key ? nullptr : t.find(k);
  auto o = t.find(k);
  bool reached = o && std::any_of(o->names.begin(), o->names.end(), [&](auto& n) { return named(t, n.first, 1); });
  return reached ? o : nullptr;
}

namespace {
bool same_units(const Object* a, const Object* b, std::uint64_t first, std::uint64_t end) {
  static const decltype(Object::units) none;
  auto &x = a ? a->units : none, &y = b ? b->units : none;
  auto i = x.lower_bound(first), j = y.lower_bound(first);
  for (; i != x.end() && i->first < end; ++i, ++j) {
    if (j == y.end() || *i != *j) return false;
  }
  return j == y.end() || j->first >= end;
}
} // namespace

bool same(const Tree& a, const Tree& b, const Item& item) { return same(visible(a, item.object), visible(b, item.object), item); }
bool same(const Object* x, const Object* y, const Item& item) {
  // An object that one side lacks differs in its directory's entries, and nowhere else: a file born there travels with them.
  if (!x || !y) return true;
  switch (item.kind) {
  case Item::directory:
    return x->attrs.type != FileType::directory || (x->entries == y->entries && x->attrs == y->attrs);
  case Item::attributes: return x->attrs.type == FileType::directory || x->attrs == y->attrs;
  case Item::block: return same_units(x, y, item.number * units_per_block, (item.number + 1) * units_per_block);
  }
  return false;
}

std::string path_of(const Tree& t, Key k) {
  std::string path;
  for (int depth = 0; depth < 32; ++depth) {
    if (k.minter == 0) return to_string(k) + path;
    auto o = t.find(k);
    if (!o || o->names.empty()) return to_string(k) + path;
    path = "/" + o->names.begin()->second + path;
    k = o->names.begin()->first;
  }
  return path;
}

namespace {
std::set<Key> reachable(const Tree& t) {
  std::set<Key> seen;
  std::vector<Key> work;
  for (auto& [k, o] : t.objects()) {
    if (k.minter == 0 && k != staging_key) work.push_back(k);
  }
  while (!work.empty()) {
    auto k = work.back();
    work.pop_back();
    if (!seen.insert(k).second) continue;
    if (auto o = t.find(k)) {
      for (auto& e : o->entries) work.push_back(e.second);
    }
  }
  return seen;
}
} // namespace

std::string difference(const Tree& a, const Tree& b) {
  auto in_a = reachable(a), in_b = reachable(b);
  for (auto& k : in_a) {
    auto name = path_of(a, k) + " (" + to_string(k) + ")";
    auto x = a.find(k), y = b.find(k);
    if (!in_b.count(k)) return name + " is on the first node only";
    if (!x || !y) return x == y ? std::string{} : name + ": its object is missing on one node";
    if (x->entries != y->entries) return name + ": entries differ";
    if (!(x->attrs == y->attrs))
      return name + ": attributes differ (size " + std::to_string(x->attrs.size) + " and " + std::to_string(y->attrs.size) +
             ", mode " + std::to_string(x->attrs.mode) + " and " + std::to_string(y->attrs.mode) + ")";
    if (x->units != y->units) return name + ": contents differ";
  }
  for (auto& k : in_b) {
    if (!in_a.count(k)) return path_of(b, k) + " (" + to_string(k) + ") is on the second node only";
  }
  return {};
}

std::uint64_t digest(const Tree& t) {
  std::uint64_t h = 1;
  for (auto& [k, o] : t.objects()) {
    h = hash_of(h, k.minter, k.counter, o.attrs.size, o.attrs.mode, o.attrs.mtime_ns);
    for (auto& [name, key] : o.entries) {
      for (char c : name) h = hash_of(h, c);
      h = hash_of(h, key.minter, key.counter);
    }
    for (auto& [u, v] : o.units) h = hash_of(h, u, v);
  }
  return h;
}

FileSystem::FileSystem(std::uint32_t dirs) {
  auto make = [&](Key k) {
    change::SetAttributes c{k, {}};
    c.attrs.type = FileType::directory, c.attrs.mode = 0755;
    volatile_.apply(c), durable_.apply(c);
  };
  make(staging_key);
  for (std::uint32_t i = 0; i < dirs; ++i) make(root_key(i)), make(orphans_key(i));
}

void FileSystem::note(const Tree& t, const Change& c) {
  auto whole = [&](Key k) { // it may appear or vanish with all it has
    touch({Item::attributes, k, 0}), touch({Item::directory, k, 0});
    auto o = t.find(k);
    if (!o) return;
    for (auto& u : o->units) touch({Item::block, k, u.first / units_per_block});
  };
  if (auto* x = std::get_if<change::SetAttributes>(&c)) {
    touch({Item::attributes, x->object, 0}), touch({Item::directory, x->object, 0});
  } else if (auto* x = std::get_if<change::SetEntry>(&c)) {
    touch({Item::directory, x->dir, 0});
    whole(x->object), whole(t.entry(x->dir, x->name));
  } else if (auto* x = std::get_if<change::DropEntry>(&c)) {
    touch({Item::directory, x->dir, 0});
    whole(t.entry(x->dir, x->name));
  } else if (auto* x = std::get_if<change::DropObject>(&c)) {
    whole(x->object);
  } else if (auto* x = std::get_if<change::CutUnits>(&c)) {
    whole(x->object);
  }
}

namespace {
bool changes_names(const Tree& t, const Change& c) {
  if (std::holds_alternative<change::CutUnits>(c)) return false;
  auto x = std::get_if<change::SetAttributes>(&c);
  auto o = x ? t.find(x->object) : nullptr;
  return !o || o->attrs.type != x->attrs.type;
}
} // namespace

void FileSystem::forget_dirty(Key file, std::uint64_t first, std::uint64_t end) {
  dirty_.erase(dirty_.lower_bound({file, first}), dirty_.lower_bound({file, end}));
}

void FileSystem::commit(Transaction t) {
  for (auto& c : t) {
    if (changes_names(volatile_, c)) ++names_version_;
    note(volatile_, c), volatile_.apply(c);
    // Pages that were not written yet go with what they were of: a later object of the same key has nothing of them.
    auto* cut = std::get_if<change::CutUnits>(&c);
    auto* drop = std::get_if<change::DropObject>(&c);
    if (cut) forget_dirty(cut->object, cut->first, cut->end);
    if (drop) forget_dirty(drop->object, 0, UINT64_MAX);
  }
  journal_.push_back(std::move(t));
}

void FileSystem::write(Key file, std::uint64_t unit, std::uint64_t version) {
  volatile_.write_unit(file, unit, version);
  dirty_[{file, unit}] = version;
  touch({Item::block, file, unit / units_per_block});
}

void FileSystem::apply_journal(std::uint64_t end) {
  for (; journal_base_ < end && !journal_.empty(); ++journal_base_) {
    for (auto& c : journal_.front()) note(durable_, c), durable_.apply(c);
    journal_.pop_front();
  }
}

void FileSystem::flush() {
  copied_unflushed = false;
  apply_journal(journal_base_ + journal_.size());
  for (auto& [cell, version] : dirty_) {
    durable_.write_unit(cell.first, cell.second, version);
    touch({Item::block, cell.first, cell.second / units_per_block});
  }
  dirty_.clear();
}

void FileSystem::sync_file(Key file) {
  apply_journal(journal_base_ + journal_.size());
  auto i = dirty_.lower_bound({file, 0});
  while (i != dirty_.end() && i->first.first == file) {
    durable_.write_unit(file, i->first.second, i->second);
    touch({Item::block, file, i->first.second / units_per_block});
    i = dirty_.erase(i);
  }
}

void FileSystem::crash(std::uint64_t h) {
  std::uint64_t kept = journal_.empty() ? 0 : mix64(h) % (journal_.size() + 1);
  apply_journal(journal_base_ + kept);
  for (auto& [cell, version] : dirty_) {
    auto o = durable_.find(cell.first);
    if (!o || cell.second * unit_size >= o->attrs.size) continue;
    if (hash_of(h, cell.first.counter, cell.second) % 2) durable_.write_unit(cell.first, cell.second, version);
  }
  journal_base_ += journal_.size();
  journal_.clear(), dirty_.clear(), blocked.clear();
  volatile_ = durable_;
  all_touched_ = true, ++names_version_;
}

bool FileSystem::take_touched(std::vector<Item>& into) {
  into.insert(into.end(), touched_.begin(), touched_.end());
  touched_.clear();
  return !std::exchange(all_touched_, false);
}

} // namespace lockstep::sim
