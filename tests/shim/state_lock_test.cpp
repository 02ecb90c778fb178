#include "shim/common/state_lock.hpp"
#include "tests/shim/temporary.hpp"
#include <sys/wait.h>
#include <unistd.h>

using namespace lockstep;
using namespace lockstep::test;

BOOST_AUTO_TEST_SUITE(state_lock)

BOOST_AUTO_TEST_CASE(the_second_daemon_is_told_who_holds_the_directory_and_a_killed_holder_frees_it) {
  TemporaryDirectory d;
  int ready[2];
  BOOST_REQUIRE(::pipe(ready) == 0);
  pid_t child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    auto lock = StateLock::acquire(d / "state");
    char c = lock ? 'y' : 'n';
    if (::write(ready[1], &c, 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char c = 0;
  BOOST_REQUIRE(::read(ready[0], &c, 1) == 1);
  BOOST_TEST(c == 'y');
  auto second = StateLock::acquire(d / "state");
  BOOST_TEST(!second);
  BOOST_TEST(contains(second.error(), "another daemon (pid " + std::to_string(child) + ") uses " + d.path + "/state"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  auto third = StateLock::acquire(d / "state");
  BOOST_TEST(third.error() == "");
  BOOST_TEST(!StateLock::acquire(d / "state"));
  third = StateLock::acquire(d / "other");
  BOOST_TEST(StateLock::acquire(d / "state").error() == ""); // moved from: freed
  ::close(ready[0]), ::close(ready[1]);
}

BOOST_AUTO_TEST_SUITE_END()
