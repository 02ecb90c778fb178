// The network between the two nodes: one datagram link per heartbeat network and direction, and the replication connection,
// a reliable stream that breaks: each side notices at its own time, what was under way is lost.
#pragma once
#include "core/wire/beat.hpp"
#include "core/wire/frame.hpp"
#include "sim/executor.hpp"
#include "sim/queue.hpp"
#include "sim/weather.hpp"
#include <array>
#include <functional>
#include <memory>

namespace lockstep::sim {

class Links {
 public:
  // What the links need to know about a node, and where they deliver.
  struct End {
    std::function<bool()> powered, listening; // machine on; process up and wanting a connection
    std::function<void(std::uint32_t network, std::shared_ptr<const Beat>)> beat;
    std::function<void()> connected;
    std::function<void(const std::string& why)> disconnected;
    std::function<void(Frame&&, std::shared_ptr<const Content>)> frame;
  };
  Links(const Plan&, Queue&, const Weather&);
  void attach(NodeIndex n, End end) { ends_[n] = std::move(end); }

  void send_beat(NodeIndex from, std::uint32_t network, std::shared_ptr<const Beat>);
  void send_frame(NodeIndex from, const Frame&, std::shared_ptr<const Content>);
  void close(NodeIndex from, const std::string& why); // by this side: the other gets a reset when the path allows
  void forget(NodeIndex n) { sides_[n].connection = 0; } // its process is gone
  void reset(); // plan: a middle box drops the connection
  bool has_connection(NodeIndex n) const { return sides_[n].connection != 0; }
  // The first moment from now on at which n and the witness can talk.
  bool witness_reachable(NodeIndex n) const;

 private:
  struct Side {
    std::uint64_t connection = 0; // 0: none
    Instant last_ok, fifo;        // when the path and the other side were last seen; when the newest frame arrives there
  };
  static void damage(Bytes, std::uint64_t hash);
  void tick();
  void watch(NodeIndex n);
  void dial();
  void lose(NodeIndex n, const std::string& why);
  bool path_open(NodeIndex from) const;
  Instant arrival(NodeIndex from, Class c, std::uint64_t packet, Instant from_time) const;

  const Plan& plan_;
  Queue& queue_;
  const Weather& weather_;
  std::array<End, 2> ends_;
  std::array<Side, 2> sides_;
  std::array<std::array<std::uint64_t, 3>, 2> packets_{}; // per direction: beat0, beat1, stream
  std::uint64_t connections_ = 0;
  bool dialling_ = false;
  Duration patience_; // how long a side waits for an acknowledgement before it gives the connection up
};

} // namespace lockstep::sim
