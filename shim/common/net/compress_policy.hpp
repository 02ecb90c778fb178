// When compressing a frame pays: while the socket keeps us waiting and takes less per second than the compressor gives,
// and as long as the data lets itself be compressed.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

namespace lockstep {

class CompressPolicy {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t min_size = 513;
  static constexpr std::uint64_t slow_bytes_per_second = 300'000'000; // lz4 compresses about twice as fast

  // The socket would not take more; it took n bytes; there is nothing left to send.
  void blocked(Clock::time_point now) {
    if (!blocked_) blocked_ = true, since_ = now, bytes_ = 0;
  }
  void took(std::size_t n, Clock::time_point now) {
    bytes_ += n;
    auto us = std::chrono::duration_cast<std::chrono::microseconds>(now - since_).count();
    if (!blocked_ || us < 20'000) return;
    rate_ = bytes_ * 1'000'000 / static_cast<std::uint64_t>(us);
    since_ = now, bytes_ = 0;
  }
  void idle() { blocked_ = false, rate_ = 0; }
  bool worth_trying(std::size_t size) {
    if (size < min_size || !blocked_ || rate_ == 0 || rate_ > slow_bytes_per_second) return false;
    if (skip_ == 0) return true;
    --skip_;
    return false;
  }
  // True if the compressed form is worth sending; data that does not shrink is tried ever more rarely.
  bool result(std::size_t before, std::size_t after) {
    bool pays = after + after / 8 < before;
    penalty_ = pays ? 0 : std::min(penalty_ * 2 + 1, 63u);
    skip_ = penalty_;
    return pays;
  }

 private:
  bool blocked_ = false;
  Clock::time_point since_{};
  std::uint64_t bytes_ = 0, rate_ = 0;
  unsigned skip_ = 0, penalty_ = 0;
};

} // namespace lockstep
