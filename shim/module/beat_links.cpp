#include "shim/module/beat_links.hpp"
#include "shim/linux/clock.hpp"

namespace lockstep {

Result<std::unique_ptr<BeatLinks>> BeatLinks::open(Loop& loop, const ClusterKey& key, const std::string& module,
                                                   const std::string& me, const std::string& peer,
                                                   const std::vector<BeatLinkConfig>& links, OnBeat on_beat, OnRejected rejected) {
  auto made = std::unique_ptr<BeatLinks>(new BeatLinks);
  BeatLinks* self = made.get();
  self->on_beat_ = std::move(on_beat);
  self->rejected_ = std::move(rejected);
  for (const BeatLinkConfig& config : links) {
    auto network = static_cast<std::uint32_t>(self->links_.size());
    Link link{config, nullptr, nullptr, {}};
    link.sealed = std::make_unique<SealedDatagram>(key, "beat:" + module + ":" + config.lan, me, peer,
                                                   [self](const std::string& sentence) { self->rejected_(sentence, false); });
    auto port = UdpPort::open(loop, config.local, "heartbeats of module " + module,
                              [self, network](const std::uint8_t* data, std::size_t n, const Endpoint& from) {
                                self->receive(network, data, n, from);
                              });
    if (!port) return Error{port.error()};
    link.port = std::make_unique<UdpPort>(std::move(*port));
    self->links_.push_back(std::move(link));
  }
  return made;
}

void BeatLinks::receive(std::uint32_t network, const std::uint8_t* data, std::size_t n, const Endpoint& from) {
  Link& link = links_[network];
  Opened opened = link.sealed->open(data, n, to_string(from), boot_now());
  if (!opened.reply.empty()) link.port->send(opened.reply, from);
  if (from.same_address(link.config.peer)) {
    if (opened.outcome == SealOutcome::other_version)
      return reject(link, "the other node speaks another version of the heartbeat protocol: install the same version on both nodes");
    if (opened.outcome == SealOutcome::wrong_key)
      return reject(link, "the other node has another cluster key: run `lockstep -H \"*\" -G` on the node whose configuration is right");
  }
  if (!opened.ok()) return;
  auto beat = decode_beat(opened.plaintext.data(), opened.plaintext.size());
  if (!beat) return reject(link, "a heartbeat of the other node cannot be decoded: install the same version on both nodes");
  link.rejected.clear();
  on_beat_(network, std::move(*beat));
}

void BeatLinks::reject(Link& link, const std::string& why) {
  if (link.rejected == why) return;
  link.rejected = why;
  rejected_(why, true);
}

void BeatLinks::send(std::uint32_t network, const Beat& beat) {
  if (network >= links_.size()) return;
  Link& link = links_[network];
  link.port->send(link.sealed->seal(encode(beat)), link.config.peer);
}

} // namespace lockstep
