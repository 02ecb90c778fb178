// A model of one node's replicated file systems: objects by key, what is in memory and what is on the disk.
// Namespace and attributes are journalled: a crash keeps a prefix of the unflushed transactions, as ext4 and XFS do. File data
// is not: each unflushed 4 KiB unit is kept or lost by itself. Content is a 64-bit version per unit (0: zeros).
#pragma once
#include "core/mirror/op.hpp"
#include <boost/container/flat_map.hpp>
#include <boost/container/flat_set.hpp>
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace lockstep::sim {

inline constexpr std::uint64_t unit_size = 4096;
inline constexpr Key staging_key{0, 1}; // directory of detached objects on a resync target (data T15)

struct Attributes {
  FileType type = FileType::regular;
  std::uint32_t mode = 0, uid = 0, gid = 0;
  std::uint64_t rdev = 0, size = 0;
  std::int64_t atime_ns = 0, mtime_ns = 0;
  std::string target;
  boost::container::flat_map<std::string, std::string> xattrs;
  bool operator==(const Attributes&) const = default;
};
// Small, and compared and looked through far more often than changed: sorted vectors.
struct Object {
  Attributes attrs;
  boost::container::flat_map<std::string, Key> entries;           // directory
  boost::container::flat_map<std::uint64_t, std::uint64_t> units; // regular file: version by unit number, absent: zeros
  boost::container::flat_set<std::pair<Key, std::string>> names;  // every (directory, name) that leads here
};

namespace change {
struct SetAttributes { // creates the object if it is not there
  Key object;
  Attributes attrs;
};
struct DropObject {
  Key object;
};
struct SetEntry {
  Key dir;
  std::string name;
  Key object;
};
struct DropEntry {
  Key dir;
  std::string name;
};
struct CutUnits { // zeros in [first, end)
  Key object;
  std::uint64_t first = 0, end = 0;
};
} // namespace change
using Change = std::variant<change::SetAttributes, change::DropObject, change::SetEntry, change::DropEntry, change::CutUnits>;
using Transaction = std::vector<Change>;

// One image of the tree.
class Tree {
 public:
  void apply(const Change&);
  void write_unit(Key object, std::uint64_t unit, std::uint64_t version);
  const Object* find(Key k) const;
  Key entry(Key dir, const std::string& name) const; // none: not there
  bool is_directory(Key k) const;
  bool inside(Key object, Key ancestor) const; // object is ancestor or below it
  const std::map<Key, Object>& objects() const { return objects_; }
  std::uint64_t version(Key file, std::uint64_t unit) const;

 private:
  std::map<Key, Object> objects_;
};

// What a comparison looks at, at the granularity of a pending set's marks.
struct Item {
  enum Kind : std::uint8_t { directory, attributes, block };
  Kind kind = directory;
  Key object;
  std::uint64_t number = 0; // block
  auto operator<=>(const Item& o) const { return std::tie(object, kind, number) <=> std::tie(o.object, o.kind, o.number); }
  bool operator==(const Item&) const = default;
};
// Equal in both trees. The staging directory and what is only there is nobody's.
bool same(const Tree&, const Tree&, const Item&);
bool same(const Object*, const Object*, const Item&); // of objects that visible() found
// Null: nobody but the target's executor knows of it.
const Object* visible(const Tree&, Key);
// First difference, in words; empty: equal (oracle S11).
std::string difference(const Tree& a, const Tree& b);
std::uint64_t digest(const Tree&);
std::string path_of(const Tree&, Key);
// An application can reach it: what was detached to staging, or lost its last name, is nobody's.
bool named(const Tree&, Key, int depth = 0);

class FileSystem {
 public:
  explicit FileSystem(std::uint32_t dirs);
  const Tree& now() const { return volatile_; }
  const Tree& on_disk() const { return durable_; }
  void commit(Transaction); // carried out in memory, journalled
  void write(Key file, std::uint64_t unit, std::uint64_t version);

  void flush(); // syncfs: what is there when it begins is on the disk when it ends
  void sync_file(Key file); // fsync: its data, and the journal as far as it goes
  void crash(std::uint64_t hash);
  void restore(const Tree& image) { volatile_ = durable_ = image, journal_.clear(), dirty_.clear(), blocked.clear(), all_touched_ = true, ++names_version_; }
  bool copied_unflushed = false; // a copy wrote here since the last flush began (data:D15)
  bool clean() const { return journal_.empty() && dirty_.empty(); }

  // Children of drained directories that were still above them (resync target; memory only).
  struct Blocked {
    Key dir;
    DirEntry child;
  };
  std::vector<Blocked> blocked;

  // Adds the items whose content changed in memory or on the disk since the last call, in no order and some more than once. False:
  // too many to say.
  bool take_touched(std::vector<Item>&);
  // Another number whenever a name or an object in memory came or went.
  std::uint64_t names_version() const { return names_version_; }

 private:
  void note(const Tree&, const Change&); // before it is applied
  void touch(const Item& i) {
    if (touched_.empty() || touched_.back() != i) touched_.push_back(i);
  }
  void apply_journal(std::uint64_t end);
  void forget_dirty(Key file, std::uint64_t first, std::uint64_t end);
  Tree volatile_, durable_;
  std::deque<Transaction> journal_;
  std::uint64_t journal_base_ = 0; // number of the first transaction in journal_
  std::map<std::pair<Key, std::uint64_t>, std::uint64_t> dirty_;
  std::vector<Item> touched_;
  bool all_touched_ = true;
  std::uint64_t names_version_ = 0;
};

} // namespace lockstep::sim
