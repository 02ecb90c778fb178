// What another node of the cluster asks this one to do: run the operator's command here, or take a module (safekit 2.6).
// Authority was proven by the cluster key before a request arrives.
#pragma once
#include "shim/common/paths.hpp"
#include "shim/common/result.hpp"
#include <nlohmann/json_fwd.hpp>

namespace lockstep {

// {"argv": [...]} -> {"ok", "rc", "out"}; {"put_module": {...}} -> {"ok", "error"}. Blocking.
nlohmann::json run_local_command(const Paths& paths, const nlohmann::json& request, const std::string& from);
// $SAFE and $SAFEBIN: `lockstep` and its other name `safekit`, as links to the program beside this one.
Status link_programs(const Paths& paths);
std::string program_beside(const std::string& name); // path of a program installed beside ours

} // namespace lockstep
