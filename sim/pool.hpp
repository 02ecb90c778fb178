// Memory for the many small things of one run that come and go: free lists by size over chunks that end with the run.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace lockstep::sim {

class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  void* take(std::size_t size) {
    if (size > largest) return ::operator new(size);
    auto& free = free_[index(size)];
    if (!free) return carve((index(size) + 1) * step);
    return std::exchange(free, free->next);
  }
  void give(void* p, std::size_t size) {
    if (size > largest) return ::operator delete(p);
    auto& free = free_[index(size)];
    free = new (p) Free{free};
  }

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t step = 32, largest = 1024, chunk = 64 * 1024;
  static constexpr std::size_t index(std::size_t size) { return size == 0 ? 0 : (size - 1) / step; }
  void* carve(std::size_t size) {
    if (left_ < size) chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(left_ = chunk));
    left_ -= size;
    return chunks_.back().get() + left_;
  }
  std::array<Free*, largest / step> free_{};
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::size_t left_ = 0;
};

} // namespace lockstep::sim
