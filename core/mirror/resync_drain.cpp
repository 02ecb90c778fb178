// One item of a resynchronisation, from the read under its lock to its place in the stream (data:D3, D6, D7).
#include "core/mirror/mirror.hpp"
#include "core/mirror/marked_bytes.hpp"
#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>

namespace lockstep {
namespace {
using Stage = Drain::Stage;
constexpr Duration read_retry = seconds(1);
} // namespace

void Mirror::start_drain(Drain d) {
  auto id = next_id_++;
  session_->drains[id] = std::move(d);
  if (mutated(Mutant::read_out_of_order)) return start_read(id);
  if (!exec_queue_.empty()) at_work_.add(Rule::D7); // behind what was decided before
  exec_queue_.push_back({true, id});
}

// Its turn in the order of decision: everything decided before is carried out before the read.
void Mirror::start_read(std::uint64_t id) {
  if (!session_) return;
  auto it = session_->drains.find(id);
  if (it == session_->drains.end()) return; // given up meanwhile
  auto& d = it->second;
  d.stage = Stage::reading;
  auto t = new_ticket();
  session_->reads[t] = id;
  out_->push_back(fx::ReadItem{t, d.key, d.kind == Drain::Kind::directory, d.kind == Drain::Kind::attrs, d.block});
}

void Mirror::end_drain(std::uint64_t id) {
  auto& s = *session_;
  auto it = s.drains.find(id);
  if (it->second.kind == Drain::Kind::directory) {
    ++s.progress.dirs_done;
    if (s.full) s.dirs_done.insert(it->second.key);
  }
  s.drains.erase(it);
}

void Mirror::abort_drains() {
  if (!session_) return;
  for (auto& [id, d] : session_->drains) requeue(d);
  session_->drains.clear();
  session_->reads.clear();
}

void Mirror::requeue(const Drain& d) {
  switch (d.kind) {
    case Drain::Kind::directory: session_->dirs.insert(d.key); break;
    case Drain::Kind::block: session_->files[d.key].blocks.add(d.block, d.block + 1); [[fallthrough]];
    case Drain::Kind::attrs: session_->files[d.key].attrs = true; break;
  }
}

void Mirror::handle(const in::ItemRead& x) {
  hold(x.digests);
  auto read = session_ ? session_->reads.find(x.ticket) : std::map<Ticket, std::uint64_t>::iterator{};
  if (session_ && read != session_->reads.end()) {
    auto id = read->second;
    session_->reads.erase(read);
    auto& d = session_->drains.at(id);
    bool gone = x.error == errno_noent;
    if (x.error != 0 && !gone && !mutated(Mutant::unreadable_is_gone)) unreadable(id, x.error);
    else if (d.kind == Drain::Kind::directory) dir_read(id, d, x);
    else if (d.kind == Drain::Kind::block) block_read(id, d, x);
    else attrs_read(id, d, x);
  }
  drop(x.digests);
}

// This node's own disk: the item stays to drain, its lock goes, and it is tried again; said each time.
void Mirror::unreadable(std::uint64_t id, std::int32_t error) {
  auto& s = *session_;
  auto it = s.drains.find(id);
  tell(Rule::disk_error, error, 0, "cannot read " + to_string(it->second.key) + " for the resynchronisation");
  requeue(it->second);
  s.drains.erase(it);
  s.retry_at = now_ + read_retry;
}

void Mirror::dir_read(std::uint64_t id, Drain& d, const in::ItemRead& x) {
  if (x.error != 0) return end_drain(id);
  d.dir = x.dir;
  auto& s = *session_;
  std::set<Key> named;
  if (mutated(Mutant::hard_link_dropped)) std::erase_if(d.dir.entries, [&](auto& e) { return !named.insert(e.key).second; });
  if (s.full)
    for (auto& e : d.dir.entries) {
      if (!s.found.insert(e.key).second) continue;
      if (e.type == FileType::directory && mutated(Mutant::subdirectory_not_followed)) continue;
      if (e.type == FileType::directory) s.dirs.insert(e.key);
      else s.files[e.key] = whole_of(e.type), s.progress.bytes_total += e.type == FileType::regular ? e.size : 0;
    }
  send_dir(d);
}

FileMarks Mirror::whole_of(FileType t) {
  FileMarks m;
  m.attrs = true;
  if (t == FileType::regular) m.blocks.add(0, BlockRanges::whole_file);
  return m;
}

// What will be drained whole is announced, so that the target may make room for it; anything else it lacks it must say (D6).
void Mirror::send_dir(Drain& d) {
  auto& s = *session_;
  for (auto& e : d.dir.entries) {
    auto f = s.files.find(e.key);
    bool file_follows = f != s.files.end() && f->second.contains(whole_of(e.type));
    bool dir_follows = s.dirs.count(e.key) || std::any_of(s.drains.begin(), s.drains.end(), [&](auto& o) {
      return o.second.kind == Drain::Kind::directory && o.second.key == e.key;
    });
    e.content_follows = e.type == FileType::directory ? dir_follows : file_follows;
  }
  Op op;
  op.kind = OpKind::drain_dir, op.object = d.key, op.type = FileType::directory;
  d.stage = Stage::asked;
  d.seq = send_op(op, {}, encode(d.dir), true);
}

void Mirror::read(const LacksFrame& f, Payload) {
  if (!linked_ || !session_ || !ours(f.at)) return;
  for (auto& [id, d] : session_->drains) {
    if (d.kind != Drain::Kind::directory || d.stage != Stage::asked || d.seq != f.at.seq) continue;
    if (f.keys.empty() || mutated(Mutant::lacks_ignored)) return end_drain(id);
    return target_lacks(d, f.keys);
  }
}

// data:D6: what the entries lack on the target is marked durably, whole, before the directory is drained.
void Mirror::target_lacks(Drain& d, const std::vector<Key>& keys) {
  std::set<Key> lacks(keys.begin(), keys.end());
  PendingSet marks;
  for (auto& e : d.dir.entries) {
    if (e.content_follows || !lacks.count(e.key)) continue;
    if (e.type == FileType::directory) marks.dirs.insert(e.key);
    else marks.files[e.key] = whole_of(e.type);
  }
  if (marks.empty()) return peer_failed(Rule::D6, "the target cannot take directory " + to_string(d.key));
  tell(Rule::D6, static_cast<std::int64_t>(d.seq), static_cast<std::int64_t>(marks.size()));
  d.lacks = marks;
  d.stage = Stage::marking;
  if (durable_.contains(marks)) lacks_marked(d);
  else d.mark = append(std::move(marks));
}

void Mirror::lacks_marked(Drain& d) {
  d.mark = {};
  must_drain(d.lacks);
  for (auto& k : d.lacks.dirs) session_->dirs_done.erase(k);
  d.lacks = {};
  send_dir(d);
}

void Mirror::block_read(std::uint64_t id, Drain& d, const in::ItemRead& x) {
  auto& s = *session_;
  bool gone = x.error != 0;
  std::uint64_t offset = d.block * block_size;
  if (gone || x.end_of_file || x.size <= offset) {
    auto f = s.files.find(d.key);
    if (f != s.files.end()) {
      f->second.blocks.remove(gone ? 0 : d.block, BlockRanges::whole_file);
      if (gone) s.files.erase(f);
    }
    return end_drain(id);
  }
  Op op;
  op.kind = OpKind::drain_query, op.object = d.key;
  op.offset = offset, op.length = d.length = std::min(block_size, x.size - offset);
  s.progress.bytes_compared += op.length;
  d.stage = Stage::asked;
  d.seq = send_op(op, x.digests, {}, true);
}

void Mirror::read(const NeedFrame& f, Payload) {
  if (!linked_ || !session_ || !ours(f.at)) return;
  for (auto& [id, d] : session_->drains)
    if (d.kind == Drain::Kind::block && d.stage == Stage::asked && d.seq == f.at.seq) return load_extents(id, d, f.blocks);
}

void Mirror::load_extents(std::uint64_t id, Drain& d, std::uint64_t need) {
  d.stage = Stage::loading;
  std::uint64_t blocks = (d.length + (mutated(Mutant::tail_not_copied) ? 0 : digest_block - 1)) / digest_block;
  for (std::uint64_t i = 0; i < blocks;) {
    if (!(need >> i & 1)) {
      ++i;
      continue;
    }
    auto first = i;
    while (i < blocks && (need >> i & 1)) ++i;
    auto end = std::min(i * digest_block, d.length);
    auto t = new_ticket();
    session_->reads[t] = id;
    ++d.loads;
    out_->push_back(fx::ReadData{t, d.key, d.block * block_size + first * digest_block, end - first * digest_block});
    session_->extents[t] = d.block * block_size + first * digest_block;
  }
  if (d.loads == 0) end_drain(id);
}

void Mirror::handle(const in::DataRead& x) {
  hold(x.data);
  auto read = session_ ? session_->reads.find(x.ticket) : std::map<Ticket, std::uint64_t>::iterator{};
  if (session_ && read != session_->reads.end()) {
    auto& s = *session_;
    auto id = read->second;
    s.reads.erase(read);
    Op op;
    op.kind = OpKind::drain_data, op.object = s.drains.at(id).key, op.offset = s.extents[x.ticket], op.length = x.length;
    s.extents.erase(x.ticket);
    if (x.hole) op.flags = drain_hole;
    if (x.error == 0 && x.length > 0) {
      s.progress.bytes_sent += x.hole ? 0 : x.length;
      send_op(op, x.data, {}, true);
    }
    auto& d = s.drains.at(id);
    d.unreadable = d.unreadable || (x.error != 0 && x.error != errno_noent);
    if (--d.loads == 0) d.unreadable ? unreadable(id, errno_io) : end_drain(id);
  }
  drop(x.data);
}

void Mirror::attrs_read(std::uint64_t id, Drain& d, const in::ItemRead& x) {
  auto& s = *session_;
  auto key = d.key;
  if (x.error == 0 && !mutated(Mutant::attributes_not_copied)) {
    Op op;
    op.kind = OpKind::drain_attrs, op.object = key, op.type = x.attrs.type, op.length = x.attrs.size;
    send_op(op, {}, encode(x.attrs), true);
  }
  end_drain(id);
  auto f = s.files.find(key);
  if (f == s.files.end()) return;
  // Full: its directory told its size before.
  if (bool met = s.sized.count(key) == 1; !met && !s.full)
    s.progress.bytes_total += marked_bytes(f->second.blocks, x.error == 0 ? x.attrs.size : 0) - marked_bytes(f->second.blocks, {});
  f->second.blocks.remove(x.error == 0 ? (x.attrs.size + block_size - 1) / block_size : 0, BlockRanges::whole_file);
  if (!f->second.blocks.empty()) {
    s.sized.insert(key);
    return;
  }
  ++s.progress.files_done;
  s.sized.erase(key);
  s.files.erase(f);
}

} // namespace lockstep
