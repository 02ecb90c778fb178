#include "shim/common/site.hpp"
#include "shim/common/net/endpoint.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/interfaces.hpp"
#include <algorithm>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lockstep {
namespace {

std::vector<std::string> directories_in(const std::string& path) {
  std::vector<std::string> out;
  if (DIR* d = ::opendir(path.c_str())) {
    while (dirent* e = ::readdir(d)) {
      std::string name = e->d_name;
      struct stat st{};
      if (is_module_name(name) && ::stat((path + "/" + name).c_str(), &st) == 0 && S_ISDIR(st.st_mode)) out.push_back(name);
    }
    ::closedir(d);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string first_error(const std::vector<Diagnostic>& diagnostics) {
  for (const Diagnostic& d : diagnostics)
    if (d.severity == Severity::error) return to_string(d);
  return "";
}

} // namespace

bool is_module_name(const std::string& am) {
  return !am.empty() && am.size() <= 32 && am[0] != '-' && std::all_of(am.begin(), am.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Result<std::string> find_self(const ClusterConfig& config) {
  auto addresses = list_addresses();
  if (!addresses) return Error{addresses.error()};
  for (const ClusterLan& lan : config.lans) {
    for (const ClusterNode& node : lan.nodes) {
      auto resolved = Endpoint::resolve(node.laddr.empty() ? node.addr : node.laddr, 0);
      if (!resolved) continue;
      for (const InterfaceAddress& a : *addresses)
        if (a.address.to_string() == address_text(*resolved)) return node.name;
    }
  }
  return Error{"none of the addresses in cluster.xml is an address of this machine: bring the network up, or correct cluster.xml"};
}

Result<ClusterSite> load_cluster(const Paths& paths) {
  if (::access(paths.cluster_xml().c_str(), F_OK) != 0)
    return Error{"no cluster is configured: there is no " + paths.cluster_xml() + "; run `lockstep cluster config FILE`"};
  auto text = read_text_file(paths.cluster_xml());
  if (!text) return Error{text.error()};
  auto parsed = parse_cluster_config(*text, paths.cluster_xml());
  if (!parsed.value) return Error{first_error(parsed.diagnostics)};
  auto key = ClusterKey::load(paths.cluster_key());
  if (!key) return Error{key.error()};
  auto self = find_self(*parsed.value);
  if (!self) return Error{self.error()};
  ClusterSite site{std::move(*parsed.value), std::move(*text), *key, *self, {}};
  for (const std::string& name : node_names(site.config))
    if (name != site.self) site.others.push_back(name);
  return site;
}

Result<std::uint32_t> module_id(const Paths& paths, const std::string& am) {
  auto text = read_text_file(paths.module_etc(am) + "/id");
  if (!text) return Error{text.error()};
  std::uint64_t id = std::strtoull(text->c_str(), nullptr, 10);
  if (id < 1 || id > max_module_id)
    return Error{paths.module_etc(am) + "/id is not a module id (1 to " + std::to_string(max_module_id) + ")"};
  return static_cast<std::uint32_t>(id);
}

Result<ModuleSite> load_applied_module(const Paths& paths, const std::string& am) {
  if (!is_module_name(am)) return Error{"\"" + am + "\" is not a module name: letters, digits, '-' and '_', at most 32"};
  std::string file = paths.user_conf(am) + "/userconfig.xml";
  if (::access(file.c_str(), F_OK) != 0) {
    bool installed = ::access(paths.module_etc(am).c_str(), F_OK) == 0;
    return Error{installed ? "module " + am + " is not configured: run `lockstep config -m " + am + "`"
                           : "there is no module " + am + ": run `lockstep module install -m " + am + "`, or see `lockstep module list`"};
  }
  auto id = module_id(paths, am);
  if (!id) return Error{id.error()};
  auto text = read_text_file(file);
  if (!text) return Error{text.error()};
  ModuleParseOptions options;
  options.file = file;
  options.module_id = *id;
  options.root = paths.root();
  auto parsed = parse_module_config(*text, options);
  if (!parsed.value) return Error{first_error(parsed.diagnostics)};
  return ModuleSite{am, *id, std::move(*parsed.value), std::move(*text)};
}

std::vector<std::string> installed_modules(const Paths& paths) { return directories_in(paths.modules_etc()); }

std::vector<std::string> applied_modules(const Paths& paths) {
  std::vector<std::string> out;
  for (const std::string& am : directories_in(paths.modules_var()))
    if (::access((paths.user_conf(am) + "/userconfig.xml").c_str(), F_OK) == 0) out.push_back(am);
  return out;
}

} // namespace lockstep
