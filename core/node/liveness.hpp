// Who is heard, who hears us, and until when this node may serve on the strength of it (design 3, control (iii) 7-9).
// Pure bookkeeping per heartbeat network; it decides nothing. All instants are this node's boot time.
#pragma once
#include "core/base/time.hpp"
#include "core/wire/beat.hpp"
#include <vector>

namespace lockstep {

struct Network {          // one <heartbeat>
  std::string lan, ident; // resource heartbeat.<ident>
  Duration pulse = ms(700), timeout = seconds(30);
  bool flow = false; // carries the replication
};

class Liveness {
 public:
  Liveness(std::vector<Network> networks, Instant now);

  // A beat of the peer's present life arrived. `mine`: our own life, whose echo counts.
  void heard(std::uint32_t network, const Beat& beat, const LifeId& mine, Instant now);
  // It echoes a beat that this life of ours has sent.
  bool hears_us(std::uint32_t network, const Beat&, const LifeId& mine, Instant now) const;
  // The peer's present life has heard this life of ours, on one network at least.
  bool proven() const;
  // Another life of the peer: nothing heard from the old one counts. Unless it is trusted it ends no silence, and an echo of what left before
  // now proves nothing: its beats may be late or repeated ones of a life that is over.
  void forget_peer(Instant now, bool trusted);
  // This node stood still from `since` until now (design 3): every lease must be renewed by a beat sent from now on, and the peer
  // gets a full timeout again. One that was silent before is not back by that: it must be heard to count as there.
  void distrust(Instant since, Instant now);

  // Fills in seq, sent, timeout, pulse and echo of a beat for `network`, and remembers it as sent.
  void stamp(std::uint32_t network, Beat& beat, Instant now);
  bool due(std::uint32_t network, Instant now) const;

  // The echo lease: max_i(echo_sent_i + 2/3 * min(my timeout_i, the peer's)). distant_past without any echo.
  Instant lease_until() const { return bounds_.lease_until; }
  Instant echo_sent() const; // of the newest own beat behind it
  // The peer is silent for this node from here on: max_i(last_i + timeout_i).
  Instant silent_from() const { return bounds_.silent_from; }
  // Silent for the lease's part of the timeout on every network: PRIM may ask the witness ((iii) 10).
  Instant quiet_from() const { return bounds_.quiet_from; }
  // Nothing for half a timeout (at least three pulses): SECOND prepares (data:D10).
  Instant uneasy_from() const { return bounds_.uneasy_from; }
  // The other node did not prove on any network, for its timeout, that it hears this one.
  Instant unechoed_from() const;
  bool good(std::uint32_t network, Instant now) const; // both ways
  bool any_heard(Instant now) const { return now < silent_from(); }
  // Three pulses of the slowest network: long enough to hear a living peer at a start.
  Duration listen_time() const;
  Duration longest_timeout() const;
  Duration shortest_pulse() const;
  Instant next_deadline(Instant now) const;
  std::uint64_t sent_seq(std::uint32_t network) const { return links_[network].tx_seq; }
  const std::vector<Network>& networks() const { return networks_; }
  // As Node::walk.
  template <class Walker>
  void walk(Walker& w) const {
    w(floor_, echo_floor_, trusted_);
    for (const auto& l : links_) {
      w(l.last_heard, l.echo_shown, l.echo_sent, l.next_tx, l.proves);
      w.beat_seq(l.tx_seq), w.beat_seq(l.proof_floor);
      w.heard(l.rx_life, l.rx_seq, l.rx_sent_ns);
    }
  }

 private:
  struct Link {
    Instant last_heard = Instant::distant_past();
    Instant echo_shown = Instant::distant_past(); // as echo_sent, for display: outlives the peer's incarnation
    Instant echo_sent = Instant::distant_past();  // when our newest beat left that the peer proved to have received
    Duration peer_timeout;
    std::uint64_t tx_seq = 0, proof_floor = 0; // echoes of beats up to here prove nothing
    Instant next_tx;
    LifeId rx_life;
    std::uint64_t rx_seq = 0;
    std::int64_t rx_sent_ns = 0;
    bool proves = false; // the newest beat heard us
  };
  // Asked for many times in a step, and changed by what was heard only.
  struct Bounds {
    Instant lease_until, silent_from, quiet_from, uneasy_from;
  };
  Bounds bounds() const;
  void note(std::uint32_t network, const Beat& beat, const LifeId& mine, Instant now);
  std::vector<Network> networks_;
  std::vector<Link> links_;
  Bounds bounds_;
  Instant floor_; // silence is never counted from earlier; echoes of earlier beats renew nothing
  Instant echo_floor_ = Instant::distant_past();
  bool trusted_ = true; // what is heard counts; else when it has proved to hear us
};

} // namespace lockstep
