// Authenticated, encrypted, replay-proof datagrams between two nodes, for one purpose on one network (design 9).
//
// One object = one peer, one purpose, one network: "beat:mirror:net0" between nodes "1" and "2". Purpose and direction
// are bound to every packet, so that a beat of one network cannot be played into another, nor back to its sender.
//
// Replay. A sender numbers its packets within a random session (one per object). A session is accepted once it has
// quoted *my* session, which proves that it lives now: a recording of an earlier life cannot. Until then open() says
// `unproven` and gives a short reply to send back; two such greetings (1.5 round trips) and both are proven. Within a
// session a sliding window of 1024 numbers refuses repeats. A newer proven session retires the older for good. So
// nothing here leans on the core's checks; what is left to them: a packet *held back* by the network for long (echo
// lease), and a peer whose own state went back in time (incarnation, control:T1). A link that carries packets one way
// only from the start is therefore never heard at all; one that loses a direction later is still heard in the other.
//
// Not thread-safe. `now` is boot time. No I/O.
#pragma once
#include "core/base/bytes.hpp"
#include "core/base/time.hpp"
#include "shim/common/crypto/cluster_key.hpp"
#include <functional>
#include <memory>
#include <string>

namespace lockstep {

enum class SealOutcome : std::uint8_t {
  ok,            // plaintext is the peer's
  greeting,      // authentic, carries no message: send `reply` if there is one
  unproven,      // authentic, but its session has not quoted mine yet: not delivered, send `reply`
  not_ours,      // too short, or not of this protocol
  other_version, // this protocol in a version we do not speak
  wrong_key,     // sealed under another cluster key (named in the report)
  forged,        // right key id, does not authenticate: damaged, forged, or meant for another purpose or direction
  replayed,      // seen before, too old, or of a retired session
};
const char* to_string(SealOutcome o);

struct Opened {
  SealOutcome outcome = SealOutcome::not_ours;
  Bytes plaintext; // when ok
  Bytes reply;     // send to where the packet came from, unless empty
  bool ok() const { return outcome == SealOutcome::ok; }
};

class SealedDatagram {
 public:
  // Bytes added to a plaintext, and the largest plaintext that fits a UDP datagram.
  static constexpr std::size_t overhead = 53;
  static constexpr std::size_t max_plaintext = 65000 - overhead;
  using Report = std::function<void(const std::string& sentence)>;

  // `me` and `peer` are the node ids of the two ends. `report` hears of strangers: the first at once, then a summary at
  // most once a minute; may be empty.
  SealedDatagram(const ClusterKey& key, std::string purpose, std::string me, std::string peer, Report report = {});
  ~SealedDatagram();
  SealedDatagram(SealedDatagram&&) noexcept;
  SealedDatagram& operator=(SealedDatagram&&) noexcept;

  // plaintext.size() <= max_plaintext is the caller's duty (asserted).
  Bytes seal(const Bytes& plaintext);
  // `from` is only for the report. Anything but `ok` changes no state that an honest peer depends on.
  Opened open(const std::uint8_t* data, std::size_t n, const std::string& from, Instant now);
  Opened open(const Bytes& b, const std::string& from, Instant now) { return open(b.data(), b.size(), from, now); }

  // Packets refused since the beginning, of any kind but greeting and unproven.
  std::uint64_t refused() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace lockstep
