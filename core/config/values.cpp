#include "core/config/values.hpp"

namespace lockstep {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string lower(std::string_view s) {
  std::string out(s);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<TimeUnit> unit_of(std::string_view word) {
  for (auto u : {TimeUnit::us, TimeUnit::ms, TimeUnit::s, TimeUnit::min, TimeUnit::h, TimeUnit::d})
    if (word == unit_name(u)) return u;
  return std::nullopt;
}

// What people write for a unit when they do not write the unit.
std::optional<TimeUnit> meant_unit(std::string_view word) {
  struct Alias {
    TimeUnit unit;
    std::vector<std::string_view> words;
  };
  static const std::vector<Alias> aliases = {
      {TimeUnit::us, {"us", "usec", "usecs", "microsecond", "microseconds", "\xC2\xB5s"}},
      {TimeUnit::ms, {"ms", "msec", "msecs", "milli", "millis", "millisecond", "milliseconds"}},
      {TimeUnit::s, {"s", "se", "sec", "secs", "second", "seconds"}},
      {TimeUnit::min, {"m", "mn", "min", "mins", "minute", "minutes"}},
      {TimeUnit::h, {"h", "hr", "hrs", "hour", "hours"}},
      {TimeUnit::d, {"d", "day", "days"}},
  };
  auto w = lower(word);
  for (const auto& a : aliases)
    for (auto known : a.words)
      if (w == known) return a.unit;
  return std::nullopt;
}

template <class Each>
bool each_part(std::string_view s, char separator, Each each) {
  for (;;) {
    auto end = s.find(separator);
    if (!each(s.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    s.remove_prefix(end + 1);
  }
}

// Adds the components of `path` to `out`; false on "." and "..".
bool append_components(std::string_view path, std::string& out) {
  return each_part(path, '/', [&](std::string_view part) {
    if (part == "." || part == "..") return false;
    if (!part.empty()) out += '/', out += part;
    return true;
  });
}

} // namespace

std::string_view unit_name(TimeUnit u) {
  switch (u) {
  case TimeUnit::us: return "us";
  case TimeUnit::ms: return "ms";
  case TimeUnit::s: return "s";
  case TimeUnit::min: return "m";
  case TimeUnit::h: return "h";
  case TimeUnit::d: break;
  }
  return "d";
}

Duration unit_length(TimeUnit u) {
  switch (u) {
  case TimeUnit::us: return us(1);
  case TimeUnit::ms: return ms(1);
  case TimeUnit::s: return seconds(1);
  case TimeUnit::min: return seconds(60);
  case TimeUnit::h: return seconds(3600);
  case TimeUnit::d: break;
  }
  return seconds(86400);
}

TimeValue parse_time(std::string_view text, TimeUnit implicit) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  auto word = text.substr(digits);
  while (!word.empty() && is_space(word.front())) word.remove_prefix(1);
  if (digits == 0) return {TimeError::not_a_time, {}, ""};
  auto unit = word.empty() ? implicit : unit_of(word);
  if (!unit) {
    auto meant = meant_unit(word);
    if (!meant) return {TimeError::not_a_time, {}, ""};
    return {TimeError::unknown_unit, {}, std::string(text.substr(0, digits)) + std::string(unit_name(*meant))};
  }
  auto number = parse_integer(text.substr(0, digits));
  const auto length = unit_length(*unit).ns, whole = unit_length(implicit).ns;
  if (!number || *number > INT64_MAX / 4 / length) return {TimeError::too_long, {}, ""};
  if (*number == 0 && *unit != implicit) return {TimeError::rounds_to_zero, {}, ""};
  const auto exact = *number * length;
  const auto rounded = (exact + (whole - 1) / 2) / whole;
  if (exact != 0 && rounded == 0) return {TimeError::rounds_to_zero, {}, ""};
  return {TimeError::none, ns(rounded * whole), ""};
}

std::string time_text(Duration d) {
  if (d.ns == 0) return "0";
  for (auto u : {TimeUnit::d, TimeUnit::h, TimeUnit::min, TimeUnit::s, TimeUnit::ms, TimeUnit::us})
    if (d.ns % unit_length(u).ns == 0) return std::to_string(d.ns / unit_length(u).ns) + std::string(unit_name(u));
  return std::to_string(d.ns) + "ns";
}

std::optional<std::int64_t> parse_integer(std::string_view s) {
  const bool minus = !s.empty() && s[0] == '-';
  if (minus) s.remove_prefix(1);
  if (s.empty() || s.size() > 18) return std::nullopt; // 18 digits fit for sure
  std::int64_t v = 0;
  for (char c : s) {
    if (!is_digit(c)) return std::nullopt;
    v = v * 10 + (c - '0');
  }
  return minus ? -v : v;
}

bool is_ipv4(std::string_view s) {
  int parts = 0;
  const bool good = each_part(s, '.', [&](std::string_view p) {
    const bool plain = p.size() == 1 || (p.size() <= 3 && !p.empty() && p[0] != '0'); // "010" is octal to some
    const auto v = parse_integer(p).value_or(-1);
    return ++parts <= 4 && plain && v >= 0 && v <= 255;
  });
  return good && parts == 4;
}

bool is_ipv6(std::string_view s) {
  if (auto zone = s.find('%'); zone != std::string_view::npos) {
    if (!is_plain_name(s.substr(zone + 1))) return false;
    s = s.substr(0, zone);
  }
  auto gap = s.find("::");
  if (gap != std::string_view::npos && s.find("::", gap + 1) != std::string_view::npos) return false;
  int groups = 0;
  // Counts the groups of one side of "::"; an IPv4 address may be the last, worth two.
  auto side = [&](std::string_view part, bool last_side) {
    if (part.empty()) return true;
    std::size_t left = part.size();
    return each_part(part, ':', [&](std::string_view g) {
      left -= g.size();
      const bool last = left == 0;
      if (left > 0) --left;
      if (last && last_side && g.find('.') != std::string_view::npos) return groups += 2, is_ipv4(g);
      ++groups;
      if (g.empty() || g.size() > 4) return false;
      for (char c : g)
        if (!is_digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'f')) return false;
      return true;
    });
  };
  if (gap == std::string_view::npos) return side(s, true) && groups == 8;
  return side(s.substr(0, gap), false) && side(s.substr(gap + 2), true) && groups <= 7;
}

bool is_dns_name(std::string_view s) {
  if (s.size() > 253) return false;
  if (s.ends_with('.')) s.remove_suffix(1);
  std::string_view last;
  const bool labels = each_part(s, '.', [&](std::string_view label) {
    last = label;
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    for (char c : label)
      if (!is_digit(c) && !is_letter(c) && c != '-' && c != '_') return false;
    return true;
  });
  if (!labels) return false;
  for (char c : last) // a number at the end makes it a mistyped IPv4 address, never a name
    if (!is_digit(c)) return true;
  return false;
}

bool is_netmask(std::string_view s) {
  if (!is_ipv4(s)) return false;
  std::uint32_t mask = 0;
  each_part(s, '.', [&](std::string_view p) {
    return mask = mask << 8 | static_cast<std::uint32_t>(parse_integer(p).value_or(0)), true;
  });
  const std::uint32_t zeros = ~mask;
  return mask != 0 && (zeros & (zeros + 1)) == 0;
}

std::optional<std::string> parse_address(std::string_view s) {
  if (s.size() > 2 && s.front() == '[' && s.back() == ']') {
    auto inner = s.substr(1, s.size() - 2);
    return is_ipv6(inner) ? std::optional(std::string(inner)) : std::nullopt;
  }
  return is_ipv4(s) || is_ipv6(s) || is_dns_name(s) ? std::optional(std::string(s)) : std::nullopt;
}

bool is_plain_name(std::string_view s) {
  if (s.empty() || s.size() > 64) return false;
  for (char c : s)
    if (!is_digit(c) && !is_letter(c) && c != '.' && c != '-' && c != '_' && c != ':') return false;
  return true;
}

bool is_identifier(std::string_view s) {
  if (s.empty() || s.size() > 128 || is_digit(s[0])) return false;
  for (char c : s)
    if (!is_digit(c) && !is_letter(c) && c != '_') return false;
  return true;
}

std::optional<std::string> normal_absolute_path(std::string_view s) {
  std::string out;
  if (s.empty() || s[0] != '/' || s.size() > 4095 || !append_components(s, out)) return std::nullopt;
  return out.empty() ? "/" : out;
}

std::optional<std::string> normal_relative_path(std::string_view s) {
  std::string out;
  if (s.empty() || s[0] == '/' || s.size() > 4095 || !append_components(s, out) || out.empty()) return std::nullopt;
  return out.substr(1);
}

bool lies_in(std::string_view path, std::string_view dir) {
  if (dir == "/" || path == dir) return true;
  return path.size() > dir.size() && path.starts_with(dir) && path[dir.size()] == '/';
}

std::string regex_fault(std::string_view s) {
  int open = 0;
  bool repeatable = false; // something stands before that "*" could repeat
  for (std::size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    if (c == '\\') {
      if (++i == s.size()) return "it ends in a single \"\\\"";
      repeatable = true;
    } else if (c == '[') {
      auto from = i + 1;
      if (from < s.size() && s[from] == '^') ++from;
      auto end = s.find(']', from + 1); // a "]" that comes first is a member
      if (end == std::string_view::npos) return "a \"[\" has no \"]\"";
      i = end;
      repeatable = true;
    } else if (c == '(') {
      ++open;
      repeatable = false;
    } else if (c == ')') {
      if (--open < 0) return "a \")\" has no \"(\"";
      repeatable = true;
    } else if (c == '*' || c == '+' || c == '?') {
      if (!repeatable) return std::string("a \"") + c + "\" has nothing to repeat";
    } else {
      repeatable = c != '|' && c != '^';
    }
  }
  return open > 0 ? "a \"(\" has no \")\"" : "";
}

std::vector<std::string> split_words(std::string_view s) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < s.size();) {
    auto from = i;
    while (i < s.size() && !is_space(s[i])) ++i;
    if (i > from) words.emplace_back(s.substr(from, i - from));
    while (i < s.size() && is_space(s[i])) ++i;
  }
  return words;
}

} // namespace lockstep
