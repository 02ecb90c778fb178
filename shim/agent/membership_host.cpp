#include "shim/agent/membership_host.hpp"
#include "shim/linux/clock.hpp"

namespace lockstep {

Result<std::unique_ptr<MembershipHost>> MembershipHost::open(Loop& loop, const ClusterSite& site, Log log) {
  auto made = std::unique_ptr<MembershipHost>(new MembershipHost);
  made->log_ = std::move(log);
  made->pulse_ = site.config.pulse;
  MembershipBeat self{site.self, site.config.text_digest, {}};
  made->table_ = std::make_unique<Membership>(self, site.others, site.config.pulse, site.config.slost_count);
  for (const ClusterLan& lan : site.config.lans) {
    if (!find_node(lan, site.self)) continue;
    auto opened = made->open_lan(loop, site, lan, made->lans_.size());
    if (!opened) return Error{opened.error()};
    made->lans_.push_back(std::move(*opened));
  }
  made->timer_ = std::make_unique<Timer>(loop);
  made->tick();
  return made;
}

Result<MembershipHost::Lan> MembershipHost::open_lan(Loop& loop, const ClusterSite& site, const ClusterLan& lan, std::size_t index) {
  Lan out;
  const ClusterNode* me = find_node(lan, site.self);
  auto local = Endpoint::resolve(me->laddr.empty() ? me->addr : me->laddr, site.config.port);
  if (!local) return Error{local.error()};
  auto port = UdpPort::open(loop, *local, "the membership of the cluster",
                            [this, index](const std::uint8_t* data, std::size_t n, const Endpoint& from) { receive(index, data, n, from); });
  if (!port) return Error{port.error()};
  out.port = std::make_unique<UdpPort>(std::move(*port));
  for (const ClusterNode& node : lan.nodes) {
    if (node.name == site.self) continue;
    auto address = Endpoint::resolve(node.addr, site.config.port);
    if (!address) {
      log_(address.error());
      continue;
    }
    out.peers.push_back({*address, std::make_unique<SealedDatagram>(
                                       site.key, "member:" + lan.name, site.self, node.name,
                                       [this, name = node.name](const std::string& sentence) {
                                         table_->refused(name, sentence);
                                         log_(sentence);
                                       }),
                         node.name});
  }
  return out;
}

void MembershipHost::receive(std::size_t lan, const std::uint8_t* data, std::size_t n, const Endpoint& from) {
  Instant now = boot_now();
  for (Peer& peer : lans_[lan].peers) {
    if (!from.same_address(peer.address)) continue; // a stranger costs nothing and changes nothing
    Opened opened = peer.sealed->open(data, n, to_string(from) + " (" + peer.name + ")", now);
    if (!opened.reply.empty()) lans_[lan].port->send(opened.reply, from);
    if (!opened.ok()) return;
    if (auto beat = decode_membership(opened.plaintext.data(), opened.plaintext.size())) table_->heard(*beat, now);
    return;
  }
}

void MembershipHost::set_modules(std::vector<ModuleSignature> modules) {
  MembershipBeat self = table_->self();
  self.modules = std::move(modules);
  table_->set_self(std::move(self));
}

void MembershipHost::tick() {
  Bytes beat = encode(table_->self());
  for (Lan& lan : lans_)
    for (Peer& peer : lan.peers) lan.port->send(peer.sealed->seal(beat), peer.address);
  for (const std::string& sentence : table_->changes(boot_now())) log_(sentence);
  timer_->after(pulse_, [this] { tick(); });
}

} // namespace lockstep
