#include "shim/linux/descriptor_limit.hpp"

namespace lockstep {

const rlimit& descriptor_limit_at_start() {
  static const rlimit found = [] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit;
  }();
  return found;
}

std::size_t raise_descriptor_limit() {
  rlimit limit = descriptor_limit_at_start();
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) ? descriptor_limit_at_start().rlim_cur : limit.rlim_max;
}

} // namespace lockstep
