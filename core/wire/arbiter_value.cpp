#include "core/wire/arbiter_value.hpp"
#include "core/base/assert.hpp"
#include <array>
#include <charconv>
#include <vector>

namespace lockstep {
namespace {

constexpr std::string_view program = "lockstep";
constexpr std::array<std::string_view, 3> roles = {"second", "prim", "operator"}; // by MintedAs

std::string hex16(std::uint64_t v) {
  std::string s(16, '0');
  for (std::size_t i = 16; i-- > 0; v >>= 4) s[i] = "0123456789abcdef"[v & 15];
  return s;
}

// The whole word and nothing else: no sign, no blank, and exactly `width` digits when that is given.
bool number(std::string_view word, int base, std::size_t width, std::uint64_t& into) {
  if (word.empty() || (width != 0 && word.size() != width)) return false;
  for (char c : word)
    if (!((c >= '0' && c <= '9') || (base == 16 && c >= 'a' && c <= 'f'))) return false;
  if (width == 0 && word.size() > 1 && word[0] == '0') return false;
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), into, base);
  return error == std::errc{} && end == word.data() + word.size();
}

// Between single blanks; an empty word is a word, so that two blanks are seen.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at <= text.size() && words.size() < 8;) {
    auto end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

bool parse_format_1(const std::vector<std::string_view>& w, Generation& g) {
  if (w.size() != 6 || !number(w[2], 10, 0, g.counter) || g.counter == 0 || !number(w[3], 16, 16, g.nonce))
    return false;
  if (w[4].size() != 32 || !number(w[4].substr(0, 16), 16, 16, g.minted_by.hi) ||
      !number(w[4].substr(16), 16, 16, g.minted_by.lo))
    return false;
  for (std::size_t i = 0; i < roles.size(); ++i)
    if (w[5] == roles[i]) return g.minted_as = static_cast<MintedAs>(i), true;
  return false;
}

} // namespace

std::string arbiter_key(std::string_view module, const DirUid& data_set) {
  LOCKSTEP_ASSERT(!module.empty() && !data_set.none());
  return "/lockstep/" + std::string(module) + "/" + to_string(data_set);
}

std::string arbiter_text(const Generation& g) {
  LOCKSTEP_ASSERT(!g.none());
  return std::string(program) + " " + std::to_string(arbiter_value_format) + " " + std::to_string(g.counter) + " " +
         hex16(g.nonce) + " " + to_string(g.minted_by) + " " +
         std::string(roles[static_cast<std::size_t>(g.minted_as)]);
}

ArbiterText parse_arbiter_text(std::string_view text, Generation& into) {
  auto words = words_of(text);
  std::uint64_t format = 0;
  if (words.size() < 2 || words[0] != program || !number(words[1], 10, 0, format)) return ArbiterText::foreign;
  if (format > arbiter_value_format) return ArbiterText::newer;
  Generation g;
  if (format != arbiter_value_format || !parse_format_1(words, g)) return ArbiterText::foreign;
  into = g;
  return ArbiterText::ok;
}

} // namespace lockstep
