#include "tests/support/mirror_world.hpp"
#include <stdexcept>
#include "core/base/assert.hpp"
#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace lockstep::testing {
namespace {
constexpr std::int32_t noent = 2, exists = 17, notempty = 39;

std::vector<std::uint64_t> numbers(const Bytes& b) {
  std::vector<std::uint64_t> v;
  for (Reader r(b); r.left() >= 8;) v.push_back(r.u64());
  return v;
}
Bytes bytes_of(const std::vector<std::uint64_t>& v) {
  Writer w;
  for (auto x : v) w.u64(x);
  return w.take();
}
} // namespace

std::int32_t Tree::carry_out(const Op& op, const Bytes& payload) {
  auto object = objects.find(op.object);
  auto dir = objects.find(op.dir);
  bool has_dir = dir != objects.end() && dir->second.type == FileType::directory;
  auto cell = op.offset / digest_block, count = op.length / digest_block;
  switch (op.kind) {
    case OpKind::create:
      if (!has_dir) return noent;
      if (dir->second.entries.count(op.name) || object != objects.end()) return exists;
      dir->second.entries[op.name] = op.object;
      objects[op.object].type = op.type, objects[op.object].mode = op.mode;
      return 0;
    case OpKind::link:
      if (!has_dir || object == objects.end()) return noent;
      if (dir->second.entries.count(op.name)) return exists;
      dir->second.entries[op.name] = op.object;
      return 0;
    case OpKind::unlink: {
      if (!has_dir || object == objects.end()) return noent;
      auto e = dir->second.entries.find(op.name);
      if (e == dir->second.entries.end() || e->second != op.object) return noent;
      if (!object->second.entries.empty()) return notempty;
      dir->second.entries.erase(e);
      if (parent_of(op.object).none()) objects.erase(op.object);
      return 0;
    }
    case OpKind::rename: {
      auto dir2 = objects.find(op.dir2);
      if (!has_dir || dir2 == objects.end() || object == objects.end()) return noent;
      auto e = dir->second.entries.find(op.name);
      if (e == dir->second.entries.end() || e->second != op.object) return noent;
      auto old = dir2->second.entries.find(op.name2);
      Key gone = old == dir2->second.entries.end() ? Key{} : old->second;
      if (gone != op.replaced) return exists;
      if (!gone.none() && !objects[gone].entries.empty()) return notempty;
      dir->second.entries.erase(e);
      dir2->second.entries[op.name2] = op.object;
      if (!gone.none() && parent_of(gone).none()) objects.erase(gone);
      return 0;
    }
    case OpKind::write:
    case OpKind::drain_data: {
      if (object == objects.end()) return noent;
      auto data = numbers(payload);
      auto& c = object->second.cells;
      if (c.size() < cell + count) c.resize(cell + count);
      for (std::uint64_t i = 0; i < count; ++i) c[cell + i] = op.flags & drain_hole && op.kind == OpKind::drain_data ? 0 : data.at(i);
      return 0;
    }
    case OpKind::truncate:
      if (object == objects.end()) return noent;
      object->second.cells.resize(count);
      return 0;
    case OpKind::setattr:
      if (object == objects.end()) return noent;
      object->second.mode = op.mode;
      return 0;
    case OpKind::drain_attrs: {
      FileState s;
      LOCKSTEP_ASSERT(decode(payload.data(), payload.size(), s));
      if (object == objects.end()) return noent;
      object->second.mode = s.mode;
      object->second.cells.resize(s.size / digest_block);
      return 0;
    }
    case OpKind::sync:
    case OpKind::drained: return 0;
    case OpKind::fallocate:
    case OpKind::setxattr:
    case OpKind::removexattr:
    case OpKind::drain_dir:
    case OpKind::drain_query: break;
  }
  LOCKSTEP_ASSERT(!"an operation the model does not know");
}

