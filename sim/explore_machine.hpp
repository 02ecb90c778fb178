// One machine of the small world at work: an input to one of its cores, and everything that follows from it on this machine in the
// same instant. What must wait for a choice (the record's flush, messages, an arbiter's answer) is left in the world.
#pragma once
#include "sim/explore_world.hpp"
#include <deque>

namespace lockstep::sim::explore {

class Work {
 public:
  Work(World& w, const Bounds& b, NodeIndex n, Transcript* t) : w_(w), bounds_(b), n_(n), m_(w.machines[n].own()), transcript_(t) {}

  void start(const char* who, Verb verb = Verb::start);
  void stop_process(); // its memory is gone
  void crash(bool keeps_unflushed, bool record_made_it);
  void persisted();    // the record in flight reaches the disk
  void submit(std::uint8_t write);
  Payload keep(Content);
  template <class T>
  void to_node(T what) {
    todo_.emplace_back(NodeInput{w_.clock(n_), wall(), std::move(what)});
    run();
  }
  template <class T>
  void to_mirror(T what) {
    todo_.emplace_back(MirrorInput{w_.clock(n_), std::move(what)});
    run();
  }
  void lose_connection(const std::string& why);

 private:
  std::int64_t wall() const { return 1'700'000'000; }
  void run();
  template <class T>
  void later(T what) {
    if constexpr (std::is_constructible_v<decltype(NodeInput::what), T>) todo_.emplace_back(NodeInput{w_.clock(n_), wall(), std::move(what)});
    else todo_.emplace_back(MirrorInput{w_.clock(n_), std::move(what)});
  }
  const Content* content_of(Payload p) const;
  const Machine& peer() const { return *w_.machines[1 - n_]; }
  void found(Finding f, const std::string& what);
  void say(const std::string& text) {
    if (transcript_) transcript_->line(w_, n_, text);
  }
  void mint_known(const Record& before);
  void becomes_target(const Record& before);
  void memory_lost();
  void acknowledged(std::uint8_t write);

  void carry(const nfx::SendBeat&);
  void carry(const nfx::Persist&);
  void carry(const nfx::MarkDirs&);
  void carry(const nfx::SetAside&);
  void carry(const nfx::RunScript&);
  void carry(const nfx::KillScript&) {}
  void carry(const nfx::AskWitness&);
  void carry(const nfx::AskArbiter&);
  void carry(const nfx::MountFor&);
  void carry(const nfx::RaiseVip&);
  void carry(const nfx::DropVip&);
  void carry(const nfx::ToMirror&);
  void carry(const nfx::WatchProcesses&) {}
  void carry(const nfx::Answer&) {}
  void carry(const nfx::Log&);
  void carry(const nfx::Tell&) {}
  void carry(const nfx::Exit&);
  void carry(const fx::Execute&);
  void carry(const fx::Complete&);
  void carry(const fx::Apply&);
  void carry(const fx::ReadItem&);
  void carry(const fx::ReadData&);
  void carry(const fx::Send&);
  void carry(const fx::Release&);
  void carry(const fx::Flush&);
  void carry(const fx::AppendSet&);
  void carry(const fx::RewriteSet&);
  void carry(const fx::CloseConnection&);
  void carry(const fx::PurgeStaging&);
  void carry(const fx::Say&);
  void carry(const fx::Tell&) {}

  World& w_;
  const Bounds& bounds_;
  NodeIndex n_;
  Machine& m_;
  Transcript* transcript_;
  std::deque<std::variant<NodeInput, MirrorInput>> todo_;
  bool running_ = false, exiting_ = false, exit_restart_ = false;
};

// Which writes this tree has.
Writes writes_in(const Tree&);
NodeUid uid_of_node(NodeIndex);

} // namespace lockstep::sim::explore
