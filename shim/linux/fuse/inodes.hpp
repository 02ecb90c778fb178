// What the kernel knows of: one Inode per object it has looked up, named to it by address, until it forgets it.
#pragma once
#include "shim/linux/tree/index.hpp"
#include "shim/linux/tree/open_objects.hpp"
#include <memory>
#include <mutex>
#include <unordered_map>

namespace lockstep {

struct Inode {
  Key key;
  FileType type = FileType::regular;
  // ---- guarded by the table
  Key parent;                // a directory that held a name of it when we last looked
  std::uint64_t lookups = 0; // the kernel's references
  std::uint32_t opens = 0;
  bool orphan = false;                // its only name is in the orphans directory (data T12)
  bool leaving = false;               // its last name is being removed: it cannot be opened any more
  std::shared_ptr<OpenObject> object; // while open, and of a removed directory
};

class InodeTable {
 public:
  InodeTable(Key root, std::uint64_t root_lookups = 1);
  Inode* root() { return root_; }
  Inode* at(std::uint64_t nodeid) { return nodeid == 1 ? root_ : reinterpret_cast<Inode*>(nodeid); }
  std::uint64_t nodeid(const Inode* i) const { return i == root_ ? 1 : reinterpret_cast<std::uint64_t>(i); }
  // One more reference of the kernel's; made when it is new.
  Inode* look_up(Key key, FileType type, Key parent);
  void forget(Inode* inode, std::uint64_t lookups);
  Inode* find(Key key); // nullptr: the kernel does not know it

  std::mutex& mutex() { return mutex_; }
  Key parent_of(const Inode* i) {
    std::lock_guard lock(mutex_);
    return i->parent;
  }
  std::shared_ptr<OpenObject> object_of(const Inode* i) {
    std::lock_guard lock(mutex_);
    return i->object;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<Key, std::unique_ptr<Inode>, KeyHash> map_;
  Inode* root_;
};

} // namespace lockstep
