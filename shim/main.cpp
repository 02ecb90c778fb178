// lockstepd: the agent of a node, or (with --module) the process of one of its modules, which the agent starts.
//   lockstepd [--root DIR]              the agent, in the foreground
//   lockstepd [--root DIR] --module AM  one module's process
// Exit codes: 0 stopped as asked, 1 could not start (one sentence on standard error), 2 wrong usage.
#include "shim/agent/agent.hpp"
#include "shim/module/module_process.hpp"
#include <cstdio>
#include <cstring>
#include <signal.h>

int main(int argc, char** argv) {
  std::string root, module;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--root") && i + 1 < argc) root = argv[++i];
    else if (!std::strcmp(argv[i], "--module") && i + 1 < argc) module = argv[++i];
    else {
      bool help = !std::strcmp(argv[i], "--help") || !std::strcmp(argv[i], "-h");
      if (!help) std::fprintf(stderr, "lockstepd: \"%s\" is not understood, or lacks its value\n", argv[i]);
      std::fprintf(help ? stdout : stderr, "usage: lockstepd [--root DIR] [--module NAME]\n");
      return help ? 0 : 2;
    }
  }
  ::signal(SIGPIPE, SIG_IGN);
  auto paths = lockstep::Paths::from_environment(root);
  if (module.empty()) return lockstep::Agent(paths).run();
  return lockstep::ModuleProcess(paths, module).run();
}
