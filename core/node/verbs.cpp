// The operator's words for commands (safekit 2.1).
#include "core/node/io.hpp"

namespace lockstep {

const char* verb_name(Verb v) {
  switch (v) {
  case Verb::start: return "start";
  case Verb::prim: return "prim";
  case Verb::prim_fullsync: return "prim fullsync";
  case Verb::primforce: return "primforce";
  case Verb::second: return "second";
  case Verb::second_fullsync: return "second fullsync";
  case Verb::stop: return "stop";
  case Verb::restart: return "restart";
  case Verb::stopstart: return "stopstart";
  case Verb::swap: return "swap";
  case Verb::forcestop: return "forcestop";
  case Verb::failover_on: return "failover on";
  case Verb::failover_off: return "failover off";
  case Verb::errd_on: return "errd on";
  case Verb::errd_off: return "errd off";
  }
  return "?";
}

std::optional<Verb> verb_of(std::string_view word) {
  for (auto v : {Verb::start, Verb::prim, Verb::prim_fullsync, Verb::primforce, Verb::second, Verb::second_fullsync, Verb::stop,
                 Verb::restart, Verb::stopstart, Verb::swap, Verb::forcestop, Verb::failover_on, Verb::failover_off, Verb::errd_on,
                 Verb::errd_off})
    if (word == verb_name(v)) return v;
  return std::nullopt;
}

bool starts(Verb v) {
  switch (v) {
  case Verb::start:
  case Verb::prim:
  case Verb::prim_fullsync:
  case Verb::primforce:
  case Verb::second:
  case Verb::second_fullsync: return true;
  default: return false;
  }
}

} // namespace lockstep
