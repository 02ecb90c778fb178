// Any bytes as a membership beat of another agent: never a crash, and the table stays bounded by cluster.xml.
#include "core/base/assert.hpp"
#include "core/cluster/membership.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  auto beat = decode_membership(data, size);
  if (!beat) return 0;
  Bytes once = encode(*beat);
  auto again = decode_membership(once.data(), once.size());
  LOCKSTEP_ASSERT(again && *again == *beat);
  Membership table({"node1", 7, {{"mirror", 1, 2, 3}}}, {"node2"}, ms(100), 10);
  table.heard(*beat, Instant{0});
  table.changes(Instant{1});
  LOCKSTEP_ASSERT(table.members(Instant{1}).size() == 2);
  return 0;
}
