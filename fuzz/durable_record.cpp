// Any bytes as the content of the durable record, and as one entry of the pending log: never a crash, round trips are exact.
#include "core/base/assert.hpp"
#include "core/lineage/record.hpp"
#include "core/mirror/pending.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  if (auto record = decode_record(data, size)) {
    Bytes once = encode(*record);
    auto again = decode_record(once.data(), once.size());
    LOCKSTEP_ASSERT(again && *again == *record);
  }
  Reader r(data, size);
  PendingSet set;
  if (get(r, set)) {
    Writer w;
    put(w, set);
    Bytes once = w.take();
    Reader r2(once);
    PendingSet again;
    LOCKSTEP_ASSERT(get(r2, again) && r2.done() && again == set);
  }
  return 0;
}
