// A file with a secret: read only when nobody but root (and we) could have read or replaced it. Implemented per system:
// shim/linux/private_file.cpp.
#pragma once
#include "shim/common/result.hpp"
#include <string>

namespace lockstep {

// The words of its error sentences, in the form of these examples.
struct PrivateFile {
  std::string what;       // "the cluster key"
  std::string if_missing; // "make it with ... or restore it"
  std::string if_damaged; // "restore it from another node"
  std::string if_leaked;  // "make a new key with ..."
};
// At most the first `max` bytes of it.
Result<std::string> read_private_file(const std::string& path, const PrivateFile& words, std::size_t max);

} // namespace lockstep
