// Requests from node to node (the CLI's -H, -G, -E, and agents among themselves): one JSON text per request and per
// answer, as frames of a SecureStream with the label "api". Authority is the cluster key: whoever has it may ask
// anything.
#pragma once
#include "core/base/time.hpp"
#include "shim/common/net/secure_stream.hpp"
#include <functional>
#include <memory>
#include <string>

namespace lockstep {

class NodeApiServer {
 public:
  // May be called from any thread, once; later calls and calls after the client left do nothing.
  using Respond = std::function<void(std::string json)>;
  using Handler = std::function<void(std::string request, const Endpoint& from, Respond respond)>;
  using Report = std::function<void(const std::string& sentence)>;

  // At most 64 connections at a time; one that is idle for a minute is closed. The loop must outlive every Respond.
  static Result<NodeApiServer> open(Loop& loop, const Endpoint& local, const ClusterKey& key, Handler handler,
                                    Report report);
  ~NodeApiServer();
  NodeApiServer(NodeApiServer&&) noexcept;
  NodeApiServer& operator=(NodeApiServer&&) noexcept;
  Endpoint local() const;

 private:
  struct Impl;
  explicit NodeApiServer(std::shared_ptr<Impl>);
  std::shared_ptr<Impl> impl_;
};

// One request, blocking, on any thread that runs no Loop. The sentence says whether the node was not reached, refused
// the key, or did not answer before the deadline.
Result<std::string> node_api_call(const ClusterKey& key, const Endpoint& server, std::string request,
                                  Duration deadline);

} // namespace lockstep
