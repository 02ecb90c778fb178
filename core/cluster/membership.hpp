// Which nodes of the cluster are online and whether they agree on the configuration: the agents' beats on UDP 4800
// (safekit 4). Pure: beats and time in, a table out. It decides nothing about modules, which have heartbeats of their own.
#pragma once
#include "core/base/bytes.hpp"
#include "core/base/time.hpp"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

struct ModuleSignature {
  std::string name;
  std::uint32_t id = 0;
  std::uint64_t text_digest = 0; // of the applied userconfig.xml
  std::uint64_t pair_digest = 0; // of what must be equal on both nodes
  bool operator==(const ModuleSignature&) const = default;
};

struct MembershipBeat {
  std::string node;
  std::uint64_t cluster_digest = 0;
  std::vector<ModuleSignature> modules; // applied ones, by name
  bool operator==(const MembershipBeat&) const = default;
};
Bytes encode(const MembershipBeat&);
std::optional<MembershipBeat> decode_membership(const std::uint8_t* p, std::size_t n);

struct MemberView {
  std::string node;
  bool online = false;
  Instant last_heard = Instant::distant_past();
  std::optional<MembershipBeat> beat; // the last one
  std::string refused;                // why its datagrams are not understood, since the last one that was
};

class Membership {
 public:
  // Offline after `lost_count` pulses without a beat (slost_count).
  Membership(MembershipBeat self, std::vector<std::string> others, Duration pulse, std::uint32_t lost_count);
  void set_self(MembershipBeat self) { self_ = std::move(self); }
  const MembershipBeat& self() const { return self_; }
  // Beats of nodes that are not in cluster.xml are ignored: false.
  bool heard(const MembershipBeat& beat, Instant now);
  // The transport refused a datagram of the node's address: another version, another key. Said by the owner; shown until a beat is heard.
  void refused(const std::string& node, const std::string& sentence);
  std::vector<std::string> refusals() const;
  // Call at every pulse. Sentences that became true since the last call: a node came or went, a configuration differs.
  std::vector<std::string> changes(Instant now);
  std::vector<MemberView> members(Instant now) const;
  // What differs from the other online nodes, one sentence each, by name on both sides (issue: said on both).
  std::vector<std::string> differences(Instant now) const;

 private:
  bool online(const MemberView& m, Instant now) const { return now - m.last_heard < pulse_ * lost_count_; }
  MembershipBeat self_;
  std::map<std::string, MemberView> others_;
  Duration pulse_;
  std::int64_t lost_count_;
  std::vector<std::string> said_;
};

} // namespace lockstep
