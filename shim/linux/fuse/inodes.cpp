#include "shim/linux/fuse/inodes.hpp"

namespace lockstep {

InodeTable::InodeTable(Key root, std::uint64_t root_lookups) {
  auto inode = std::make_unique<Inode>();
  inode->key = inode->parent = root, inode->type = FileType::directory, inode->lookups = root_lookups;
  root_ = inode.get();
  map_.emplace(root, std::move(inode));
}

Inode* InodeTable::look_up(Key key, FileType type, Key parent) {
  std::lock_guard lock(mutex_);
  auto& slot = map_[key];
  if (!slot) {
    slot = std::make_unique<Inode>();
    slot->key = key, slot->type = type;
  }
  slot->parent = parent;
  ++slot->lookups;
  return slot.get();
}

void InodeTable::forget(Inode* inode, std::uint64_t lookups) {
  if (inode == root_) return;
  std::unique_ptr<Inode> gone; // freed outside the lock
  std::lock_guard lock(mutex_);
  inode->lookups -= std::min(lookups, inode->lookups);
  if (inode->lookups || inode->opens) return;
  auto it = map_.find(inode->key);
  gone = std::move(it->second);
  map_.erase(it);
}

Inode* InodeTable::find(Key key) {
  std::lock_guard lock(mutex_);
  auto it = map_.find(key);
  return it == map_.end() ? nullptr : it->second.get();
}

} // namespace lockstep