std::int32_t Tree::drain_dir(const Op& op, const Bytes& payload, std::vector<Key>& lacks) {
  DirState d;
  LOCKSTEP_ASSERT(decode(payload.data(), payload.size(), d));
  for (auto& e : d.entries)
    if (!objects.count(e.key) && !e.content_follows) lacks.push_back(e.key);
  if (!lacks.empty()) return 0;
  objects[op.object].type = FileType::directory; // missing: made detached, attached when its parent is drained
  objects[op.object].mode = d.self.mode;
  std::map<std::string, Key> wanted;
  for (auto& e : d.entries) {
    wanted[e.name] = e.key;
    if (!objects.count(e.key)) objects[e.key].type = e.type, objects[e.key].mode = e.mode;
    if (e.type != FileType::directory) continue;
    for (auto& [k, o] : objects) // a directory has one name: it moves
      std::erase_if(o.entries, [&](auto& x) { return x.second == e.key; });
  }
  objects[op.object].entries = wanted;
  return 0;
}

std::uint64_t Tree::differing(const Op& op, const Bytes& digests) const {
  auto want = numbers(digests);
  auto it = objects.find(op.object);
  std::uint64_t need = 0;
  for (std::uint64_t i = 0; i < want.size(); ++i) {
    auto cell = op.offset / digest_block + i;
    bool same = it != objects.end() && cell < it->second.cells.size() && it->second.cells[cell] == want[i];
    if (!same) need |= 1ull << i;
  }
  return need;
}

in::ItemRead Tree::read(const fx::ReadItem& r, Bytes& digests) const {
  in::ItemRead x;
  x.ticket = r.ticket;
  auto it = objects.find(r.object);
  if (it == objects.end()) return x.error = noent, x;
  auto& o = it->second;
  x.size = o.cells.size() * digest_block;
  x.attrs.type = o.type, x.attrs.mode = o.mode, x.attrs.size = x.size;
  x.dir.self = x.attrs;
  for (auto& [name, key] : o.entries) {
    DirEntry e;
    auto& child = objects.at(key);
    e.name = name, e.key = key, e.type = child.type, e.mode = child.mode, e.size = child.cells.size() * digest_block;
    x.dir.entries.push_back(e);
  }
  if (r.directory || r.attrs) return x;
  constexpr auto per_block = block_size / digest_block;
  std::vector<std::uint64_t> d;
  for (auto c = r.block * per_block; c < (r.block + 1) * per_block && c < o.cells.size(); ++c) d.push_back(o.cells[c]);
  x.end_of_file = d.empty();
  digests = bytes_of(d);
  return x;
}

Key Tree::parent_of(Key k) const {
  for (auto& [dir, o] : objects)
    for (auto& [name, key] : o.entries)
      if (key == k) return dir;
  return {};
}

void Tree::drop_unreachable() {
  std::set<Key> seen{root_key(0), orphans_key(0)};
  std::deque<Key> todo(seen.begin(), seen.end());
  while (!todo.empty()) {
    auto k = todo.front();
    todo.pop_front();
    auto& o = objects.at(k);
    std::erase_if(o.entries, [&](auto& e) {
      auto it = objects.find(e.second);
      return it == objects.end() || (it->second.type == FileType::directory && seen.count(e.second));
    });
    for (auto& [name, key] : o.entries)
      if (seen.insert(key).second) todo.push_back(key);
  }
  std::erase_if(objects, [&](auto& x) { return !seen.count(x.first); });
}

Tree Tree::after_crash(const Tree& durable, const Tree& now, Prng& prng) {
  Tree t = durable;
  for (auto& [k, o] : now.objects)
    if (prng.chance(1, 2)) t.objects[k] = o;
  for (auto& [k, o] : durable.objects)
    if (!now.objects.count(k) && prng.chance(1, 2)) t.objects.erase(k);
  t.objects[root_key(0)].type = t.objects[orphans_key(0)].type = FileType::directory;
  t.drop_unreachable();
  return t;
}

// ---------------------------------------------------------------- World

World::World(std::uint64_t seed, MirrorConfig config) : config_(config), prng_(seed) { now = Instant{} + seconds(1000); }

void World::boot(int i) {
  auto& s = sides_[i];
  auto c = config_;
  c.node_uid = {1, static_cast<std::uint64_t>(i + 1)};
  c.incarnation = {++s.incarnation};
  s.mirror = std::make_unique<Mirror>(c, 1, now);
  s.up = true;
  feed(i, in::Order{order::LoadSet{s.disk, s.checkpoint, {}}});
}

