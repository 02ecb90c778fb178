#include "shim/linux/tree/open_objects.hpp"

namespace lockstep {

std::shared_ptr<OpenObject> OpenObjects::find(Key key) {
  std::lock_guard lock(mutex_);
  auto it = map_.find(key);
  if (it == map_.end()) return nullptr;
  order_.splice(order_.begin(), order_, it->second.used);
  return it->second.object;
}

void OpenObjects::insert(Key key, std::shared_ptr<OpenObject> object) {
  std::shared_ptr<OpenObject> evicted; // closed outside the lock
  std::lock_guard lock(mutex_);
  if (auto it = map_.find(key); it != map_.end()) {
    evicted = std::exchange(it->second.object, std::move(object));
    return;
  }
  order_.push_front(key);
  map_.emplace(key, Entry{std::move(object), order_.begin()});
  if (map_.size() <= limit_) return;
  auto last = map_.find(order_.back());
  evicted = std::move(last->second.object);
  map_.erase(last);
  order_.pop_back();
}

void OpenObjects::erase(Key key) {
  std::shared_ptr<OpenObject> closed;
  std::lock_guard lock(mutex_);
  auto it = map_.find(key);
  if (it == map_.end()) return;
  closed = std::move(it->second.object);
  order_.erase(it->second.used);
  map_.erase(it);
}

void OpenObjects::clear() {
  std::lock_guard lock(mutex_);
  map_.clear();
  order_.clear();
}

} // namespace lockstep
