// Every rule a decision can cite, in one place (design 2.8). A Note carries the id and a few values; text is made outside.
// Where a rule comes from a document, its id there is in the name column; add rows, never renumber meaning.
#pragma once
#include <bitset>
#include <cstdint>
#include <string>

namespace lockstep {

// X(identifier, "document:id", "sentence for people")
#define LOCKSTEP_RULES(X)                                                                                              \
  X(none, "-", "")                                                                                                     \
  /* lineage: the golden table, control.md (i) */                                                                      \
  X(G0, "control:G0", "the other node is a clone of this one, or its data is unrelated")                               \
  X(G1, "control:G1", "the other node's record is of a newer format, or its configuration differs")                    \
  X(T1, "control:T1", "one node went back in time; the node that served alone is the source")                          \
  X(T2, "control:T2", "one node went back in time and none served alone: an operator decides")                         \
  X(K1, "control:K1", "first start: no node has data yet that counts")                                                 \
  X(K2, "control:K2", "the other node is blank: full copy")                                                            \
  X(K2L, "control:K2L", "the other node lost its record: full copy, its files are kept aside")                         \
  X(K3, "control:K3", "the other node has no record, and this one may not serve alone")                                \
  X(N1, "control:N1", "both nodes were stopped while copying: an operator decides")                                    \
  X(N2, "control:N2", "the other node was stopped while copying from this data")                                       \
  X(N2F, "control:N2F", "the other node was stopped while copying from other data: full copy")                         \
  X(N3, "control:N3", "the other node was stopped while copying, and this one may not serve alone")                    \
  X(S0, "control:S0", "both claim to have continued the same generation alone")                                        \
  X(S1, "control:S1", "this node continued alone in the generation both know")                                         \
  X(S2, "control:S2", "both are alive and in step: resume")                                                            \
  X(S3, "control:S3", "both are alive, one had asked the arbiter: the primary goes on")                                \
  X(S4, "control:S4", "the node that stayed alive is the source")                                                      \
  X(S4c, "control:S4", "the node that left the pair in order has everything: it is the source")                        \
  X(S5, "control:S5", "both restarted: the writer of the generation is the source")                                    \
  X(A1, "control:A1", "this node's data descends from the other's")                                                    \
  X(A2, "control:A2", "the newer node may not serve alone: an operator decides")                                       \
  X(F1, "control:F1", "the histories forked; the node that served alone is the source")                                \
  X(F2, "control:F2", "the histories forked; the higher rank is the source")                                           \
  X(F3, "control:F3", "the histories forked and none served alone: an operator decides")                               \
  /* the right to serve, control.md (i) M, (ii) */                                                                     \
  X(M1, "control:M1", "continues by its own right")                                                                    \
  X(M2, "control:M2", "continues with the other node's durable consent")                                               \
  X(M3, "control:M3", "continues because the arbiter accepted")                                                        \
  X(M4, "control:M4", "continues because an operator said so")                                                         \
  X(M5, "control:M5", "continues after the other node's silence")                                                      \
  X(B1, "control:B1", "a shared copy that is not the writer is outdated after a restart")                              \
  X(R1, "control:R1", "handing over in three durable steps")                                                           \
  X(R2, "control:R2", "outdated is consent only from WAIT or as an explicit answer")                                   \
  X(R3, "control:R3", "a resynchronisation is bound to its source")                                                    \
  X(R4, "control:R4", "an answer to an older state is ignored")                                                        \
  X(O1, "control:O1", "an operator's mint")                                                                            \
  X(P1, "control:P1", "an entry leaves memory only when executed and durable")                                         \
  X(Y1, "control:Y1", "held writes end with an error before the node leaves its role")                                 \
  X(Y2, "control:Y2", "a yield is durable")                                                                            \
  X(GB2, "control:GB2", "a stopping writer with the other's goodbye keeps the right to serve")                         \
  X(T3, "control:T3", "a cold start mints first")                                                                      \
  /* the arbiter etcd, control.md (ii) E, (iii) 6 and 31 */                                                            \
  X(E1, "control:E1", "after a restart only the last writer asks the arbiter")                                         \
  X(E2, "control:E2", "the arbiter's key holds what this node asked for: it was granted")                              \
  X(E3, "control:E3", "what was asked of the arbiter is void: the pair was left")                                      \
  X(E4, "control:E4", "the arbiter's key names a generation that is not of this node's lineage")                       \
  X(E4r, "control:E4", "the arbiter's key was brought up to date")                                                     \
  X(E6, "control:E6", "a start reads the arbiter's key first")                                                         \
  X(key_absent, "control:(iii)6", "the arbiter has no key of this module")                                             \
  X(key_went_back, "control:(iii)6", "the arbiter went back in time: an operator or a serving node arms it again")     \
  X(arbiter_silent, "control:(iii)31", "the arbiter does not answer")                                                  \
  /* liveness, design 3 */                                                                                             \
  X(link_up, "design:3", "a heartbeat network works again")                                                            \
  X(link_down, "design:3", "a heartbeat network is silent")                                                            \
  X(lease_lost, "design:3", "the echo lease ended: serving stops until it is renewed")                                 \
  X(lease_back, "design:3", "the echo lease was renewed")                                                              \
  X(self_pause, "design:3", "this node stood still: its view of the other is not trusted")                             \
  X(witness_refused, "control:(iii)10", "no witness answered: wait until the other node is heard")                     \
  X(stale_ticket, "design:2.4", "a result nobody waits for any more")                                                  \
  X(record_damaged, "control:(iii)26", "the durable record cannot be read")                                            \
  X(dir_missing, "control:(iii)25", "a replicated directory is missing, not mounted or not ours")                      \
  X(disk_error, "data:T4", "a flush failed: this node's checkpoint is frozen")                                         \
  /* automaton, safekit.md 1 */                                                                                        \
  X(state, "safekit:T", "state change")                                                                                \
  X(command, "safekit:2.1", "an operator's command")                                                                   \
  X(refused, "safekit:2.1", "a command that cannot be carried out now")                                                \
  X(script, "safekit:5.2", "a script ran")                                                                             \
  X(script_timeout, "safekit:3.6", "a script did not end in time")                                                     \
  X(maxloop, "safekit:1.11", "too many restarts within loop_interval")                                                 \
  X(failover_off, "safekit:1.7", "failover is off: wait for the other node or an operator")                            \
  X(defaultprim, "safekit:1.6", "the preferred node takes over")                                                       \
  X(process, "safekit:3.8", "a monitored process")                                                                     \
  X(checker, "safekit:3.9", "a checker")                                                                               \
  X(vip, "safekit:3.4", "the virtual address")                                                                         \
  /* the data path, data.md */                                                                                         \
  X(D1, "data:D1", "noted on sight")                                                                                   \
  X(D2, "data:D2", "forgotten only after both checkpoints")                                                            \
  X(D3, "data:D3", "drained is touched")                                                                               \
  X(D4, "data:D4", "sets are kept until Ready")                                                                        \
  X(D5, "data:D5", "alone marks everything durably first")                                                             \
  X(D6, "data:D6", "what the target lacks is marked before its directory is drained")                                  \
  X(D7, "data:D7", "decide, execute and read in one order")                                                            \
  X(D8, "data:D8", "only what the target can carry out is sent")                                                       \
  X(D9, "data:D9", "a failure is a result")                                                                            \
  X(D10, "data:D10", "flushed before own")                                                                             \
  X(D12, "data:D12", "leaving is draining")                                                                            \
  X(D13, "data:D13", "equal at a position")                                                                            \
  X(D14, "data:D14", "who lost its set says so")                                                                       \
  X(D15, "data:D15", "consistent means flushed")                                                                       \
  X(apply_failed, "data:T1", "the secondary cannot apply what it promised")                                            \
  X(outcome_differs, "data:T34", "an operation had another outcome on the secondary")                                  \
  X(stream_resumed, "data:T6", "the replication connection resumed where it stopped")                                  \
  X(peer_too_slow, "safekit:7.3", "the other node did not answer in time: it leaves the pair")                         \
  X(set_coarsened, "data:T27", "too many changes to list: a coarser mark is kept")

enum class Rule : std::uint16_t {
#define X(id, doc, text) id,
  LOCKSTEP_RULES(X)
#undef X
};

const char* rule_name(Rule);     // "control:S4"
const char* rule_sentence(Rule); // for people

// A decision, told: the rule and what it was about. `text` holds names that come from configuration or the peer, never wording.
struct Note {
  Rule rule = Rule::none;
  std::int64_t x = 0, y = 0;
  std::string text;
};

// The rules that decided something in one step and are not worth a line of the log. Coverage counts them; no decision reads them.
class RulesAtWork {
 public:
  void clear() { bits_.reset(); }
  void add(Rule r) { bits_.set(static_cast<std::size_t>(r)); }
  bool any() const { return bits_.any(); }
  bool has(Rule r) const { return bits_.test(static_cast<std::size_t>(r)); }

 private:
  static constexpr std::size_t count = 0
#define X(id, doc, text) +1
      LOCKSTEP_RULES(X)
#undef X
      ;
  std::bitset<count> bits_;
};

} // namespace lockstep
