// How many files a process may have open. The daemon takes all it can get (every file that an application has open is open
// there too); scripts and what they start get what the daemon was started with, as programs that select() or close every
// descriptor up to the limit expect.
#pragma once
#include <cstddef>
#include <sys/resource.h>

namespace lockstep {

// What this process was started with: remembered by the first call of either function, so nothing else may set the limit.
const rlimit& descriptor_limit_at_start();
// As many as the system lets us; the limit that is in force then.
std::size_t raise_descriptor_limit();

} // namespace lockstep
