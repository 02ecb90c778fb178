// How many bytes a file's marks stand for: what a progress bar counts.
#pragma once
#include "core/mirror/pending.hpp"
#include <algorithm>
#include <optional>

namespace lockstep {

// Of a file of `size` bytes; without a size, what reaches to the end counts nothing.
inline std::uint64_t marked_bytes(const BlockRanges& blocks, std::optional<std::uint64_t> size) {
  std::uint64_t sum = 0;
  for (auto& [first, end] : blocks.ranges()) {
    bool open = end == BlockRanges::whole_file;
    if (open && !size) continue;
    auto till = open ? *size : std::min(end * block_size, size.value_or(end * block_size));
    if (till > first * block_size) sum += till - first * block_size;
  }
  return sum;
}

} // namespace lockstep
