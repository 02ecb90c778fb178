#include "core/mirror/pending.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>

namespace lockstep {
namespace {
constexpr std::size_t items_max = 256u << 20;
constexpr std::uint32_t collapse_or_insert = 0x08 | 0x20; // fallocate(2): everything behind the offset moves

std::uint64_t end_block(std::uint64_t offset, std::uint64_t length) {
  return length == 0 ? offset / block_size : (offset + length - 1) / block_size + (mutated(Mutant::last_block_forgotten) ? 0 : 1);
}
void touch(PendingSet& s, Key k, FileType t) {
  if (k.none()) return;
  if (t == FileType::directory) s.dirs.insert(k);
  else s.files[k].attrs = true;
}
void touch_blocks(PendingSet& s, Key k, std::uint64_t first, std::uint64_t end) {
  auto& f = s.files[k];
  f.attrs = true;
  f.blocks.add(first, end);
}
} // namespace

bool BlockRanges::add(std::uint64_t first, std::uint64_t end) {
  if (first >= end || contains(first, end)) return false;
  auto it = ranges_.lower_bound(first);
  if (it != ranges_.begin() && std::prev(it)->second >= first) --it;
  while (it != ranges_.end() && it->first <= end) {
    first = std::min(first, it->first), end = std::max(end, it->second);
    it = ranges_.erase(it);
  }
  ranges_[first] = end;
  return true;
}
void BlockRanges::remove(std::uint64_t first, std::uint64_t end) {
  if (first >= end) return;
  auto it = ranges_.lower_bound(first);
  if (it != ranges_.begin() && std::prev(it)->second > first) --it;
  while (it != ranges_.end() && it->first < end) {
    auto [a, b] = *it;
    it = ranges_.erase(it);
    if (a < first) ranges_[a] = first;
    if (b > end) ranges_[end] = b;
  }
}
bool BlockRanges::contains(std::uint64_t first, std::uint64_t end) const {
  if (first >= end) return true;
  auto it = ranges_.upper_bound(first);
  return it != ranges_.begin() && std::prev(it)->second >= end;
}
bool BlockRanges::overlaps(std::uint64_t first, std::uint64_t end) const {
  if (first >= end) return false;
  auto it = ranges_.lower_bound(end);
  return it != ranges_.begin() && std::prev(it)->second > first;
}

bool FileMarks::add(const FileMarks& other) {
  bool news = other.attrs && !attrs;
  attrs = attrs || other.attrs;
  for (auto [first, end] : other.blocks.ranges()) news = blocks.add(first, end) || news;
  return news;
}
bool FileMarks::contains(const FileMarks& other) const {
  if (other.attrs && !attrs) return false;
  auto& r = other.blocks.ranges();
  return std::all_of(r.begin(), r.end(), [&](auto& x) { return blocks.contains(x.first, x.second); });
}

bool PendingSet::add(const PendingSet& other) {
  bool news = other.everything && !everything;
  everything = everything || other.everything;
  for (auto& k : other.dirs) news = dirs.insert(k).second || news;
  for (auto& [k, m] : other.files) {
    auto [it, fresh] = files.try_emplace(k);
    news = it->second.add(m) || fresh || news;
  }
  return news;
}
bool PendingSet::contains(const PendingSet& other) const {
  if (everything) return true;
  if (other.everything) return false;
  for (auto& k : other.dirs)
    if (!dirs.count(k)) return false;
  for (auto& [k, m] : other.files) {
    auto it = files.find(k);
    if (it == files.end() || !it->second.contains(m)) return false;
  }
  return true;
}

PendingSet touched_by(const Op& op) {
  PendingSet s;
  switch (op.kind) {
    case OpKind::create:
      s.dirs.insert(op.dir);
      if (op.type == FileType::regular) touch_blocks(s, op.object, 0, BlockRanges::whole_file);
      else touch(s, op.object, op.type);
      break;
    case OpKind::link:
    case OpKind::unlink:
      s.dirs.insert(op.dir);
      touch(s, op.object, op.type);
      break;
    case OpKind::rename:
      s.dirs.insert({op.dir, mutated(Mutant::rename_marks_one_side) ? op.dir : op.dir2});
      touch(s, op.object, op.type);
      touch(s, op.replaced, op.replaced_type);
      break;
    case OpKind::write:
    case OpKind::drain_query:
    case OpKind::drain_data: touch_blocks(s, op.object, op.offset / block_size, end_block(op.offset, op.length)); break;
    case OpKind::truncate: touch_blocks(s, op.object, op.length / block_size, BlockRanges::whole_file); break;
    case OpKind::fallocate:
      touch_blocks(s, op.object, op.offset / block_size,
                   op.flags & collapse_or_insert ? BlockRanges::whole_file : end_block(op.offset, op.length));
      break;
    case OpKind::setattr:
    case OpKind::setxattr:
    case OpKind::removexattr: touch(s, op.object, op.type); break;
    case OpKind::drain_dir: s.dirs.insert(op.object); break;
    case OpKind::drain_attrs: // it may cut the target's file, as a truncate does: its own set is then the only one that says so
      if (op.type == FileType::regular && !mutated(Mutant::cut_by_drain_not_noted)) touch_blocks(s, op.object, op.length / block_size, BlockRanges::whole_file);
      else s.files[op.object].attrs = true;
      break;
    case OpKind::sync:
    case OpKind::drained: break;
  }
  return s;
}

void put(Writer& w, const PendingSet& s) {
  w.flag(s.everything);
  w.u32(static_cast<std::uint32_t>(s.dirs.size()));
  for (auto& k : s.dirs) put(w, k);
  w.u32(static_cast<std::uint32_t>(s.files.size()));
  for (auto& [k, m] : s.files) {
    put(w, k), w.flag(m.attrs);
    w.u32(static_cast<std::uint32_t>(m.blocks.ranges().size()));
    for (auto [first, end] : m.blocks.ranges()) w.u64(first), w.u64(end);
  }
}
bool get(Reader& r, PendingSet& s) {
  s = PendingSet{};
  s.everything = r.flag();
  for (auto n = r.count(items_max, 16); n > 0 && r.ok(); --n)
    if (!s.dirs.insert(get_key(r)).second) r.fail();
  for (auto n = r.count(items_max, 21); n > 0 && r.ok(); --n) {
    auto [it, fresh] = s.files.try_emplace(get_key(r));
    if (!fresh) r.fail();
    it->second.attrs = r.flag();
    std::uint64_t last_end = 0;
    bool any = false;
    for (auto m = r.count(items_max, 16); m > 0 && r.ok(); --m) {
      auto first = r.u64(), end = r.u64();
      if (first >= end || (any && first <= last_end)) r.fail(); // merged and ordered: one encoding for one set
      else it->second.blocks.add(first, end), last_end = end, any = true;
    }
  }
  return r.ok();
}

} // namespace lockstep
