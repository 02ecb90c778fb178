// Everything of one node that survives a crash, and what of it is still in flight.
#pragma once
#include "core/lineage/record.hpp"
#include "core/mirror/pending.hpp"
#include "sim/tree.hpp"
#include <optional>

namespace lockstep::sim {

// A record, and how often something was put in its place: who judges it at every step looks at it only when that number moved.
class StoredRecord {
 public:
  StoredRecord() = default;
  StoredRecord(const StoredRecord&) = default;
  StoredRecord& operator=(const StoredRecord& o) { return *this = o.record_; }
  StoredRecord& operator=(const std::optional<Record>& r) {
    record_ = r, ++version_;
    return *this;
  }
  void reset() { *this = std::optional<Record>{}; }
  operator const std::optional<Record>&() const { return record_; }
  explicit operator bool() const { return record_.has_value(); }
  const Record& operator*() const { return *record_; }
  const Record* operator->() const { return &*record_; }
  Record value_or(Record other) const { return record_.value_or(std::move(other)); }
  std::uint64_t version() const { return version_; }

 private:
  std::optional<Record> record_;
  std::uint64_t version_ = 1;
};

struct State { // the node's own files: record, pending log, checkpoint; and the markers on the replicated directories
  StoredRecord record;
  PendingSet set;
  bool set_readable = true;
  PendingSet stray; // came past the mount and is not in the log: the next scan finds it
  Position checkpoint_file, checkpoint_root;
  DirUid marker;
};

struct Disk {
  explicit Disk(std::uint32_t dirs) : files(dirs) {}
  State state;
  FileSystem files;
  struct Snapshot {
    State state;
    Tree tree;
  };
  std::optional<Snapshot> snapshot;

  void take_snapshot() { snapshot = Snapshot{state, files.on_disk()}; }
  // The whole machine goes back in time, as a restored virtual machine does.
  bool restore() {
    if (!snapshot) return false;
    state = snapshot->state;
    files.restore(snapshot->tree);
    return true;
  }
  void restore_data() { files.restore(snapshot->tree), state.checkpoint_root = snapshot->state.checkpoint_root, state.marker = snapshot->state.marker; }
  // A new system, and the old files: nothing says whose they are.
  void lose_identity() { state.record.reset(), state.set = {}, state.set_readable = true, state.checkpoint_file = state.checkpoint_root = {}, state.marker = {}; }
  void restore_var() {
    auto root = state.checkpoint_root;
    auto marker = state.marker;
    state = snapshot->state, state.checkpoint_root = root, state.marker = marker;
  }
};

} // namespace lockstep::sim
