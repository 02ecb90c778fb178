// What the applications were promised (oracles S3, S4): for every cell of the tree, the value of the last acknowledged
// operation, per generation. A child generation begins with its parent's promises; a fork begins two copies of them.
#pragma once
#include "core/base/ids.hpp"
#include "core/mirror/op.hpp"
#include "sim/executor.hpp"
#include <boost/container/flat_set.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lockstep::sim {

struct Cell {
  enum Kind : std::uint8_t { entry, unit, mode, xattr } kind = entry;
  Key object;             // entry: the directory
  std::uint64_t unit_number = 0;
  std::string name;       // entry, xattr
  auto operator<=>(const Cell&) const = default;
};
std::string to_string(const Cell&, const Tree&);
// What the tree says; none: the object of the cell is not there, its absence shows in another cell.
std::optional<std::uint64_t> value_of(const Tree&, const Cell&);
// What the operation will set if it is carried out.
std::vector<std::pair<Cell, std::uint64_t>> cells_of(const Op&, const Content*, const Tree&);

struct Promise {
  std::uint64_t value = 0;
  bool acknowledged = false;     // `value` was; false: only `maybe` is known
  boost::container::flat_set<std::uint64_t> maybe; // of operations not acknowledged (or failed with an effect)
  bool synced = false;           // must survive every crash
  bool excused = false;          // both memories were lost before it was flushed, and no fsync promised it
};

class Promises {
 public:
  void submitted(const Cell&, std::uint64_t value);
  void acknowledged(const Cell&, std::uint64_t value);
  void synced(Key file);   // fsync of it completed
  void all_synced();       // a takeover flushed before it served (data:D10)
  void lost_memory(const Tree& a, const Tree& b); // nobody is left who remembers what was not flushed
  void only_there(const Tree& survivor); // another copy went back in time: what this tree lacks is nowhere
  void adopt(const Tree&, const Tree& on_its_disk); // an operator's word: what this node has is the truth now
  // Empty, or what a node with this tree lacks. Then settles every `maybe` to what is there.
  std::string check(const Tree&, const std::set<Cell>* besides = nullptr) const;
  void settle(const Tree&);
  std::size_t size() const { return cells_.size(); }

 private:
  std::map<Cell, Promise> cells_;
};

} // namespace lockstep::sim
