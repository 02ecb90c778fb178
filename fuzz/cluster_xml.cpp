// Any bytes as cluster.xml: never a crash; a value exactly when there is no error; what is said has a place in the
// file; a value keeps its promises (a lan holds all nodes, names are fit for resources).
#include "core/base/assert.hpp"
#include "core/config/cluster.hpp"
#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto r = parse_cluster_config(text);
  LOCKSTEP_ASSERT(r.value.has_value() != has_error(r.diagnostics));
  const auto lines = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const auto& d : r.diagnostics) LOCKSTEP_ASSERT(d.line <= lines && !d.sentence.empty());
  if (!r.value) return 0;
  const auto names = node_names(*r.value);
  LOCKSTEP_ASSERT(names.size() >= 2 && !command_lan(*r.value).nodes.empty());
  for (const auto& lan : r.value->lans) {
    LOCKSTEP_ASSERT(!lan.name.empty() && lan.nodes.size() >= 2 && find_lan(*r.value, lan.name) == &lan);
    for (const auto& n : lan.nodes)
      LOCKSTEP_ASSERT(!n.addr.empty() && std::find(names.begin(), names.end(), n.name) != names.end());
  }
  return 0;
}
