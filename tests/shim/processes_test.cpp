// What errd counts: by name, nameregex and argregex, never ourselves, zombies or other pid namespaces (safekit 3.8).
#include "shim/linux/clock.hpp"
#include "shim/linux/proc.hpp"
#include "shim/linux/processes.hpp"
#include "tests/shim/temporary.hpp"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lockstep;
using namespace lockstep::test;

namespace {

// A program of the given name and arguments, asleep; killed with the object. Its exec is over when the constructor
// returns.
struct Sleeper {
  pid_t pid = -1;
  Sleeper(const TemporaryDirectory& d, const std::string& name, const std::string& argument) {
    auto path = d / name;
    std::filesystem::copy_file("/bin/sleep", path, std::filesystem::copy_options::skip_existing);
    int gate[2];
    BOOST_REQUIRE(::pipe2(gate, O_CLOEXEC) == 0); // closed by exec
    pid = ::fork();
    if (pid == 0) {
      ::execl(path.c_str(), path.c_str(), argument.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(gate[1]);
    char c;
    BOOST_REQUIRE(::read(gate[0], &c, 1) == 0);
    ::close(gate[0]);
  }
  void kill() const { ::kill(pid, SIGKILL); }
  ~Sleeper() {
    kill();
    ::waitpid(pid, nullptr, 0);
  }
};

int count(const std::string& name, const std::string& nameregex = {}, const std::string& argregex = {}) {
  auto f = ProcessFilter::make(name, nameregex, argregex);
  BOOST_REQUIRE(f);
  return count_processes(list_processes(), *f);
}

} // namespace

BOOST_AUTO_TEST_SUITE(processes)

BOOST_AUTO_TEST_CASE(counts_by_name_by_regex_and_by_arguments) {
  TemporaryDirectory d;
  auto id = std::to_string(::getpid() % 100000);
  Sleeper a(d, "lsa" + id, "1001"), b(d, "lsa" + id, "1002"), c(d, "lsb" + id, "1001");
  BOOST_TEST(count("lsa" + id) == 2);
  BOOST_TEST(count("lsb" + id) == 1);
  BOOST_TEST(count("lsa") == 0); // a name is the whole name
  BOOST_TEST(count("ignored", "^ls[ab]" + id + "$") == 3);
  BOOST_TEST(count("lsa" + id, "", "lsa" + id + " 1001$") == 1);
  BOOST_TEST(count("lsa" + id, "", "^" + d.path + "/lsa") == 2);
  BOOST_TEST(count("lsa" + id, "", "nothing") == 0);
}

BOOST_AUTO_TEST_CASE(a_name_longer_than_the_kernel_keeps_is_found) {
  TemporaryDirectory d;
  Sleeper a(d, "lockstep-long-name-of-a-program", "1000");
  BOOST_TEST(count("lockstep-long-name-of-a-program") == 1);
}

BOOST_AUTO_TEST_CASE(zombies_ourselves_and_kernel_threads_do_not_count) {
  TemporaryDirectory d;
  auto name = "lsz" + std::to_string(::getpid() % 100000);
  Sleeper a(d, name, "1000");
  BOOST_TEST(count(name) == 1);
  a.kill();
  siginfo_t info{};
  BOOST_REQUIRE(::waitid(P_PID, static_cast<id_t>(a.pid), &info, WEXITED | WNOWAIT) == 0); // dead, not reaped
  BOOST_TEST(count(name) == 0);
  for (const auto& p : list_processes()) {
    BOOST_TEST(p.pid != ::getpid());
    BOOST_TEST(!p.command.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_process_inside_a_container_does_not_count) {
  TemporaryDirectory d;
  auto name = "lsc" + std::to_string(::getpid() % 100000);
  std::filesystem::copy_file("/bin/sleep", d / name);
  int gate[2];
  BOOST_REQUIRE(::pipe2(gate, O_CLOEXEC) == 0);
  pid_t outer = ::fork();
  if (outer == 0) {
    if (::unshare(CLONE_NEWPID) != 0) ::_exit(1);
    pid_t inner = ::fork();
    if (inner == 0) {
      ::execl((d / name).c_str(), name.c_str(), "1000", nullptr);
      ::_exit(127);
    }
    ::close(gate[1]);
    ::pause();
    ::kill(inner, SIGKILL);
    ::_exit(0);
  }
  ::close(gate[1]);
  char c;
  BOOST_REQUIRE(::read(gate[0], &c, 1) == 0);
  ::close(gate[0]);
  int inner = 0;
  for (int pid : proc::all_pids())
    if (auto s = proc::read_stat(pid); s && s->name == name) inner = pid;
  BOOST_TEST(inner > 0);
  BOOST_TEST(count(name) == 0);
  if (inner > 0) ::kill(inner, SIGKILL);
  ::kill(outer, SIGKILL);
  ::waitpid(outer, nullptr, 0);
}

BOOST_AUTO_TEST_CASE(a_wrong_expression_is_refused_with_its_text) {
  auto f = ProcessFilter::make("x", "", "a(b");
  BOOST_TEST(!f);
  BOOST_TEST(contains(f.error(), "argregex=\"a(b\" is not a POSIX extended regular expression: Unmatched ("));
}

BOOST_AUTO_TEST_CASE(a_process_name_may_hold_anything) {
  auto s = proc::parse_stat("12 (a) b (c) S 7 8 9 10");
  BOOST_REQUIRE(s.has_value());
  BOOST_TEST(s->name == "a) b (c");
  BOOST_TEST(s->state == 'S');
  BOOST_TEST(s->parent == 7);
  BOOST_TEST(s->group == 8);
  BOOST_TEST(!proc::parse_stat("").has_value());
  BOOST_TEST(!proc::parse_stat("12 (a").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(clock_shim)

BOOST_AUTO_TEST_CASE(labels_have_the_fields_shape_and_boot_time_goes_forward) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  WallTime t{1717687286, 42'999'999};
  BOOST_TEST(wall_text(t) == "2024-06-06T15:21:26");
  BOOST_TEST(wall_text_ms(t) == "2024-06-06T15:21:26.042");
  BOOST_TEST(wall_file_text(t) == "2024-06-06T152126");
  auto a = boot_now(), b = boot_now();
  BOOST_TEST((a <= b));
  BOOST_TEST((b.ns > 0));
  BOOST_TEST((b - a < seconds(5)));
}

BOOST_AUTO_TEST_SUITE_END()
