// The threads that do what Mirror ordered on the disk: one FIFO for Execute, Apply, ReadItem and ReadData (data:D7, one
// order per item), a pool for fsync (ordered after what precedes it, waited for by nothing behind it), one thread for
// flushes. They never wait for FUSE.
#pragma once
#include "core/mirror/io.hpp"
#include "shim/common/payload_store.hpp"
#include "shim/linux/tree/tree.hpp"
#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>

namespace lockstep {

class Executor {
 public:
  // in::Executed, in::Applied, in::ItemRead, in::DataRead, in::Flushed; called on a worker thread, one at a time per
  // thread.
  using Result = decltype(MirrorInput::what);
  using Post = std::function<void(Result)>;
  // Makes the checkpoint durable beside the record (after the data roots); an errno. May be empty.
  using RecordCheckpoint = std::function<std::int32_t(Position)>;

  Executor(Tree& tree, PayloadStore& payloads, Post post, RecordCheckpoint record = {});
  ~Executor() { stop(); }
  // In order. The payload of an order is retained until it is carried out: fx::Release may follow at once.
  void order(fx::Execute o);
  void order(fx::Apply o);
  void order(fx::ReadItem o);
  void order(fx::ReadData o);
  void order(fx::PurgeStaging o);
  void order(fx::Flush o);
  // Carries out what was ordered, then ends the threads. Idempotent.
  void stop();

 private:
  using Order = std::variant<fx::Execute, fx::Apply, fx::ReadItem, fx::ReadData, fx::PurgeStaging, fx::Flush>;
  class Worker {
   public:
    Worker(unsigned threads, std::function<void(Order)> run);
    ~Worker() { stop(); }
    void push(Order o);
    void stop();

   private:
    void loop();
    std::function<void(Order)> run_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Order> queue_;
    bool ending_ = false;
    std::vector<std::thread> threads_;
  };
  void carry_out(Order o);
  void execute(const fx::Execute& o);
  void apply(const fx::Apply& o);
  void read_item(const fx::ReadItem& o);
  void read_data(const fx::ReadData& o);
  void flush(const fx::Flush& o);

  Tree& tree_;
  PayloadStore& payloads_;
  Post post_;
  RecordCheckpoint record_;
  Worker flushes_, syncs_, fifo_;
};

} // namespace lockstep
