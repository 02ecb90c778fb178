// userconfig.xml (safekit 3): what one module is to do. Plain values, made by the parser, complete (defaults filled in)
// and valid. Optional parts that the file leaves out are std::nullopt or empty. Lines are those of userconfig.xml, for
// later messages.
#pragma once
#include "core/base/time.hpp"
#include "core/config/cluster.hpp"
#include "core/config/diagnostic.hpp"
#include "core/lineage/arbiter_mode.hpp"
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

enum class ModuleMode : std::uint8_t { mirror };
enum class BootMode : std::uint8_t {
  off,
  on,
  automatic,
  ignore
}; // automatic: file value "auto"; ignore: obey `boot -m AM`
enum class DefaultPrim : std::uint8_t { alone, lastprim, server }; // safekit 1.6

struct ServiceConfig { // safekit 3.2
  ModuleMode mode = ModuleMode::mirror;
  BootMode boot = BootMode::ignore;
  Duration boot_delay;
  bool failover = true;
  DefaultPrim defaultprim = DefaultPrim::alone;
  std::string defaultprim_server; // cluster node name (or host name), when defaultprim == server
  std::uint32_t maxloop = 3; // restart/stopstart/wait by a detector within loop_interval; one more stops the module
  Duration loop_interval = seconds(24 * 3600); // 0: the counter is inactive
  bool automatic_reboot = false;
  std::uint32_t line = 0;
  bool operator==(const ServiceConfig&) const = default;
};

struct HeartbeatConfig { // safekit 3.3
  std::string lan;       // name of a lan of cluster.xml
  std::string ident;     // resource heartbeat.<ident>; default: the lan's name
  Duration pulse, timeout;
  bool flow = false; // this lan carries the replication: ident "flow", else the first heartbeat. Exactly one has it
  std::uint32_t line = 0;
  bool operator==(const HeartbeatConfig&) const = default;
};

struct HeartConfig {
  std::uint16_t port = 0; // UDP; module_ports(id).heartbeat unless the file says otherwise
  Duration pulse = ms(700), timeout = ms(30000);
  std::vector<HeartbeatConfig> heartbeats; // at least one, lans and idents distinct
  std::uint32_t line = 0;
  bool operator==(const HeartConfig&) const = default;
};

enum class VipWhere : std::uint8_t {
  one_side_alias,
  one_side
}; // one_side: becomes the primary address of the interface

struct VirtualAddress { // safekit 3.4
  std::string addr;     // IPv4, IPv6 (no brackets) or DNS name
  VipWhere where = VipWhere::one_side_alias;
  bool check = true;        // implies the checker ip.<addr>: missing or in conflict -> stopstart
  bool connections = false; // count active connections in connections.<addr>
  std::string netmask;      // IPv4 dotted mask; empty: the interface's
  std::uint32_t line = 0;
  bool operator==(const VirtualAddress&) const = default;
};

struct VipInterface {
  std::string name;        // empty: found by the network of the address
  bool check = true;       // implies the checker intf.<network>: down -> wait
  bool arpreroute = false; // repeat gratuitous ARP every arpinterval during arpelapse
  Duration arpinterval = seconds(60), arpelapse = seconds(1200);
  std::vector<VirtualAddress> addresses;
  std::uint32_t line = 0;
  bool operator==(const VipInterface&) const = default;
};

struct VipConfig {
  bool tcpreset = true;                 // reset TCP connections from the address before it goes
  std::vector<VipInterface> interfaces; // none: no virtual address (a load balancer asks ready.txt)
  bool operator==(const VipConfig&) const = default;
};

enum class AsyncMode : std::uint8_t { second, none }; // design 7, table of completions

struct ReplicatedDir {              // safekit 3.5
  std::string dir;                  // absolute, normal form: no "//", no trailing "/", no "." or ".."
  bool read_only = false;           // mode="read_only"
  std::vector<std::string> tocheck; // relative to dir; must exist before replication starts
  std::uint32_t line = 0;
  bool operator==(const ReplicatedDir&) const = default;
};

struct RfsConfig {
  AsyncMode async = AsyncMode::second;
  bool writeback = false; // cache="writeback" (ours, design 7)
  bool acl = false;
  std::uint32_t nbrei = 6; // parallel resync workers
  Duration locktimeout = seconds(100), sendtimeout = seconds(30), reitimeout = seconds(150);
  std::vector<ReplicatedDir> directories; // at least one; the index here is the index of root_key()
  std::uint32_t line = 0;
  bool operator==(const RfsConfig&) const = default;
};

enum class ScriptLogging : std::uint8_t { userlog, none };

struct ScriptVariable {
  std::string name, value;
  bool operator==(const ScriptVariable&) const = default;
};

struct UserConfig { // safekit 3.6: without <user> no script runs
  Duration nicestoptimeout = seconds(300), forcestoptimeout = seconds(300);
  ScriptLogging logging = ScriptLogging::userlog;
  std::uint32_t userlogsize_kb = 2048;
  std::vector<ScriptVariable> vars; // exported to scripts; names distinct
  std::uint32_t line = 0;
  bool operator==(const UserConfig&) const = default;
};

