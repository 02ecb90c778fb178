// A UDP socket bound to one local address and port. Sends and receives plain datagrams; sealing is SealedDatagram's.
// Never blocks: a datagram the kernel will not take now is lost, as datagrams are, and counted.
#pragma once
#include "core/base/bytes.hpp"
#include "shim/common/net/endpoint.hpp"
#include "shim/common/net/loop.hpp"
#include "shim/common/result.hpp"
#include <functional>
#include <memory>

namespace lockstep {

class UdpPort {
 public:
  // The bytes are valid during the call only.
  using OnDatagram = std::function<void(const std::uint8_t* data, std::size_t n, const Endpoint& from)>;

  // `what` names the port's use in sentences ("heartbeats of module mirror"). Port 0 picks a free one.
  static Result<UdpPort> open(Loop& loop, const Endpoint& local, const std::string& what, OnDatagram on_datagram);
  ~UdpPort();
  UdpPort(UdpPort&&) noexcept;
  UdpPort& operator=(UdpPort&&) noexcept;

  // false: not sent (no route, buffer full); last_error() says why. The next beat tries again.
  bool send(const Bytes& datagram, const Endpoint& to);
  const std::string& last_error() const;
  Endpoint local() const;

 private:
  struct Impl;
  explicit UdpPort(std::shared_ptr<Impl>);
  std::shared_ptr<Impl> impl_;
};

} // namespace lockstep
