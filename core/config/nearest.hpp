// "Did you mean": the known word closest to a mistyped one.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

// The candidate that differs least (insert, delete, replace, swap of neighbours; case counts nothing), when it is close
// enough to be what was meant; else empty. Of equally close ones the one that begins alike wins, then the first.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// ": did you mean X?" with X dressed by `open` and `close`, or, when nothing is close, `otherwise`.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates, std::string_view open,
                         std::string_view close, std::string_view otherwise);

} // namespace lockstep
