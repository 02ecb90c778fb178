// ICMP echo to several addresses at once (the ping witness of <splitbrain exec="ping">, the ping checker). Needs
// CAP_NET_RAW, or the kernel's unprivileged ping sockets.
#pragma once
#include "core/base/time.hpp"
#include "shim/linux/interfaces.hpp"

namespace lockstep {

// True as soon as any address answers one of the requests sent (one at once, then every 200 ms); false when none did
// within `timeout`. An unreachable network is "no answer", not an error; an error is a machine on which nothing can be
// sent at all. Blocks for up to `timeout`: call it through in_worker().
Result<bool> any_answers(const std::vector<IpAddress>& addresses, Duration timeout);

} // namespace lockstep
