#include "sim/machines.hpp"
#include <algorithm>

namespace lockstep::sim {

MirrorConfig mirror_config(const Plan& p, NodeUid uid, Incarnation incarnation) {
  MirrorConfig c;
  c.sync_on_second = p.sync_on_second;
  c.sendtimeout = seconds(10), c.locktimeout = seconds(30);
  c.checkpoint_interval = seconds(3);
  c.node_uid = uid, c.incarnation = incarnation;
  c.max_recent = p.memory;
  return c;
}

NodeConfig node_config(const Plan& p, std::uint8_t index) {
  NodeConfig c;
  c.name = index ? "b" : "a", c.peer_name = index ? "a" : "b";
  c.index = index;
  auto& m = c.module;
  m.service.failover = p.failover;
  for (std::size_t i = 0; i < p.networks.size(); ++i) {
    auto &n = p.networks[i];
    m.heart.heartbeats.push_back({.lan = "lan" + std::to_string(i), .ident = i == p.flow ? "flow" : "net" + std::to_string(i),
                                  .pulse = n.pulse, .timeout = n.timeout, .flow = i == p.flow});
    c.networks.push_back({.lan = "lan" + std::to_string(i), .ident = m.heart.heartbeats.back().ident, .pulse = n.pulse, .timeout = n.timeout, .flow = i == p.flow});
  }
  m.rfs.emplace();
  m.rfs->async = p.sync_on_second ? AsyncMode::none : AsyncMode::second;
  m.rfs->sendtimeout = seconds(10), m.rfs->locktimeout = seconds(30);
  m.rfs->directories.push_back({.dir = "/data"});
  m.user.emplace();
  m.user->nicestoptimeout = m.user->forcestoptimeout = seconds(10);
  m.vip.interfaces.push_back({.addresses = {{.addr = "10.0.0.10", .check = false}}});
  if (p.mode == Mode::ping) m.check.splitbrain = {.mode = ArbiterMode::ping, .ident = "witness", .args = {"10.0.0.1"}};
  if (p.mode == Mode::etcd) m.check.splitbrain = {.mode = ArbiterMode::etcd, .ident = "arbiter", .args = {"http://w:2379"}};
  // Only where something happens to them: a process that errd watches, an interface that must be up.
  auto happens = [&](What w) { return std::any_of(p.events.begin(), p.events.end(), [w](const Event& e) { return e.what == w; }); };
  if (happens(What::process_dead)) {
    m.errd.emplace();
    m.errd->polltimer = errd_poll;
    m.errd->procs.push_back({.name = "app", .action = p.seed % 2 ? ProcAction::restart : ProcAction::stopstart});
  }
  if (happens(What::checker_down)) m.check.intf.push_back({.ident = watched_interface});
  c.config_digest = pair_digest(m);
  return c;
}

Boot what_a_start_finds(const Disk& disk, NodeUid fresh_uid, std::int64_t wall_s) {
  Boot b;
  auto& s = disk.state;
  b.record = s.record;
  b.record_state = s.record ? RecordState::present : s.marker.none() ? RecordState::blank : RecordState::lost;
  b.fresh_uid = fresh_uid;
  b.dirs_uid = s.marker;
  b.dirs_empty = disk.files.now().find(root_key(0))->entries.empty();
  b.checkpoint_file = s.checkpoint_file, b.checkpoint_root = s.checkpoint_root;
  b.set_readable = s.set_readable, b.set_everything = s.set.everything;
  b.wall_s = wall_s;
  return b;
}

order::LoadSet set_to_load(const State& s) {
  order::LoadSet load;
  load.pending = s.set, load.checkpoint = s.checkpoint_file;
  if (!s.set_readable) load.pending = {}, load.pending.everything = true;
  return load;
}

} // namespace lockstep::sim
