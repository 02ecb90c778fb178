// A module's configuration on this node (safekit 2.3): install, list, check, apply. Applying is all or nothing: the new copy
// is made beside the old one and takes its place in one rename.
#include "cli/command.hpp"
#include "cli/safe_archive.hpp"
#include "cli/templates.hpp"
#include "core/config/digest.hpp"
#include "shim/common/net/etcd_client.hpp"
#include "shim/common/site.hpp"
#include "shim/common/storage/files.hpp"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace lockstep::cli {
using nlohmann::json;

namespace {

std::uint32_t first_free_id(const Session& s) {
  std::set<std::uint32_t> used;
  for (const std::string& am : installed_modules(s.paths))
    if (auto id = module_id(s.paths, am)) used.insert(*id);
  std::uint32_t id = 1;
  while (used.contains(id)) ++id;
  return id;
}

void remove_tree(const std::string& path) {
  if (DIR* d = ::opendir(path.c_str())) {
    while (dirent* e = ::readdir(d)) {
      std::string name = e->d_name;
      if (name == "." || name == "..") continue;
      struct stat st{};
      std::string child = path + "/" + name;
      if (::lstat(child.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) remove_tree(child);
      else ::unlink(child.c_str());
    }
    ::closedir(d);
    ::rmdir(path.c_str());
  }
}

// What the arbiter of exec="etcd" needs on this machine; the other node checks its own files when it is handed the module.
Status check_arbiter(const ModuleConfig& config, const std::string& file) {
  const SplitbrainConfig& arbiter = config.check.splitbrain;
  if (arbiter.mode != ArbiterMode::etcd) return {};
  Status s = check_etcd_files(etcd_options(arbiter));
  return s ? s : Status{Error{file + ":" + std::to_string(arbiter.line) + ": " + s.error()}};
}

Result<ModuleConfig> checked(const Session& s, const std::string& am, std::string& text) {
  std::string file = s.paths.module_etc(am) + "/userconfig.xml";
  auto read = read_text_file(file);
  if (!read) return Error{read.error()};
  text = *read;
  auto id = module_id(s.paths, am);
  if (!id) return Error{id.error()};
  ModuleParseOptions options;
  options.file = file;
  options.module_id = *id;
  options.root = s.paths.root();
  auto parsed = parse_module_config(text, options);
  std::vector<Diagnostic> found = parsed.diagnostics;
  auto cluster = load_cluster(s.paths);
  if (parsed.value && cluster)
    for (Diagnostic& d : check_module_against_cluster(*parsed.value, cluster->config, file)) found.push_back(std::move(d));
  if (parsed.value)
    for (const std::string& other : applied_modules(s.paths))
      if (other != am)
        if (auto module = load_applied_module(s.paths, other))
          for (Diagnostic& d : check_module_against_module(*parsed.value, module->config, other, file)) found.push_back(std::move(d));
  for (const Diagnostic& d : found)
    if (!s.as_json || d.severity == Severity::error) std::fprintf(stderr, "%s\n", to_string(d).c_str());
  if (!cluster) return Error{cluster.error()};
  if (!parsed.value || has_error(found)) return Error{"the configuration of module " + am + " is not valid: nothing was changed"};
  if (Status st = check_arbiter(*parsed.value, file); !st) return st;
  return std::move(*parsed.value);
}

Status check_directories(const ModuleConfig& config) {
  if (!config.rfs) return {};
  for (const ReplicatedDir& d : config.rfs->directories) {
    struct stat st{};
    std::string where = "userconfig.xml:" + std::to_string(d.line) + ": the replicated directory " + d.dir;
    if (::stat(d.dir.c_str(), &st) != 0 && errno != ENOTCONN)
      return Error{where + " does not exist on this node: create it (on both nodes), or mount its file system"};
    if (errno != ENOTCONN && !S_ISDIR(st.st_mode)) return Error{where + " is not a directory"};
  }
  return {};
}

Status copy_file(const std::string& from, const std::string& to) {
  struct stat st{};
  auto text = read_text_file(from);
  if (!text) return Error{text.error()};
  if (::stat(from.c_str(), &st) != 0) return Error{"cannot read " + from};
  return write_text_file(to, *text, st.st_mode & 0777);
}

// conf/userconfig.xml and bin/*, beside the old copy, then in its place.
Status apply(const Session& s, const std::string& am) {
  std::string fresh = s.paths.applied(am) + ".new", old = s.paths.applied(am) + ".old", source = s.paths.module_etc(am);
  remove_tree(fresh);
  remove_tree(old);
  for (const std::string& directory : {fresh + "/conf", fresh + "/bin"})
    if (Status st = make_open_directories(directory); !st) return st;
  if (Status st = copy_file(source + "/userconfig.xml", fresh + "/conf/userconfig.xml"); !st) return st;
  if (DIR* d = ::opendir((source + "/bin").c_str())) {
    Status status;
    while (dirent* e = ::readdir(d)) {
      struct stat st{};
      std::string name = e->d_name;
      if (::stat((source + "/bin/" + name).c_str(), &st) != 0 || !S_ISREG(st.st_mode)) continue;
      if (status = copy_file(source + "/bin/" + name, fresh + "/bin/" + name); !status) break;
    }
    ::closedir(d);
    if (!status) return status;
  }
  if (::rename(s.paths.applied(am).c_str(), old.c_str()) != 0 && errno != ENOENT)
    return Error{"cannot replace " + s.paths.applied(am) + ": " + std::strerror(errno)};
  if (::rename(fresh.c_str(), s.paths.applied(am).c_str()) != 0)
    return Error{"cannot put " + s.paths.applied(am) + " in place: " + std::strerror(errno)};
  remove_tree(old);
  return {};
}

} // namespace

int module_install(const Session& s, const std::string& am, const std::string& safe_file, std::uint32_t id, bool replace) {
  if (!is_module_name(am)) return fail(s, "\"" + am + "\" is not a module name: letters, digits, '-' and '_', at most 32", Exit::usage);
  std::string directory = s.paths.module_etc(am);
  bool there = ::access(directory.c_str(), F_OK) == 0;
  if (there && !replace) return fail(s, "module " + am + " is installed already: `-r` installs it again and replaces its files");
  auto keep = module_id(s.paths, am);
  std::uint32_t use = id != 0 ? id : keep ? *keep : first_free_id(s);
  if (use > max_module_id) return fail(s, "a module id is a number from 1 to " + std::to_string(max_module_id), Exit::usage);
  if (Status st = make_open_directories(directory + "/bin"); !st) return fail(s, st.error());
  if (!safe_file.empty()) {
    if (Status st = extract_safe(safe_file, directory); !st) return fail(s, st.error());
  } else {
    for (const TemplateFile& f : mirror_template())
      if (Status st = write_text_file(directory + "/" + std::string(f.name), std::string(f.text), f.mode); !st) return fail(s, st.error());
  }
  if (Status st = write_text_file(directory + "/id", std::to_string(use) + "\n"); !st) return fail(s, st.error());
  return done(s, "module " + am + " installed with id " + std::to_string(use) + "; edit " + directory +
                     "/userconfig.xml and bin/, then run `lockstep config -m " + am + "`");
}

int module_list(const Session& s, bool ids) {
  json out = json::array();
  for (const std::string& am : installed_modules(s.paths)) {
    auto id = module_id(s.paths, am);
    if (s.as_json) out.push_back({{"name", am}, {"id", id ? *id : 0}});
    else if (ids) std::printf("%s %u\n", am.c_str(), id ? *id : 0);
    else std::printf("%s\n", am.c_str());
  }
  if (s.as_json) std::printf("%s\n", out.dump().c_str());
  return Exit::ok;
}

int config_check(const Session& s, const std::string& am) {
  std::string text;
  auto config = checked(s, am, text);
  if (!config) return fail(s, config.error());
  if (Status st = check_directories(*config); !st) return fail(s, st.error());
  return done(s, "the configuration of module " + am + " is valid");
}

int config_apply(const Session& s, const std::string& am) {
  std::string text;
  auto config = checked(s, am, text);
  if (!config) return fail(s, config.error());
  if (Status st = check_directories(*config); !st) return fail(s, st.error());
  auto view = control_call(s.paths.module_socket(am), json{{"op", "view"}}, seconds(5));
  if (view && view->value("role", "STOP") != "STOP")
    return fail(s, "module " + am + " is running (" + view->value("role", "") + "): stop it before it is configured");
  if (Status st = apply(s, am); !st) return fail(s, st.error());
  auto agent = ask_agent(s, {{"op", "reload_module"}, {"module", am}});
  if (agent && load_cluster(s.paths) && !await_module(s, am, agent->value("former", 0)))
    return fail(s, "module " + am + " is configured, but its process does not start: see " + s.paths.log(am) + "/daemon.log");
  return done(s, "module " + am + " configured" + (agent ? "" : " (lockstepd does not run: it will read it when it starts)"));
}

int config_info(const Session& s, const std::string& am) {
  auto current = read_text_file(s.paths.module_etc(am) + "/userconfig.xml");
  auto active = read_text_file(s.paths.user_conf(am) + "/userconfig.xml");
  struct stat a{}, c{};
  ::stat((s.paths.user_conf(am) + "/userconfig.xml").c_str(), &a);
  ::stat((s.paths.module_etc(am) + "/userconfig.xml").c_str(), &c);
  auto signature = [](const Result<std::string>& text) { return text ? stable_digest(*text) : 0; };
  if (s.as_json) {
    std::printf("%s\n", json{{"active", signature(active)}, {"current", signature(current)}, {"applied", active && current && *active == *current}}.dump().c_str());
    return Exit::ok;
  }
  std::printf("%-8s %016llx %lld\n", "active", static_cast<unsigned long long>(signature(active)), static_cast<long long>(active ? a.st_mtime : 0));
  std::printf("%-8s %016llx %lld\n", "current", static_cast<unsigned long long>(signature(current)), static_cast<long long>(current ? c.st_mtime : 0));
  if (!active) std::printf("module %s was never configured: run `lockstep config -m %s`\n", am.c_str(), am.c_str());
  else if (current && *active != *current) std::printf("userconfig.xml was edited since: run `lockstep config -m %s`\n", am.c_str());
  return Exit::ok;
}

} // namespace lockstep::cli
