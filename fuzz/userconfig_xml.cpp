// Any bytes as userconfig.xml: never a crash; a value exactly when there is no error; what is said has a place in the
// file; a value keeps its promises, and the checks against a cluster and against itself are total.
#include "core/base/assert.hpp"
#include "core/config/module_config.hpp"
#include <algorithm>

namespace {

const lockstep::ClusterConfig& cluster() {
  static const auto config =
      *lockstep::parse_cluster_config(
           "<cluster><lans><lan name='default'><node name='node1' addr='10.0.0.1'/><node name='node2' "
           "addr='10.0.0.2'/></lan></lans></cluster>")
           .value;
  return config;
}

void check_promises(const lockstep::ModuleConfig& c) {
  using namespace lockstep;
  const auto& beats = c.heart.heartbeats;
  LOCKSTEP_ASSERT(!beats.empty());
  LOCKSTEP_ASSERT(std::count_if(beats.begin(), beats.end(), [](const auto& h) { return h.flow; }) == 1);
  for (const auto& h : beats)
    LOCKSTEP_ASSERT(!h.lan.empty() && !h.ident.empty() && h.timeout > h.pulse * 2 && h.pulse.ns > 0);
  if (c.rfs) {
    LOCKSTEP_ASSERT(!c.rfs->directories.empty());
    for (const auto& d : c.rfs->directories)
      LOCKSTEP_ASSERT(d.dir.size() >= 2 && d.dir[0] == '/' && d.dir.back() != '/');
  }
  LOCKSTEP_ASSERT(!c.errd || c.user);
  LOCKSTEP_ASSERT(c.check.splitbrain.mode != ArbiterMode::ping || !c.check.splitbrain.args.empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  const std::string text(reinterpret_cast<const char*>(data), size);
  ModuleParseOptions options;
  options.environment["HOME"] = "/root";
  auto r = parse_module_config(text, options);
  LOCKSTEP_ASSERT(r.value.has_value() != has_error(r.diagnostics));
  const auto lines = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const auto& d : r.diagnostics) LOCKSTEP_ASSERT(d.line <= lines && !d.sentence.empty());
  if (!r.value) return 0;
  check_promises(*r.value);
  check_module_against_cluster(*r.value, cluster());
  LOCKSTEP_ASSERT(!check_module_against_module(*r.value, *r.value, "itself").empty()); // the heartbeat port at least
  LOCKSTEP_ASSERT(pair_digest(*r.value) == pair_digest(*parse_module_config(text, options).value));
  return 0;
}
