#include "sim/app.hpp"
#include <algorithm>
#include <array>
#include <boost/container/flat_set.hpp>

namespace lockstep::sim {
namespace {
constexpr std::size_t most_open = 8;
const Key root = root_key(0), orphans = orphans_key(0);
// A kernel carries out one rename of a directory at a time (s_vfs_rename_mutex): two together could put each below the other.
const Key rename_mutex{0, UINT64_MAX};
std::array<Key, 5> locked_by(const Op& op) {
  bool moves_dirs = op.kind == OpKind::rename && op.type == FileType::directory;
  return {op.object, op.dir, op.dir2, op.replaced, moves_dirs ? rename_mutex : Key{}};
}
std::vector<std::string> words_of(const std::string& s) {
  std::vector<std::string> v(1);
  for (char c : s) {
    if (c != ' ') v.back() += c;
    else if (!v.back().empty()) v.emplace_back();
  }
  return v;
}
std::uint64_t number_of(const std::vector<std::string>& w, std::size_t i, std::uint64_t otherwise) {
  if (i >= w.size() || w[i].empty() || w[i].size() > 18 || w[i].find_first_not_of("0123456789") != std::string::npos) return otherwise;
  return std::stoull(w[i]);
}
} // namespace

App::App(const Plan& p, Queue& q, Oracles& o, Host& h, std::uint64_t& counter)
    : plan_(p), queue_(q), oracles_(o), host_(h), counter_(counter) {
  host_.on_complete = [this](std::uint64_t t, std::int32_t e) { completed(t, e); };
  host_.on_application_lost = [this] { open_.clear(), locks_.clear(); };
  queue_.at(Instant{plan_.work.from.ns}, host_.index(), [this] { tick(); });
}

std::uint64_t App::draw(std::uint64_t below) { return hash_of(plan_.seed, current_, ++draws_, 101) % std::max<std::uint64_t>(below, 1); }

void App::tick() {
  if (plan_.work.rate == 0) return;
  if (!stopped_ && counter_ < plan_.work.ops && host_.may_submit() && open_.size() < most_open) {
    current_ = ++counter_, draws_ = 0;
    generate();
  }
  auto gap = 1'000'000'000 / plan_.work.rate;
  queue_.at(queue_.now() + ns(pick(hash_of(plan_.seed, host_.index(), queue_.now().ns), gap / 2, gap * 3 / 2)), host_.index(), [this] { tick(); });
}

const App::Choice& App::choices() {
  auto& t = host_.disk().files.now();
  if (chosen_from_ == host_.disk().files.names_version()) return choice_;
  chosen_from_ = host_.disk().files.names_version();
  auto& c = choice_;
  c.files.clear(), c.orphans.clear(), c.dirs.assign(1, root);
  boost::container::flat_set<Key> seen;
  seen.reserve(c.files.capacity() + c.dirs.capacity());
  for (std::size_t i = 0; i < c.dirs.size(); ++i) {
    for (auto& [name, key] : t.find(c.dirs[i])->entries) {
      auto o = t.find(key);
      if (!o || !seen.insert(key).second) continue;
      (o->attrs.type == FileType::directory ? c.dirs : c.files).push_back(key);
    }
  }
  if (auto o = t.find(orphans)) {
    for (auto& [name, key] : o->entries) c.orphans.push_back({key, name});
  }
  return choice_;
}

void App::generate() {
  std::uint64_t sum = 0;
  for (auto m : plan_.work.mix) sum += m;
  if (sum == 0) return;
  auto& c = choices();
  for (int attempt = 0; attempt < 4; ++attempt) {
    auto x = draw(sum);
    std::size_t kind = 0;
    while (x >= plan_.work.mix[kind]) x -= plan_.work.mix[kind++];
    bool few = c.files.empty() || (c.files.size() < plan_.work.files && kind == 0);
    bool done = false;
    switch (kind) {
    case 0: done = few ? make_file(c) : write_file(c, false); break;
    case 1: done = c.dirs.size() <= plan_.work.dirs && make_dir(c); break;
    case 2: done = c.files.empty() ? make_file(c) : write_file(c, false); break;
    case 3: done = write_file(c, true); break;
    case 4: done = rename(c, false); break;
    case 5: done = unlink(c); break;
    case 6: done = link(c); break;
    case 7: done = change(c, OpKind::truncate); break;
    case 8: done = change(c, OpKind::setattr); break;
    case 9: done = change(c, OpKind::fallocate); break;
    case 10: done = change(c, draw(3) ? OpKind::setxattr : OpKind::removexattr); break;
    case 11: done = sync(c); break;
    case 12: done = rename(c, true); break;
    default: done = orphan(c);
    }
    if (done) return;
  }
}

Op App::op_on(OpKind kind, Key object) const {
  Op op;
  op.kind = kind, op.object = object;
  auto o = host_.disk().files.now().find(object);
  if (o) {
    op.type = o->attrs.type;
    if (!o->names.empty()) op.parent = o->names.begin()->first;
  }
  if (kind != OpKind::sync && kind != OpKind::setattr) op.time_ns = wall_seconds(plan_, queue_.now()) * 1'000'000'000 + static_cast<std::int64_t>(current_);
  return op;
}

bool App::locked(const Op& op) const {
  for (auto k : locked_by(op)) {
    if (!k.none() && locks_.count(k)) return true;
  }
  return false;
}

bool App::submit(Op op, Content content) {
  if (locked(op)) return false;
  auto token = (static_cast<std::uint64_t>(host_.index()) << 48) + ++tokens_;
  Open o;
  for (auto k : locked_by(op)) {
    if (!k.none() && o.locked.insert(k).second) ++locks_[k];
  }
  open_[token] = std::move(o);
  oracles_.submitted(host_, token, op, &content);
  host_.submit(token, std::move(op), std::move(content));
  return true;
}

void App::completed(std::uint64_t token, std::int32_t) {
  auto o = open_.find(token);
  if (o == open_.end()) return;
  for (auto k : o->second.locked) {
    if (--locks_[k] == 0) locks_.erase(k);
  }
  open_.erase(o);
}

Content App::data(std::uint64_t units) {
  Content c;
  for (std::uint64_t i = 0; i < units; ++i) c.units.push_back((current_ << 20) + (std::uint64_t{host_.index()} << 16) + i + 1);
  return c;
}

namespace {
Key one_of(const std::vector<Key>& v, std::uint64_t draw) { return v.empty() ? Key{} : v[draw % v.size()]; }
} // namespace

bool App::make_file(const Choice& c) {
  auto dir = one_of(c.dirs, draw(1000));
  auto name = "f" + std::to_string(draw(plan_.work.files * 2));
  if (!host_.disk().files.now().entry(dir, name).none()) return false;
  static constexpr FileType types[] = {FileType::regular, FileType::regular, FileType::regular, FileType::symlink, FileType::fifo};
  auto op = op_on(OpKind::create, host_.new_key());
  op.dir = dir, op.name = name, op.type = types[draw(5)], op.mode = 0600 + static_cast<std::uint32_t>(draw(64));
  if (op.type == FileType::symlink) op.text = "target" + std::to_string(draw(100));
  return submit(op);
}
bool App::make_dir(const Choice& c) {
  auto dir = one_of(c.dirs, draw(1000));
  auto name = "d" + std::to_string(draw(plan_.work.dirs * 2 + 1));
  if (!host_.disk().files.now().entry(dir, name).none()) return false;
  auto op = op_on(OpKind::create, host_.new_key());
  op.dir = dir, op.name = name, op.type = FileType::directory, op.mode = 0755;
  return submit(op);
}
bool App::write_file(const Choice& c, bool big) {
  auto op = op_on(OpKind::write, one_of(c.files, draw(1000)));
  if (op.object.none() || op.type != FileType::regular) return false;
  auto unit = big ? draw(700) : draw(20);
  auto content = data(big ? 1 + draw(48) : 1 + draw(4));
  op.offset = unit * unit_size, op.length = content.size();
  return submit(op, std::move(content));
}
bool App::rename(const Choice& c, bool exchange) {
  auto& t = host_.disk().files.now();
  auto& pool = draw(4) ? c.files : c.dirs;
  auto op = op_on(OpKind::rename, one_of(pool, draw(1000)));
  auto o = t.find(op.object);
  if (!o || o->names.empty()) return false;
  auto from = *std::next(o->names.begin(), static_cast<long>(draw(o->names.size())));
  op.dir = from.first, op.name = from.second, op.dir2 = one_of(c.dirs, draw(1000));
  op.name2 = (op.type == FileType::directory ? "d" : "f") + std::to_string(draw(plan_.work.files * 2));
  if (t.inside(op.dir2, op.object) || op.dir == orphans) return false;
  op.replaced = t.entry(op.dir2, op.name2);
  if (op.replaced == op.object || (exchange && op.replaced.none())) return false;
  if (auto r = t.find(op.replaced)) {
    op.replaced_type = r->attrs.type, op.replaced_parent = op.dir2;
    bool dirs = op.type == FileType::directory || r->attrs.type == FileType::directory;
    if (dirs && op.type != r->attrs.type) return false;
    if (dirs && (exchange ? t.inside(op.dir, op.replaced) : !r->entries.empty())) return false;
    if (exchange) op.flags = rename_exchange;
  }
  return submit(op);
}
bool App::unlink(const Choice& c) {
  auto& t = host_.disk().files.now();
  auto op = op_on(OpKind::unlink, draw(6) ? one_of(c.files, draw(1000)) : one_of(c.dirs, draw(1000)));
  auto o = t.find(op.object);
  if (!o || o->names.empty() || !o->entries.empty()) return false;
  auto name = *std::next(o->names.begin(), static_cast<long>(draw(o->names.size())));
  op.dir = name.first, op.name = name.second;
  return submit(op);
}
bool App::link(const Choice& c) {
  auto op = op_on(OpKind::link, one_of(c.files, draw(1000)));
  op.dir = one_of(c.dirs, draw(1000)), op.name = "l" + std::to_string(draw(10));
  if (op.object.none() || !host_.disk().files.now().entry(op.dir, op.name).none()) return false;
  return submit(op);
}
bool App::change(const Choice& c, OpKind kind) {
  auto& pool = kind == OpKind::setattr || kind == OpKind::setxattr ? (draw(4) ? c.files : c.dirs) : c.files;
  auto op = op_on(kind, one_of(pool, draw(1000)));
  auto o = host_.disk().files.now().find(op.object);
  if (!o) return false;
  bool regular = op.type == FileType::regular;
  Content content;
  switch (kind) {
  case OpKind::truncate: op.length = draw(30) * unit_size; break;
  case OpKind::setattr: op.mask = setattr_mask::mode | setattr_mask::uid, op.mode = static_cast<std::uint32_t>(draw(512)), op.uid = 7; break;
  case OpKind::fallocate: op.flags = draw(2) ? 3 : 0, op.offset = draw(20) * unit_size, op.length = (1 + draw(8)) * unit_size; break;
  case OpKind::setxattr: {
    op.text = "user.x" + std::to_string(draw(3));
    auto v = draw(1000);
    content.bytes = {static_cast<std::uint8_t>(v), static_cast<std::uint8_t>(v >> 8)};
    break;
  }
  default:
    if (o->attrs.xattrs.empty()) return false;
    op.text = o->attrs.xattrs.begin()->first;
  }
  if ((kind == OpKind::truncate || kind == OpKind::fallocate) && !regular) return false;
  return submit(op, std::move(content));
}
bool App::sync(const Choice& c) {
  auto op = op_on(OpKind::sync, one_of(c.files, draw(1000)));
  return !op.object.none() && submit(op);
}
// Unlinking an open file moves it to the hidden directory; its last close removes it (data T12).
bool App::orphan(const Choice& c) {
  if (!c.orphans.empty() && draw(2)) {
    auto& [key, name] = c.orphans[draw(c.orphans.size())];
    auto op = op_on(OpKind::unlink, key);
    op.dir = orphans, op.name = name;
    return submit(op);
  }
  auto op = op_on(OpKind::rename, one_of(c.files, draw(1000)));
  auto o = host_.disk().files.now().find(op.object);
  if (!o || o->names.size() != 1 || op.type != FileType::regular) return false;
  op.dir = o->names.begin()->first, op.name = o->names.begin()->second;
  op.dir2 = orphans, op.name2 = to_string(op.object);
  return op.dir != orphans && submit(op);
}

Key App::lookup(const std::string& path, Key* dir, std::string* name) const {
  auto& t = host_.disk().files.now();
  Key at = root;
  std::size_t from = 0;
  while (true) {
    auto slash = path.find('/', from);
    auto part = path.substr(from, slash == std::string::npos ? slash : slash - from);
    *dir = at, *name = part;
    at = t.entry(at, part);
    if (slash == std::string::npos) return at;
    if (at.none()) return {};
    from = slash + 1;
  }
}

bool App::perform(const std::string& text) {
  auto w = words_of(text);
  if (w.size() < 2 || !host_.may_submit()) return false;
  current_ = ++counter_, draws_ = 0;
  Key dir, dir2;
  std::string name, name2;
  auto object = lookup(w[1], &dir, &name);
  Key second = w.size() > 2 ? lookup(w[2], &dir2, &name2) : Key{};
  if (w[0] == "create" || w[0] == "mkdir") {
    auto op = op_on(OpKind::create, host_.new_key());
    op.dir = dir, op.name = name, op.mode = 0644, op.type = w[0] == "mkdir" ? FileType::directory : FileType::regular;
    return object.none() && !dir.none() && submit(op);
  }
  if (object.none()) return false;
  if (w[0] == "write") { // write PATH UNIT COUNT [VERSION]
    auto op = op_on(OpKind::write, object);
    Content c = data(number_of(w, 3, 1));
    if (auto v = number_of(w, 4, 0)) std::fill(c.units.begin(), c.units.end(), v);
    op.offset = number_of(w, 2, 0) * unit_size, op.length = c.size();
    return submit(op, std::move(c));
  }
  if (w[0] == "fsync") return submit(op_on(OpKind::sync, object));
  if (w[0] == "truncate" || w[0] == "chmod") {
    auto op = op_on(w[0] == "chmod" ? OpKind::setattr : OpKind::truncate, object);
    op.mask = setattr_mask::mode, op.mode = static_cast<std::uint32_t>(number_of(w, 2, 0)), op.length = number_of(w, 2, 0) * unit_size;
    return submit(op);
  }
  auto op = op_on(w[0] == "unlink" ? OpKind::unlink : w[0] == "link" ? OpKind::link : OpKind::rename, object);
  op.dir = dir, op.name = name;
  if (w[0] == "unlink") return submit(op);
  if (dir2.none()) return false;
  if (w[0] == "link") op.dir = dir2, op.name = name2;
  else op.dir2 = dir2, op.name2 = name2, op.replaced = second;
  return (w[0] == "link" || w[0] == "rename") && submit(op);
}

} // namespace lockstep::sim
