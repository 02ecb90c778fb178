// A module as a .safe file: a zip with conf/userconfig.xml and bin/ (safekit 6.4).
#pragma once
#include "shim/common/result.hpp"

namespace lockstep::cli {
// Writes userconfig.xml and bin/* into `directory`. Names that leave it are refused before anything is written.
Status extract_safe(const std::string& file, const std::string& directory);
} // namespace lockstep::cli
