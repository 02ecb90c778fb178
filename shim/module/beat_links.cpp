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
  self->peer_ = peer;
  for (const BeatLinkConfig& config : links) {
    auto network = static_cast<std::uint32_t>(self->links_.size());
    Link link{config, nullptr, nullptr, {}};
    link.sealed = std::make_unique<SealedDatagram>(key, "beat:" + module + ":" + config.lan, me, peer,
                                                   [self](const std::string& sentence) { self->refused_ = sentence; });
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
  bool from_peer = from.same_address(link.config.peer);
  refused_.clear();
  Opened opened = link.sealed->open(data, n, to_string(from) + (from_peer ? " (" + peer_ + ")" : ""), boot_now());
  if (!opened.reply.empty()) link.port->send(opened.reply, from);
  bool not_understood = opened.outcome == SealOutcome::other_version || opened.outcome == SealOutcome::wrong_key;
  if (!refused_.empty()) rejected_(refused_, from_peer && not_understood);
  if (!opened.ok()) return;
  if (auto beat = decode_beat(opened.plaintext.data(), opened.plaintext.size())) return on_beat_(network, std::move(*beat));
  if (!link.undecodable) rejected_("a heartbeat of " + peer_ + " cannot be decoded: install the same version of Lockstep on both nodes", true);
  link.undecodable = true;
}

void BeatLinks::send(std::uint32_t network, const Beat& beat) {
  if (network >= links_.size()) return;
  Link& link = links_[network];
  link.port->send(link.sealed->seal(encode(beat)), link.config.peer);
}

} // namespace lockstep
