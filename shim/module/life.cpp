#include "shim/module/life.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/clock.hpp"
#include "shim/linux/mounts.hpp"
#include <boost/asio/io_context.hpp>
#include <cstdlib>

namespace lockstep {
namespace {

NodeUid random_uid() { return {random_u64(), random_u64()}; }

Position read_checkpoint(const std::string& directory) {
  auto text = read_text_file(directory + "/checkpoint", 256);
  if (!text) return {};
  char* rest = nullptr;
  Position p;
  p.generation = std::strtoull(text->c_str(), &rest, 10);
  if (*rest != ':') return {};
  p.seq = std::strtoull(rest + 1, nullptr, 10);
  return p;
}


} // namespace

Life::Life(Context context, OnAnswer on_answer, OnExit on_exit, OnChange on_change)
    : context_(context), on_answer_(std::move(on_answer)), on_exit_(std::move(on_exit)), on_change_(std::move(on_change)),
      state_directory_(context.paths.module_var(context.module.name)), records_(state_directory_),
      scripts_(context.loop.context().get_executor()), timer_(context.loop), process_timer_(context.loop),
      checker_timer_(context.loop), storage_(std::make_unique<WorkThread>()) {}

Life::~Life() {
  *alive_ = false;
  if (vip_)
    if (Status s = vip_->drop(); !s) context_.log.write('C', "vipplug", s.error());
  arbiter_.reset();
  storage_.reset();
  mounts_.reset(); // before Mirror: an unmount hands over the last dirty pages, which are still answered
  mirror_.reset();
  pool_.join();
}

Result<std::unique_ptr<Life>> Life::begin(Context context, OnAnswer on_answer, OnExit on_exit, OnChange on_change) {
  auto made = std::unique_ptr<Life>(
      new Life(context, std::move(on_answer), std::move(on_exit), std::move(on_change)));
  Boot boot;
  boot.fresh_uid = random_uid();
  boot.wall_s = wall_now().seconds;
  if (Status s = made->open_record(boot); !s) return Error{s.error()};
  if (Status s = made->open_tree(boot); !s) return Error{s.error()};
  ScanReport scan;
  if (made->tree_) {
    auto scanned = made->tree_->scan();
    if (!scanned) return Error{scanned.error()};
    scan = std::move(*scanned);
    boot.dirs_empty = scan.objects == 0;
    if (Status s = made->inspect_marker(boot); !s) return Error{s.error()};
  }
  if (Status s = made->open_machines(boot, scan); !s) return Error{s.error()};
  if (Status s = made->open_links(); !s) return Error{s.error()};
  if (Status s = made->prepare_checkers(); !s) return Error{s.error()};
  made->arm();
  return made;
}

Status Life::open_record(Boot& boot) {
  RecordRead read = records_.read();
  boot.record_problem = read.note;
  switch (read.state) {
    case RecordRead::State::none: boot.record_state = RecordState::blank; break;
    case RecordRead::State::damaged:
      boot.record_state = RecordState::lost;
      boot.record_damaged = true;
      break;
    case RecordRead::State::newer: return Error{read.note};
    case RecordRead::State::ok:
      boot.record = decode_record(read.bytes.data(), read.bytes.size());
      boot.record_state = boot.record ? RecordState::present : RecordState::lost;
      boot.record_damaged = !boot.record;
      break;
  }
  boot.checkpoint_file = read_checkpoint(state_directory_);
  return {};
}

Status Life::open_tree(Boot& boot) {
  if (!context_.module.config.rfs)
    return Error{"module " + context_.module.name + " has no <rfs>: a mirror without replicated directories is not supported"};
  std::vector<std::string> paths;
  for (const ReplicatedDir& d : context_.module.config.rfs->directories) {
    if (Status s = MountsHost::clear_leftovers(d.dir); !s) return s;
    for (const std::string& needed : d.tocheck)
      if (auto r = open_tree_before_mount(d.dir + "/" + needed); !r)
        return Error{"the replicated directory " + d.dir + " has no " + needed + " (<tocheck>): is its file system mounted?"};
      else ::close(*r);
    auto holders = holders_of(d.dir);
    if (!holders) return Error{holders.error()};
    std::vector<Holder> writers;
    for (Holder& h : *holders)
      if (h.can_write) writers.push_back(h);
    if (!writers.empty()) // they would go on writing past the mirror (data:T22)
      return Error{"the replicated directory " + d.dir + " is in use by " + describe(writers) + ": stop that first"};
    paths.push_back(d.dir);
  }
  Tree::Options options;
  options.node_uid = uid_of(boot);
  options.incarnation = next_incarnation(boot);
  auto tree = Tree::open(paths, options);
  if (!tree) return Error{tree.error()};
  tree_ = std::move(*tree);
  return {};
}

// The identity of the data set on every root ((iii) 25): all must carry the same, or none.
Status Life::inspect_marker(Boot& boot) {
  for (std::uint32_t i = 0; i < tree_->roots(); ++i) {
    auto marker = tree_->marker(i);
    if (!marker) return Error{marker.error()};
    if (i == 0) boot.dirs_uid = *marker;
    if (*marker != boot.dirs_uid) {
      boot.dirs_ok = false;
      boot.dirs_problem = "the replicated directories " + tree_->root_path(0) + " and " + tree_->root_path(i) +
                          " do not belong to the same set: is one of them not mounted, or restored from elsewhere?";
    }
  }
  if (auto c = tree_->checkpoint(0)) boot.checkpoint_root = c->position;
  if (boot.record && !boot.record->dir_uid.none() && boot.dirs_ok && boot.dirs_uid != boot.record->dir_uid) {
    boot.dirs_ok = false;
    boot.dirs_problem = boot.dirs_uid.none()
                            ? "the replicated directory " + tree_->root_path(0) +
                                  " is not the one this node replicated before: is its file system mounted?"
                            : "the replicated directory " + tree_->root_path(0) + " holds another data set than this node replicated before";
  }
  if (!boot.record && boot.record_state == RecordState::blank && !boot.dirs_uid.none()) boot.record_state = RecordState::lost;
  return {};
}

namespace {
NodeConfig node_config(const ClusterSite& cluster, const ModuleSite& module) {
  NodeConfig c;
  c.name = cluster.self;
  c.peer_name = cluster.others.front();
  c.index = node_names(cluster.config).front() == cluster.self ? 0 : 1;
  c.module = module.config;
  c.config_digest = pair_digest(module.config);
  for (const HeartbeatConfig& h : module.config.heart.heartbeats) c.networks.push_back({h.lan, h.ident, h.pulse, h.timeout, h.flow});
  return c;
}

MirrorConfig mirror_config(const RfsConfig& rfs, NodeUid uid, Incarnation incarnation) {
  MirrorConfig c;
  c.sync_on_second = rfs.async == AsyncMode::none;
  c.sendtimeout = rfs.sendtimeout;
  c.locktimeout = rfs.locktimeout;
  c.parallel_drains = rfs.nbrei;
  c.dirs = static_cast<std::uint32_t>(rfs.directories.size());
  c.node_uid = uid;
  c.incarnation = incarnation;
  return c;
}

Result<Endpoint> node_endpoint(const ClusterLan& lan, const std::string& name, bool local, std::uint16_t port) {
  const ClusterNode* n = find_node(lan, name);
  if (!n) return Error{"the lan " + lan.name + " of cluster.xml has no node " + name};
  return Endpoint::resolve(local && !n->laddr.empty() ? n->laddr : n->addr, port);
}
} // namespace

Status Life::open_machines(const Boot& boot, const ScanReport& scan) {
  const RfsConfig& rfs = *context_.module.config.rfs;
  MirrorHostSetup setup;
  setup.config = mirror_config(rfs, uid_of(boot), next_incarnation(boot));
  setup.seed = random_u64();
  setup.module = context_.module.name;
  setup.state_directory = state_directory_;
  setup.key = &context_.cluster.key;
  const HeartbeatConfig* flow = nullptr;
  for (const HeartbeatConfig& h : context_.module.config.heart.heartbeats)
    if (h.flow) flow = &h;
  const ClusterLan* lan = flow ? find_lan(context_.cluster.config, flow->lan) : nullptr;
  if (!lan) return Error{"no heartbeat network of the module is a lan of cluster.xml: correct <heartbeat name=...>"};
  std::uint16_t port = module_ports(context_.module.id).replication;
  auto local = node_endpoint(*lan, context_.cluster.self, true, port);
  auto peer = node_endpoint(*lan, context_.cluster.others.front(), false, port);
  if (!local) return Error{local.error()};
  if (!peer) return Error{peer.error()};
  setup.local = *local, setup.peer = *peer;
  setup.listens = node_names(context_.cluster.config).front() == context_.cluster.self;
  auto to_loop = [this, alive = std::weak_ptr<bool>(alive_)](MirrorSaid what) {
    context_.loop.post([this, alive, what = std::move(what)]() mutable {
      if (auto a = alive.lock(); a && *a) step(nin::Mirror{std::move(what)});
    });
  };
  auto log = [&module_log = context_.log](char level, const std::string& origin, const std::string& message) {
    module_log.write(level, origin, message);
  };
  auto broken = [this, alive = std::weak_ptr<bool>(alive_)](Broken b) {
    context_.loop.post([this, alive, b = std::move(b)] {
      if (auto a = alive.lock(); a && *a) break_off(b);
    });
  };
  auto mirror = MirrorHost::start(setup, *tree_, payloads_, to_loop, broken, log);
  if (!mirror) return Error{mirror.error()};
  mirror_ = std::move(*mirror);

  LoadedSet loaded = mirror_->load_set();
  if (loaded.refuse) return Error{loaded.note};
  if (!loaded.note.empty()) context_.log.write('E', "rfsplug", loaded.note);
  loaded.set.add(scan.changed);
  if (!scan.why_everything.empty() && boot.record) context_.log.write('E', "rfsplug", scan.why_everything);
  Boot full = boot;
  full.set_readable = loaded.readable;
  full.set_everything = loaded.set.everything;
  mirror_->order(order::LoadSet{std::move(loaded.set), boot.checkpoint_file, {}});

  std::vector<std::string> directories;
  for (const ReplicatedDir& d : rfs.directories) directories.push_back(d.dir);
  mounts_ = std::make_unique<MountsHost>(*tree_, payloads_, std::move(directories), rfs.writeback,
                                         [m = mirror_.get()](Op op, Payload payload, FuseMount::Reply reply) {
                                           m->submit(std::move(op), payload, std::move(reply));
                                         });
  open_arbiter();
  node_ = std::make_unique<Node>(node_config(context_.cluster, context_.module), full, random_u64(), boot_now());
  return {};
}

void Life::open_arbiter() {
  const SplitbrainConfig& config = context_.module.config.check.splitbrain;
  if (config.mode != ArbiterMode::etcd) return;
  // A start never depends on the arbiter: what would make it refuse us is said early and forbids nothing.
  EtcdOptions options = etcd_options(config);
  if (Status s = check_etcd_files(options); !s) context_.log.write('E', "splitbraincheck", s.error());
  arbiter_ = std::make_unique<ArbiterHost>(context_.loop, context_.module.name, std::move(options),
                                           [this](nin::ArbiterAnswer answer) { step(std::move(answer)); });
}

Status Life::open_links() {
  std::vector<BeatLinkConfig> links;
  for (const HeartbeatConfig& h : context_.module.config.heart.heartbeats) {
    const ClusterLan* lan = find_lan(context_.cluster.config, h.lan);
    if (!lan) return Error{"<heartbeat name=\"" + h.lan + "\"> is not a lan of cluster.xml"};
    auto local = node_endpoint(*lan, context_.cluster.self, true, context_.module.config.heart.port);
    auto peer = node_endpoint(*lan, context_.cluster.others.front(), false, context_.module.config.heart.port);
    if (!local) return Error{local.error()};
    if (!peer) return Error{peer.error()};
    links.push_back({h.lan, *local, *peer});
  }
  auto beats = BeatLinks::open(
      context_.loop, context_.cluster.key, context_.module.name, context_.cluster.self, context_.cluster.others.front(), links,
      [this](std::uint32_t network, Beat beat) { step(nin::BeatIn{network, std::move(beat)}); },
      [this](const std::string& sentence, bool from_peer) {
        if (from_peer) step(nin::PeerRejected{sentence});
        else context_.log.write('I', "heart", sentence);
      });
  if (!beats) return Error{beats.error()};
  beats_ = std::move(*beats);
  vip_ = std::make_unique<VipHost>(
      context_.loop.context().get_executor(), pool_, context_.module.config.vip,
      [this](char level, const std::string& message) { context_.log.write(level, "vipplug", message); },
      [this] { return boot_now() <= permit_until_; });
  return vip_->prepare();
}

} // namespace lockstep
