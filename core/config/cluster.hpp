// cluster.xml (safekit 4): the servers of the cluster and the networks (lans) they share. Plain values, made by the
// parser.
#pragma once
#include "core/base/time.hpp"
#include "core/config/diagnostic.hpp"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

struct ClusterNode {
  std::string name;       // the server's name, the same on all lans
  std::string addr;       // as other nodes see it: IPv4, IPv6 (without the brackets of the file), or DNS name
  std::string laddr;      // the node's own address behind a NAT; empty: the same as addr
  std::uint32_t line = 0; // of cluster.xml
  bool operator==(const ClusterNode&) const = default;
};

struct ClusterLan {
  std::string name; // what <heartbeat name> refers to
  bool command =
      false; // the network of `-H` commands (at most one; it holds all nodes); none: the first lan, see command_lan
  std::vector<ClusterNode> nodes; // at least two, names unique
  std::uint32_t line = 0;
  bool operator==(const ClusterLan&) const = default;
};

struct ClusterConfig {
  std::uint16_t port = 4800;      // UDP, membership between the agents
  Duration pulse = ms(100);       // period of a membership beat
  std::uint32_t mlost_count = 20; // pulses without the leader before a new one is elected
  std::uint32_t slost_count = 10; // pulses before a follower is offline
  std::vector<ClusterLan> lans;   // at least one; at least one holds all nodes
  std::uint64_t text_digest = 0;  // of the file's bytes: the "signature" of `cluster confinfo`
  bool operator==(const ClusterConfig&) const = default;
};

// Parses and validates. Total: any bytes give either a value or at least one error, never a crash.
ParseResult<ClusterConfig> parse_cluster_config(std::string_view text, std::string_view file = "cluster.xml");

// nullptr when there is none of that name. The pointers live as long as the configuration.
const ClusterLan* find_lan(const ClusterConfig&, std::string_view lan_name);
const ClusterNode* find_node(const ClusterLan&, std::string_view node_name);
// The lan marked command="on", else the first one.
const ClusterLan& command_lan(const ClusterConfig&);
// The names of all servers, in the order of the first lan that holds them all.
std::vector<std::string> node_names(const ClusterConfig&);

} // namespace lockstep
