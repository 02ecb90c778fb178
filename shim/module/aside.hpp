// Files that a yielding node will lose, copied before they are overwritten (design 8, data T25): complete and flushed, or an
// error and the caller must not go on. Nothing is thrown away.
#pragma once
#include "core/mirror/pending.hpp"
#include "shim/common/result.hpp"
#include <string>
#include <vector>

namespace lockstep {

// Copies every file of `directories` that `set` marks (or all, with `everything`) to `to`/<index>/<path>, by reflink where
// the file system can. The number of files. A copy that exists already (an earlier try that succeeded) is kept as it is.
Result<std::uint64_t> set_aside(const std::vector<std::string>& directories, const PendingSet& set, const std::string& to);

} // namespace lockstep
