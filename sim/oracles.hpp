// The omniscient judges (dst 4.2, 4.3): what they are told, and what they remember. Names and sentences are in oracle_names.hpp,
// the checks in oracles_*.cpp by concern; the first one violated ends the run.
#pragma once
#include "core/lineage/compare.hpp"
#include "sim/acknowledged.hpp"
#include "sim/cover.hpp"
#include "sim/host.hpp"
#include "sim/deadlines.hpp"
#include "sim/hearing.hpp"
#include "sim/oracle_names.hpp"
#include "sim/stream_order.hpp"
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
  void record_lost(const Host&); // by a fault
  void connection_reset();       // by a fault
  void healed() { healed_ = true, count_changes(); }
  void count_changes() { changes_ = {}; } // L3 counts from here
  void restored(const Host&);    // by a fault: its disk went back in time
  void beat_heard(const Host&, std::uint32_t network, const Beat&);
  void frame_sent(const Host&, const Frame&);
  void ordered(const Host&, const MirrorOrder&); // by its Node
  void beat_sent(const Host&, std::uint32_t network, const Beat&);
  void record_asked(const Host&, const Record&);
  void recorded(const Host&, const std::optional<Record>& before);
  void script_starts(const Host&, const std::string& name, bool another_runs);
  void script_ended(const Host&, const std::string&) {}
  void witness_answered(const Host& h, bool reachable) { witness_said_[h.index()] = {queue_.now(), reachable}; }
  void mount_goes(const Host&);
  void arbiter_asked(const Host&, const nfx::AskArbiter&);
  void key_changed(const Arbiter::Change&); // now
  void address_raised(const Host&);
  void submitted(const Host&, std::uint64_t token, const Op&, const Content*);
  void executing(const Host&, const Op&);
  void executed(const Host&, const Op&, std::int32_t error, std::uint64_t amount);
  void completing(const Host&, std::uint64_t token, std::int32_t error, std::uint64_t amount);
  void applying(const Host&, const Op&);

  // ---- at rest and at the end
  bool paired() const; // PRIM Ready and SECOND Ready, of one generation
  void at_rest();      // nothing in flight: trees equal, nothing lost
  // Why the two may rightly wait for an operator; empty: they may not.
  std::string legitimate_wait() const;
  bool key_was_lost() const; // by a fault of the plan
  // The node whose data an operator would choose to end a named wait.
  NodeIndex best_copy() const;
  bool waits_for_operator() const;
  bool failover_was_off() const { return failover_was_off_; }
  bool saw(const std::string& rule_id) const { return rules_seen_.count(rule_id) > 0; }

 private:
  struct Era { // of a generation
    Generation g, parent;
    NodeIndex writer = 0;
    Promises promises;
    std::string never_had; // of its parent's promises, when an operator minted it
    bool superseded_by_other = false;
    std::uint64_t acknowledged = 0;
  };
  struct Pending {
    NodeIndex host = 0;
    OpKind kind = OpKind::write;
    Key object;
    std::vector<std::pair<Cell, std::uint64_t>> cells;
    Op op;
    Instant since;
  };
  const Host& other(const Host& h) const { return *hosts_[1 - h.index()]; }
  Era* era_of(const Host&);
  void minted(const Host&, const std::optional<Record>& before);
  void becomes_target(const Host&);
  void serves(const Host&); // the first sign of service in a generation: S3, S4
  void settle(Era&, const Host&);
  void memory_lost(const Host&);
  bool keeps_memory(const Host&, std::uint64_t nonce) const;
  bool left_complete(const Host&, std::uint64_t nonce) const;
  Duration longest_timeout() const;
  bool forced_lately(const Host&) const; // an operator made it primary
  bool may_go_on_alone(const Host&, const Record& was, const Record& asked) const;
  bool leaves_by_itself(const Host&) const; // a disk fault holds up what it has decided
  void check_two_servers();
  void check_ready(const Host&);
  void check_deadlines(const Host&);
  void count_change(const Host&);
  void pair_formed();
  void told_of_failure(const Host&, const Op&);
  void find(const Host&, const Deadlines::Finding&);
  bool split_excused_with_arbiter() const;
  void minted_with_arbiter(const Host&, const std::optional<Record>& before, Era&);
  void speaks(const Host&, const Beat&);
  void check_pair_ready(const Host&);
  void check_cover();
  Verdict what_they_decide(); // if they met now
  void check_complete(const Host&, const std::optional<Record>& before);
  void check_ready_equal(const Host& second);
  std::string lacks(const Promises&, const Host&) const;

  const Plan& plan_;
  const Queue& queue_;
  Trace& trace_;
  std::array<Host*, 2> hosts_{};
  std::optional<Violation> violation_;
  std::map<std::uint64_t, Era> eras_; // by nonce
  std::map<std::uint64_t, Pending> pending_;
  std::array<std::vector<Position>, 2> unheard_; // per host: what it did not carry out as sent, until the other node says that it knows
  std::array<std::pair<std::uint64_t, std::uint64_t>, 2> served_{}; // (nonce, incarnation) already checked
  std::array<std::pair<std::uint64_t, std::uint64_t>, 2> ready_checked_{};
  std::array<std::array<std::pair<std::uint64_t, std::uint64_t>, 2>, 2> beat_seen_{}; // per host, network: incarnation, seq
  std::set<std::string> rules_seen_;
  Cover cover_;
  std::array<Side, 2> sides_; // as compare() saw them last, the versions of their records, and what it said
  std::array<std::uint64_t, 2> record_versions_{};
  Verdict verdict_;
  bool compared_ = false;
  StreamOrder stream_order_;
  Deadlines deadlines_;
  bool healed_ = false;
  std::array<bool, 2> remembers_{}; // what may differ, since they were a pair for long enough to forget a full copy (data:D4)
  Instant formed_at_ = Instant::distant_past();
  std::array<int, 2> changes_{};
  std::array<bool, 2> primary_{};
  Hearing hearing_;
  std::array<Instant, 2> forced_at_{Instant::distant_past(), Instant::distant_past()};
  std::array<Instant, 2> was_silent_{Instant::distant_past(), Instant::distant_past()}; // when a node last heard nothing for its timeout
  std::array<std::pair<Instant, bool>, 2> witness_said_{};
  std::array<Instant, 2> not_ready_since_{Instant::never(), Instant::never()}; // PRIM or ALONE, settled, and says it does not serve
  Instant both_serve_since_ = Instant::never(), both_have_address_since_ = Instant::never();
  std::array<std::optional<Record>, 2> newest_; // each node's newest record of a generation, lost or not
  std::array<bool, 2> given_up_{};      // an operator said second fullsync: these data may go
  std::array<bool, 2> started_empty_{}; // its directories, when its daemon started last
  std::array<bool, 2> asked_unaware_{}; // its newest record was asked for when it had not heard that the other node is a restored one
  // A node went back in time, or lost its record, and no pair has formed since. Nothing that such a node shows by itself proves
  // anything; from the next READY on, everything counts again.
  std::array<bool, 2> stale_{}, lost_{};
  bool failover_was_off_ = false;
  // mode etcd
  const Arbiter* arbiter_ = nullptr;
  std::array<bool, 2> forced_{};   // primforce was said here: this node may overwrite the key
  bool ever_restored_ = false;     // a node's disk went back in time
  bool operator_split_ = false;    // an operator's mint that the arbiter did not accept; until the two are a pair again
};

} // namespace lockstep::sim
