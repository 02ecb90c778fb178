// The operator's words for commands (safekit 2.1), as the CLI sends them.
#pragma once
#include "core/node/io.hpp"
#include <optional>
#include <string>

namespace lockstep {

inline std::optional<Verb> verb_of(const std::string& word) {
  for (auto v : {Verb::start, Verb::prim, Verb::prim_fullsync, Verb::primforce, Verb::second, Verb::second_fullsync, Verb::stop,
                 Verb::restart, Verb::stopstart, Verb::swap, Verb::forcestop, Verb::failover_on, Verb::failover_off, Verb::errd_on,
                 Verb::errd_off})
    if (word == verb_name(v)) return v;
  return std::nullopt;
}

// What a stopped module can do.
inline bool starts(Verb v) {
  return v == Verb::start || v == Verb::prim || v == Verb::prim_fullsync || v == Verb::primforce || v == Verb::second ||
         v == Verb::second_fullsync || v == Verb::stopstart;
}

} // namespace lockstep
