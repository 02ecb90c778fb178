// The node's plain HTTP listener (9010): few routes, answered on its own thread that nothing can block: idle and slow
// clients cost a descriptor each, and the longest-waiting one makes room when there are too many. Routes that may take
// time run on a worker thread.
#pragma once
#include "core/base/time.hpp"
#include "shim/common/net/endpoint.hpp"
#include "shim/common/net/http_parser.hpp"
#include "shim/common/result.hpp"
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lockstep {

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
};

struct HttpServerOptions {
  std::size_t max_connections = 1024;
  Duration head_timeout = seconds(10); // from the first byte of a request to the end of its headers
  Duration body_timeout = seconds(30); // for the body, and for a client to take the answer
  Duration idle_timeout = seconds(60); // between requests
  std::size_t max_slow_waiting = 64;   // requests waiting for the worker; more are answered 503
  HttpLimits limits;
};

class HttpServer {
 public:
  // `quick` runs on the listener's thread and must not wait for anything; nothing back: not one of its paths. Then
  // `slow` (may be empty) runs on the worker; its nothing becomes 404. GET, HEAD and POST arrive here; HEAD as GET, the
  // body is left out afterwards.
  using OptionalRoute = std::function<std::optional<HttpResponse>(const HttpRequest&)>;

  static Result<std::unique_ptr<HttpServer>> start(const Endpoint& local, OptionalRoute quick, OptionalRoute slow,
                                                   HttpServerOptions options = {});
  ~HttpServer(); // stops, joins both threads
  Endpoint local() const;
  std::size_t connections() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl>);
  std::unique_ptr<Impl> impl_;
};

// GET /var/modules/<module>/ready.txt: 200 "OK" or 404 "NOT FOUND", from a callback that must be wait-free
// (safekit 1.9). Nothing for other paths.
std::optional<HttpResponse> ready_route(const HttpRequest& request,
                                        const std::function<bool(const std::string& module)>& ready);

} // namespace lockstep