void World::crash(int i) {
  auto& s = sides_[i];
  cut();
  if (std::getenv("LOCKSTEP_TRACE")) std::fprintf(stderr, "%d crash\n", i);
  s.up = false;
  s.mirror.reset();
  s.now = s.durable = Tree::after_crash(s.durable, s.now, prng_);
  s.executor.clear(), s.set_log.clear(), s.flushes.clear(), s.payloads.clear(), s.executor_payloads.clear(), s.said.clear(), s.next_results.clear();
}

void World::order(int i, MirrorOrder o) { feed(i, in::Order{std::move(o)}); }

std::uint64_t World::submit(int i, Op op, Bytes data) {
  in::Submit s;
  s.token = next_token_++, s.op = std::move(op);
  if (!data.empty()) s.payload = store(i, std::move(data), s.op.length);
  auto token = s.token;
  feed(i, std::move(s));
  return token;
}

void World::connect() {
  if (connected_ || !sides_[0].up || !sides_[1].up) return;
  connected_ = true;
  for (int i : {0, 1}) sides_[i].closed_by_core = false, feed(i, in::Connected{});
}

void World::cut() {
  if (!connected_) return;
  connected_ = false;
  for (auto& s : sides_) s.pipe.clear();
  for (int i : {0, 1})
    if (sides_[i].up) feed(i, in::Disconnected{"cut"});
}

Payload World::store(int i, Bytes b, std::uint64_t size) {
  auto h = sides_[i].next_handle++;
  sides_[i].payloads[h] = std::move(b);
  return {h, size};
}

void World::feed(int i, decltype(MirrorInput::what) what) {
  if (!sides_[i].up) return;
  MirrorEffects fx;
  MirrorInput input{now, std::move(what)};
  if (auto b = checked_step(*sides_[i].mirror, input, fx)) throw std::logic_error(told(*b));
  for (auto& e : fx) carry(i, std::move(e));
}

// A transcript of everything that leaves a Mirror, for LOCKSTEP_TRACE=1.
void World::trace(int i, const MirrorEffect& e) {
  static const bool on = std::getenv("LOCKSTEP_TRACE") != nullptr;
  if (!on) return;
  auto who = std::to_string(i) + " " + mirror_role_name(sides_[i].mirror->role()) + ": ";
  auto line = [&](const std::string& s) { std::fprintf(stderr, "%s%s\n", who.c_str(), s.c_str()); };
  auto marks = [](const PendingSet& m) {
    std::string s = m.everything ? " everything" : "";
    for (auto& k : m.dirs) s += " " + to_string(k) + "/";
    for (auto& [k, f] : m.files) {
      s += " " + to_string(k) + (f.attrs ? "a" : "");
      for (auto [a, b] : f.blocks.ranges()) s += "[" + std::to_string(a) + "," + (b == BlockRanges::whole_file ? "*" : std::to_string(b)) + ")";
    }
    return s;
  };
  if (auto* x = std::get_if<fx::Execute>(&e)) line("execute " + to_string(x->op));
  if (auto* x = std::get_if<fx::Apply>(&e)) line("apply " + to_string(x->op));
  if (auto* x = std::get_if<fx::Complete>(&e)) line("complete " + std::to_string(x->token) + " error " + std::to_string(x->error));
  if (auto* x = std::get_if<fx::ReadItem>(&e)) line("read " + to_string(x->object) + (x->attrs ? " attrs" : x->directory ? "/" : "") + " " + std::to_string(x->block));
  if (auto* x = std::get_if<fx::AppendSet>(&e)) line("append" + marks(x->marks));
  if (std::get_if<fx::RewriteSet>(&e)) line("rewrite set");
  if (auto* x = std::get_if<fx::Flush>(&e)) line("flush " + to_string(x->checkpoint));
  if (auto* x = std::get_if<fx::Tell>(&e)) line(std::string("note ") + rule_name(x->note.rule) + " " + std::to_string(x->note.x) + " " + std::to_string(x->note.y) + " " + x->note.text);
  if (auto* x = std::get_if<fx::Send>(&e)) {
    if (auto* f = std::get_if<OpFrame>(&x->frame)) line("send " + to_string(f->at) + " " + to_string(f->op) + " watermark " + std::to_string(f->watermark));
    else if (auto* f = std::get_if<SetFrame>(&x->frame)) line("send set" + marks(f->items));
    else if (auto* f = std::get_if<ReceiptFrame>(&x->frame)) line("send receipt " + to_string(f->received) + " " + to_string(f->applied));
    else if (auto* f = std::get_if<CheckpointFrame>(&x->frame)) line("send checkpoint " + to_string(f->at));
    else line("send frame " + std::to_string(x->frame.index()));
  }
  if (auto* x = std::get_if<fx::Say>(&e)) line("say " + std::to_string(x->what.index()));
}

