// Scripts run as the field expects: arguments, environment, own log, whole-group stop, daemons that survive (safekit
// 5).
#include "shim/linux/clock.hpp"
#include "shim/linux/descriptor_limit.hpp"
#include "shim/linux/script_runner.hpp"
#include "tests/shim/temporary.hpp"
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <regex>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lockstep;
using namespace lockstep::test;
using How = ScriptResult::How;

namespace {

bool is(How a, How b) { return a == b; }

struct Bench : TemporaryDirectory {
  boost::asio::io_context io;
  ScriptRunner runner;
  explicit Bench(const std::string& cgroup = {}) : runner(io.get_executor(), cgroup) {}

  std::string script(const std::string& name, const std::string& text, mode_t mode = 0755) {
    write_all(*this / name, bytes_of(text));
    ::chmod((*this / name).c_str(), mode);
    return *this / name;
  }
  ScriptRun order(const std::string& path, std::vector<std::string> arguments = {}) {
    ScriptRun r;
    r.path = path;
    r.name = "start_prim";
    r.arguments = std::move(arguments);
    r.log_directory = path_of_logs();
    return r;
  }
  std::string path_of_logs() const { return path; }
  ScriptResult finish(ScriptRunner::Started& started, ScriptRun r) {
    std::optional<ScriptResult> result;
    started = runner.start(std::move(r), [&](ScriptResult x) { result = std::move(x); });
    BOOST_TEST(!result.has_value());
    wait([&] { return result.has_value(); });
    return *result;
  }
  ScriptResult finish(ScriptRun r) {
    ScriptRunner::Started ignored;
    return finish(ignored, std::move(r));
  }
  // Runs the loop until `ready`, at most 20 s; wakes up now and then to look.
  template <class Ready>
  void wait(Ready ready) {
    auto end = boot_now() + seconds(20);
    io.restart();
    auto work = boost::asio::make_work_guard(io);
    while (!ready() && boot_now() < end) io.run_one_for(std::chrono::milliseconds(5));
    BOOST_REQUIRE(ready());
  }
};

std::string text_of(const std::string& path) {
  auto b = read_all(path);
  return std::string(b.begin(), b.end());
}
bool process_lives(int pid) {
  auto stat = text_of("/proc/" + std::to_string(pid) + "/stat");
  auto close = stat.rfind(')');
  return close != std::string::npos && stat[close + 2] != 'Z';
}
int pid_in(const std::string& path) { return std::atoi(text_of(path).c_str()); }

} // namespace

BOOST_AUTO_TEST_SUITE(script_runner)

BOOST_AUTO_TEST_CASE(a_script_has_no_part_in_the_daemons_protection_from_the_oom_killer) {
  Bench b;
  auto set = [](const std::string& value) { return !!(std::ofstream("/proc/self/oom_score_adj") << value << std::flush); };
  auto before = text_of("/proc/self/oom_score_adj");
  if (!set("-500")) { // a container's root may not
    BOOST_TEST_MESSAGE("oom_score_adj cannot be lowered here: nothing to show");
    return;
  }
  auto result = b.finish(b.order(b.script("s", "#!/bin/sh\necho adj=$(cat /proc/self/oom_score_adj)\n")));
  set(before);
  BOOST_TEST(contains(text_of(result.log_file), "adj=0\n"));
}

BOOST_AUTO_TEST_CASE(a_script_may_open_as_many_files_as_the_daemon_could_before_it_raised_its_own_limit) {
  Bench b;
  rlimit at_start = descriptor_limit_at_start();
  raise_descriptor_limit();
  rlimit now{};
  ::getrlimit(RLIMIT_NOFILE, &now);
  BOOST_TEST(now.rlim_cur == at_start.rlim_max);
  now.rlim_cur /= 2; // what the daemon has must not be what the script gets, also where nothing could be raised
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &now) == 0);
  auto result = b.finish(b.order(b.script("s", "#!/bin/sh\nulimit -Sn\nulimit -Hn\n")));
  ::setrlimit(RLIMIT_NOFILE, &at_start);
  auto limit = [](rlim_t n) { return n == RLIM_INFINITY ? std::string("unlimited") : std::to_string(n); };
  BOOST_TEST(contains(text_of(result.log_file), "\n" + limit(at_start.rlim_cur) + "\n" + limit(at_start.rlim_max) + "\n"));
}

