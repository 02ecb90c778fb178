#include "shim/common/paths.hpp"
#include <cstdlib>

namespace lockstep {

Paths Paths::from_environment(const std::string& option) {
  std::string root = option;
  if (root.empty()) {
    if (const char* env = std::getenv("LOCKSTEP_ROOT")) root = env;
  }
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  return Paths(root.empty() ? "/" : root);
}

} // namespace lockstep
