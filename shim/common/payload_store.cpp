#include "shim/common/payload_store.hpp"
#include <cstring>

namespace lockstep {

Buffer Buffer::of(Bytes b) {
  auto own = std::make_shared<const Bytes>(std::move(b));
  std::span<const std::uint8_t> bytes(*own);
  return {std::move(own), bytes};
}

Buffer Buffer::copy(const void* data, std::size_t size) {
  std::shared_ptr<std::uint8_t[]> own(new std::uint8_t[size]);
  std::memcpy(own.get(), data, size);
  return {own, {own.get(), size}};
}

Payload PayloadStore::add(Buffer b) {
  if (b.bytes.empty()) return {};
  std::lock_guard lock(mutex_);
  auto size = b.bytes.size();
  held_ += size;
  entries_.emplace(++last_, Entry{std::move(b)});
  return {last_, size};
}

Buffer PayloadStore::get(std::uint64_t handle) const {
  std::lock_guard lock(mutex_);
  auto it = entries_.find(handle);
  return it == entries_.end() ? Buffer{} : it->second.buffer;
}

void PayloadStore::retain(std::uint64_t handle) {
  std::lock_guard lock(mutex_);
  if (auto it = entries_.find(handle); it != entries_.end()) ++it->second.references;
}

void PayloadStore::release(std::uint64_t handle) {
  Buffer freed; // outside the lock
  std::lock_guard lock(mutex_);
  auto it = entries_.find(handle);
  if (it == entries_.end() || --it->second.references) return;
  held_ -= it->second.buffer.bytes.size();
  freed = std::move(it->second.buffer);
  entries_.erase(it);
}

std::uint64_t PayloadStore::bytes_held() const {
  std::lock_guard lock(mutex_);
  return held_;
}

std::size_t PayloadStore::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

} // namespace lockstep
