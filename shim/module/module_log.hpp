// The module's log: lines "| 2024-06-06 15:21:26.123456 | heart | E | Local state ALONE Ready" (safekit 6.2). Levels:
// C critical, E event, U user action, S script; I information (only shown by `log -A`). Safe from any thread.
#pragma once
#include "shim/common/result.hpp"
#include <mutex>
#include <string>

namespace lockstep {

class ModuleLog {
 public:
  // Appends to <directory>/log; at `max_bytes` the file becomes log.1 and a new one begins. A log that cannot be written
  // goes to standard error instead: it never stops the module.
  explicit ModuleLog(std::string directory, std::size_t max_bytes = 16u << 20);
  ~ModuleLog();
  void write(char level, const std::string& origin, const std::string& message);
  static std::string file(const std::string& directory) { return directory + "/log"; }

 private:
  void open();
  std::mutex mutex_;
  std::string directory_;
  std::size_t max_bytes_, size_ = 0;
  int fd_ = -1;
};

} // namespace lockstep
