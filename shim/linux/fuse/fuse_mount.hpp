// The mount that covers a replicated directory on PRIM and ALONE (design 7). Speaks the kernel's FUSE protocol itself
// on /dev/fuse. Reads, lookups and attributes are answered from the Tree on the session's threads and cached by the
// kernel without expiry (one writer); every mutation becomes an Op and waits for its reply, which may come from any
// thread.
#pragma once
#include "core/mirror/op.hpp"
#include "shim/common/payload_store.hpp"
#include "shim/common/result.hpp"
#include "shim/linux/tree/tree.hpp"
#include <functional>
#include <memory>
#include <string>

namespace lockstep {

class FuseMount {
 public:
  // error: an errno; amount: bytes of a write. Must be called exactly once, from any thread; it makes a few system
  // calls.
  using Reply = std::function<void(std::int32_t error, std::uint64_t amount)>;
  // Called on a session thread, in the order in which the kernel asked. The payload is the receiver's to release.
  using Submit = std::function<void(Op op, Payload payload, Reply reply)>;
  struct Options {
    std::uint32_t root = 0; // index of the replicated directory in the Tree
    bool writeback = false; // <rfs cache="writeback">: the kernel gathers writes until fsync, close or its own flush
    unsigned threads = 4;
  };

  // Mounts over tree.root_path(options.root) and starts the threads. Open-unlinked files of a former life are removed
  // by operations.
  static Result<std::unique_ptr<FuseMount>> mount(Tree& tree, PayloadStore& payloads, Submit submit, Options options);
  ~FuseMount(); // aborts what is left

  // Waits until the kernel has handed over every dirty page (data:T23): call it while operations still complete. Fails
  // when something is open, with the holders' names; the mount goes on then.
  Status unmount();
  // The last resort: every access fails from here (ENOTCONN), pages not handed over are lost to their writers, the path
  // is free.
  void abort();
  std::uint64_t requests_waiting() const; // mutations submitted and not answered

  // A mount whose daemon died: every access fails. Detaches all such at `path`; nothing there is success.
  static Status remove_dead(const std::string& path);

 private:
  explicit FuseMount(std::shared_ptr<class FuseSession> session);
  std::shared_ptr<class FuseSession> session_;
  bool mounted_ = true;
  unsigned connection_ = 0; // its number with the kernel
};

} // namespace lockstep
