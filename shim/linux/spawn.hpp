// Starts one process in a group of its own, without waiting for anything: what script_runner is made of.
#pragma once
#include "shim/common/result.hpp"
#include <string>
#include <vector>

namespace lockstep {

struct SpawnOrder {
  std::string path;
  std::vector<std::string> arguments;   // argv, argv[0] included
  std::vector<std::string> environment; // "NAME=value", complete
  std::string working_directory;
  int output = -1;       // stdout and stderr; -1: /dev/null
  int cgroup_procs = -1; // an open cgroup.procs the child writes itself into before it runs; -1: none
};

struct Spawned {
  int pid = 0;     // also the process group
  int pidfd = -1;  // readable once the process ended; the caller closes it
  int errors = -1; // non-blocking; holds an int errno when the program could not be run; the caller closes it
};

// A file without "#!" is run by /bin/sh, as a shell would do.
Result<Spawned> spawn(const SpawnOrder& order);

} // namespace lockstep
