#include "core/config/diagnostic.hpp"
#include <algorithm>

namespace lockstep {

std::string to_string(const Diagnostic& d) {
  std::string out = d.file;
  if (d.line != 0) out += ":" + std::to_string(d.line);
  return out + (d.severity == Severity::warning ? ": warning: " : ": ") + d.sentence;
}

bool has_error(const std::vector<Diagnostic>& all) {
  return std::any_of(all.begin(), all.end(), [](const Diagnostic& d) { return d.severity == Severity::error; });
}

} // namespace lockstep
