// One daemon per state directory (control (iii) 17): an exclusive lock on <directory>/lock, held while the object lives
// and freed by the kernel when the process ends, however it ends.
#pragma once
#include "shim/common/result.hpp"
#include "shim/common/storage/files.hpp"

namespace lockstep {

class StateLock {
 public:
  // Creates the directory when it is missing. Held by another: a sentence with the holder's pid. Never waits.
  static Result<StateLock> acquire(const std::string& directory);

 private:
  explicit StateLock(File f) : file_(std::move(f)) {}
  File file_;
};

} // namespace lockstep
