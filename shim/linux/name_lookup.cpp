#include "shim/linux/name_lookup.hpp"
#include <resolv.h>

namespace lockstep {

void bound_name_lookups() { // the C library's resolver state is the thread's own
  if (::res_init() == 0)
    _res.retrans = 1, _res.retry = 1, _res.options |= RES_NORELOAD; // else it takes its defaults again
}

} // namespace lockstep
