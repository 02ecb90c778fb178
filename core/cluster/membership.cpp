#include "core/cluster/membership.hpp"
#include "core/wire/version.hpp"
#include <algorithm>

namespace lockstep {
namespace {
constexpr std::uint32_t beat_magic = 0x314d534c; // "LSM1"
constexpr std::size_t name_limit = 255, module_limit = 1000;
} // namespace

Bytes encode(const MembershipBeat& b) {
  Writer w;
  w.u32(beat_magic), w.u16(protocol_version), w.text(b.node), w.u64(b.cluster_digest);
  w.u32(static_cast<std::uint32_t>(b.modules.size()));
  for (const ModuleSignature& m : b.modules) w.text(m.name), w.u32(m.id), w.u64(m.text_digest), w.u64(m.pair_digest);
  return w.take();
}

std::optional<MembershipBeat> decode_membership(const std::uint8_t* p, std::size_t n) {
  Reader r(p, n);
  MembershipBeat b;
  if (r.u32() != beat_magic) return std::nullopt;
  if (r.u16() != protocol_version) return std::nullopt;
  b.node = r.text(name_limit), b.cluster_digest = r.u64();
  std::uint32_t count = r.count(module_limit, 24);
  for (std::uint32_t i = 0; i < count && r.ok(); ++i) {
    ModuleSignature m;
    m.name = r.text(name_limit), m.id = r.u32(), m.text_digest = r.u64(), m.pair_digest = r.u64();
    b.modules.push_back(std::move(m));
  }
  if (!r.done()) return std::nullopt;
  return b;
}

Membership::Membership(MembershipBeat self, std::vector<std::string> others, Duration pulse, std::uint32_t lost_count)
    : self_(std::move(self)), pulse_(pulse), lost_count_(lost_count) {
  for (std::string& name : others) others_[name].node = name;
}

bool Membership::heard(const MembershipBeat& beat, Instant now) {
  auto it = others_.find(beat.node);
  if (it == others_.end()) return false;
  it->second.last_heard = now;
  it->second.beat = beat;
  it->second.refused.clear();
  return true;
}

void Membership::refused(const std::string& node, const std::string& sentence) {
  if (auto it = others_.find(node); it != others_.end()) it->second.refused = sentence;
}

std::vector<std::string> Membership::refusals() const {
  std::vector<std::string> out;
  for (const auto& [name, m] : others_)
    if (!m.refused.empty()) out.push_back(m.refused);
  return out;
}

std::vector<MemberView> Membership::members(Instant now) const {
  std::vector<MemberView> out{{self_.node, true, now, self_}};
  for (const auto& [name, m] : others_) {
    out.push_back(m);
    out.back().online = online(m, now);
  }
  return out;
}

std::vector<std::string> Membership::differences(Instant now) const {
  std::vector<std::string> out;
  for (const auto& [name, m] : others_) {
    if (!m.beat || !online(m, now)) continue;
    if (m.beat->cluster_digest != self_.cluster_digest)
      out.push_back("cluster.xml differs between " + self_.node + " and " + name +
                    ": run `lockstep -H \"*\" -G` on the node whose cluster.xml is right");
    for (const ModuleSignature& mine : self_.modules) {
      auto theirs = std::find_if(m.beat->modules.begin(), m.beat->modules.end(),
                                 [&](const ModuleSignature& s) { return s.name == mine.name; });
      if (theirs == m.beat->modules.end()) {
        out.push_back("module " + mine.name + " is configured on " + self_.node + " but not on " + name +
                      ": run `lockstep -H \"*\" -E " + mine.name + "` on " + self_.node);
      } else if (theirs->id != mine.id) {
        out.push_back("module " + mine.name + " has id " + std::to_string(mine.id) + " on " + self_.node + " and " +
                      std::to_string(theirs->id) + " on " + name + ": reinstall it with `lockstep -H \"*\" -E " + mine.name + "`");
      } else if (theirs->text_digest != mine.text_digest) {
        out.push_back("the configuration of module " + mine.name + " differs between " + self_.node + " and " + name +
                      ": run `lockstep -H \"*\" -E " + mine.name + "` on the node whose userconfig.xml is right");
      }
    }
  }
  return out;
}

std::vector<std::string> Membership::changes(Instant now) {
  std::vector<std::string> current = differences(now), out;
  for (const auto& [name, m] : others_)
    current.push_back(online(m, now) ? "node " + name + " is online" : "node " + name + " is offline");
  for (const std::string& s : current)
    if (std::find(said_.begin(), said_.end(), s) == said_.end()) out.push_back(s);
  said_ = std::move(current);
  return out;
}

} // namespace lockstep
