#include "shim/module/set_log.hpp"
#include <cerrno>

namespace lockstep {
namespace {
Bytes record_of(const PendingSet& set) {
  Writer w;
  put(w, set);
  return w.take();
}
} // namespace

SetLog::SetLog(const std::string& directory, Done done, Report report)
    : log_(directory), done_(std::move(done)), report_(std::move(report)), thread_([this] { run(); }) {}

SetLog::~SetLog() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

LoadedSet SetLog::load() {
  LoadedSet out;
  LogRead read = log_.read();
  out.note = read.note;
  for (const Bytes& record : read.records) {
    Reader r(record);
    PendingSet marks;
    if (get(r, marks) && r.done()) out.set.add(marks);
    else out.readable = false;
  }
  switch (read.state) {
    case LogRead::State::none: {
      // The first start on this node: nothing was ever promised. An empty log is created so that its loss can be told.
      if (Status s = log_.rewrite({}); !s) out.note = s.error();
      break;
    }
    case LogRead::State::ok: break;
    case LogRead::State::everything: out.set.everything = true; break;
    case LogRead::State::damaged: out.readable = false; break;
    case LogRead::State::newer: out.refuse = true; break;
  }
  if (!out.readable) {
    out.set.everything = true;
    if (Status s = log_.rewrite({record_of(out.set)}); !s) out.note += " " + s.error();
  }
  return out;
}

void SetLog::append(const fx::AppendSet& e) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back({e.ticket, e.marks, false});
  }
  wake_.notify_one();
}
void SetLog::rewrite(const fx::RewriteSet& e) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back({e.ticket, e.set, true});
  }
  wake_.notify_one();
}

void SetLog::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::vector<Job> batch;
    batch.swap(queue_);
    lock.unlock();
    commit(batch);
    lock.lock();
  }
}

// A rewrite replaces what was before it; the appends between two rewrites are one flush.
void SetLog::commit(std::vector<Job>& batch) {
  for (std::size_t at = 0; at < batch.size();) {
    std::vector<Bytes> records{record_of(batch[at].marks)};
    std::size_t end = at + 1;
    while (!batch[at].rewrite && end < batch.size() && !batch[end].rewrite) records.push_back(record_of(batch[end++].marks));
    Status s = store(records, batch[at].rewrite);
    if (!s) report_(s.error());
    for (; at < end; ++at) done_({batch[at].ticket, s ? 0 : EIO});
  }
}

// A log that cannot be written has one fallback, the preallocated `everything` mark: nothing is forgotten, the next
// resynchronisation compares all (data T26).
Status SetLog::store(const std::vector<Bytes>& records, bool rewrite) {
  Status s = rewrite ? log_.rewrite(records) : log_.append(records);
  if (s) {
    if (!rewrite) return s;
    Reader r(records.front());
    PendingSet set;
    bool everything = get(r, set) && set.everything;
    return everything ? log_.mark_everything() : log_.clear_everything();
  }
  Status mark = log_.mark_everything();
  if (!mark) return Error{s.error() + " The fallback mark failed too: " + mark.error()};
  report_(s.error() + " From now on everything counts as changed: the next resynchronisation compares all files.");
  return {};
}

} // namespace lockstep