BOOST_AUTO_TEST_CASE(a_script_gets_its_arguments_and_environment_and_its_output_has_the_fields_first_line) {
  Bench b;
  auto r = b.order(b.script("s", "#!/bin/sh\necho \"$1|$2|$3|$SAFEMODULE|$(pwd)\"\necho oops >&2\nexit 7\n"),
                   {"WAIT", "ALONE", "start"});
  r.environment = {{"SAFEMODULE", "mirror"}, {"EMPTY", ""}};
  ScriptRunner::Started started;
  auto result = b.finish(started, r);
  BOOST_TEST(is(result.how, How::exited));
  BOOST_TEST(result.exit_code == 7);
  BOOST_TEST(result.text == "");
  BOOST_TEST(result.log_file == started.log_file);
  BOOST_TEST(
      std::regex_match(result.log_file, std::regex(b.path + "/userlog_\\d{4}-\\d\\d-\\d\\dT\\d{6}_start_prim\\.ulog")));
  BOOST_TEST(std::regex_match(text_of(result.log_file),
                              std::regex("----------- \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d start_prim\n"
                                         "WAIT\\|ALONE\\|start\\|mirror\\|/\noops\n")));
}

BOOST_AUTO_TEST_CASE(every_run_has_a_log_of_its_own_also_in_the_same_second) {
  Bench b;
  auto path = b.script("s", "#!/bin/sh\n");
  std::map<std::string, int> names;
  for (int i = 0; i < 5; ++i) ++names[b.finish(b.order(path)).log_file];
  BOOST_TEST(names.size() == 5u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_run_says_why) {
  Bench b;
  auto missing = b.finish(b.order(b / "nothing"));
  BOOST_TEST(is(missing.how, How::not_found));
  BOOST_TEST(contains(missing.text, "there is no such file"));
  auto plain = b.finish(b.order(b.script("plain", "#!/bin/sh\n", 0644)));
  BOOST_TEST(is(plain.how, How::not_executable));
  BOOST_TEST(contains(plain.text, "chmod +x"));
  auto windows = b.finish(b.order(b.script("windows", "#!/bin/sh\r\nexit 0\r\n")));
  BOOST_TEST(is(windows.how, How::not_found));
  BOOST_TEST(contains(windows.text, "Unix line ends"));
}

BOOST_AUTO_TEST_CASE(a_script_without_an_interpreter_line_is_run_by_the_shell) {
  Bench b;
  auto r = b.finish(b.order(b.script("bare", "exit $1\n"), {"3"}));
  BOOST_TEST(is(r.how, How::exited));
  BOOST_TEST(r.exit_code == 3);
}

BOOST_AUTO_TEST_CASE(a_signal_is_told_from_an_exit_code) {
  Bench b;
  auto r = b.finish(b.order(b.script("s", "#!/bin/sh\nkill -9 $$\n")));
  BOOST_TEST(is(r.how, How::signalled));
  BOOST_TEST(r.signal == SIGKILL);
}

BOOST_AUTO_TEST_CASE(what_a_script_leaves_running_survives_its_end) {
  Bench b;
  auto r = b.finish(b.order(b.script("s", "#!/bin/sh\nsleep 1000 &\necho $! > " + (b / "daemon") + "\n")));
  BOOST_TEST(is(r.how, How::exited));
  int daemon = pid_in(b / "daemon");
  BOOST_REQUIRE(daemon > 1);
  BOOST_TEST(process_lives(daemon));
  ::kill(daemon, SIGKILL);
}

BOOST_AUTO_TEST_CASE(stop_ends_the_whole_group_with_term_when_it_obeys) {
  Bench b;
  std::optional<ScriptResult> result;
  auto order = b.order(b.script("s", "#!/bin/sh\ntrap 'echo asked; exit 5' TERM\nsleep 1000 &\necho $! > " +
                                         (b / "kid.new") + "\nmv " + (b / "kid.new") + " " + (b / "kid") + "\nwait\n"));
  auto started = b.runner.start(order, [&](ScriptResult x) { result = x; });
  b.wait([&] { return std::filesystem::exists(b / "kid"); });
  auto begin = boot_now();
  b.runner.stop(started.id, seconds(30));
  b.wait([&] { return result.has_value(); });
  BOOST_TEST((boot_now() - begin < seconds(15)));
  BOOST_TEST(is(result->how, How::exited));
  BOOST_TEST(result->exit_code == 5);
  BOOST_TEST(contains(text_of(started.log_file), "asked"));
  BOOST_TEST(!process_lives(pid_in(b / "kid")));
  BOOST_TEST(!b.runner.running(started.id));
}

BOOST_AUTO_TEST_CASE(stop_kills_what_ignores_term_after_the_grace_children_included) {
  Bench b;
  std::optional<ScriptResult> result;
  auto order =
      b.order(b.script("s", "#!/bin/sh\ntrap '' TERM\nsh -c 'trap \"\" TERM; echo $$ > " + (b / "kid.new") + "; mv " +
                                (b / "kid.new") + " " + (b / "kid") + "; sleep 1000; sleep 1000' &\nwait\nwait\n"));
  auto started = b.runner.start(order, [&](ScriptResult x) { result = x; });
  b.wait([&] { return std::filesystem::exists(b / "kid"); });
  auto begin = boot_now();
  b.runner.stop(started.id, ms(200));
  b.wait([&] { return result.has_value(); });
  BOOST_TEST((boot_now() - begin >= ms(200)));
  BOOST_TEST(is(result->how, How::signalled));
  BOOST_TEST(result->signal == SIGKILL);
  BOOST_TEST(!process_lives(pid_in(b / "kid")));
}

BOOST_AUTO_TEST_CASE(a_log_that_cannot_be_made_does_not_keep_a_script_from_running) {
  Bench b;
  auto r = b.order(b.script("s", "#!/bin/sh\necho unheard\nexit 4\n"));
  r.log_directory = b / "missing";
  auto result = b.finish(r);
  BOOST_TEST(is(result.how, How::exited));
  BOOST_TEST(result.exit_code == 4);
  BOOST_TEST(result.log_file == "");
  BOOST_TEST(contains(result.text, "cannot create " + b.path + "/missing/userlog_"));
}

BOOST_AUTO_TEST_CASE(the_script_inherits_none_of_the_daemons_files_and_signal_masks) {
  Bench b;
  int leak = ::dup(1); // without close-on-exec
  auto r = b.finish(b.order(b.script("s", "#!/bin/sh\nls /proc/self/fd | wc -l\ngrep SigBlk /proc/self/status\n")));
  ::close(leak);
  auto text = text_of(r.log_file);
  BOOST_TEST(contains(text, "\n4\n")); // 0, 1, 2 and the directory that ls reads
  BOOST_TEST(contains(text, "SigBlk:\t0000000000000000"));
}

BOOST_AUTO_TEST_CASE(a_cgroup_catches_what_left_the_process_group) {
  std::string parent;
  for (const char* root : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"})
    if (parent.empty() && std::filesystem::exists(std::string(root) + "/cgroup.controllers"))
      parent = std::string(root) + "/lockstep-test-" + std::to_string(::getpid());
  if (parent.empty() || ::mkdir(parent.c_str(), 0755) != 0) {
    BOOST_TEST_MESSAGE("no writable cgroup v2 here");
    return;
  }
  {
    Bench b(parent);
    std::optional<ScriptResult> result;
    auto order = b.order(b.script("s", "#!/bin/sh\nsetsid sh -c 'trap \"\" TERM; echo $$ > " + (b / "kid.new") +
                                           "; mv " + (b / "kid.new") + " " + (b / "kid") +
                                           "; sleep 1000; sleep 1000' &\nwait\nsleep 1000\n"));
    auto started = b.runner.start(order, [&](ScriptResult x) { result = x; });
    b.wait([&] { return std::filesystem::exists(b / "kid"); });
    b.runner.stop(started.id, ms(100));
    b.wait([&] { return result.has_value(); });
    BOOST_TEST(!process_lives(pid_in(b / "kid")));
  }
  BOOST_TEST(::rmdir(parent.c_str()) == 0); // the run's own cgroup is gone
}

BOOST_AUTO_TEST_CASE(runs_at_the_same_time_do_not_mix_up) {
  Bench b;
  auto path = b.script("s", "#!/bin/sh\nexit $1\n");
  std::map<int, int> codes;
  for (int i = 0; i < 20; ++i)
    b.runner.start(b.order(path, {std::to_string(i)}), [&codes, i](ScriptResult r) { codes[i] = r.exit_code; });
  b.wait([&] { return codes.size() == 20; });
  for (int i = 0; i < 20; ++i) BOOST_TEST(codes[i] == i);
}

BOOST_AUTO_TEST_SUITE_END()
