// Two network namespaces joined by a cable, for tests that need a segment with somebody else on it. Namespaces belong
// to threads: a test body runs on a thread of its own and vanishes with it.
#pragma once
#include "core/base/time.hpp"
#include "shim/linux/clock.hpp"
#include <boost/test/unit_test.hpp>
#include <exception>
#include <fcntl.h>
#include <functional>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string>
#include <thread>
#include <unistd.h>

namespace lockstep::test {

// Looks until `ready`, at most 20 s.
inline bool eventually(const std::function<bool()>& ready) {
  auto end = boot_now() + seconds(20);
  while (!ready()) {
    if (boot_now() > end) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

class Cable {
 public:
  // "near" with card a0, 10.1.0.1/24 and fd01::1/64; "far" with card b0, 10.1.0.2/24 and fd01::2/64. Starts on the near
  // side.
  Cable() {
    near_ = make(), far_ = make();
    enter(near_);
    run("ip link add a0 type veth peer name b0 netns /proc/" + std::to_string(::getpid()) + "/fd/" +
        std::to_string(far_));
    configure("a0", "1");
    enter(far_);
    configure("b0", "2");
    enter(near_);
    BOOST_REQUIRE(eventually([] { return ::system("ip -o link show a0 | grep -q LOWER_UP") == 0; }));
  }
  ~Cable() { ::close(near_), ::close(far_); }
  void near() const { enter(near_); }
  void far() const { enter(far_); }
  // Runs on the far side and comes back.
  template <class F>
  auto on_far(F f) const {
    struct Back {
      const Cable& c;
      ~Back() { c.near(); }
    } back{*this};
    far();
    return f();
  }
  static void run(const std::string& command) { BOOST_REQUIRE_MESSAGE(::system(command.c_str()) == 0, command); }

 private:
  static int make() {
    BOOST_REQUIRE(::unshare(CLONE_NEWNET) == 0);
    int fd = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    BOOST_REQUIRE(fd >= 0);
    return fd;
  }
  static void enter(int fd) { BOOST_REQUIRE(::setns(fd, CLONE_NEWNET) == 0); }
  static void configure(const std::string& card, const std::string& host) {
    run("ip link set lo up && ip link set " + card + " addrgenmode none up && ip addr add 10.1.0." + host + "/24 dev " +
        card + " && ip addr add fd01::" + host + "/64 dev " + card + " nodad && ip addr add fe80::" + host +
        "/64 dev " + card + " nodad");
  }
  int near_ = -1, far_ = -1;
};

// Runs `body` with a cable, on a thread of its own.
inline void with_cable(const std::function<void(Cable&)>& body) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      Cable c;
      body(c);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

} // namespace lockstep::test
