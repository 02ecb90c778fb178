// The pending log: an append-only, preallocated file of checksummed records, opaque bytes (design 8, data T26), with a
// preallocated one-block `everything` mark beside it for the day the log cannot be written.
//
// Order of use: read() once, then append() / rewrite(). append() is the group commit: many records, one fdatasync; when
// it returns success they survive a crash. After a failed append the log takes no more (its tail is unknown): rewrite()
// it, or mark_everything(). Blocks while flushing: call it from a thread that may. One thread at a time.
#pragma once
#include "core/wire/log_format.hpp"
#include "shim/common/result.hpp"
#include "shim/common/storage/files.hpp"

namespace lockstep {

struct LogRead {
  enum class State : std::uint8_t {
    none,       // no log and no mark: never created
    ok,         // `records` is everything that was promised
    everything, // the mark is set: everything is pending, whatever `records` says
    damaged,    // the log is missing beside its mark, unreadable, or torn in the middle: everything is pending
    newer,      // written by a newer program: refuse to start
  } state = State::none;
  std::vector<Bytes> records;
  std::string note; // a sentence when not none or plainly ok (a dropped torn tail is said here too)
};

class AppendLog {
 public:
  // Files: <directory>/<name>, <directory>/<name>.everything, and <name>.new while rewriting.
  explicit AppendLog(std::string directory, std::string name = "pending.log");
  LogRead read();
  Status append(const std::vector<Bytes>& records);
  // Atomically replaces the log by one with just these records (also: creates it, empty; an emptied set is
  // rewrite({}): the files stay, and their space with them). The mark stays as it is.
  Status rewrite(const std::vector<Bytes>& records);
  // Both durable on success. mark_everything() needs no disk space once the log exists.
  Status mark_everything();
  Status clear_everything();
  std::uint64_t size() const { return end_; } // bytes used: the caller compacts when it grew too much
  bool writable() const { return file_.valid() && !broken_; }

 private:
  Status write_mark(bool set);
  LogRead read_log();
  Status open_for_append(const LogImage& image);
  Status append_frame(const Bytes& frame);
  std::string log_path() const;
  std::string mark_path() const;

  std::string directory_, name_;
  File file_;
  std::uint64_t id_ = 0, commits_ = 0, end_ = 0, reserved_ = 0;
  bool broken_ = false, newer_ = false;
};

} // namespace lockstep
