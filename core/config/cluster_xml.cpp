// cluster.xml -> ClusterConfig (safekit 4).
#include "core/base/assert.hpp"
#include "core/config/cluster.hpp"
#include "core/config/digest.hpp"
#include "core/config/nearest.hpp"
#include "core/config/reader.hpp"
#include <algorithm>
#include <map>

namespace lockstep {
namespace {

using Times = ElementReader::Times;

constexpr std::size_t most_lans = 16, most_nodes = 64;

class ClusterParser {
 public:
  explicit ClusterParser(Findings& findings) : findings_(findings) {}

  ClusterConfig read(const XmlElement& root) {
    ElementReader r(context(), root);
    bool lans = false;
    r.done({{"lans", Times::once, [&](const XmlElement& e) { lans = true, read_lans(e); }}});
    if (!lans) r.error("<cluster> needs <lans> with at least one <lan name=\"NAME\">");
    return std::move(config_);
  }

 private:
  ReadContext context() { return {findings_, nothing_}; }

  void read_lans(const XmlElement& e) {
    ElementReader r(context(), e);
    config_.port = static_cast<std::uint16_t>(r.integer("port", config_.port, {1, 65535}));
    config_.pulse = r.time("pulse", config_.pulse, TimeUnit::ms, {ms(10), seconds(10)});
    config_.mlost_count = static_cast<std::uint32_t>(r.integer("mlost_count", config_.mlost_count, {2, 10000}));
    config_.slost_count = static_cast<std::uint32_t>(r.integer("slost_count", config_.slost_count, {2, 10000}));
    r.done({{"lan", Times::many, [&](const XmlElement& lan) { read_lan(lan); }}});
    if (config_.lans.empty() && !findings_.any_error()) r.error("<lans> needs at least one <lan name=\"NAME\">");
    if (config_.lans.size() > most_lans) r.error("<lans> has more than " + std::to_string(most_lans) + " lans");
    if (!findings_.any_error()) check_lans();
  }

  void read_lan(const XmlElement& e) {
    ElementReader r(context(), e);
    ClusterLan lan;
    lan.line = r.line();
    lan.name = r.required("name").value_or("");
    if (!lan.name.empty() && !is_plain_name(lan.name))
      r.error_at("name", lan.name, " is not a name: write letters, digits, \".\" \"-\" \"_\" (at most 64)");
    for (const auto& other : config_.lans)
      if (!lan.name.empty() && other.name == lan.name)
        r.error_at("name", lan.name,
                   " is already the name of the lan in line " + std::to_string(other.line) + ": choose another");
    lan.command = r.on_off("command", false);
    r.done({{"node", Times::many, [&](const XmlElement& node) { read_node(node, lan); }}});
    if (lan.nodes.size() < 2 && !findings_.any_error())
      r.error("<lan name=\"" + lan.name + "\"> needs at least two <node name=\"NAME\" addr=\"ADDRESS\"/>");
    if (lan.nodes.size() > most_nodes)
      r.error("<lan name=\"" + lan.name + "\"> has more than " + std::to_string(most_nodes) + " nodes");
    config_.lans.push_back(std::move(lan));
  }

  void read_node(const XmlElement& e, ClusterLan& lan) {
    ElementReader r(context(), e);
    ClusterNode node;
    node.line = r.line();
    node.name = r.required("name").value_or("");
    if (!node.name.empty() && !is_plain_name(node.name))
      r.error_at("name", node.name, " is not a name: write letters, digits, \".\" \"-\" \"_\" (at most 64)");
    if (node.name == "alone" || node.name == "lastprim")
      r.error_at("name", node.name, " is a word of <service defaultprim>: choose another name");
    node.addr = r.address("addr");
    if (auto a = e.find("addr"); !a || a->value.empty())
      r.error("<node name=\"" + quoted_piece(node.name) + "\"> needs the attribute addr: its address on this lan");
    node.laddr = r.address("laddr");
    r.done();
    for (const auto& other : lan.nodes) check_beside(r, node, other);
    lan.nodes.push_back(std::move(node));
  }

  static void check_beside(ElementReader& r, const ClusterNode& node, const ClusterNode& other) {
    const std::string where = " of the node in line " + std::to_string(other.line) + ": every node needs its own";
    if (!node.name.empty() && node.name == other.name) r.error_at("name", node.name, " is already the name" + where);
    if (!node.addr.empty() && node.addr == other.addr) r.error_at("addr", node.addr, " is already the address" + where);
  }

