// Any bytes as a datagram on a heartbeat port, from a stranger: never accepted, never a crash, nothing changes for the peer.
#include "core/base/assert.hpp"
#include "shim/common/crypto/sealed_datagram.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  static const ClusterKey key = ClusterKey::from_secret({1, 2, 3});
  static SealedDatagram me(key, "beat:fuzz:net0", "1", "2"), peer(key, "beat:fuzz:net0", "2", "1");
  static const bool greeted = [] { // so that the peer's session is proven before strangers knock
    for (int i = 0; i < 3; ++i) {
      Opened a = me.open(peer.seal({1}), "peer", Instant{i});
      if (!a.reply.empty()) peer.open(a.reply, "me", Instant{i});
      Opened b = peer.open(me.seal({1}), "me", Instant{i});
      if (!b.reply.empty()) me.open(b.reply, "peer", Instant{i});
    }
    return true;
  }();
  LOCKSTEP_ASSERT(greeted);
  LOCKSTEP_ASSERT(!me.open(data, size, "stranger", Instant{10}).ok());
  LOCKSTEP_ASSERT(me.open(peer.seal({7}), "peer", Instant{11}).ok());
  return 0;
}
