// I-cover (data.md (ii)), incremental: the items in which any two of the four images (memory and disk of both nodes) differ,
// kept up to date from what changed, are inside the sets that will be looked at.
#pragma once
#include "sim/disk.hpp"
#include "core/mirror/mirror.hpp"
#include <set>

namespace lockstep::sim {

class Cover {
 public:
  // Reads what changed on both disks since the last call.
  void update(Disk& a, Disk& b);
  // First differing item outside the sets; empty: covered. A mirror is null when its process is gone.
  std::string uncovered(const Disk& a, const Disk& b, const Mirror* mirror_a, const Mirror* mirror_b) const;
  std::size_t differing() const { return differing_.size(); }

 private:
  static bool differs(const Disk& a, const Disk& b, const Item&);
  void look_at_everything(const Disk& a, const Disk& b);
  std::set<Item> differing_;
};

} // namespace lockstep::sim
