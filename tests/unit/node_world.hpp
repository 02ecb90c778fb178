// Two Nodes with a virtual clock, a network that can be cut, disks that keep a record, and a Mirror that always answers
// what it should. Only for Node's own tests: the simulator proper (sim/) has the real Mirror and all the faults.
#pragma once
#include "core/node/node.hpp"
#include <array>
#include <functional>
#include <map>
#include <memory>

namespace lockstep::test {

struct World {
  struct Host {
    std::unique_ptr<Node> node;
    NodeConfig config;
    // what survives a crash
    std::optional<Record> record;
    DirUid dirs_uid;
    bool dirs_ok = true, dirs_empty = true, record_damaged = false;
    // the world around it
    bool witness = true, arbiter = true, persist_fails = false, perfect_disk = true, aside_fails = false, mirror_answers = true;
    std::map<std::string, Duration> script_time; // default: 10 ms
    std::map<std::string, int> running_scripts;
    // what it did
    bool vip = false;
    order::Permit permit; // of this life; until: distant past when Mirror is not to serve
    Instant vip_until;
    MountKind mount = MountKind::plain;
    std::vector<std::string> scripts;
    std::string asked; // of an arbiter that does not answer
    std::map<std::uint64_t, nfx::Answer> answers;
    std::optional<Session> source, target; // of the fake Mirror
    std::optional<Position> equal;
    Instant asleep_until;
    int incarnation = 0; // events of an older life are dropped
    int exits = 0;
    bool restart = false;
  };

  explicit World(std::function<void(NodeConfig&)> tune = {});
  ~World();         // LOCKSTEP_TRACE=1 prints the trace
  void boot(int i); // a new incarnation, not yet started
  void command(int i, Verb v, std::string who = "root", std::string identity = {});
  void start(int i, Verb v = Verb::start) { command(i, v); }
  void crash(int i); // the process is gone; its record stays
  void run(Duration d);
  void cut(int from, int to, bool on = true) { cuts[from][to] = on, sessions(); }
  void isolate(bool on = true) { cut(0, 1, on), cut(1, 0, on); }
  void tell(int i, decltype(NodeInput::what) what) { later(i, {}, std::move(what)); }
  std::string state(int i) const; // "PRIM Ready"
  std::string states() const { return state(0) + ", " + state(1); }
  // First start: prim on node 0, start on node 1, until PRIM/SECOND.
  void pair();
  bool paired() const { return state(0) == "PRIM Ready" && state(1) == "SECOND Ready"; }

  std::array<Host, 2> hosts;
  bool cuts[2][2] = {};
  Instant now{seconds(1000).ns};
  std::function<Duration(Duration)> delay = [](Duration d) { return d; }; // of every answer and message
  std::function<bool()> lose = [] { return false; };                      // a message, or (for the disk) an error
  void pause(int i, Duration d);  // the process stands still: what arrives waits
  bool mute_goodbye = false;      // beats that say goodbye are lost
  struct {                        // of mode etcd: one key, one store for both
    std::optional<Generation> key;
    std::uint64_t revision = 1;
    bool answers_lost = false;    // swaps are carried out, nobody hears of it
    Duration takes = ms(10);
  } arbiter;
  bool keep_restarting = true;    // Exit{restart} starts again, as the agent does
  std::vector<std::string> trace; // one line per effect that matters

 private:
  struct Pending {
    int host, life;
    NodeInput input;
  };
  std::multimap<Instant, Pending> queue;
  std::uint64_t next_command = 1, boots = 0;
  void later(int i, Duration d, decltype(NodeInput::what) what);
  void feed(int i, decltype(NodeInput::what) what);
  void carry_out(int i, NodeEffects effects);
  void mirror(int i, const MirrorOrder& order);
  void ask_arbiter(int i, const nfx::AskArbiter&);
  void sessions();
  void note(int i, std::string line);
};

} // namespace lockstep::test
