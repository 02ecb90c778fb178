// The module processes of this node: one per applied module, so that a module's crash hurts no other (design 1). The agent
// starts them, adopts those that already run (control (iii) 17), and starts one again that died.
#pragma once
#include "shim/common/net/loop.hpp"
#include "shim/common/paths.hpp"
#include <vector>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace lockstep {

class Supervisor {
 public:
  using Log = std::function<void(const std::string& sentence)>;
  Supervisor(Loop& loop, const Paths& paths, Log log);
  ~Supervisor(); // leaves the processes running
  // Starts what is missing. A process of a module that is not in the list any more is told to end when it is stopped.
  void keep(const std::vector<std::string>& modules);
  // Ends the module's process (it must be in STOP) and starts it again, so that it reads its configuration anew. The pid of the
  // process that ends; 0: none was running.
  int reload(const std::string& am);
  bool running(const std::string& am) const;

 private:
  struct Child {
    int pid = 0, pidfd = -1;
    std::unique_ptr<Watch> watch;
    bool wanted = true;
    std::int64_t started_ns = 0;
    std::unique_ptr<Timer> again;
  };
  void start(const std::string& am);
  void adopt(const std::string& am, int pid);
  void watch(const std::string& am, Child& child);
  void ended(const std::string& am);
  Loop& loop_;
  Paths paths_;
  Log log_;
  std::map<std::string, Child> children_;
};

} // namespace lockstep
