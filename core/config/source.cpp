#include "core/config/source.hpp"
#include <algorithm>

namespace lockstep {

LineIndex::LineIndex(std::string_view text) : starts_{0} {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') starts_.push_back(i + 1);
}

Place LineIndex::place(std::size_t offset) const {
  auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
  auto line = static_cast<std::size_t>(next - starts_.begin());
  return {static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(offset - starts_[line - 1] + 1)};
}

void Findings::add(Severity severity, Place at, std::string sentence) {
  if (severity == Severity::error) ++errors_;
  if (all_.size() >= most) return;
  if (all_.size() + 1 == most) sentence = "there is more to say; correct these first", severity = Severity::warning;
  all_.push_back({severity, file_, at.line, at.column, std::move(sentence)});
}

std::vector<Diagnostic> Findings::take() {
  std::stable_sort(all_.begin(), all_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
  });
  return std::move(all_);
}

std::string quoted_piece(std::string_view s) {
  constexpr std::size_t longest = 80;
  std::size_t n = std::min(s.size(), longest);
  while (n < s.size() && n > 0 && (static_cast<unsigned char>(s[n]) & 0xc0) == 0x80) --n; // not inside a character
  std::string out(s.substr(0, n));
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return n < s.size() ? out + "..." : out;
}

} // namespace lockstep
