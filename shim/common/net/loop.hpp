// One thread's event loop (a Boost.Asio io_context behind a small face, so that few files pay for its headers).
// Everything that takes a Loop& is used from the thread that runs it, and calls back on that thread; post() and stop()
// may be called from any thread.
#pragma once
#include "core/base/time.hpp"
#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace lockstep {

class Loop {
 public:
  Loop();
  // Uses a context that its owner made and keeps longer; run() and stop() act on that one.
  explicit Loop(boost::asio::io_context& borrowed);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Until stop(). Returns at once if stop() came first.
  void run();
  // At most this long; true if it was stopped.
  bool run_for(Duration d);
  void stop();
  void post(std::function<void()> fn);
  // For files that include the socket library themselves.
  boost::asio::io_context& context();

 private:
  std::unique_ptr<boost::asio::io_context> own_;
  boost::asio::io_context& io_;
};

// A one-shot timer. Arming it again replaces what was armed; destroying it cancels. The clock does not count suspend:
// after one it is late by at most what was left, so compare the boot clock when it fires.
class Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer();
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;
  void after(Duration d, std::function<void()> fn);
  void cancel();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// A file descriptor that some other library owns: calls back while it is readable (level-triggered). Destroying stops
// watching and leaves the descriptor open.
class Watch {
 public:
  Watch(Loop& loop, int fd, std::function<void()> readable);
  ~Watch();
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

} // namespace lockstep
