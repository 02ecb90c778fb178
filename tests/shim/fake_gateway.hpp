// A gateway of our own making in the place of etcd's: it gives the answers that a real one would give rarely.
#pragma once
#include "core/config/http_endpoint.hpp"
#include <atomic>
#include <functional>
#include <future>
#include <httplib.h>
#include <poll.h>
#include <thread>

namespace lockstep::test {

// `serve` gives status and body; it may wait for `gate`, which opens at the end.
struct FakeGateway {
  httplib::Server http;
  std::promise<void> open_gate;
  std::shared_future<void> gate = open_gate.get_future().share();
  std::atomic<int> asked{0};
  HttpEndpoint endpoint;
  std::thread thread;
  explicit FakeGateway(std::function<void(FakeGateway&, const httplib::Request&, httplib::Response&)> serve) {
    http.Post(".*", [this, serve](const httplib::Request& q, httplib::Response& a) {
      ++asked;
      serve(*this, q, a);
    });
    endpoint = {false, "127.0.0.1", static_cast<std::uint16_t>(http.bind_to_any_port("127.0.0.1"))};
    thread = std::thread([this] { http.listen_after_bind(); });
  }
  ~FakeGateway() {
    try {
      open_gate.set_value();
    } catch (const std::future_error&) {
    }
    while (!http.is_running()) ::poll(nullptr, 0, 1);
    http.stop();
    thread.join();
  }
};

inline void never_answers(FakeGateway& g, const httplib::Request&, httplib::Response&) { g.gate.wait(); }

} // namespace lockstep::test