void World::carry(int i, MirrorEffect&& e) {
  auto& s = sides_[i];
  trace(i, e);
  if (auto* send = std::get_if<fx::Send>(&e)) {
    if (!connected_) return;
    Bytes payload = send->bytes;
    if (send->payload.handle) payload = s.payloads.at(send->payload.handle);
    sides_[1 - i].pipe.emplace_back(encode(send->frame), std::move(payload));
  } else if (auto* f = std::get_if<fx::Flush>(&e)) {
    s.flushes.emplace_back(*f, s.now);
  } else if (auto* c = std::get_if<fx::Complete>(&e)) {
    LOCKSTEP_ASSERT(!s.completed.count(c->token));
    s.completed[c->token] = c->error;
  } else if (auto* r = std::get_if<fx::Release>(&e)) {
    LOCKSTEP_ASSERT(s.payloads.erase(r->handle) == 1);
  } else if (auto* say = std::get_if<fx::Say>(&e)) {
    s.said.push_back(say->what);
  } else if (auto* t = std::get_if<fx::Tell>(&e)) {
    s.notes.push_back(t->note);
  } else if (std::get_if<fx::CloseConnection>(&e)) {
    s.closed_by_core = true;
  } else if (std::get_if<fx::PurgeStaging>(&e)) {
    s.executor.push_back(std::move(e));
  } else if (std::get_if<fx::AppendSet>(&e) || std::get_if<fx::RewriteSet>(&e)) {
    s.set_log.push_back(std::move(e));
  } else {
    // The executor keeps payloads of what it was given; the model keeps the bytes beside the order.
    if (auto* x = std::get_if<fx::Execute>(&e); x && x->payload.handle) s.executor_payloads[x->ticket.value] = s.payloads.at(x->payload.handle);
    if (auto* a = std::get_if<fx::Apply>(&e); a && a->payload.handle) s.executor_payloads[a->ticket.value] = s.payloads.at(a->payload.handle);
    s.executor.push_back(std::move(e));
  }
}

void World::execute(int i) {
  auto& s = sides_[i];
  auto e = std::move(s.executor.front());
  s.executor.pop_front();
  auto payload_of = [&](Ticket t) {
    auto it = s.executor_payloads.find(t.value);
    if (it == s.executor_payloads.end()) return Bytes{};
    auto b = std::move(it->second);
    s.executor_payloads.erase(it);
    return b;
  };
  if (auto* x = std::get_if<fx::Execute>(&e)) {
    in::Executed r;
    auto payload = payload_of(x->ticket);
    auto fault = s.next_results.find(++s.executions);
    if (now > x->not_after) r.expired = true;
    else if (fault != s.next_results.end()) {
      r = fault->second;
      if (r.amount > 0) { // a short write
        auto part = x->op;
        part.length = r.amount;
        s.now.carry_out(part, payload);
      } else if (r.partial) s.now.carry_out(x->op, payload);
    } else {
      r.error = s.now.carry_out(x->op, payload);
      r.amount = r.error ? 0 : x->op.length;
    }
    r.ticket = x->ticket;
    feed(i, r);
  } else if (auto* a = std::get_if<fx::Apply>(&e)) {
    in::Applied r;
    r.ticket = a->ticket;
    auto payload = payload_of(a->ticket);
    if (s.apply_error) r.error = s.apply_error;
    else if (a->op.kind == OpKind::drain_dir) r.error = s.now.drain_dir(a->op, payload, r.lacks);
    else if (a->op.kind == OpKind::drain_query) r.need = s.now.differing(a->op, payload);
    else r.error = s.now.carry_out(a->op, payload);
    feed(i, r);
  } else if (auto* r = std::get_if<fx::ReadItem>(&e)) {
    Bytes digests;
    auto x = s.now.read(*r, digests);
    if (!digests.empty()) x.digests = store(i, digests, digests.size());
    feed(i, x);
  } else if (auto* d = std::get_if<fx::ReadData>(&e)) {
    in::DataRead x;
    x.ticket = d->ticket, x.length = d->length;
    auto it = s.now.objects.find(d->object);
    auto cell = d->offset / digest_block, count = d->length / digest_block;
    if (it == s.now.objects.end()) x.error = noent;
    else {
      std::vector<std::uint64_t> v(it->second.cells.begin() + static_cast<long>(cell), it->second.cells.begin() + static_cast<long>(cell + count));
      x.data = store(i, bytes_of(v), d->length);
    }
    feed(i, x);
  } else if (std::get_if<fx::PurgeStaging>(&e)) {
    s.now.drop_unreachable();
  }
}

