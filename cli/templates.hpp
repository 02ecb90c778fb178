// What `module install` writes for a new module: our own generic mirror module. Heartbeats are faster than the seed's
// (detection in 5 s instead of 30 s); everything is there to be edited.
#pragma once
#include <string_view>
#include <vector>

namespace lockstep::cli {

struct TemplateFile {
  std::string_view name;
  unsigned mode;
  std::string_view text;
};
const std::vector<TemplateFile>& mirror_template();

} // namespace lockstep::cli
