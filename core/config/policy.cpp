#include "core/config/policy.hpp"
#include "core/config/nearest.hpp"
#include "core/config/values.hpp"

namespace lockstep {
namespace {

template <std::size_t N>
struct Word {
  char text[N];
  constexpr Word(const char (&s)[N]) {
    for (std::size_t i = 0; i < N; ++i) text[i] = s[i];
  }
};
template <Word W>
bool is(std::string_view value) {
  return value == std::string_view(W.text);
}

bool names_a_handler(std::string_view value) {
  for (auto a : proc_actions())
    if (value == a) return false;
  return nearest(value, proc_actions()).empty();
}

bool above_one_minute(std::string_view value) {
  auto t = parse_time(value, TimeUnit::min);
  return t.error == TimeError::none && t.value > seconds(60);
}

bool windows_path(std::string_view value) {
  if (value.size() < 2) return false;
  const bool letter = (value[0] | 0x20) >= 'a' && (value[0] | 0x20) <= 'z';
  return (letter && value[1] == ':') || value.starts_with("\\\\");
}

constexpr TuningRule tuning[] = {
    {"heart", "permanent_arp", "the system resolves the peer's address by itself"},
    {"rfs", "mountover", "a replicated directory is covered where it is, nothing is renamed"},
    {"rfs", "mountoversuffix", "a replicated directory is covered where it is, nothing is renamed"},
    {"rfs", "packetsize", "no NFS mount is involved"},
    {"rfs", "reipacketsize", "the size of resynchronisation pieces adapts by itself"},
    {"rfs", "ruzone_blocksize", "changed ranges are known exactly"},
    {"rfs", "iotimeout", "it belongs to the Windows filter"},
    {"rfs", "roflags", "it belongs to the Windows filter; on SECOND the directories are always read-only"},
    {"rfs", "namespacepolicy", "an interrupted resynchronisation always continues, and only changes travel"},
    {"rfs", "reicommit", "both nodes flush in the background by themselves"},
    {"rfs", "reidetail", "the verbose log always has the details"},
    {"rfs", "allocthreshold", "it belongs to Windows"},
    {"rfs", "nbremconn", "one connection carries the whole stream"},
    {"rfs", "checktime", "the replicated file system has no server that could hang apart from the module"},
    {"rfs", "checkintv", "the replicated file system has no server that could hang apart from the module"},
    {"rfs", "nfsbox_options", "it belongs to Windows"},
    {"lan", "console", "it is obsolete since version 8.2"},
    {"lan", "framework", "it is obsolete since version 8.2"},
    {"lan", "connect", "it is obsolete since version 8.2"},
};

constexpr UnbuiltRule unbuilt[] = {
    {"service", "mode", "", is<"farm">, "a farm module (load balancing)", "only mode=\"mirror\" can run"},
    {"service", "mode", "", is<"light">, "a light module (one server)", "only mode=\"mirror\" can run"},
    {"service", "automatic_reboot", "", is<"on">, "the reboot of the server on stopstart", "write \"off\""},
    {"service", "", "farm", nullptr, "load balancing", "remove it"},
    {"service", "", "vhost", nullptr, "the virtual host name", "remove it"},
    {"service", "", "failover", nullptr, "the failover machine (rules of your own)",
     "remove it; the default rules apply"},
    {"heartbeat", "", "server", nullptr, "server addresses in userconfig.xml (the syntax before 7.2)",
     "write <heartbeat name=\"LAN\"/> with a lan of cluster.xml"},
    {"flow", "", "server", nullptr, "server addresses in userconfig.xml (the syntax before 7.2)",
     "write <heartbeat name=\"LAN\" ident=\"flow\"/> with a lan of cluster.xml"},
    {"vip", "scriptcontrol", "", is<"on">, "load balancing of a farm", "write \"off\""},
    {"interface", "", "virtual_interface", nullptr, "a virtual MAC address", "write <real_interface> instead"},
    {"rfs", "scripts", "", is<"on">, "the callback scripts of replication (_rfs_*)", "write \"off\""},
    {"rfs", "syncat", "", nullptr, "scheduled synchronisation", "remove it; replication is continuous"},
    {"rfs", "syncdelta", "", above_one_minute, "the start of a node that is not up to date", "write \"0\""},
    {"rfs", "reiallowedbw", "", nullptr, "a limit for the bandwidth of resynchronisation", "remove it"},
    {"replicated", "", "notreplicated", nullptr, "the exclusion of files from replication",
     "remove it, or replicate the sub-directories you need"},
    {"replicated", "dir", "", windows_path, "a Windows node", "write an absolute Linux path, as \"/data\""},
    {"proc", "service", "", is<"yes">, "the watching of a systemd unit", "watch its process by name"},
    {"proc", "action", "", names_a_handler, "a handler of your own as action of errd",
     "write restart, stopstart, stop or noaction"},
    {"proc", "restart_services", "", nullptr, "the restart of single services",
     "remove it; action=\"restart\" restarts all"},
    {"check", "", "tcp", nullptr, "the tcp checker", "remove it, or watch the process with <errd>"},
    {"check", "", "ping", nullptr, "the ping checker", "remove it"},
    {"check", "", "custom", nullptr, "the custom checker", "remove it"},
    {"check", "", "module", nullptr, "the module checker", "remove it"},
};

} // namespace

const TuningRule* find_tuning(std::string_view element, std::string_view attribute) {
  for (const auto& r : tuning)
    if (r.element == element && r.attribute == attribute) return &r;
  return nullptr;
}

const UnbuiltRule* find_unbuilt(std::string_view element, std::string_view attribute, std::string_view value) {
  for (const auto& r : unbuilt)
    if (!r.attribute.empty() && r.element == element && r.attribute == attribute &&
        (r.refuses ? r.refuses(value) : !value.empty()))
      return &r;
  return nullptr;
}

const UnbuiltRule* find_unbuilt_element(std::string_view parent, std::string_view child) {
  for (const auto& r : unbuilt)
    if (r.attribute.empty() && r.element == parent && r.child == child) return &r;
  return nullptr;
}

std::vector<std::string_view> policy_attributes(std::string_view element) {
  std::vector<std::string_view> names;
  for (const auto& r : tuning)
    if (r.element == element) names.push_back(r.attribute);
  for (const auto& r : unbuilt)
    if (r.element == element && !r.attribute.empty()) names.push_back(r.attribute);
  return names;
}

std::vector<std::string_view> policy_children(std::string_view parent) {
  std::vector<std::string_view> names;
  for (const auto& r : unbuilt)
    if (r.element == parent && r.attribute.empty()) names.push_back(r.child);
  return names;
}

const std::vector<std::string_view>& proc_actions() {
  static const std::vector<std::string_view> all = {"restart", "stopstart", "stop", "noaction"};
  return all;
}

} // namespace lockstep
