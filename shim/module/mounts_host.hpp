// What covers the replicated directories (design 7): nothing in STOP, a read-only bind in WAIT and SECOND, the FUSE mount
// in PRIM and ALONE. Changes are carried out on one thread, in order, because a mount may wait for a process.
#pragma once
#include "core/node/io.hpp"
#include "shim/linux/fuse/fuse_mount.hpp"
#include "shim/module/work_thread.hpp"
#include <functional>
#include <memory>
#include <vector>

namespace lockstep {

class MountsHost {
 public:
  using Done = std::function<void(bool ok, std::string problem)>; // on the mounts thread
  MountsHost(Tree& tree, PayloadStore& payloads, std::vector<std::string> directories, bool writeback, FuseMount::Submit submit);
  ~MountsHost(); // whatever is mounted is taken away, by force if need be
  void change(MountKind kind, bool force, Done done);

  // Before a Tree is opened: dead FUSE mounts and read-only binds of a former life go. The sentence names who is in the way.
  static Status clear_leftovers(const std::string& path);

 private:
  Status uncover(std::size_t i, bool force);
  Status cover(std::size_t i, MountKind kind);
  struct Covered {
    std::string path;
    MountKind kind = MountKind::plain;
    std::unique_ptr<FuseMount> fuse;
  };
  Tree& tree_;
  PayloadStore& payloads_;
  std::vector<Covered> covered_;
  bool writeback_;
  FuseMount::Submit submit_;
  std::unique_ptr<WorkThread> thread_;
};

} // namespace lockstep
