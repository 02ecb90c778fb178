#include "shim/module/view_json.hpp"
#include <nlohmann/json.hpp>

namespace lockstep {
using nlohmann::json;

const char* freshness_name(Freshness f) {
  switch (f) {
    case Freshness::own: return "own";
    case Freshness::shared: return "shared";
    case Freshness::outdated: return "outdated";
    case Freshness::inconsistent: return "inconsistent";
  }
  return "?";
}

json to_json(const ResyncProgress& p) {
  return {{"full", p.full},
          {"dirs_done", p.dirs_done},
          {"dirs_total", p.dirs_total},
          {"files_done", p.files_done},
          {"files_total", p.files_total},
          {"bytes_sent", p.bytes_sent},
          {"bytes_compared", p.bytes_compared},
          {"bytes_total", p.bytes_total}};
}

json to_json(const NodeView& v, Instant now) {
  json out{{"role", role_name(v.role)},
           {"sub", sub_name(v.sub)},
           {"uptodate", v.uptodate},
           {"serving", v.serving},
           {"peer_known", v.peer_known},
           {"peer_role", v.peer_known ? role_name(v.peer_role) : "UNKNOWN"},
           {"peer_sub", v.peer_known ? sub_name(v.peer_sub) : "Unknown"},
           {"freshness", freshness_name(v.record.state)},
           {"generation", to_string(v.record.g)},
           {"incarnation", v.record.incarnation.value},
           {"writes_held", v.writes_held}};
  if (!v.peer_refused.empty()) out["peer_refused"] = v.peer_refused;
  if (v.writes_held) out["held_seconds"] = (now - v.held_since).in_ms() / 1000;
  if (v.wait.kind != Wait::none)
    out["wait"] = {{"rule", rule_name(v.wait.rule)},
                   {"seconds", (now - v.wait.since).in_ms() / 1000},
                   {"why", v.wait.why},
                   {"needs", v.wait.needs},
                   {"to_do", v.wait.to_do}};
  if (v.resync) out["resync"] = to_json(*v.resync);
  json resources = json::array();
  for (const Resource& r : v.resources) resources.push_back({{"name", r.name}, {"value", r.value}, {"since", r.changed_wall_s}});
  out["resources"] = resources;
  return out;
}

} // namespace lockstep
