// The etcd arbiter of one module (design 6): carries Node's questions to etcd on a thread of its own and brings every
// answer back to the loop, in time even when the thread hangs. One question at a time, in the order they were asked.
#pragma once
#include "core/node/io.hpp"
#include "shim/common/net/etcd_client.hpp"
#include "shim/common/net/loop.hpp"
#include "shim/module/work_thread.hpp"
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace lockstep {

class ArbiterHost {
 public:
  // On the loop, exactly once per question while this object lives.
  using Answered = std::function<void(nin::ArbiterAnswer)>;
  ArbiterHost(Loop& loop, std::string module, EtcdOptions options, Answered answered);
  // Ends what is being asked; waits for the thread, which may be inside one system call.
  ~ArbiterHost();
  void ask(const nfx::AskArbiter& question);

 private:
  nin::ArbiterAnswer carry(const nfx::AskArbiter& question); // on the thread
  void deliver(std::uint64_t number, nin::ArbiterAnswer answer);
  Loop& loop_;
  std::string module_;
  Answered answered_;
  EtcdClient client_;
  struct Waiting {
    Ticket ticket;
    Timer limit;
    std::shared_ptr<std::atomic<bool>> given_up; // not sent any more
  };
  std::map<std::uint64_t, Waiting> waiting_; // by number: the order they were asked in
  std::uint64_t last_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  WorkThread thread_; // last: it ends before what it uses
};

} // namespace lockstep
