#include "core/config/nearest.hpp"
#include <algorithm>

namespace lockstep {
namespace {

constexpr std::size_t longest_word = 64; // nothing longer is a typo of a word of ours

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Optimal string alignment distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      auto same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::size_t common_start(std::string_view a, std::string_view b) {
  std::size_t n = 0;
  while (n < a.size() && n < b.size() && lower(a[n]) == lower(b[n])) ++n;
  return n;
}

std::size_t allowed(std::string_view word) { return word.size() <= 2 ? 1 : word.size() <= 6 ? 2 : 3; }

} // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  if (word.empty() || word.size() > longest_word) return best;
  std::size_t best_distance = allowed(word) + 1;
  for (auto c : candidates) {
    if (c.size() > longest_word) continue;
    auto d = distance(word, c);
    if (d >= std::max(word.size(), c.size())) continue; // a word of which nothing is left is no typo of it
    if (d < best_distance || (d == best_distance && !best.empty() && common_start(word, c) > common_start(word, best)))
      best = c, best_distance = d;
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates, std::string_view open,
                         std::string_view close, std::string_view otherwise) {
  auto n = nearest(word, candidates);
  if (n.empty()) return std::string(otherwise);
  return ": did you mean " + std::string(open) + std::string(n) + std::string(close) + "?";
}

} // namespace lockstep
