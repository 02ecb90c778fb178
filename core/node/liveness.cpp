#include "core/node/liveness.hpp"
#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>

namespace lockstep {
namespace {
constexpr Duration two_thirds(Duration d) { return d * 2 / 3; }
Duration shorter(Duration a, Duration b) { return a < b ? a : b; }
Duration longer(Duration a, Duration b) { return a < b ? b : a; }
} // namespace

Liveness::Liveness(std::vector<Network> networks, Instant now)
    : networks_(std::move(networks)), links_(networks_.size()), floor_(now) {
  LOCKSTEP_ASSERT(!networks_.empty());
  for (auto& l : links_) l.next_tx = now;
  bounds_ = bounds();
}

void Liveness::heard(std::uint32_t network, const Beat& beat, const LifeId& mine, Instant now) {
  if (beat.life() == links_[network].rx_life && beat.seq <= links_[network].rx_seq) return; // late or repeated: proves nothing new
  note(network, beat, mine, now);
  bounds_ = bounds();
}

void Liveness::note(std::uint32_t network, const Beat& beat, const LifeId& mine, Instant now) {
  auto& l = links_[network];
  l.rx_life = beat.life(), l.rx_seq = beat.seq, l.rx_sent_ns = beat.sent_ns;
  l.proves = hears_us(network, beat, mine, now);
  l.peer_timeout = beat.timeout;
  trusted_ = trusted_ || l.proves || mutated(Mutant::late_life_is_heard);
  if (trusted_) l.last_heard = now;
  Instant sent{beat.echo_sent_ns};
  bool echoes = l.proves && sent >= echo_floor_;
  if (mutated(Mutant::lease_without_echo)) l.echo_sent = now;
  if (!echoes) return;
  if (mutated(Mutant::lease_from_arrival)) sent = now;
  l.echo_shown = later(l.echo_shown, sent);
  // Only a SECOND promises not to act before its own timeout; one that serves promises nothing.
  if (beat.role == Role::second || mutated(Mutant::lease_by_any_role)) l.echo_sent = later(l.echo_sent, sent);
}

bool Liveness::hears_us(std::uint32_t network, const Beat& beat, const LifeId& mine, Instant now) const {
  return beat.echo == mine && beat.echo_seq > links_[network].proof_floor && beat.echo_seq <= links_[network].tx_seq && Instant{beat.echo_sent_ns} <= now;
}

void Liveness::forget_peer(Instant now, bool trusted) {
  trusted_ = trusted;
  if (trusted) floor_ = now; // each network has its timeout to carry the new life: until then its silence says nothing
  for (auto& l : links_) {
    l.last_heard = l.echo_sent = Instant::distant_past(), l.rx_seq = 0, l.rx_life = {}, l.proves = false;
    l.proof_floor = trusted ? 0 : l.tx_seq;
  }
  bounds_ = bounds();
}

void Liveness::distrust(Instant since, Instant now) {
  if (since >= silent_from() && !mutated(Mutant::pause_revives_the_silent))
    for (auto& l : links_) l.proves = false;
  floor_ = echo_floor_ = now;
  for (auto& l : links_) l.echo_sent = Instant::distant_past(), l.next_tx = now;
  bounds_ = bounds();
}

void Liveness::stamp(std::uint32_t network, Beat& beat, Instant now) {
  auto& l = links_[network];
  beat.seq = ++l.tx_seq, beat.sent_ns = now.ns;
  beat.timeout = networks_[network].timeout, beat.pulse = networks_[network].pulse;
  beat.echo = l.rx_life, beat.echo_seq = l.rx_seq, beat.echo_sent_ns = l.rx_sent_ns;
  l.next_tx = now + networks_[network].pulse;
}

bool Liveness::due(std::uint32_t network, Instant now) const { return now >= links_[network].next_tx; }

Liveness::Bounds Liveness::bounds() const {
  const auto past = Instant::distant_past();
  Bounds b{past, past, past, past};
  for (std::size_t i = 0; i < links_.size(); ++i) {
    auto heard = later(links_[i].last_heard, floor_), silent = heard + networks_[i].timeout;
    if (mutated(Mutant::one_silent_network_is_silence) && i > 0) silent = b.silent_from = earlier(b.silent_from, silent);
    b.silent_from = later(b.silent_from, silent);
    b.quiet_from = later(b.quiet_from, heard + two_thirds(networks_[i].timeout));
    b.uneasy_from = later(b.uneasy_from, heard + longer(networks_[i].timeout / 2, networks_[i].pulse * 3));
    if (links_[i].echo_sent == past) continue;
    auto timeout = shorter(networks_[i].timeout, links_[i].peer_timeout);
    if (mutated(Mutant::lease_of_slowest_network)) timeout = longest_timeout();
    if (mutated(Mutant::lease_outlives_takeover)) timeout = timeout * 3;
    b.lease_until = later(b.lease_until, links_[i].echo_sent + two_thirds(timeout));
  }
  return b;
}

bool Liveness::proven() const {
  if (mutated(Mutant::one_deaf_network_is_deaf)) {
    auto newer = [](const Link& x, const Link& y) { return x.rx_sent_ns < y.rx_sent_ns; };
    return std::max_element(links_.begin(), links_.end(), newer)->proves;
  }
  return std::any_of(links_.begin(), links_.end(), [](const Link& l) { return l.proves; });
}

Instant Liveness::echo_sent() const {
  auto sent = Instant::distant_past();
  for (const auto& l : links_) sent = later(sent, l.echo_sent);
  return sent;
}

Instant Liveness::unechoed_from() const {
  auto from = Instant::distant_past();
  for (std::size_t i = 0; i < links_.size(); ++i) from = later(from, later(links_[i].echo_shown, floor_) + networks_[i].timeout);
  return from;
}

bool Liveness::good(std::uint32_t network, Instant now) const {
  const auto& l = links_[network];
  auto timeout = networks_[network].timeout;
  return now < l.last_heard + timeout && now < l.echo_shown + timeout;
}

Duration Liveness::listen_time() const {
  Duration d;
  for (const auto& n : networks_) d = longer(d, shorter(n.pulse * 3, n.timeout));
  return d;
}

Duration Liveness::longest_timeout() const {
  Duration d;
  for (const auto& n : networks_) d = longer(d, n.timeout);
  return d;
}

Duration Liveness::shortest_pulse() const {
  auto d = networks_.front().pulse;
  for (const auto& n : networks_) d = shorter(d, n.pulse);
  return d;
}

Instant Liveness::next_deadline(Instant now) const {
  auto next = Instant::never();
  for (const auto& l : links_) next = earlier(next, l.next_tx);
  for (auto t : {lease_until(), silent_from(), quiet_from(), uneasy_from()})
    if (t > now) next = earlier(next, t);
  return next;
}

} // namespace lockstep
