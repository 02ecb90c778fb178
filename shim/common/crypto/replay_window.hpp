// Which packet numbers of one session were seen: the highest, and a bit for each of the 1024 below it.
#pragma once
#include <array>
#include <cstdint>

namespace lockstep {

class ReplayWindow {
 public:
  static constexpr std::uint64_t width = 1024;

  // True the first time a number is given; false for a repeat and for one too old to tell. Numbers start at 1.
  bool fresh(std::uint64_t n) const {
    if (n == 0) return false;
    if (n > highest_) return true;
    if (highest_ - n >= width) return false;
    return !(bits_[word(n)] >> (n % 64) & 1);
  }
  // n is fresh() and authentic.
  void mark(std::uint64_t n) {
    if (n > highest_) {
      // Words between the old and the new highest belong to numbers that nobody has seen.
      std::uint64_t from = highest_ / 64 + 1, to = n / 64;
      if (from + bits_.size() <= to) from = to - bits_.size() + 1;
      for (auto w = from; w <= to; ++w) bits_[w % bits_.size()] = 0;
      highest_ = n;
    }
    bits_[word(n)] |= std::uint64_t{1} << (n % 64);
  }

 private:
  static std::size_t word(std::uint64_t n) { return (n / 64) % (width / 64 + 1); }
  std::uint64_t highest_ = 0;
  std::array<std::uint64_t, width / 64 + 1> bits_{}; // one word more than the window, so that it never overlaps itself
};

} // namespace lockstep
