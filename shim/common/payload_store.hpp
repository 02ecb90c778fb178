// The bytes behind Payload::handle (core/mirror/op.hpp): file data on its way between FUSE, executor, connection and
// disk. The core hands handles on; whoever works on the bytes holds a reference, so that a release never takes them
// away from under it.
#pragma once
#include "core/base/bytes.hpp"
#include "core/mirror/op.hpp"
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>

namespace lockstep {

// Memory that owns itself, and the part of it that counts: what the kernel delivered is handed on without a copy.
struct Buffer {
  std::shared_ptr<const void> owner;
  std::span<const std::uint8_t> bytes;

  static Buffer of(Bytes b);
  static Buffer copy(const void* data, std::size_t size);
};

class PayloadStore {
 public:
  // The caller has one reference; `release` gives it back. An empty buffer needs no handle: {0, 0}.
  Payload add(Buffer b);
  Payload add(Bytes b) { return add(Buffer::of(std::move(b))); }
  // An unknown handle gives an empty buffer.
  Buffer get(std::uint64_t handle) const;
  void retain(std::uint64_t handle);  // one more reference
  void release(std::uint64_t handle); // the last one frees the bytes; 0 and unknown handles are ignored
  std::uint64_t bytes_held() const;
  std::size_t size() const;

 private:
  struct Entry {
    Buffer buffer;
    std::uint32_t references = 1;
  };
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::uint64_t last_ = 0, held_ = 0;
};

} // namespace lockstep
