// The ping witness: any answer counts, silence is silence (safekit <splitbrain exec="ping">).
#include "shim/common/worker.hpp"
#include "shim/linux/ping.hpp"
#include "tests/shim/network_lab.hpp"
#include "tests/shim/temporary.hpp"
#include <boost/asio/io_context.hpp>

using namespace lockstep;
using namespace lockstep::test;

namespace {
std::vector<IpAddress> ips(std::vector<const char*> texts) {
  std::vector<IpAddress> out;
  for (auto t : texts) out.push_back(boost::asio::ip::make_address(t));
  return out;
}
bool answers(std::vector<const char*> texts, Duration timeout = seconds(10)) {
  auto r = any_answers(ips(std::move(texts)), timeout);
  BOOST_REQUIRE_MESSAGE(r.ok(), r.error());
  return *r;
}
} // namespace

BOOST_AUTO_TEST_SUITE(ping)

BOOST_AUTO_TEST_CASE(a_witness_that_answers_is_seen_at_once_in_both_families) {
  with_cable([](Cable&) {
    auto begin = boot_now();
    BOOST_TEST(answers({"10.1.0.2"}));
    BOOST_TEST(answers({"fd01::2"}));
    BOOST_TEST(answers({"127.0.0.1"}));
    BOOST_TEST(answers({"10.1.0.77", "192.0.2.1", "fd01::77", "fd01::2"})); // one of several is enough
    BOOST_TEST((boot_now() - begin < seconds(8)));
  });
}

BOOST_AUTO_TEST_CASE(silence_and_unreachable_networks_are_no_answer_and_take_the_whole_timeout) {
  with_cable([](Cable& cable) {
    auto begin = boot_now();
    BOOST_TEST(!answers({"10.1.0.77", "fd01::77", "192.0.2.1"}, ms(150)));
    BOOST_TEST((boot_now() - begin >= ms(150)));
    BOOST_TEST(!answers({}, ms(150)));
    cable.on_far([&] { cable.run("ip link set b0 down"); });
    BOOST_TEST(!answers({"10.1.0.2"}, ms(150)));
  });
}

BOOST_AUTO_TEST_CASE(an_answer_that_comes_late_within_the_timeout_counts) {
  with_cable([](Cable& cable) {
    cable.on_far([&] { cable.run("ip link set b0 down"); });
    bool result = false;
    // The cable is plugged in again while we ask: only a repeated request can be answered.
    int far = cable.on_far([] { return ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); });
    std::thread later([far] {
      if (::setns(far, CLONE_NEWNET) == 0 && ::poll(nullptr, 0, 100) == 0) (void)!::system("ip link set b0 up");
    });
    result = answers({"10.1.0.2"}, seconds(20));
    later.join();
    ::close(far);
    BOOST_TEST(result);
  });
}

BOOST_AUTO_TEST_CASE(through_a_worker_the_loop_goes_on_and_hears_the_answer) {
  boost::asio::io_context io;
  boost::asio::thread_pool pool(1);
  auto guard = boost::asio::make_work_guard(io);
  std::thread::id where;
  bool result = false;
  in_worker(
      pool, [] { return any_answers(ips({"127.0.0.1"}), seconds(10)); }, io.get_executor(),
      [&](Result<bool> r) {
        where = std::this_thread::get_id();
        result = r && *r;
        guard.reset();
      });
  io.run();
  pool.join();
  BOOST_TEST(result);
  BOOST_TEST((where == std::this_thread::get_id()));
}

BOOST_AUTO_TEST_SUITE_END()