enum class ProcAction : std::uint8_t { restart, stopstart, stop, noaction };
enum class ProcClass : std::uint8_t { prim, both, pre, second, sec, other }; // when it is watched (safekit 3.8)

struct ProcConfig {
  std::string name;         // command name, and resource proc.<name>
  std::string nameregex;    // POSIX extended; empty: name is compared
  std::string argregex;     // POSIX extended, on the full command line; empty: not looked at
  std::int32_t atleast = 1; // fewer running -> action; -1: not looked at
  std::int32_t atmax = -1;  // more running -> action; -1: not looked at
  ProcAction action = ProcAction::stopstart;
  ProcClass when = ProcClass::prim; // attribute class
  std::uint32_t start_after = 0;    // watched from (start_after - 1) * polltimer after its class began; 0: at once
  std::uint32_t line = 0;
  bool operator==(const ProcConfig&) const = default;
};

struct ErrdConfig {
  Duration polltimer = seconds(30);
  std::vector<ProcConfig> procs;
  std::uint32_t line = 0;
  bool operator==(const ErrdConfig&) const = default;
};

struct SplitbrainConfig {
  ArbiterMode mode = ArbiterMode::none;
  std::string ident;             // resource splitbrain.<ident>; empty with mode none
  // ping: witness addresses, any answer is enough; etcd: endpoints in the normal form of core/config/http_endpoint.hpp.
  std::vector<std::string> args;
  std::uint32_t line = 0;
  // etcd (ours). Files of this machine, by absolute path; each node reads its own, nothing of them is in the pair's digest.
  std::string cafile;             // PEM of the authority of https endpoints; empty: those that the system trusts
  std::string user, passwordfile; // both or none; the file holds the password and is readable by root only
  bool operator==(const SplitbrainConfig&) const = default;
};
// The machines that the arbiter runs on, as configured: addresses and names.
std::vector<std::string> arbiter_hosts(const SplitbrainConfig&);

struct IntfChecker { // declared by the user, on top of those that interface check="on" implies
  std::string ident, local_addr;
  std::uint32_t line = 0;
  bool operator==(const IntfChecker&) const = default;
};

enum class IpCheckerWhen : std::uint8_t { prim, both };

struct IpChecker { // declared by the user, on top of those that virtual_addr check="on" implies
  std::string ident, addr;
  Duration interval = seconds(10);
  IpCheckerWhen when = IpCheckerWhen::prim;
  std::uint32_t line = 0;
  bool operator==(const IpChecker&) const = default;
};

struct CheckConfig { // safekit 3.9
  SplitbrainConfig splitbrain;
  std::vector<IntfChecker> intf;
  std::vector<IpChecker> ip;
  bool operator==(const CheckConfig&) const = default;
};

struct MacroConfig { // safekit 3.1; already expanded everywhere
  std::string name, value;
  bool operator==(const MacroConfig&) const = default;
};

struct ModuleConfig {
  ServiceConfig service;
  HeartConfig heart;
  VipConfig vip;
  std::optional<RfsConfig> rfs;
  std::optional<UserConfig> user;
  std::optional<ErrdConfig> errd;
  CheckConfig check;
  std::vector<MacroConfig> macros;
  std::uint64_t text_digest = 0; // of the file's bytes: the "signature" of `confinfo`
  bool operator==(const ModuleConfig&) const = default;
};

// Ports of module `id` (1-based; safekit 6.6). They must be free on both nodes.
struct ModulePorts {
  std::uint16_t heartbeat;   // UDP 8888 + (id - 1)
  std::uint16_t replication; // TCP 5600 + (id - 1) * 4
  bool operator==(const ModulePorts&) const = default;
};
constexpr std::uint32_t max_module_id = 1000;
// id must be in [1, max_module_id]; the host refuses any other.
ModulePorts module_ports(std::uint32_t id);

struct ModuleParseOptions {
  std::string file = "userconfig.xml";            // for messages
  std::uint32_t module_id = 1;                    // default of <heart port>
  std::map<std::string, std::string> environment; // %NAME% that no <macro> defines
  std::string root = "/";                         // of the node's own files (design 1): they are never replicated
};

// Parses and validates the file by itself. Total: any bytes give either a value or at least one error, never a crash.
ParseResult<ModuleConfig> parse_module_config(std::string_view text, const ModuleParseOptions& options = {});

// What only both files together show: heartbeat lans exist, hold exactly the same two nodes, the witness is neither of
// them ...
std::vector<Diagnostic> check_module_against_cluster(const ModuleConfig&, const ClusterConfig&,
                                                     std::string_view file = "userconfig.xml");
// What only two modules of one node together show: no common directory, virtual address or heartbeat port.
std::vector<Diagnostic> check_module_against_module(const ModuleConfig&, const ModuleConfig& other,
                                                    std::string_view other_name,
                                                    std::string_view file = "userconfig.xml");

// Digest of what must be equal on both nodes (control (iii) 29): the replicated directories, in order, and the arbiter.
// Timeouts and async are exchanged in beats and may differ while a change travels. Stable across builds and versions.
std::uint64_t pair_digest(const ModuleConfig&);

} // namespace lockstep
