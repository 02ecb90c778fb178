// The heartbeat sockets of one module: one sealed UDP link per network (design 9, Security). Opens, authenticates and
// decodes; what a beat means is Node's.
#pragma once
#include "core/wire/beat.hpp"
#include "shim/common/crypto/sealed_datagram.hpp"
#include "shim/common/net/udp_port.hpp"
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lockstep {

struct BeatLinkConfig {
  std::string lan;
  Endpoint local, peer;
};

class BeatLinks {
 public:
  using OnBeat = std::function<void(std::uint32_t network, Beat beat)>;
  // Sentences: strangers, a wrong key, another version. `from_peer`: it is the peer that cannot be understood.
  using OnRejected = std::function<void(const std::string& sentence, bool from_peer)>;

  static Result<std::unique_ptr<BeatLinks>> open(Loop& loop, const ClusterKey& key, const std::string& module,
                                                 const std::string& me, const std::string& peer,
                                                 const std::vector<BeatLinkConfig>& links, OnBeat on_beat, OnRejected rejected);
  void send(std::uint32_t network, const Beat& beat);

 private:
  struct Link {
    BeatLinkConfig config;
    std::unique_ptr<SealedDatagram> sealed;
    std::unique_ptr<UdpPort> port;
    bool undecodable = false; // said
  };
  BeatLinks() = default;
  void receive(std::uint32_t network, const std::uint8_t* data, std::size_t n, const Endpoint& from);
  std::vector<Link> links_;
  std::string peer_;
  std::string refused_; // what the datagram at hand was refused for, when it is time to say so
  OnBeat on_beat_;
  OnRejected rejected_;
};

} // namespace lockstep
