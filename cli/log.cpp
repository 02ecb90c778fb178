// The module's log: show, follow, add a line (safekit 2.2).
#include "cli/command.hpp"
#include <cstdio>
#include <deque>
#include <fcntl.h>
#include <unistd.h>

namespace lockstep::cli {
using nlohmann::json;

namespace {
// "| date | origin | L | message": the level is the third field. I lines belong to the verbose log.
bool shown(const std::string& line, bool verbose) {
  if (verbose) return true;
  std::size_t at = 0;
  for (int bar = 0; bar < 3; ++bar) {
    at = line.find('|', at);
    if (at == std::string::npos) return true;
    ++at;
  }
  return line.compare(at, 2, " I") != 0;
}
void print(const Session& s, const std::string& line) {
  if (s.as_json) std::printf("%s\n", json{{"line", line}}.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  else std::printf("%s\n", line.c_str());
}
} // namespace

int show_log(const Session& s, const std::string& am, std::size_t lines, bool verbose, bool follow) {
  std::string file = s.paths.log(am) + "/log";
  int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && !follow) return done(s, "module " + am + " has no log yet: it was never started here");
  std::deque<std::string> last;
  std::string partial;
  bool caught_up = false;
  for (;;) {
    char buffer[65536];
    ssize_t n = fd >= 0 ? ::read(fd, buffer, sizeof buffer) : 0;
    for (ssize_t i = 0; i < n; ++i) {
      if (buffer[i] != '\n') {
        partial += buffer[i];
        continue;
      }
      if (shown(partial, verbose)) {
        if (caught_up) print(s, partial);
        else last.push_back(partial);
        if (!caught_up && last.size() > lines) last.pop_front();
      }
      partial.clear();
    }
    if (n > 0) continue;
    if (!caught_up)
      for (const std::string& line : last) print(s, line);
    caught_up = true;
    if (!follow) break;
    std::fflush(stdout);
    ::usleep(200'000);
    if (fd < 0) fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  }
  if (fd >= 0) ::close(fd);
  return Exit::ok;
}

int print_message(const Session& s, const std::string& am, char level, const std::string& message) {
  int code = Exit::failed;
  json request{{"op", "log"}, {"level", std::string(1, level)}, {"origin", "safekit"}, {"message", message}};
  auto answer = ask_module(s, am, request, seconds(30), &code);
  if (!answer) return fail(s, answer.error(), code);
  return Exit::ok;
}

} // namespace lockstep::cli
