#include "shim/common/net/loop.hpp"
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace lockstep {
namespace asio = boost::asio;

Loop::Loop() : own_(std::make_unique<asio::io_context>(1)), io_(*own_) {}
Loop::Loop(asio::io_context& borrowed) : io_(borrowed) {}
Loop::~Loop() = default;

void Loop::run() {
  auto stay = asio::make_work_guard(io_);
  io_.run();
}
bool Loop::run_for(Duration d) {
  auto stay = asio::make_work_guard(io_);
  io_.run_for(std::chrono::nanoseconds(d.ns));
  return io_.stopped();
}
void Loop::stop() { io_.stop(); }
void Loop::post(std::function<void()> fn) { asio::post(io_, std::move(fn)); }
asio::io_context& Loop::context() { return io_; }

struct Timer::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(Loop& loop) : timer(loop.context()) {}
  asio::steady_timer timer;
  std::uint64_t armed = 0; // which arming a completion belongs to
};

Timer::Timer(Loop& loop) : impl_(std::make_shared<Impl>(loop)) {}
Timer::~Timer() {
  if (impl_) cancel();
}
Timer::Timer(Timer&&) noexcept = default;
Timer& Timer::operator=(Timer&& o) noexcept {
  if (impl_) cancel();
  impl_ = std::move(o.impl_);
  return *this;
}

void Timer::after(Duration d, std::function<void()> fn) {
  impl_->timer.expires_after(std::chrono::nanoseconds(d.ns));
  impl_->timer.async_wait(
      [impl = impl_, mine = ++impl_->armed, fn = std::move(fn)](const boost::system::error_code& ec) {
        if (!ec && impl->armed == mine) fn();
      });
}
void Timer::cancel() {
  ++impl_->armed;
  impl_->timer.cancel();
}

struct Watch::Impl : std::enable_shared_from_this<Impl> {
  Impl(Loop& loop, int fd, std::function<void()> fn) : descriptor(loop.context(), fd), readable(std::move(fn)) {}
  void wait() {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](const boost::system::error_code& ec) {
                            if (ec || self->over) return;
                            self->readable();
                            if (!self->over) self->wait();
                          });
  }
  asio::posix::stream_descriptor descriptor;
  std::function<void()> readable;
  bool over = false;
};

Watch::Watch(Loop& loop, int fd, std::function<void()> readable)
    : impl_(std::make_shared<Impl>(loop, fd, std::move(readable))) {
  impl_->wait();
}
Watch::~Watch() {
  if (!impl_) return;
  impl_->over = true;
  impl_->descriptor.release();
}
Watch::Watch(Watch&&) noexcept = default;
Watch& Watch::operator=(Watch&& o) noexcept {
  Watch old(std::move(*this));
  impl_ = std::move(o.impl_);
  return *this;
}

} // namespace lockstep
