// I-cover (data.md (ii)), incremental: the items in which any two of the four images (memory and disk of both nodes) differ,
// kept up to date from what changed, are inside the sets that will be looked at. What changed is looked up at once; the rest
// again only when a set may have shrunk, and from time to time.
#pragma once
#include "core/mirror/mirror.hpp"
#include "sim/disk.hpp"
#include <array>
#include <set>
#include <vector>

namespace lockstep::sim {

class Cover {
 public:
  // Reads what changed on both disks since the last call.
  void update(Disk& a, Disk& b);
  // Something changed since uncovered() was asked. A mirror is null when its process is gone.
  bool to_look_at(const Disk& a, const Disk& b, const Mirror* mirror_a, const Mirror* mirror_b, std::uint64_t step);
  // First differing item outside the sets; empty: covered.
  std::string uncovered(const Disk& a, const Disk& b, const Mirror* mirror_a, const Mirror* mirror_b);
  // First item that differs between the two memories and whose object is not in `coming`.
  std::string unequal_now(const Disk& a, const Disk& b, const std::set<Key>& coming) const;
  void look_again() { again_ = true, fresh_.clear(); } // what was said to be covered was not looked at meanwhile
  std::size_t differing() const { return differing_.size(); }

 private:
  struct Seen { // of one node's sets; a change may mean that something was forgotten
    const Mirror* mirror = nullptr;
    std::size_t spans = 0, marks = 0;
    bool resyncing = false;
    bool operator==(const Seen&) const = default;
  };
  static Seen seen(const Disk&, const Mirror*);
  using Items = std::vector<Item>; // sorted
  using Images = std::array<const Object*, 4>; // of one object: in memory and on the disk of a, then of b
  static Images images(const Disk& a, const Disk& b, Key);
  static bool differs(const Images&, const Item&);
  static std::string name(const Disk& a, const Item&);
  void look_at(const Disk& a, const Disk& b, Items::const_iterator first, Items::const_iterator end);
  Items differing_, fresh_; // fresh: since it was last asked whether they are covered; they may be equal again
  Items touched_, looked_at_, found_; // at work
  std::array<Seen, 2> seen_;
  bool again_ = true;
};

} // namespace lockstep::sim
