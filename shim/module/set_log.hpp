// The pending set on disk: Mirror's AppendSet and RewriteSet carried out in order on one thread, with group commit: what
// arrives while a flush runs goes out with the next one (data:D5, T26).
#pragma once
#include "core/mirror/io.hpp"
#include "shim/common/storage/append_log.hpp"
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace lockstep {

struct LoadedSet {
  PendingSet set;
  bool readable = true;
  bool refuse = false; // written by a newer program
  std::string note;    // a sentence, or empty
};

class SetLog {
 public:
  using Done = std::function<void(const in::SetDurable&)>;
  using Report = std::function<void(const std::string& sentence)>;
  SetLog(const std::string& directory, Done done, Report report);
  ~SetLog(); // finishes what was given
  LoadedSet load(); // before the first append or rewrite
  void append(const fx::AppendSet&);
  void rewrite(const fx::RewriteSet&);

 private:
  struct Job {
    Ticket ticket;
    PendingSet marks;
    bool rewrite = false;
  };
  void run();
  void commit(std::vector<Job>& batch);
  Status store(const std::vector<Bytes>& records, bool rewrite);

  AppendLog log_;
  Done done_;
  Report report_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> queue_;
  bool closing_ = false;
  std::thread thread_;
};

} // namespace lockstep
