// What shows only when a module's file is held against cluster.xml, or against another module's.
#include "core/config/module_config.hpp"
#include "core/config/nearest.hpp"
#include "core/config/source.hpp"
#include "core/config/values.hpp"
#include <algorithm>
#include <set>

namespace lockstep {
namespace {

std::set<std::string> names_on(const ClusterLan& lan) {
  std::set<std::string> names;
  for (const auto& n : lan.nodes) names.insert(n.name);
  return names;
}

std::string joined(const std::set<std::string>& names) {
  std::string out;
  for (const auto& n : names) out += (out.empty() ? "" : " and ") + n;
  return out;
}

// The lans of all heartbeats, as far as they are right.
std::vector<const ClusterLan*> check_lans(const ModuleConfig& module, const ClusterConfig& cluster,
                                          Findings& findings) {
  std::vector<std::string_view> known;
  for (const auto& lan : cluster.lans) known.push_back(lan.name);
  std::string list;
  for (auto k : known) list += (list.empty() ? "" : ", ") + std::string(k);
  std::vector<const ClusterLan*> lans;
  for (const auto& h : module.heart.heartbeats) {
    const std::string what = "<heartbeat name=\"" + h.lan + "\">";
    const auto* lan = find_lan(cluster, h.lan);
    if (!lan) {
      findings.error({h.line, 0}, what + " names a lan that cluster.xml does not have" +
                                      did_you_mean(h.lan, known, "\"", "\"", ": it has " + list));
      continue;
    }
    const auto names = names_on(*lan);
    if (names.size() != 2)
      findings.error({h.line, 0}, what + ": a mirror runs on exactly two nodes, and the lan has " +
                                      std::to_string(names.size()) + " (cluster.xml line " + std::to_string(lan->line) +
                                      "): write a lan with the two");
    else if (!lans.empty() && names != names_on(*lans.front()))
      findings.error({h.line, 0}, what + " joins " + joined(names) + ", but lan \"" + lans.front()->name + "\" joins " +
                                      joined(names_on(*lans.front())) +
                                      ": all heartbeats of a mirror join the same two nodes");
    else
      lans.push_back(lan);
  }
  return lans;
}

void check_defaultprim(const ModuleConfig& module, const std::vector<const ClusterLan*>& lans, Findings& findings) {
  const auto& name = module.service.defaultprim_server;
  if (module.service.defaultprim != DefaultPrim::server || lans.empty() || find_node(*lans.front(), name)) return;
  std::vector<std::string_view> words = {"alone", "lastprim"};
  for (const auto& n : lans.front()->nodes) words.push_back(n.name);
  const std::string what = "<service defaultprim=\"" + name + "\"> is not alone, lastprim or a node of cluster.xml";
  if (nearest(name, words).empty())
    findings.warning({module.service.line, 0}, what + ": it is taken for the host name of a server");
  else
    findings.error({module.service.line, 0}, what + did_you_mean(name, words, "\"", "\"", ""));
}

void check_addresses(const ModuleConfig& module, const ClusterConfig& cluster, Findings& findings) {
  auto owner = [&](const std::string& address) -> const ClusterNode* {
    for (const auto& lan : cluster.lans)
      for (const auto& n : lan.nodes)
        if (n.addr == address || n.laddr == address || n.name == address) return &n;
    return nullptr;
  };
  const auto& splitbrain = module.check.splitbrain;
  std::size_t on_nodes = 0;
  for (const auto& witness : arbiter_hosts(splitbrain)) {
    const auto* n = owner(witness);
    on_nodes += n ? 1 : 0;
    if (n && splitbrain.mode == ArbiterMode::ping)
      findings.error({splitbrain.line, 0}, "<splitbrain arg=\"" + witness + "\"> is node " + n->name +
                                               " itself: a witness must be a third machine, as a router");
  }
  if (splitbrain.mode == ArbiterMode::etcd && on_nodes == splitbrain.args.size())
    findings.error({splitbrain.line, 0}, "<splitbrain exec=\"etcd\"> has endpoints on the two nodes only: when one is lost the "
                                         "other finds no majority; a member must run on a third machine, and be in arg");
  for (const auto& i : module.vip.interfaces)
    for (const auto& v : i.addresses)
      if (const auto* n = owner(v.addr))
        findings.error({v.line, 0}, "<virtual_addr addr=\"" + v.addr + "\"> is the address of node " + n->name +
                                        ": a virtual address belongs to no node");
}

} // namespace

std::vector<Diagnostic> check_module_against_cluster(const ModuleConfig& module, const ClusterConfig& cluster,
                                                     std::string_view file) {
  Findings findings(file);
  auto lans = check_lans(module, cluster, findings);
  check_defaultprim(module, lans, findings);
  check_addresses(module, cluster, findings);
  if (module.heart.port == cluster.port)
    findings.error({module.heart.line, 0},
                   "<heart port=\"" + std::to_string(module.heart.port) +
                       "\"> is the port of the cluster's membership (cluster.xml): choose another");
  return findings.take();
}

std::vector<Diagnostic> check_module_against_module(const ModuleConfig& module, const ModuleConfig& other,
                                                    std::string_view other_name, std::string_view file) {
  Findings findings(file);
  const std::string its = " of module " + std::string(other_name);
  if (module.heart.port == other.heart.port)
    findings.error({module.heart.line, 0}, "<heart port=\"" + std::to_string(module.heart.port) +
                                               "\"> is also the heartbeat port" + its + ": choose another");
  if (module.rfs && other.rfs)
    for (const auto& d : module.rfs->directories)
      for (const auto& o : other.rfs->directories)
        if (lies_in(d.dir, o.dir) || lies_in(o.dir, d.dir))
          findings.error({d.line, 0}, "<replicated dir=\"" + d.dir + "\"> overlaps the directory \"" + o.dir + "\"" +
                                          its + ": a directory belongs to one module");
  for (const auto& i : module.vip.interfaces)
    for (const auto& v : i.addresses)
      for (const auto& oi : other.vip.interfaces)
        for (const auto& ov : oi.addresses)
          if (v.addr == ov.addr)
            findings.error({v.line, 0}, "<virtual_addr addr=\"" + v.addr + "\"> is also the virtual address" + its +
                                            ": every module needs its own");
  return findings.take();
}

} // namespace lockstep
