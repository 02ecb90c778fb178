// Descriptors kept open, least recently used first to go. Regular files are open for reading and writing, directories
// for reading, everything else as a mere reference (O_PATH). A user's shared_ptr outlives the eviction.
#pragma once
#include "shim/linux/tree/index.hpp"
#include <list>
#include <memory>

namespace lockstep {

struct OpenObject {
  Fd fd;
  FileType type = FileType::regular;
  std::uint8_t root = 0;
};

class OpenObjects {
 public:
  explicit OpenObjects(std::size_t limit) : limit_(limit) {}
  std::shared_ptr<OpenObject> find(Key key);
  void insert(Key key, std::shared_ptr<OpenObject> object);
  void erase(Key key);
  void clear();

 private:
  struct Entry {
    std::shared_ptr<OpenObject> object;
    std::list<Key>::iterator used;
  };
  std::size_t limit_;
  std::mutex mutex_;
  std::list<Key> order_; // most recently used first
  std::unordered_map<Key, Entry, KeyHash> map_;
};

} // namespace lockstep
