// The virtual address: placed, renewed and removed by rtnetlink, announced by gratuitous ARP or unsolicited neighbour
// advertisement, and probed for before it is claimed (design 9). Works in the network namespace of the calling thread.
// It decides nothing: whether to claim is the core's, with serving(now) asked right before (design 2.10).
#pragma once
#include "core/base/time.hpp"
#include "shim/linux/interfaces.hpp"
#include <boost/asio/any_io_executor.hpp>
#include <memory>

namespace lockstep {

struct VipSpec { // one address to place (core/config has VirtualAddress: as configured)
  IpAddress address;
  std::string interface; // empty: the one that holds an address in the same subnet
  int prefix = 0;        // 0: the one of that address; without one 32 or 128
};

// Where the address belongs: the interface and prefix filled in. The sentence names the address and what is missing.
struct Placement {
  IpAddress address;
  int index = 0;
  std::string interface;
  int prefix = 0;
  bool subnet_present = false; // another address of the same subnet is there: it owns the prefix route, ours adds none
  Mac mac{};
};
Result<Placement> place(const VipSpec& v);

// Adds the address with a finite lifetime, or renews it: the kernel removes it by itself `valid` after the last call, so
// that a hung daemon loses it. The kernel counts whole seconds (`valid` is rounded down, but to no less than 1) and looks
// once a second: it may be up to 1.25 s late (net/ipv4/devinet.c check_lifetime). Its count does not run during
// suspend: after a gap remove first, then think (control (iii) 22). Idempotent.
Status set_address(const Placement& p, Duration valid);
// Idempotent: an address that is not there is success. Removes it from whichever interface holds it.
Status remove_address(const IpAddress& a);

// One announcement: gratuitous ARP request and reply, or unsolicited NA with override.
Status announce(const Placement& p);
// A burst of them without blocking: `times` announcements, `gap` apart, the first one now. A new burst for the same
// address replaces the old.
class Announcer {
 public:
  explicit Announcer(boost::asio::any_io_executor executor);
  ~Announcer();
  Announcer(const Announcer&) = delete;
  void burst(const Placement& p, int times = 5, Duration gap = ms(200));
  void stop(const IpAddress& a); // before the address is removed

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Asks the segment who holds the address: ARP probe (sender 0.0.0.0) or neighbour solicitation, three times within
// `wait`. The MAC of the first other holder; nullopt when nobody answered. Blocks for up to `wait`: call it through
// in_worker().
Result<std::optional<Mac>> probe_conflict(const Placement& p, Duration wait = ms(300));

} // namespace lockstep
