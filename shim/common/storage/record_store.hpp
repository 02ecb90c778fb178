// The durable record: opaque bytes in two checksummed copies, record.a and record.b, in a state directory (design 4).
//
// write() reports success only when BOTH copies are flushed (control (iii) 26). It writes both new copies beside the
// old ones, flushes them, and only then puts them in place by renaming: a crash at any point leaves the old or the new
// record, never a mixture, and a full disk or an I/O error met while writing leaves the old one. The replaced copies
// are kept as spares (record.*.spare) and written over next time, so a write needs no new disk space. Blocks for the
// time of two flushes: call it from a thread that may. One thread at a time; the directory is locked by StateLock.
#pragma once
#include "core/base/bytes.hpp"
#include "shim/common/result.hpp"

namespace lockstep {

struct RecordRead {
  enum class State : std::uint8_t {
    none,    // blank: no copy was ever written here
    ok,      // `bytes` is the record
    damaged, // there was a record, none of its copies can be read: "lost", not "blank" (control K2L)
    newer,   // written by a newer program: refuse to start (control (iii) 27)
  } state = State::none;
  Bytes bytes;
  std::uint64_t sequence = 0;
  std::string note; // damaged, newer: a sentence. ok: empty, or a sentence about the copy that was not good
};

class RecordStore {
 public:
  explicit RecordStore(std::string directory);
  // Reads both copies and takes the newest valid one. The next write repairs the other.
  RecordRead read();
  // Creates the directory when it is missing. An error while the new copies are written leaves the old record in place;
  // one after that says that the outcome is not known. read() is called first when the caller did not.
  Status write(const Bytes& record);

 private:
  Status write_spare(const std::string& path, const Bytes& image);
  void reserve_spares();
  std::string copy_path(int copy) const;
  std::string directory_;
  std::uint64_t sequence_ = 0; // of the newest write tried
  bool was_read_ = false, newer_ = false, spares_reserved_ = false;
};

} // namespace lockstep
