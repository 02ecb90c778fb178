// The agents' sockets on UDP 4800: seals, sends and receives membership beats on every network (safekit 4).
#pragma once
#include "core/cluster/membership.hpp"
#include "shim/common/crypto/sealed_datagram.hpp"
#include "shim/common/net/udp_port.hpp"
#include "shim/common/site.hpp"
#include <functional>
#include <memory>
#include <vector>

namespace lockstep {

class MembershipHost {
 public:
  using Log = std::function<void(const std::string& sentence)>;
  static Result<std::unique_ptr<MembershipHost>> open(Loop& loop, const ClusterSite& site, Log log);
  void set_modules(std::vector<ModuleSignature> modules);
  Membership& table() { return *table_; }

 private:
  struct Peer {
    Endpoint address;
    std::unique_ptr<SealedDatagram> sealed;
    std::string name;
  };
  struct Lan {
    std::unique_ptr<UdpPort> port;
    std::vector<Peer> peers;
  };
  MembershipHost() = default;
  Result<Lan> open_lan(Loop& loop, const ClusterSite& site, const ClusterLan& lan, std::size_t index);
  void receive(std::size_t lan, const std::uint8_t* data, std::size_t n, const Endpoint& from);
  void tick();
  std::unique_ptr<Membership> table_;
  std::vector<Lan> lans_;
  std::unique_ptr<Timer> timer_;
  Duration pulse_{};
  Log log_;
};

} // namespace lockstep
