// The local control socket: one JSON object per line, one answer line per request, over a Unix socket that only root may
// open. Between CLI and agent, agent and module process. Decides nothing.
#pragma once
#include "core/base/time.hpp"
#include "shim/common/net/loop.hpp"
#include "shim/common/result.hpp"
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace lockstep {

class ControlServer {
 public:
  using Respond = std::function<void(const nlohmann::json&)>; // any thread, once
  using Handler = std::function<void(const nlohmann::json& request, Respond respond)>;
  static Result<std::unique_ptr<ControlServer>> open(Loop& loop, const std::string& path, Handler handler);
  ~ControlServer();

 private:
  struct Impl;
  explicit ControlServer(std::shared_ptr<Impl>);
  std::shared_ptr<Impl> impl_;
};

// One request, blocking, on any thread. The sentence says whether nobody listens or the answer did not come in time.
bool control_listens(const std::string& path);
Result<nlohmann::json> control_call(const std::string& path, const nlohmann::json& request, Duration deadline);

} // namespace lockstep