  // All lans are complete and valid by themselves here.
  void check_lans() {
    std::map<std::string_view, const ClusterNode*> all; // every node's first appearance
    for (const auto& lan : config_.lans)
      for (const auto& n : lan.nodes) all.emplace(n.name, &n);
    auto holds_all = [&](const ClusterLan& lan) { return lan.nodes.size() == all.size(); };
    if (std::none_of(config_.lans.begin(), config_.lans.end(), holds_all)) {
      const auto& largest =
          *std::max_element(config_.lans.begin(), config_.lans.end(),
                            [](const auto& a, const auto& b) { return a.nodes.size() < b.nodes.size(); });
      for (const auto& [name, node] : all)
        if (!find_node(largest, name)) return missing_node(*node, largest);
    }
    const ClusterLan* command = nullptr;
    for (const auto& lan : config_.lans) {
      if (!lan.command) continue;
      if (command)
        findings_.error({lan.line, 0}, "<lan name=\"" + lan.name +
                                           "\" command=\"on\"> is the second one (first in line " +
                                           std::to_string(command->line) + "): only one lan carries the commands");
      else if (!holds_all(lan))
        findings_.error({lan.line, 0}, "<lan name=\"" + lan.name + "\" command=\"on\"> must hold all " +
                                           std::to_string(all.size()) + " nodes of the cluster");
      command = &lan;
    }
    check_addresses();
  }

  void missing_node(const ClusterNode& node, const ClusterLan& lan) {
    std::vector<std::string_view> names;
    for (const auto& n : lan.nodes) names.push_back(n.name);
    findings_.error({node.line, 0},
                    "<node name=\"" + node.name + "\"> is not on the lan \"" + lan.name +
                        "\", and no other lan holds all nodes either: a node has the same name on all lans" +
                        did_you_mean(node.name, names, "\"", "\"", ""));
  }

  void check_addresses() {
    std::map<std::string_view, std::pair<const ClusterNode*, const ClusterLan*>> seen;
    for (const auto& lan : config_.lans)
      for (const auto& n : lan.nodes) {
        auto [first, fresh] = seen.emplace(n.addr, std::pair(&n, &lan));
        if (fresh) continue;
        const auto& [node, other] = first->second;
        const std::string what = "<node name=\"" + n.name + "\" addr=\"" + n.addr + "\">";
        if (node->name != n.name)
          findings_.error({n.line, 0}, what + " has the address of node \"" + node->name + "\" (line " +
                                           std::to_string(node->line) + ")");
        else
          findings_.warning({n.line, 0}, what + " has the same address as on lan \"" + other->name +
                                             "\": two lans on one network fail together");
      }
  }

  Findings& findings_;
  Expander nothing_;
  ClusterConfig config_;
};

} // namespace

ParseResult<ClusterConfig> parse_cluster_config(std::string_view text, std::string_view file) {
  Findings findings(file);
  std::optional<ClusterConfig> config;
  if (auto root = parse_xml(text, "cluster", findings)) {
    config = ClusterParser(findings).read(*root);
    config->text_digest = stable_digest(text);
  }
  if (findings.any_error()) config.reset();
  return {std::move(config), findings.take()};
}

const ClusterLan* find_lan(const ClusterConfig& config, std::string_view lan_name) {
  for (const auto& lan : config.lans)
    if (lan.name == lan_name) return &lan;
  return nullptr;
}

const ClusterNode* find_node(const ClusterLan& lan, std::string_view node_name) {
  for (const auto& n : lan.nodes)
    if (n.name == node_name) return &n;
  return nullptr;
}

const ClusterLan& command_lan(const ClusterConfig& config) {
  LOCKSTEP_ASSERT(!config.lans.empty());
  for (const auto& lan : config.lans)
    if (lan.command) return lan;
  return config.lans.front();
}

std::vector<std::string> node_names(const ClusterConfig& config) {
  const ClusterLan* largest = nullptr; // one lan holds all nodes, so the largest does
  for (const auto& lan : config.lans)
    if (!largest || lan.nodes.size() > largest->nodes.size()) largest = &lan;
  std::vector<std::string> names;
  if (largest)
    for (const auto& n : largest->nodes) names.push_back(n.name);
  return names;
}

} // namespace lockstep
