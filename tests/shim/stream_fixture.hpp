// Two ends of a SecureStream on one loop.
#pragma once
#include "shim/common/net/secure_stream.hpp"
#include "tests/shim/net_support.hpp"
#include "tests/shim/raw_socket.hpp"

namespace lockstep::test {

struct End {
  std::optional<SecureStream> stream;
  std::vector<Bytes> frames;
  std::string closed; // the reason
  int closings = 0;
  void start() {
    stream->start([this](Bytes&& b) { frames.push_back(std::move(b)); },
                  [this](const std::string& reason) { closed = reason, ++closings; });
  }
};

struct Streams {
  Loop loop;
  End client, server;
  std::vector<std::string> listener_says, dialer_says;
  std::optional<StreamListener> listener;
  std::optional<StreamDialer> dialer;

  void listen(ListenerOptions o = {}, const ClusterKey& key = key_of(1), const std::string& label = "flow:mirror:1>2") {
    auto made = StreamListener::open(
        loop, Endpoint::loopback(0), key, label, [this](SecureStream&& s) { server.stream.emplace(std::move(s)); },
        [this](const std::string& s) { listener_says.push_back(s); }, std::move(o));
    BOOST_REQUIRE_MESSAGE(made.ok(), made.error());
    listener.emplace(std::move(*made));
  }
  void dial(DialerOptions o = {}, const ClusterKey& key = key_of(1), const std::string& label = "flow:mirror:1>2") {
    dialer.emplace(
        loop, Endpoint::loopback(0), listener->local(), key, label,
        [this](SecureStream&& s) { client.stream.emplace(std::move(s)); },
        [this](const std::string& s) { dialer_says.push_back(s); }, std::move(o));
    dialer->dial();
  }
  void connect(StreamOptions o = {}) {
    ListenerOptions l;
    DialerOptions d;
    l.stream = d.stream = o;
    listen(l);
    dial(d);
    BOOST_REQUIRE(until([&] { return client.stream && server.stream; }));
    client.start();
    server.start();
  }
  template <class Pred>
  bool until(Pred p) {
    return run_until(loop, p);
  }
};

// Bytes that lz4 cannot shrink, and that differ everywhere.
inline Bytes noise(std::size_t n, std::uint64_t seed = 1) {
  Bytes b(n);
  for (auto& c : b) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    c = static_cast<std::uint8_t>(seed >> 56);
  }
  return b;
}

} // namespace lockstep::test
