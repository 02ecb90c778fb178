// Mirror's host: the thread that owns the Mirror machine of one incarnation and carries out what it orders: executor,
// set log, flushes, the replication connection (TCP 5600+, TLS keyed by the cluster key) and the answers to FUSE. It
// decides nothing; inputs may be posted from any thread.
#pragma once
#include "core/mirror/mirror.hpp"
#include "shim/common/net/secure_stream.hpp"
#include "shim/common/payload_store.hpp"
#include "shim/linux/fuse/fuse_mount.hpp"
#include "shim/linux/tree/executor.hpp"
#include "shim/module/set_log.hpp"
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>

namespace lockstep {

struct MirrorHostSetup {
  MirrorConfig config;
  std::uint64_t seed = 0;
  std::string module, state_directory;
  const ClusterKey* key = nullptr;
  Endpoint local, peer;  // of the flow network
  bool listens = false;  // the first node of cluster.xml listens, the other dials
};

class MirrorHost {
 public:
  using OnSaid = std::function<void(MirrorSaid)>;                            // on the Mirror thread
  using Log = std::function<void(char level, const std::string& origin, const std::string& message)>; // any thread
  using OnBroken = std::function<void(Broken)>;                              // on the Mirror thread; from then on it carries out nothing
  // The sentence says why the connection's port cannot be used.
  static Result<std::unique_ptr<MirrorHost>> start(MirrorHostSetup setup, Tree& tree, PayloadStore& payloads,
                                                   OnSaid on_said, OnBroken on_broken, Log log);
  // What the pending log says; once, before the first order.
  LoadedSet load_set() { return set_log_.load(); }
  ~MirrorHost(); // answers what is still open with EIO, finishes what was ordered, joins

  void halt(); // carries out nothing more and answers every application's operation with EIO; any thread
  void order(MirrorOrder o);
  // What may differ from the other node, as known here now; on the Mirror thread.
  void with_set(std::function<void(PendingSet)> use);
  // An application's mutation, from a FUSE thread.
  void submit(Op op, Payload payload, FuseMount::Reply reply);

 private:
  MirrorHost(MirrorHostSetup setup, Tree& tree, PayloadStore& payloads, OnSaid on_said, OnBroken on_broken, Log log);
  Status open_network();
  void run();
  void post(decltype(MirrorInput::what) what);
  void step(decltype(MirrorInput::what) what);
  void arm();
  void carry_out(MirrorEffect& e);
  void complete(const fx::Complete& e);
  void send(const fx::Send& e);
  void connected(SecureStream&& stream);
  void frame(Bytes&& bytes);
  void close_connection(const std::string& why);
  void watch_space();
  void fail_open();

  MirrorHostSetup setup_;
  Tree& tree_;
  PayloadStore& payloads_;
  OnSaid on_said_;
  OnBroken on_broken_;
  Log log_;
  Loop loop_;
  Timer timer_, space_timer_;
  Mirror mirror_;
  MirrorEffects effects_;
  std::optional<SecureStream> stream_;
  std::optional<StreamListener> listener_;
  std::optional<StreamDialer> dialer_;
  std::mutex replies_mutex_;
  std::map<std::uint64_t, FuseMount::Reply> replies_;
  std::atomic<std::uint64_t> last_token_{0};
  std::atomic<bool> halted_{false};
  bool closed_ = false; // under replies_mutex_: later submits are answered EIO at once
  SetLog set_log_;
  std::unique_ptr<Executor> executor_;
  std::thread thread_;
};

} // namespace lockstep
