// The durable record as two files, read by the real codec (control (iii) 26 and 27; core/wire/record_file.hpp): what a power cut in the midst
// of writing them leaves, and what a rotten one of them does.
#pragma once
#include "core/lineage/record.hpp"
#include "sim/oracles.hpp"
#include <optional>

namespace lockstep::sim {

// The copies are written one after the other; the power may go at any byte of either. Judged: it is the record before or the one after.
std::optional<Record> after_torn_write(const std::optional<Record>& before, const Record& written, std::uint64_t hash, Oracles&);
// One copy has a byte that is another, or ends early. Judged: the other copy tells all.
std::optional<Record> after_rot(const std::optional<Record>& stored, std::uint64_t hash, Oracles&);

} // namespace lockstep::sim
