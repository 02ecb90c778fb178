#include "sim/cover.hpp"
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
} // namespace

bool Cover::differs(const Disk& a, const Disk& b, const Item& i) {
  auto& x = a.files.now();
  return !same(x, b.files.now(), i) || !same(x, b.files.on_disk(), i) || !same(a.files.on_disk(), b.files.now(), i) ||
         !same(a.files.on_disk(), b.files.on_disk(), i);
}

void Cover::look_at_everything(const Disk& a, const Disk& b) {
  differing_.clear(), again_ = true;
  for (auto* d : {&a, &b}) {
    for (auto* t : {&d->files.now(), &d->files.on_disk()}) {
      for (auto& [k, o] : t->objects()) {
        if (k == staging_key) continue;
        std::set<Item> items{{Item::directory, k, 0}, {Item::attributes, k, 0}};
        for (auto& u : o.units) items.insert({Item::block, k, u.first / units_per_block});
        for (auto& i : items) {
          if (differs(a, b, i)) differing_.insert(i);
        }
      }
    }
  }
}

void Cover::update(Disk& a, Disk& b) {
  bool all_a = false, all_b = false;
  auto x = a.files.take_touched(all_a), y = b.files.take_touched(all_b);
  if (all_a || all_b) return look_at_everything(a, b);
  x.merge(y);
  // An object that appears or vanishes on one image changes what can be said of all its items.
  std::set<Item> again = x;
  for (auto& i : x) {
    for (auto d = differing_.lower_bound({Item::directory, i.object, 0}); d != differing_.end() && d->object == i.object; ++d) again.insert(*d);
  }
  for (auto& i : again) {
    if (i.object == staging_key) continue;
    if (differs(a, b, i)) differing_.insert(i), fresh_.insert(i);
    else differing_.erase(i), fresh_.erase(i);
  }
}

Cover::Seen Cover::seen(const Disk& d, const Mirror* m) {
  Seen s;
  s.mirror = m, s.marks = d.state.set.size() + d.state.set.everything;
  if (m) s.spans = m->recent_spans(), s.resyncing = m->resyncing();
  return s;
}

std::string Cover::uncovered(const Disk& a, const Disk& b, const Mirror* ma, const Mirror* mb, std::uint64_t step) {
  std::array<Seen, 2> now{seen(a, ma), seen(b, mb)};
  bool all = std::exchange(again_, false) || now != seen_ || step % 128 == 0;
  seen_ = now;
  auto look = std::exchange(fresh_, {});
  auto& items = all ? differing_ : look;
  if (items.empty()) return {};
  PendingSet moving; // small: what is in flight, and what a session has still to drain
  for (auto* m : {ma, mb}) {
    if (!m) continue;
    if (m->resyncing()) moving.add(m->to_drain());
    for (auto& op : m->in_flight()) moving.add(touched_by(op));
  }
  for (auto& i : items) {
    auto has = [&](const PendingSet& s) { return covers(s, i); };
    if (has(a.state.set) || has(b.state.set) || has(moving)) continue;
    if ((ma && ma->recent_any(has)) || (mb && mb->recent_any(has))) continue;
    if (!differs(a, b, i)) continue; // an object that went away took its items with it
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
