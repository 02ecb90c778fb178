// NodeView as JSON: what `state`, `--json` and the console read. One place for names and units.
#pragma once
#include "core/node/io.hpp"
#include <nlohmann/json_fwd.hpp>

namespace lockstep {
nlohmann::json to_json(const NodeView& view, Instant now);
nlohmann::json to_json(const ResyncProgress&);
const char* freshness_name(Freshness);
} // namespace lockstep
