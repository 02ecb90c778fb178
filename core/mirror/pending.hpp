// What may differ between the two nodes (design 8): directories by key, files with block ranges or attributes, or everything.
// Ranges are marked in units of block_size, so that a steady workload on a hot file marks nothing new.
#pragma once
#include "core/base/bytes.hpp"
#include "core/base/ids.hpp"
#include "core/mirror/op.hpp"
#include <map>
#include <set>

namespace lockstep {

// Half-open block ranges [first, end) of one file, merged and ordered; `end` = whole_file: to the end, whatever the size.
class BlockRanges {
 public:
  static constexpr std::uint64_t whole_file = UINT64_MAX;
  bool add(std::uint64_t first, std::uint64_t end);    // true: something new
  void remove(std::uint64_t first, std::uint64_t end);
  bool contains(std::uint64_t first, std::uint64_t end) const; // all of it
  bool overlaps(std::uint64_t first, std::uint64_t end) const; // any of it
  bool empty() const { return ranges_.empty(); }
  const std::map<std::uint64_t, std::uint64_t>& ranges() const { return ranges_; }
  bool operator==(const BlockRanges&) const = default;

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;
};

struct FileMarks {
  bool attrs = false;
  BlockRanges blocks;
  bool add(const FileMarks& other); // union; true: something new
  bool contains(const FileMarks& other) const;
  bool empty() const { return !attrs && blocks.empty(); }
  bool operator==(const FileMarks&) const = default;
};

struct PendingSet {
  bool everything = false;
  std::set<Key> dirs;
  std::map<Key, FileMarks> files;

  bool add(const PendingSet& other); // union; true: something new
  bool contains(const PendingSet& other) const;
  bool empty() const { return !everything && dirs.empty() && files.empty(); }
  std::size_t size() const { return dirs.size() + files.size(); }
  bool operator==(const PendingSet&) const = default;
};

// Everything that `op` touches, as marks (data:D1, D5, D8): both directories of a rename and a renamed directory itself, the
// object and the replaced object, blocks and attributes of data operations, all of a new object.
PendingSet touched_by(const Op& op);

void put(Writer&, const PendingSet&);
bool get(Reader&, PendingSet&);

} // namespace lockstep
