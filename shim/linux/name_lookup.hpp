// How long the system's resolver (getaddrinfo) may hold a thread that looks a name up.
#pragma once

namespace lockstep {

// From here on the calling thread asks each name server once, for a second. By default a name server that is gone holds
// it for ten seconds and more. Addresses written as numbers ask nobody. Reads /etc/resolv.conf, whose later changes the
// thread does not notice: call it again before the next use.
void bound_name_lookups();

} // namespace lockstep
