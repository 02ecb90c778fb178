// What the arbiter keeps for a data set (design 6): one key, "/lockstep/MODULE/DIR_UID", whose value is one line of
// text, so that a person can read it with `etcdctl get --prefix /lockstep/`:
//
//   lockstep 1 COUNTER NONCE MINTED_BY MINTED_AS
//   lockstep 1 42 00112233445566ff 0123456789abcdef0123456789abcdef prim
//
// format 1; COUNTER decimal; NONCE 16 and MINTED_BY 32 hexadecimal digits; MINTED_AS second, prim or operator. A
// generation has exactly one text, which the store compares byte by byte: what parses is what would be written again.
// Pure.
#pragma once
#include "core/base/ids.hpp"
#include <optional>
#include <string>
#include <string_view>

namespace lockstep {

constexpr unsigned arbiter_value_format = 1;

// `module` is a module's name; `data_set` is never none.
std::string arbiter_key(std::string_view module, const DirUid& data_set);
// `g` is never none.
std::string arbiter_text(const Generation& g);

enum class ArbiterText : std::uint8_t {
  ok,
  newer,   // another format of ours: written by a newer program
  foreign, // anything else
};
// Total: any bytes give one of the three; `into` is set when it is ok.
ArbiterText parse_arbiter_text(std::string_view text, Generation& into);

} // namespace lockstep