void World::set_log(int i) {
  auto& s = sides_[i];
  auto e = std::move(s.set_log.front());
  s.set_log.pop_front();
  if (auto* a = std::get_if<fx::AppendSet>(&e)) {
    if (!s.set_error) s.disk.add(a->marks);
    feed(i, in::SetDurable{a->ticket, s.set_error});
  } else if (auto* r = std::get_if<fx::RewriteSet>(&e)) {
    if (!s.set_error) s.disk = r->set;
    feed(i, in::SetDurable{r->ticket, s.set_error});
  }
}

void World::flush(int i) {
  auto& s = sides_[i];
  auto [f, tree] = std::move(s.flushes.front());
  s.flushes.pop_front();
  if (!s.flush_error) {
    s.durable = std::move(tree);
    if (f.checkpoint.generation) s.checkpoint = f.checkpoint;
  }
  feed(i, in::Flushed{f.ticket, s.flush_error});
}

void World::deliver(int i) {
  auto& s = sides_[i];
  auto [frame, payload] = std::move(s.pipe.front());
  s.pipe.pop_front();
  std::size_t used = 0;
  auto f = decode_frame(frame.data(), frame.size(), used);
  LOCKSTEP_ASSERT(f && used == frame.size());
  in::FromPeer x;
  x.frame = *f;
  if (!payload.empty()) {
    auto* op = std::get_if<OpFrame>(&*f);
    x.payload = store(i, std::move(payload), op ? op->op.length : 0);
  }
  feed(i, std::move(x));
}

bool World::step_once() {
  if (connected_ && (sides_[0].closed_by_core || sides_[1].closed_by_core)) {
    cut();
    connect();
  }
  struct Choice {
    int side;
    void (World::*act)(int);
  };
  std::vector<Choice> can;
  for (int i : {0, 1}) {
    auto& s = sides_[i];
    if (!s.up) continue;
    if (!s.executor.empty() && !s.hung) can.push_back({i, &World::execute});
    if (!s.set_log.empty()) can.push_back({i, &World::set_log});
    if (!s.flushes.empty() && !s.hung) can.push_back({i, &World::flush});
    if (!s.pipe.empty()) can.push_back({i, &World::deliver});
  }
  if (can.empty()) return false;
  auto& c = can[prng_.below(can.size())];
  (this->*c.act)(c.side);
  return true;
}

