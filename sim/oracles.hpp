// The omniscient judges (dst 4.2, 4.3). Each has a name and a sentence; the first one violated ends the run.
#pragma once
#include "sim/acknowledged.hpp"
#include "sim/cover.hpp"
#include "sim/host.hpp"
#include <array>

namespace lockstep::sim {

struct Oracle {
  const char* name;
  const char* sentence;
};
namespace oracle {
inline constexpr Oracle S1{"S1", "one writer per generation"};
inline constexpr Oracle S2{"S2", "at most one node serves, except in a documented split brain"};
inline constexpr Oracle S3{"S3", "no acknowledged operation is lost"};
inline constexpr Oracle S4{"S4", "no node is promoted that lacks an acknowledged operation"};
inline constexpr Oracle S5{"S5", "a node that calls itself up to date has every acknowledged operation"};
inline constexpr Oracle S6{"S6", "exclusion is durable before it is used"};
inline constexpr Oracle S7{"S7", "the right to start alone ends before the peer counts as in sync"};
inline constexpr Oracle S8{"S8", "operations are applied only by a node that follows their source"};
inline constexpr Oracle S9{"S9", "operations are applied in the order they were sent"};
inline constexpr Oracle S10{"S10", "inconsistent is durable before the first byte is overwritten"};
inline constexpr Oracle S11{"S11", "a resynchronisation ends with equal trees"};
inline constexpr Oracle S13{"S13", "the address is up on one node, and only where it is served"};
inline constexpr Oracle S14{"S14", "scripts never overlap; the application runs only on an intercepted tree"};
inline constexpr Oracle S15{"S15", "ready only in PRIM or ALONE, within the lease"};
inline constexpr Oracle S17{"S17", "incarnation, revision and heartbeat number never go back"};
inline constexpr Oracle S18{"S18", "queues and lists keep their bounds"};
inline constexpr Oracle S19{"S19", "a split brain is detected and never merged silently"};
inline constexpr Oracle cover{"I-cover", "whatever may differ is in a set that will be looked at"};
inline constexpr Oracle live{"L1", "after repair the pair is PRIM and SECOND, Ready, or waits for a named reason"};
inline constexpr Oracle mirror_first{"S3m", "what was acknowledged in a pair, the secondary has received"};
inline constexpr Oracle determinism{"S20", "the same plan has the same effects"};
inline constexpr Oracle expected{"expect", "a plan's own expectation"};
inline constexpr Oracle busy{"S18b", "a core that does nothing but wake itself"};
} // namespace oracle

struct Violation {
  const Oracle* oracle = nullptr;
  Instant at;
  std::string what;
};

class Oracles {
 public:
  Oracles(const Plan&, const Queue&, Trace&);
  void attach(Host& a, Host& b) { hosts_ = {&a, &b}; }
  const std::optional<Violation>& violation() const { return violation_; }
  void violated(const Oracle&, std::string what);

  // ---- what hosts report
  void started(const Host&);
  void exited(const Host&);
  void before_crash(const Host&);
  void after_crash(const Host&);
  void after_kill(const Host&);
  void disk_failed(const Host&); // its own disk lets it down while it follows: it will not serve what it holds in memory
  void operator_said(const Host&, Verb);
  void answered(const Host&, bool ok, const std::string& sentence);
  void told(const Host&, const Note&);
  void after_step(const Host&);
  void beat_sent(const Host&, std::uint32_t network, const Beat&);
  void record_asked(const Host&, const Record&);
  void recorded(const Host&, const std::optional<Record>& before);
  void script_starts(const Host&, const std::string& name, bool another_runs);
  void script_ended(const Host&, const std::string&) {}
  void witness_asked(const Host&, bool) {}
  void address_raised(const Host&);
  void submitted(const Host&, std::uint64_t token, const Op&, const Content*);
  void executed(const Host&, const Op&, std::int32_t error);
  void completing(const Host&, std::uint64_t token, std::int32_t error, std::uint64_t amount);
  void applying(const Host&, const Op&);

  // ---- at rest and at the end
  bool paired() const; // PRIM Ready and SECOND Ready, of one generation
  void at_rest();      // nothing in flight: trees equal, nothing lost
  // Why the two may rightly wait for an operator; empty: they may not.
  std::string legitimate_wait() const;
  bool saw(const std::string& rule_id) const { return rules_seen_.count(rule_id) > 0; }

 private:
  struct Era { // of a generation
    Generation g, parent;
    NodeIndex writer = 0;
    Promises promises;
    bool superseded_by_other = false;
    std::uint64_t acknowledged = 0;
  };
  struct Pending {
    NodeIndex host = 0;
    OpKind kind = OpKind::write;
    Key object;
    std::vector<std::pair<Cell, std::uint64_t>> cells;
    Op op;
  };
  const Host& other(const Host& h) const { return *hosts_[1 - h.index()]; }
  Era* era_of(const Host&);
  void minted(const Host&, const std::optional<Record>& before);
  void becomes_target(const Host&);
  void serves(const Host&); // the first sign of service in a generation: S3, S4
  void memory_lost(const Host&);
  bool keeps_memory(const Host&, std::uint64_t nonce) const;
  bool split_excused() const;
  void check_pair_ready(const Host&);
  void check_cover();

  const Plan& plan_;
  const Queue& queue_;
  Trace& trace_;
  std::array<Host*, 2> hosts_{};
  std::optional<Violation> violation_;
  std::map<std::uint64_t, Era> eras_; // by nonce
  std::map<std::uint64_t, Pending> pending_;
  std::array<std::pair<std::uint64_t, std::uint64_t>, 2> served_{}; // (nonce, incarnation) already checked
  std::array<std::pair<std::uint64_t, std::uint64_t>, 2> ready_checked_{};
  std::array<std::array<std::pair<std::uint64_t, std::uint64_t>, 2>, 2> beat_seen_{}; // per host, network: incarnation, seq
  std::set<std::string> rules_seen_;
  Cover cover_;
  Instant last_operator_force_ = Instant::distant_past();
  std::array<std::optional<Record>, 2> newest_; // each node's newest record of a generation, lost or not
  bool weak_ = false; // a node went back in time: what was acknowledged may be gone without a trace
  bool failover_was_off_ = false;
};

} // namespace lockstep::sim
