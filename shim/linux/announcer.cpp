// Announcer (vip.hpp): bursts of announcements on a timer.
#include "shim/linux/vip.hpp"
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>

namespace lockstep {

namespace asio = boost::asio;

struct Burst {
  explicit Burst(const asio::any_io_executor& e) : timer(e) {}
  asio::steady_timer timer;
  Placement placement;
  int left = 0;
  Duration gap;
};

struct Announcer::State : std::enable_shared_from_this<State> {
  explicit State(asio::any_io_executor e) : executor(std::move(e)) {}
  asio::any_io_executor executor;
  std::map<IpAddress, std::shared_ptr<Burst>> bursts;

  void next(const std::shared_ptr<Burst>& b) {
    (void)announce(b->placement); // the next one, and the daemon's refresh, make up for one that was not sent
    if (--b->left <= 0) return;
    b->timer.expires_after(std::chrono::nanoseconds(b->gap.ns));
    b->timer.async_wait([self = weak_from_this(), b](boost::system::error_code e) {
      auto state = self.lock();
      if (!e && state && b->left > 0) state->next(b);
    });
  }
  void stop(const IpAddress& a) {
    auto it = bursts.find(a);
    if (it == bursts.end()) return;
    it->second->left = 0;
    it->second->timer.cancel();
    bursts.erase(it);
  }
};

Announcer::Announcer(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}
Announcer::~Announcer() {
  while (!state_->bursts.empty()) state_->stop(IpAddress(state_->bursts.begin()->first));
}
void Announcer::burst(const Placement& p, int times, Duration gap) {
  state_->stop(p.address);
  auto b = std::make_shared<Burst>(state_->executor);
  b->placement = p;
  b->left = times;
  b->gap = gap;
  state_->bursts[p.address] = b;
  state_->next(b);
}
void Announcer::stop(const IpAddress& a) { state_->stop(a); }

} // namespace lockstep