void World::run() {
  for (int n = 0; step_once(); ++n) LOCKSTEP_ASSERT(n < 200'000);
}

void World::run_for(Duration d) {
  auto end = now + d;
  run();
  while (now < end) {
    auto next = end;
    for (auto& s : sides_)
      if (s.up) next = earlier(next, later(s.mirror->next_deadline(), now + us(10)));
    now = next;
    for (int i : {0, 1})
      if (sides_[i].up) feed(i, in::Wake{});
    run();
  }
}

void World::permit(int i, Instant until) { order(i, order::Permit{generation_, until}); }

void World::alone(int i) {
  Generation g;
  g.counter = ++generation_, g.nonce = generation_ * 77, g.minted_by = {1, static_cast<std::uint64_t>(i + 1)};
  order(i, order::GoAlone{g});
  permit(i);
}

void World::take_over(int i) {
  order(i, order::PrepareAlone{});
  run();
  alone(i);
  run();
}

Session World::begin_resync(int source, bool full) {
  int target = 1 - source;
  Session s;
  s.source_gen.counter = generation_;
  s.source = {1, static_cast<std::uint64_t>(source + 1)};
  s.source_life.incarnation = {sides_[source].incarnation}, s.target_life.incarnation = {sides_[target].incarnation};
  s.full = full, s.number = ++session_;
  current_ = s;
  forget_said();
  order(target, order::FollowResync{s});
  order(source, order::ServeResync{s});
  connect();
  return s;
}

bool World::finish_resync(int source) {
  int target = 1 - source;
  run();
  for (int i = 0; i < 50 && !last_said<said::EqualAt>(target); ++i) run_for(ms(100));
  if (!last_said<said::EqualAt>(target) || !last_said<said::SourceDrained>(source)) return false;
  Generation g;
  g.counter = generation_;
  order(source, order::Pair{g});
  run();
  order(source, order::Ready{g});
  order(target, order::Ready{g});
  run();
  return mirror(source).ready() && mirror(target).ready();
}

std::string World::uncovered(const PendingSet& besides) const {
  PendingSet sets = besides;
  for (auto& s : sides_) {
    sets.add(s.disk);
    if (!s.up) continue;
    sets.add(s.mirror->recent_items()), sets.add(s.mirror->to_drain());
    for (auto& op : s.mirror->in_flight()) sets.add(touched_by(op));
  }
  if (sets.everything) return {};
  std::vector<const Tree*> images{&sides_[0].now, &sides_[0].durable, &sides_[1].now, &sides_[1].durable};
  std::set<Key> keys;
  for (auto* t : images)
    for (auto& [k, o] : t->objects) keys.insert(k);
  for (auto k : keys) {
    auto marks = sets.files.find(k);
    for (auto* x : images)
      for (auto* y : images) {
        auto a = x->objects.find(k), b = y->objects.find(k);
        if (a == x->objects.end() || b == y->objects.end()) continue; // its directory differs too
        auto &p = a->second, &q = b->second;
        if ((p.entries != q.entries || (p.type == FileType::directory && p.mode != q.mode)) && !sets.dirs.count(k)) return to_string(k) + "/";
        if (p.type == FileType::regular && (p.mode != q.mode || p.cells.size() != q.cells.size()) && marks == sets.files.end()) return to_string(k) + " attributes";
        for (std::size_t c = 0; c < std::max(p.cells.size(), q.cells.size()); ++c) {
          bool same = (c < p.cells.size() ? p.cells[c] : 0) == (c < q.cells.size() ? q.cells[c] : 0);
          auto block = c * digest_block / block_size;
          if (!same && (marks == sets.files.end() || !marks->second.blocks.contains(block, block + 1)))
            return to_string(k) + " block " + std::to_string(block);
        }
      }
  }
  return {};
}

Op make(Key dir, std::string name, Key object, FileType type) {
  Op op;
  op.kind = OpKind::create, op.dir = dir, op.name = std::move(name), op.object = object, op.type = type;
  return op;
}
Op write_op(Key object, std::uint64_t cell, std::uint64_t count, Key parent) {
  Op op;
  op.kind = OpKind::write, op.object = object, op.offset = cell * digest_block, op.length = count * digest_block, op.parent = parent;
  return op;
}
Bytes cells(std::initializer_list<std::uint64_t> v) { return bytes_of(v); }

std::string difference(const Tree& a, const Tree& b) {
  for (auto& [k, o] : a.objects) {
    auto it = b.objects.find(k);
    if (it == b.objects.end()) return to_string(k) + " is missing on the second";
    if (o.type != it->second.type) return to_string(k) + " has another type";
    if (o.mode != it->second.mode) return to_string(k) + " has another mode";
    if (o.cells != it->second.cells) return to_string(k) + " has other content";
    if (o.entries != it->second.entries) return to_string(k) + " has other entries";
  }
  for (auto& [k, o] : b.objects)
    if (!a.objects.count(k)) return to_string(k) + " is missing on the first";
  return {};
}

} // namespace lockstep::testing
