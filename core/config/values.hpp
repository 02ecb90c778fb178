// The words and numbers that attributes hold, read from text alone. Every function is total.
#pragma once
#include "core/base/time.hpp"
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

// The unit a bare number has (safekit 3.0); it depends on the attribute.
enum class TimeUnit : std::uint8_t { us, ms, s, min, h, d };
std::string_view unit_name(TimeUnit); // "us" "ms" "s" "m" "h" "d"
Duration unit_length(TimeUnit);

enum class TimeError : std::uint8_t { none, not_a_time, unknown_unit, too_long, rounds_to_zero };
struct TimeValue {
  TimeError error = TimeError::none;
  Duration value;         // a whole number of the implicit unit
  std::string suggestion; // unknown_unit: the whole value with the nearest unit, or empty
};
// "30000", "30s", "2 h": converted to `implicit` and rounded to the nearest whole one (a half rounds down). A value
// that is not zero but rounds to it, and a zero in a unit other than the implicit one, is refused (safekit 3.0).
TimeValue parse_time(std::string_view text, TimeUnit implicit);
// The shortest exact writing: "30s", "700ms", "0".
std::string time_text(Duration);

// Decimal digits, an optional minus; nothing else.
std::optional<std::int64_t> parse_integer(std::string_view);

bool is_ipv4(std::string_view);
bool is_ipv6(std::string_view); // without brackets; an optional %zone
bool is_dns_name(std::string_view);
bool is_netmask(std::string_view); // IPv4 dotted mask of leading ones
// The address without the brackets an IPv6 may have; nothing when it is neither an address nor a possible DNS name.
std::optional<std::string> parse_address(std::string_view);

// Names of nodes, lans and resources: letters, digits, "." "-" "_" ":", at most 64.
bool is_plain_name(std::string_view);
// Names of script variables and macros: a letter or "_", then letters, digits, "_".
bool is_identifier(std::string_view);

// The normal form of an absolute path ("//" and a trailing "/" removed); nothing for a relative one or with "." or ".."
// in it.
std::optional<std::string> normal_absolute_path(std::string_view);
// The same for a path below some directory.
std::optional<std::string> normal_relative_path(std::string_view);
// `path` is `dir` or lies below it; both in normal form.
bool lies_in(std::string_view path, std::string_view dir);

// What is wrong with the brackets and repetitions of a POSIX extended regular expression; empty: nothing that shows
// here (the host compiles it later).
std::string regex_fault(std::string_view);

// The words between white space.
std::vector<std::string> split_words(std::string_view);

} // namespace lockstep
