// The source of a resynchronisation: the union of both sets, what is still to drain, which live operations the target can carry
// out (data:D4-D8). One item of it: resync_drain.cpp.
#include "core/mirror/mirror.hpp"
#include "core/base/mutant.hpp"
#include "core/mirror/marked_bytes.hpp"
#include <algorithm>

namespace lockstep {
namespace {
constexpr std::uint64_t unreceived_max = 16u << 20; // drains stand back when so much waits on the wire (data T28)
constexpr Duration progress_every = ms(500);
using Stage = SourceSession::Stage;
bool names(const Op& op, Key k) { return op.object == k || op.replaced == k; }
} // namespace

void Mirror::begin_session(const Session& s) {
  end_session();
  if (mutated(Mutant::rejoin_clears_set)) durable_ = {}, out_->push_back(fx::RewriteSet{new_ticket(), durable_});
  session_.emplace();
  session_->session = s, session_->progress_due = now_ + progress_every;
  open_stream(s, true);
  if (s.full) session_->collected.everything = true, take_union();
}

void Mirror::end_session() {
  abort_drains();
  session_.reset();
  if (!stream_.open) return;
  close_stream();
  recent_.clear(); // all of it is in the durable set (data:D5)
}

void Mirror::read(const SetFrame& f, Payload) {
  if (!linked_ || !session_ || f.session != stream_.session || session_->stage != Stage::collecting) return;
  if (!mutated(Mutant::target_set_ignored)) session_->collected.add(f.items);
  if (f.last) take_union();
}

// data:D4: the source keeps a durable copy of the union until Ready. Full: everything is pending, whatever is listed.
void Mirror::take_union() {
  auto& s = *session_;
  s.full = s.collected.everything || durable_.everything || mutated(Mutant::delta_becomes_full);
  if (s.full) {
    s.collected = {};
    s.collected.everything = true;
    for (std::uint32_t i = 0; i < config_.dirs; ++i) s.dirs.insert({root_key(i), orphans_key(i)});
    if (mutated(Mutant::orphans_not_copied)) s.dirs.erase(orphans_key(0));
  } else {
    for (auto* set : {&durable_, &differs_, &s.collected}) {
      s.dirs.insert(set->dirs.begin(), set->dirs.end());
      for (auto& [k, m] : set->files) s.files[k].add(m);
    }
    for (auto& [k, m] : s.files) s.progress.bytes_total += marked_bytes(m.blocks, {});
  }
  differs_late_ = false;
  s.progress.full = s.full;
  s.stage = Stage::marking;
  tell(Rule::D4, static_cast<std::int64_t>(s.dirs.size()), static_cast<std::int64_t>(s.files.size()), s.full ? "full" : "delta");
  if (durable_.contains(s.collected)) s.stage = Stage::draining;
  else s.union_mark = append(s.collected);
}

void Mirror::session_marked(Ticket t, bool ok) {
  auto& s = *session_;
  if (t == s.union_mark) {
    s.union_mark = {};
    if (ok) s.stage = Stage::draining;
    else peer_failed(Rule::D4, "the pending set could not be made durable");
  }
  for (auto& [id, d] : s.drains) {
    if (d.stage != Drain::Stage::marking || d.mark != t) continue;
    if (ok) lacks_marked(d);
    else peer_failed(Rule::D6, "the pending set could not be made durable");
    return;
  }
}

// What an operation touched without being sent, or what the target lacks: to drain, once more if need be.
void Mirror::must_drain(const PendingSet& marks) {
  auto& s = *session_;
  s.dirs.insert(marks.dirs.begin(), marks.dirs.end());
  for (auto& [k, m] : marks.files) {
    auto& todo = s.files[k];
    auto before = marked_bytes(todo.blocks, {});
    todo.add(m);
    s.progress.bytes_total += marked_bytes(todo.blocks, {}) - before;
    auto& r = m.blocks.ranges();
    if (!r.empty() && r.rbegin()->second == BlockRanges::whole_file) s.sized.erase(k); // it may have been cut
  }
}

void Mirror::sent_in_session(const Op& op) {
  if (!session_->full || op.kind != OpKind::create) return;
  session_->found.insert(op.object);
  if (op.type == FileType::directory) session_->dirs_done.insert(op.object);
}

bool Mirror::dir_in_sync(Key k) const {
  auto& s = *session_;
  if (s.dirs.count(k) || (s.full && !s.dirs_done.count(k))) return false;
  return std::none_of(s.drains.begin(), s.drains.end(),
                      [&](auto& d) { return d.second.kind == Drain::Kind::directory && d.second.key == k; });
}

// An object is known to the target when a directory that holds a name of it is in sync, or when all are.
bool Mirror::name_in_sync(Key parent) const {
  auto& s = *session_;
  bool all = s.dirs.empty() && std::none_of(s.drains.begin(), s.drains.end(),
                                            [](auto& d) { return d.second.kind == Drain::Kind::directory; });
  return all || (!parent.none() && dir_in_sync(parent));
}

bool Mirror::data_in_sync(const Op& op, const PendingSet& touched) const {
  auto todo = session_->files.find(op.object);
  if (todo == session_->files.end()) return true;
  bool moves = op.kind == OpKind::truncate || op.kind == OpKind::fallocate; // may move, cut or uncover what is to drain
  if (moves) return todo->second.blocks.empty() && session_->sized.count(op.object) == 1;
  auto t = touched.files.find(op.object);
  if (op.kind != OpKind::write || t == touched.files.end()) return true;
  auto& r = t->second.blocks.ranges();
  return std::none_of(r.begin(), r.end(), [&](auto& x) { return todo->second.blocks.overlaps(x.first, x.second); });
}

// data:D8: only what the target can carry out.
bool Mirror::to_be_sent(const Op& op, const PendingSet& touched) const {
  if (session_->stage == Stage::drained) return true;
  if (session_->stage != Stage::draining || !linked_) return false;
  if (mutated(Mutant::sends_to_unknown)) return true;
  bool creates = op.kind == OpKind::create;
  for (auto& d : touched.dirs)
    if (!(creates && d == op.object) && !dir_in_sync(d)) return false;
  bool named = creates || op.kind == OpKind::unlink || op.kind == OpKind::rename; // by its directory, checked above
  return (named || name_in_sync(op.parent)) && data_in_sync(op, touched);
}

// data:D7: an item under drain is locked; what touches it waits, and what is behind that too.
bool Mirror::locked_against(const Op& op, const PendingSet& touched) const {
  if (!session_ || mutated(Mutant::drained_without_lock)) return false;
  for (auto& [id, d] : session_->drains) {
    auto f = touched.files.find(d.key);
    bool file = f != touched.files.end();
    switch (d.kind) {
      case Drain::Kind::directory:
        if (touched.dirs.count(d.key)) return true;
        break;
      case Drain::Kind::block:
        if (file && f->second.blocks.overlaps(d.block, d.block + 1)) return true;
        if ((op.kind == OpKind::unlink || op.kind == OpKind::rename) && names(op, d.key)) return true;
        break;
      case Drain::Kind::attrs:
        if (file) return true;
        break;
    }
  }
  return false;
}

void Mirror::start_drains() {
  if (!session_ || session_->stage != Stage::draining || !linked_ || role_ != Role::alone || tx_.failed_said) return;
  auto& s = *session_;
  if (now_ < s.retry_at) return;
  if (!waiting_.empty() && locked_against(waiting_.front().op, waiting_.front().touched)) return; // it comes first
  while (s.drains.size() < config_.parallel_drains && tx_.sent_bytes < unreceived_max) {
    if (!s.dirs.empty()) {
      if (!start_dir()) return;
      continue;
    }
    bool dirs_run = std::any_of(s.drains.begin(), s.drains.end(),
                                [](auto& d) { return d.second.kind == Drain::Kind::directory; });
    if (dirs_run || !start_file()) return;
  }
}

bool Mirror::start_dir() {
  auto& s = *session_;
  for (auto k : s.dirs) {
    bool runs = std::any_of(s.drains.begin(), s.drains.end(), [&](auto& d) { return d.second.key == k; });
    if (runs) continue;
    s.dirs.erase(k);
    start_drain(Drain{Drain::Kind::directory, k});
    return true;
  }
  return false;
}

// Per file: its attributes first, which cut the target to the source's size; then its blocks; its attributes again at the end,
// when no block is to drain or under way.
bool Mirror::start_file() {
  auto& s = *session_;
  for (auto& [k, m] : s.files) {
    auto key = k;
    if (!m.blocks.empty() && s.sized.count(key)) {
      auto block = m.blocks.ranges().begin()->first;
      m.blocks.remove(block, block + 1);
      start_drain(Drain{Drain::Kind::block, key, block});
      return true;
    }
    bool runs = std::any_of(s.drains.begin(), s.drains.end(), [&](auto& d) { return d.second.key == key; });
    if (runs) continue;
    start_drain(Drain{Drain::Kind::attrs, key});
    return true;
  }
  return false;
}

// data:D4: "empty" means all drained in this session. The end is a position in the stream.
void Mirror::finish_if_drained() {
  if (!session_ || session_->stage != Stage::draining || !linked_ || role_ != Role::alone || tx_.failed_said) return;
  auto& s = *session_;
  if (!s.dirs.empty() || !s.files.empty() || !s.drains.empty()) return;
  if (mutated(Mutant::drained_is_erased)) durable_ = {}, out_->push_back(fx::RewriteSet{new_ticket(), durable_});
  Op op;
  op.kind = OpKind::drained;
  s.drained_at = send_op(op, {}, {}, true);
  s.stage = Stage::drained;
  tell(Rule::D13, 1, static_cast<std::int64_t>(s.drained_at));
  report_progress(true);
  say(said::SourceDrained{s.session, at(s.drained_at)});
}

void Mirror::report_progress(bool forced) {
  if (!session_ || (!forced && (session_->stage != Stage::draining || now_ < session_->progress_due))) return;
  auto& s = *session_;
  s.progress_due = now_ + progress_every;
  s.progress.dirs_total = s.progress.dirs_done + s.dirs.size();
  s.progress.files_total = s.progress.files_done + s.files.size();
  // An estimate: what is marked to the end of a file is added when the file is met.
  s.progress.bytes_total = std::max(s.progress.bytes_total, s.progress.bytes_compared);
  if (s.stage == Stage::drained) s.progress.bytes_total = s.progress.bytes_compared;
  for (auto& [id, d] : s.drains) ++(d.kind == Drain::Kind::directory ? s.progress.dirs_total : s.progress.files_total);
  say(said::Progress{s.progress});
}

} // namespace lockstep
