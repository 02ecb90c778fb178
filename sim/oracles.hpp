// The omniscient judges (dst 4.2, 4.3): what they are told, and what they remember. Names and sentences are in oracle_names.hpp,
// the checks in oracles_*.cpp by concern; the first one violated ends the run.
#pragma once
#include "sim/acknowledged.hpp"
#include "sim/cover.hpp"
#include "sim/host.hpp"
#include "sim/oracle_names.hpp"
#include <array>

namespace lockstep::sim {

inline std::string name_of(const Host& h) { return h.index() == 0 ? "a" : "b"; }
inline bool role_serves(Role r) { return r == Role::prim || r == Role::alone; }

class Oracles {
 public:
  Oracles(const Plan&, const Queue&, Trace&);
  void attach(Host& a, Host& b, const Arbiter& w) { hosts_ = {&a, &b}, arbiter_ = &w; }
  const std::optional<Violation>& violation() const { return violation_; }
  void violated(const Oracle&, std::string what);

  // ---- what hosts report
  void started(const Host&);
  void exited(const Host&);
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
  void arbiter_asked(const Host&, const nfx::AskArbiter&);
  void key_changed(const Arbiter::Change&); // now
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
  bool split_excused_with_arbiter() const;
  void minted_with_arbiter(const Host&, const std::optional<Record>& before, Era&);
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
  // mode etcd
  const Arbiter* arbiter_ = nullptr;
  std::array<bool, 2> forced_{};   // primforce was said here: this node may overwrite the key
  bool operator_split_ = false;    // an operator's mint that the arbiter did not accept; until the two are a pair again
};

} // namespace lockstep::sim
