#include "sim/explore_machine.hpp"
#include "sim/judged.hpp"
#include "sim/hash.hpp"
#include "sim/machines.hpp"
#include <algorithm>

namespace lockstep::sim::explore {
namespace {
// What both machines are told, once: a plan of the campaign with one network, and timers that are multiples of a pulse.
struct Settings {
  std::array<NodeConfig, 2> node;
  MirrorConfig mirror;
};
Settings settings_for(const Bounds& b) {
  Plan p;
  p.networks = {{pulse, pulse * b.timeout_pulses}};
  Settings s;
  for (NodeIndex n = 0; n < 2; ++n) {
    auto& c = s.node[n] = node_config(p, n);
    c.module.user.reset(); // no scripts: the application runs where the directory is replicated
    c.module.check.splitbrain = {.mode = b.mode, .ident = b.mode == ArbiterMode::none ? "" : "witness"};
    if (b.mode == ArbiterMode::ping) c.module.check.splitbrain.args = {"10.0.0.1"};
    if (b.mode == ArbiterMode::etcd) c.module.check.splitbrain.args = {"http://10.0.0.1:2379"};
    c.config_digest = pair_digest(c.module);
  }
  s.mirror = mirror_config(p, {}, {});
  s.mirror.sendtimeout = s.mirror.locktimeout = pulse * (b.timeout_pulses + 1);
  s.mirror.checkpoint_interval = pulse * 2;
  return s;
}
} // namespace

NodeUid uid_of_node(NodeIndex n) { return {77, n + 1u}; }

Writes writes_in(const Tree& t) {
  unsigned w = 0;
  for (unsigned i = 0; i < 8; ++i) w |= t.version(the_file, i) == i + 1 ? 1u << i : 0;
  return static_cast<Writes>(w);
}

void Work::found(Finding f, const std::string& what) {
  w_.found |= bit(f);
  if (transcript_) transcript_->line(w_, n_, std::string("** ") + name(f) + ": " + what);
}

Payload Work::keep(Content c) {
  Payload p{++m_.handles, c.size()};
  m_.payloads.emplace(p.handle, std::move(c));
  return p;
}
const Content* Work::content_of(Payload p) const {
  auto i = m_.payloads.find(p.handle);
  return i == m_.payloads.end() ? nullptr : &i->second;
}

// ---------------------------------------------------------------- process
void Work::start(const char* who, Verb verb) {
  auto settings = settings_for(bounds_);
  m_.stopped = false, m_.set_aside = false;
  auto boot = what_a_start_finds(m_.disk, uid_of_node(n_), wall());
  m_.incarnation = next_incarnation(boot);
  auto seed = hash_of(7, n_, ++w_.lives);
  auto& mc = settings.mirror;
  mc.node_uid = uid_of_node(n_), mc.incarnation = m_.incarnation;
  m_.mirror.emplace(mc, hash_of(seed, 1), w_.clock(n_));
  m_.node.emplace(settings.node[n_], boot, hash_of(seed, 2), w_.clock(n_));
  to_mirror(in::Order{set_to_load(m_.disk.state)});
  Command c;
  c.verb = verb, c.who = who;
  to_node(nin::Operator{c});
}

void Work::stop_process() {
  todo_.clear();
  m_.node.reset(), m_.mirror.reset();
  m_.writing.reset(), m_.payloads.clear(), m_.open.clear();
  if (m_.question && m_.question->put) w_.orphans.push_back(*m_.question);
  m_.question.reset();
  m_.stunned = m_.wake_due = false;
  w_.connection[n_] = 0;
}

// The last who remembered what was not flushed is gone.
void Work::memory_lost() {
  auto& r = m_.disk.state.record;
  auto era = r ? w_.ledger.era(r->g.nonce) : nullptr;
  if (!era) return;
  auto& p = peer();
  if (p.running() && p.disk.state.record && p.disk.state.record->g.nonce == era->g.nonce && !p.mirror->unfit()) {
    auto role = p.mirror->role();
    if (role != MirrorRole::idle && role != MirrorRole::target) return;
  }
  w_.ledger.memory_lost(*era, writes_in(m_.disk.files.now()) & writes_in(p.disk.files.now()), bounds_.power_excused);
}

void Work::crash(bool keeps_unflushed, bool record_made_it) {
  if (keeps_unflushed) m_.disk.files.flush();
  else m_.disk.files.restore(Tree(m_.disk.files.on_disk()));
  if (record_made_it) {
    auto before = m_.disk.state.record.value_or(Record{});
    m_.disk.state.record = m_.writing->record;
    mint_known(before);
  }
  stop_process();
  m_.vip = false, m_.mount = MountKind::plain;
  memory_lost();
}

void Work::run() {
  if (running_) return;
  running_ = true;
  NodeEffects node_effects;
  MirrorEffects mirror_effects;
  while (!todo_.empty()) {
    auto input = std::move(todo_.front());
    todo_.pop_front();
    if (!m_.running()) continue;
    if (auto* n = std::get_if<NodeInput>(&input)) {
      node_effects.clear();
      if (auto b = checked_step(*m_.node, *n, node_effects); b && invariants_judge) found(Finding::invariant, told(*b));
      for (auto& e : node_effects) std::visit([this](const auto& x) { carry(x); }, e);
    } else {
      mirror_effects.clear();
      auto& m = std::get<MirrorInput>(input);
      if (auto b = checked_step(*m_.mirror, m, mirror_effects); b && invariants_judge) found(Finding::invariant, told(*b));
      for (auto& e : mirror_effects) std::visit([this](const auto& x) { carry(x); }, e);
    }
    if (!exiting_) continue;
    exiting_ = false;
    stop_process();
    memory_lost(); // an orderly leave while the other memory is gone: its disk is all there is
    if (exit_restart_) running_ = false, start("automatically"), running_ = true;
    else m_.stopped = true;
  }
  std::vector<Item> for_nobody;
  m_.disk.files.take_touched(for_nobody);
  running_ = false;
}

// ---------------------------------------------------------------- Node's orders
void Work::carry(const nfx::SendBeat& e) {
  auto b = std::make_shared<Beat>(e.beat);
  b->resources.clear(); // people read them
  auto& r = m_.disk.state.record;
  if (b->record_state == RecordState::present && (!r || !(b->record == *r))) found(Finding::S6, "claims a record that is not durable");
  w_.beat[n_] = std::move(b);
}

void Work::carry(const nfx::Persist& e) {
  auto& r = m_.disk.state.record;
  if (r && (e.record.rev <= r->rev || e.record.incarnation < r->incarnation)) found(Finding::S17, "revision or incarnation goes back");
  m_.writing = e;
}

void Work::persisted() {
  auto e = std::move(*m_.writing);
  m_.writing.reset();
  auto before = m_.disk.state.record.value_or(Record{});
  m_.disk.state.record = e.record;
  mint_known(before);
  to_node(nin::Persisted{e.ticket, true, {}});
}

// The record is durable: a new generation has its place in the ledger; nobody owns what the other shares (S7); nothing that was
// acknowledged by this node alone is given up unsaved (S19).
void Work::mint_known(const Record& before) {
  auto& r = *m_.disk.state.record;
  if (!r.g.none() && w_.ledger.find(r.g.nonce) < 0) {
    if (r.g.minted_by != r.node_uid) found(Finding::S1, "records a generation that its writer never recorded");
    w_.ledger.minted(r.g, n_, before.g);
    if (transcript_) say("generation " + std::to_string(r.g.counter) + " is durable here, after " + std::to_string(before.g.counter));
  }
  auto& o = peer().disk.state.record;
  if (o && o->g == r.g && !r.g.none()) {
    bool mine = r.state == Freshness::own && o->state == Freshness::shared, theirs = o->state == Freshness::own && r.state == Freshness::shared;
    if (mine || theirs) found(Finding::S7, "one node is own while the other is shared at the same generation");
  }
  if (r.state == Freshness::inconsistent && before.state != Freshness::inconsistent) becomes_target(before);
  if (auto f = peer().disk.state.record; f && w_.ledger.forked(r.g.nonce, f->g.nonce)) found(Finding::fork, "both nodes acknowledged what the other lacks");
}

void Work::becomes_target(const Record& before) {
  auto& source = peer().disk.state.record;
  if (!source || m_.set_aside) return;
  auto in_chain = [&](std::uint64_t nonce) {
    return source->g.nonce == nonce || std::any_of(source->history.begin(), source->history.end(), [&](auto& g) { return g.nonce == nonce; });
  };
  for (int e = w_.ledger.find(before.g.nonce); e >= 0; e = w_.ledger.eras()[static_cast<std::size_t>(e)].parent) {
    auto& era = w_.ledger.eras()[static_cast<std::size_t>(e)];
    if (in_chain(era.g.nonce)) return;
    if (era.writer == n_ && era.own) return found(Finding::S19, "is overwritten although it alone acknowledged writes, and nothing was set aside");
  }
}

void Work::carry(const nfx::MarkDirs& e) {
  m_.disk.state.marker = e.uid;
  later(nin::MountDone{e.ticket, true, {}});
}
void Work::carry(const nfx::SetAside& e) {
  m_.set_aside = true;
  say("keeps what it will lose aside");
  later(nin::AsideDone{e.ticket, true, {}});
}
void Work::carry(const nfx::RunScript& e) { later(nin::ScriptDone{e.ticket, 0, true}); }
void Work::carry(const nfx::AskWitness& e) {
  bool reached = bounds_.witness == Witness::both || !(w_.cut[0] || w_.cut[1]) || w_.witness_side == n_;
  say(reached ? "the witness answers" : "the witness is silent");
  later(nin::WitnessAnswer{e.ticket, reached});
}
void Work::carry(const nfx::AskArbiter& e) {
  if (m_.question && m_.question->put) w_.orphans.push_back(*m_.question);
  m_.question = Question{e.ticket, e.expected, e.put};
  if (transcript_) say(e.put ? "asks the arbiter for generation " + std::to_string(e.put->counter) : "reads the arbiter's key");
}
void Work::carry(const nfx::MountFor& e) {
  if (m_.mount == MountKind::replicate && e.kind != MountKind::replicate) m_.open.clear(); // the application is ended
  m_.mount = e.kind;
  later(nin::MountDone{e.ticket, true, {}});
}
void Work::carry(const nfx::RaiseVip& e) {
  if (w_.clock(n_) > e.until) return later(nin::VipDone{e.ticket, false, "the address would have expired already"});
  bool was = w_.address(n_);
  m_.vip = true, m_.vip_until = e.until;
  if (!was) {
    say("the address is up");
    auto role = m_.node->view().role;
    auto& r = m_.disk.state.record;
    if (role != Role::prim && role != Role::alone) found(Finding::S13, "raises the address and does not serve");
    if (!r || r->g.minted_by != r->node_uid) found(Finding::S13, "raises the address in a generation of the other node");
  }
  later(nin::VipDone{e.ticket, true, {}});
}
void Work::carry(const nfx::DropVip& e) {
  if (w_.address(n_)) say("the address is down");
  m_.vip = false;
  later(nin::VipDone{e.ticket, true, {}});
}
void Work::carry(const nfx::ToMirror& e) { later(in::Order{e.order}); }
void Work::carry(const nfx::Log& e) {
  if (transcript_ && e.level != 'I' && e.message.rfind("Resource ", 0) != 0) say(e.message);
}
void Work::carry(const nfx::Exit& e) { exiting_ = true, exit_restart_ = e.restart; }

// ---------------------------------------------------------------- Mirror's orders
void Work::carry(const fx::Execute& e) {
  in::Executed r{e.ticket};
  if (w_.clock(n_) > e.not_after) {
    r.expired = true;
    return later(r);
  }
  auto done = carry_out(m_.disk.files, e.op, content_of(e.payload), false, {});
  later(in::Executed{e.ticket, done.error, done.amount, done.partial, false});
}

void Work::carry(const fx::Complete& e) {
  bool late = e.error == 0 && w_.clock(n_) > e.not_after;
  if (!m_.open.erase(e.token)) return; // the application is gone
  auto write = static_cast<std::uint8_t>(e.token - 1);
  if (e.error || late) return say("write " + std::to_string(e.token) + " ends with an error");
  say("write " + std::to_string(e.token) + " is acknowledged");
  if (write < 8) acknowledged(write);
}

void Work::acknowledged(std::uint8_t write) {
  auto& r = m_.disk.state.record;
  auto era = r ? w_.ledger.era(r->g.nonce) : nullptr;
  if (!era) return found(Finding::S6, "completes without a durable generation");
  if (era->writer != n_) found(Finding::S1, "completes in a generation of the other node");
  if (era->superseded) found(Finding::S6, "completes in a generation from which the other node went on");
  if (m_.mirror->generation() != r->g.counter) found(Finding::S6, "completes in another generation than the durable one");
  w_.ledger.acknowledge(*era, write);
  if (auto o = peer().disk.state.record; o && w_.ledger.forked(r->g.nonce, o->g.nonce)) found(Finding::fork, "both nodes acknowledged what the other lacks");
  auto& p = peer();
  bool remembers = p.running() && p.disk.state.record && p.disk.state.record->g.nonce == r->g.nonce &&
                   (p.mirror->role() == MirrorRole::second || p.mirror->role() == MirrorRole::preparing);
  if (r->state != Freshness::shared || !remembers || writes_in(p.disk.files.now()) >> write & 1) return;
  auto there = p.mirror->in_flight();
  bool received = std::any_of(there.begin(), there.end(), [&](auto& op) { return op.kind == OpKind::write && op.offset == write * unit_size; });
  if (!received) found(Finding::mirror_first, "acknowledges what the secondary never received");
}

void Work::carry(const fx::Apply& e) {
  bool overwrites = e.op.kind == OpKind::drain_dir || e.op.kind == OpKind::drain_data || e.op.kind == OpKind::drain_attrs;
  auto& r = m_.disk.state.record;
  if (overwrites && (!r || r->state != Freshness::inconsistent)) found(Finding::S10, "is overwritten and not recorded as inconsistent");
  auto role = m_.mirror->role();
  if (role != MirrorRole::second && role != MirrorRole::target && role != MirrorRole::preparing) found(Finding::S8, "applies without following anybody");
  auto done = carry_out(m_.disk.files, e.op, content_of(e.payload), e.may_be_done, {});
  later(in::Applied{e.ticket, done.error, done.need, done.lacks});
}
void Work::carry(const fx::ReadItem& e) {
  Content digests;
  auto r = read_item(m_.disk.files.now(), e, digests);
  if (digests.size()) r.digests = keep(std::move(digests));
  later(std::move(r));
}
void Work::carry(const fx::ReadData& e) {
  Content data;
  auto r = read_extent(m_.disk.files.now(), e, data);
  if (data.size()) r.data = keep(std::move(data));
  later(std::move(r));
}
void Work::carry(const fx::Send& e) {
  if (w_.connection[n_] == 0) return;
  auto p = std::make_shared<Packet>();
  p->connection = w_.connection[n_], p->frame = e.frame;
  if (auto c = content_of(e.payload)) p->content = std::make_shared<const Content>(*c);
  else if (!e.bytes.empty()) p->content = std::make_shared<const Content>(Content{{}, e.bytes});
  w_.stream[n_].push_back(std::move(p));
}
void Work::carry(const fx::Release& e) { m_.payloads.erase(e.handle); }
void Work::carry(const fx::Flush& e) {
  m_.disk.files.flush();
  if (e.checkpoint.generation != 0) m_.disk.state.checkpoint_file = m_.disk.state.checkpoint_root = e.checkpoint;
  later(in::Flushed{e.ticket, 0});
}
void Work::carry(const fx::AppendSet& e) {
  m_.disk.state.set.add(e.marks);
  later(in::SetDurable{e.ticket, 0});
}
void Work::carry(const fx::RewriteSet& e) {
  m_.disk.state.set = e.set;
  later(in::SetDurable{e.ticket, 0});
}
void Work::carry(const fx::CloseConnection& e) { lose_connection(e.why); }
void Work::carry(const fx::PurgeStaging&) { purge_staging(m_.disk.files); }
void Work::carry(const fx::Say& e) { later(nin::Mirror{e.what}); }

void Work::lose_connection(const std::string& why) {
  if (w_.connection[n_] == 0) return;
  w_.connection[n_] = 0;
  later(in::Disconnected{why});
  run();
}

void Work::submit(std::uint8_t write) {
  Op op;
  op.kind = OpKind::write, op.object = the_file, op.parent = root_key(0);
  op.offset = write * unit_size, op.length = unit_size;
  std::uint64_t token = write + 1u;
  m_.open.insert(token);
  say("the application writes " + std::to_string(token));
  Content c;
  c.units = {token};
  to_mirror(in::Submit{token, op, keep(std::move(c))});
}

} // namespace lockstep::sim::explore
