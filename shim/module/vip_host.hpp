// The module's virtual addresses on this node: claims them (conflict probe first), renews their finite lifetime with the
// lease, announces them, removes them. Whether to claim is Node's; `may_serve` is asked again right before an address goes
// up (design 2.10).
#pragma once
#include "core/base/time.hpp"
#include "core/config/module_config.hpp"
#include "shim/linux/vip.hpp"
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lockstep {

class VipHost {
 public:
  using Done = std::function<void(bool ok, std::string problem)>;
  using Log = std::function<void(char level, const std::string& message)>;
  VipHost(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, const VipConfig& config, Log log,
          std::function<bool()> may_serve);

  // The sentence names an address that cannot be resolved or is not one.
  Status prepare();
  // Claims what is not up (probe, set, announce), renews what is. `done` when all addresses are up, or at the first problem.
  void raise(Instant until, bool announce, Done done);
  // Removes all; an address that is not there is success.
  Status drop();
  // What the implied checkers see: intf.<network> (the interface works) and ip.<address> (the address is here).
  std::vector<std::pair<std::string, bool>> observe() const;
  bool any() const { return !addresses_.empty(); }
  bool all_up() const; // as far as we set them; observe() looks
  std::string text() const; // "10.0.0.9, 10.0.0.10"

 private:
  struct Address {
    std::string text;
    IpAddress ip;
    std::string interface, netmask;
    bool check_interface = true, check_address = true;
    bool up = false, probing = false;
  };
  void claim(std::size_t index, Instant until, Done done);
  Status set(Address& a, const Placement& p, Instant until);
  boost::asio::any_io_executor executor_;
  boost::asio::thread_pool& pool_;
  VipConfig config_;
  Log log_;
  std::function<bool()> may_serve_;
  Announcer announcer_;
  std::vector<Address> addresses_;
  std::uint64_t epoch_ = 0; // of the last drop: a probe begun before it claims nothing
};

} // namespace lockstep
