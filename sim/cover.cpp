#include "sim/cover.hpp"
#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace lockstep::sim {
namespace {
constexpr std::uint64_t units_per_block = block_size / unit_size;

bool covers(const PendingSet& s, const Item& i) {
  if (s.everything) return true;
  if (i.kind == Item::directory) return s.dirs.count(i.object) > 0;
  auto f = s.files.find(i.object);
  if (f == s.files.end()) return false;
  // Attributes of a file change with its data: any mark of it makes them looked at.
  if (i.kind == Item::attributes) return true;
  return f->second.blocks.contains(i.number, i.number + 1);
}

void everything(const Tree& t, std::vector<Item>& items) {
  for (auto& [k, o] : t.objects()) {
    items.insert(items.end(), {{Item::directory, k, 0}, {Item::attributes, k, 0}});
    for (auto& u : o.units) {
      Item block{Item::block, k, u.first / units_per_block};
      if (items.back() != block) items.push_back(block);
    }
  }
}
// What is in flight, and what a session has still to drain.
PendingSet on_the_way(const Mirror& m) {
  PendingSet s;
  if (m.resyncing()) s.add(m.to_drain());
  m.visit_in_flight([&](const Op& op) { s.add(touched_by(op)); });
  return s;
}
} // namespace

Cover::Images Cover::images(const Disk& a, const Disk& b, Key k) {
  return {visible(a.files.now(), k), visible(a.files.on_disk(), k), visible(b.files.now(), k), visible(b.files.on_disk(), k)};
}
bool Cover::differs(const Images& i, const Item& item) {
  return !same(i[0], i[2], item) || !same(i[0], i[3], item) || !same(i[1], i[2], item) || !same(i[1], i[3], item);
}

void Cover::update(Disk& a, Disk& b) {
  touched_.clear();
  bool known_a = a.files.take_touched(touched_), known_b = b.files.take_touched(touched_);
  if (!known_a || !known_b) {
    differing_.clear(), touched_.clear(), look_again();
    for (auto* d : {&a, &b}) everything(d->files.now(), touched_), everything(d->files.on_disk(), touched_);
  }
  if (touched_.empty()) return;
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  for (auto i = touched_.cbegin(); i != touched_.cend();) {
    auto end = std::find_if(i, touched_.cend(), [&](auto& x) { return x.object != i->object; });
    if (i->object != staging_key) look_at(a, b, i, end);
    i = end;
  }
}

// Some items of one object. An object that appears or vanishes on one image changes what can be said of all its items.
void Cover::look_at(const Disk& a, const Disk& b, Items::const_iterator first, Items::const_iterator end) {
  auto is_before = [](const Item& i, Key k) { return i.object < k; };
  auto from = std::lower_bound(differing_.begin(), differing_.end(), first->object, is_before);
  auto to = std::find_if(from, differing_.end(), [&](auto& i) { return i.object != first->object; });
  looked_at_.clear(), found_.clear();
  std::set_union(first, end, from, to, std::back_inserter(looked_at_));
  auto of_object = images(a, b, first->object);
  for (auto& i : looked_at_) {
    if (differs(of_object, i)) found_.push_back(i);
  }
  fresh_.insert(fresh_.end(), found_.begin(), found_.end());
  if (std::equal(from, to, found_.begin(), found_.end())) return;
  auto common = std::min(to - from, std::ptrdiff_t(found_.size()));
  auto at = std::copy(found_.begin(), found_.begin() + common, from);
  if (at != to) differing_.erase(at, to);
  else differing_.insert(at, found_.begin() + common, found_.end());
}

Cover::Seen Cover::seen(const Disk& d, const Mirror* m) {
  Seen s;
  s.mirror = m, s.marks = d.state.set.size() + d.state.set.everything;
  if (m) s.spans = m->recent_spans(), s.resyncing = m->resyncing();
  return s;
}

bool Cover::to_look_at(const Disk& a, const Disk& b, const Mirror* ma, const Mirror* mb, std::uint64_t step) {
  std::array<Seen, 2> now{seen(a, ma), seen(b, mb)};
  again_ = again_ || now != seen_ || step % 128 == 0;
  seen_ = now;
  return again_ || !fresh_.empty();
}

std::string Cover::uncovered(const Disk& a, const Disk& b, const Mirror* ma, const Mirror* mb) {
  bool all = std::exchange(again_, false);
  looked_at_.assign(fresh_.begin(), fresh_.end()), fresh_.clear();
  std::optional<PendingSet> moving_a, moving_b; // asked last: nearly everything is in what the mirrors remember
  for (auto& i : all ? differing_ : looked_at_) {
    auto has = [&](const PendingSet& s) { return covers(s, i); };
    auto moves = [&](const Mirror* m, std::optional<PendingSet>& moving) {
      if (m && !moving) moving = on_the_way(*m);
      return m && has(*moving);
    };
    if (has(a.state.set) || has(b.state.set) || has(a.state.stray) || has(b.state.stray)) continue;
    if ((ma && has(ma->differing())) || (mb && has(mb->differing()))) continue;
    if ((ma && ma->recent_any(has)) || (mb && mb->recent_any(has))) continue;
    if (moves(ma, moving_a) || moves(mb, moving_b)) continue;
    if (!differs(images(a, b, i.object), i)) continue; // an object that went away took its items with it
    return name(a, i);
  }
  return {};
}

std::string Cover::unequal_now(const Disk& a, const Disk& b, const std::set<Key>& coming) const {
  for (auto& i : differing_) {
    if (!same(a.files.now(), b.files.now(), i) && !coming.count(i.object)) return name(a, i);
  }
  return {};
}

std::string Cover::name(const Disk& a, const Item& i) {
  const char* kind = i.kind == Item::directory ? "directory " : i.kind == Item::attributes ? "attributes of " : "block ";
  return kind + (i.kind == Item::block ? std::to_string(i.number) + " of " : std::string{}) + path_of(a.files.now(), i.object) + " (" +
         to_string(i.object) + ")";
}

} // namespace lockstep::sim
