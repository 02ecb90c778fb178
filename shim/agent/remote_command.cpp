#include "shim/agent/remote_command.hpp"
#include "shim/common/storage/files.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace lockstep {
using nlohmann::json;

std::string program_beside(const std::string& name) {
  char buffer[4096];
  ssize_t n = ::readlink("/proc/self/exe", buffer, sizeof buffer);
  std::string self = n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : "";
  return self.substr(0, self.rfind('/') + 1) + name;
}

Status link_programs(const Paths& paths) {
  for (const char* name : {"lockstep", "safekit"}) {
    std::string link = paths.safe() + "/" + name, target = program_beside("lockstep");
    struct stat st{};
    if (::lstat(link.c_str(), &st) == 0 && !S_ISLNK(st.st_mode)) continue; // a program, installed there
    ::unlink(link.c_str());
    if (::symlink(target.c_str(), link.c_str()) != 0) return Error{"cannot create the link " + link + ": " + std::strerror(errno)};
  }
  return {};
}

namespace {
constexpr std::size_t output_max = 1u << 20;

json run(const Paths& paths, std::vector<std::string> argv, const std::string& from) {
  std::vector<std::string> environment;
  for (char** e = environ; *e; ++e)
    if (std::strncmp(*e, "LOCKSTEP_", 9) != 0) environment.emplace_back(*e);
  environment.push_back("LOCKSTEP_ROOT=" + paths.root());
  environment.push_back("LOCKSTEP_WHO=admin@" + from);
  std::string program = program_beside("lockstep");
  argv.insert(argv.begin(), program);
  std::vector<char*> args, env;
  for (auto& a : argv) args.push_back(a.data());
  for (auto& e : environment) env.push_back(e.data());
  args.push_back(nullptr), env.push_back(nullptr);
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) return {{"ok", false}, {"error", std::string("cannot make a pipe: ") + std::strerror(errno)}};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], 2);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3); // our sockets are not the command's
  pid_t pid = 0;
  int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, args.data(), env.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  std::string text;
  char buffer[8192];
  ssize_t n;
  while (error == 0 && ((n = ::read(out[0], buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR)))
    if (n > 0 && text.size() < output_max) text.append(buffer, static_cast<std::size_t>(n));
  ::close(out[0]);
  if (error != 0) return {{"ok", false}, {"error", "cannot run " + program + ": " + std::strerror(error)}};
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return {{"ok", true}, {"rc", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)}, {"out", text}};
}

// Files of a module as edited on the other node: relative names, bytes, mode. Nothing outside the module's directory.
json put_module(const Paths& paths, const json& m) {
  std::string am = m.value("name", "");
  std::string base = paths.module_etc(am);
  for (const json& f : m.value("files", json::array())) {
    std::string name = f.value("name", "");
    if (name.empty() || name[0] == '/' || name.find("..") != std::string::npos)
      return {{"ok", false}, {"error", "\"" + name + "\" is not a file name inside a module"}};
    std::string path = base + "/" + name;
    if (Status s = make_open_directories(path.substr(0, path.rfind('/'))); !s) return {{"ok", false}, {"error", s.error()}};
    if (Status s = write_text_file(path, f.value("text", ""), f.value("mode", 0644u) & 0777u); !s)
      return {{"ok", false}, {"error", s.error()}};
  }
  return {{"ok", true}};
}
} // namespace

json run_local_command(const Paths& paths, const json& request, const std::string& from) {
  if (request.contains("put_module") && request["put_module"].is_object()) {
    std::string am = request["put_module"].value("name", "");
    bool plain = !am.empty() && am.find('/') == std::string::npos && am[0] != '.';
    return plain ? put_module(paths, request["put_module"]) : json{{"ok", false}, {"error", "\"" + am + "\" is not a module name"}};
  }
  if (!request.contains("argv") || !request["argv"].is_array()) return {{"ok", false}, {"error", "the request is not understood"}};
  std::vector<std::string> argv;
  for (const json& a : request["argv"])
    if (a.is_string()) argv.push_back(a.get<std::string>());
  return run(paths, std::move(argv), from);
}

} // namespace lockstep
