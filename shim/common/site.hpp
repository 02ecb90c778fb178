// What is configured on this node, read from its root: the cluster, which of its nodes we are, the applied modules.
// Every error is one sentence that says which file and what to do.
#pragma once
#include "core/config/cluster.hpp"
#include "core/config/module_config.hpp"
#include "shim/common/crypto/cluster_key.hpp"
#include "shim/common/paths.hpp"

namespace lockstep {

struct ClusterSite {
  ClusterConfig config;
  std::string text; // cluster.xml as it is
  ClusterKey key;
  std::string self;                // our node's name
  std::vector<std::string> others; // the other nodes, in order
};
// We are the node one of whose addresses (laddr, else addr) is on this machine.
Result<ClusterSite> load_cluster(const Paths& paths);
Result<std::string> find_self(const ClusterConfig& config);

struct ModuleSite {
  std::string name;
  std::uint32_t id = 0;
  ModuleConfig config;
  std::string text;
};
// As applied (`lockstep config`). nullopt-like error when the module was never configured.
Result<ModuleSite> load_applied_module(const Paths& paths, const std::string& am);
std::vector<std::string> installed_modules(const Paths& paths); // etc/lockstep/modules/*
std::vector<std::string> applied_modules(const Paths& paths);   // those with an applied configuration
Result<std::uint32_t> module_id(const Paths& paths, const std::string& am);
// Letters, digits, '-' and '_', at most 32: it becomes a file name.
bool is_module_name(const std::string& am);

} // namespace lockstep
