// Where every key of this node is: key -> file handle. A hint that is rebuilt by a scan; the xattr is the truth (data
// T18). About 90 bytes per object.
#pragma once
#include "shim/linux/tree/object.hpp"
#include <mutex>
#include <optional>
#include <unordered_map>

namespace lockstep {

struct KeyHash {
  std::size_t operator()(const Key& k) const {
    auto h = (k.minter ^ (k.minter >> 29)) * 0x9e3779b97f4a7c15ull + k.counter;
    return static_cast<std::size_t>((h ^ (h >> 32)) * 0xd6e8feb86659fd93ull);
  }
};

class ObjectIndex {
 public:
  // false: the key was there already, for another inode (it is left alone).
  bool insert(Key key, const ObjectHandle& handle) {
    std::lock_guard lock(mutex_);
    auto [it, fresh] = map_.emplace(key, handle);
    return fresh || it->second.same_inode(handle);
  }
  // What a look at the tree just showed is right, whatever was known.
  void assign(Key key, const ObjectHandle& handle) {
    std::lock_guard lock(mutex_);
    map_.insert_or_assign(key, handle);
  }
  void erase(Key key) {
    std::lock_guard lock(mutex_);
    map_.erase(key);
  }
  std::optional<ObjectHandle> find(Key key) const {
    std::lock_guard lock(mutex_);
    auto it = map_.find(key);
    return it == map_.end() ? std::nullopt : std::optional(it->second);
  }
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return map_.size();
  }
  void clear() {
    std::lock_guard lock(mutex_);
    map_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<Key, ObjectHandle, KeyHash> map_;
};

} // namespace lockstep
