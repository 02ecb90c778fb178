// Planted bugs: each switches one rule of the core off, to see that the simulator notices (dst.md 4.3). In the ordinary build
// `mutated` is constexpr false and nothing of this exists; in the one extra build that defines LOCKSTEP_MUTANTS, which is never
// installed, it is a switch that `lockstep-sim mutants` sets. A switch stands where its rule is enforced, in one line.
#pragma once
#include <cstddef>
#include <cstdint>

namespace lockstep {

// Modes in which the missing rule does harm; `helper`: only as the second switch of another, which makes up for it as it does for that one.
inline constexpr std::uint8_t mutant_helper = 0, mutant_none = 1, mutant_ping = 2, mutant_etcd = 4, mutant_any = 7, mutant_no_etcd = 3;

// Combinations 4, 5, 6 and 8 of dst.md 4.4, which the exhaustive search must find too: any_key_value; lease_from_arrival and
// lease_outlives_takeover; lease_without_echo; exclusion_not_awaited.
// Not here, because other rules make them unreachable: a connection that joins another stream (data:T5), which loses its place at the first
// hello and is closed (former_checkpoint_counts takes its place: a position of another generation that counts does harm); READY of another
// session (control:R2), which a target that is equal in the session and generation it named never meets (R1, R3); a verdict that serves without consent (M2), since whoever loses to a cold winner says
// outdated in its first beat (B1).
// Not here, because no judge could see it: a given-up generation taken for an ancestor (control:H6, E3b) does harm only through a node that is
// restored to when it had it, and what such a node shows proves nothing; keys that are used again (data:H6), since hosts mint them.
// X(identifier, rule it switches off, what the node does then, modes, a second switch without which another rule makes up for it)
#define LOCKSTEP_MUTANTS_OF(X)                                                                                                                  \
  X(none, "-", "", mutant_any, none)                                                                                                            \
  /* heartbeats and lease */                                                                                                                    \
  X(lease_from_arrival, "design:3", "the lease runs from the arrival of the echo", mutant_any, none)                                            \
  X(lease_without_echo, "control:(iii)9", "any beat renews the lease, heard by the other node or not", mutant_any, none)                        \
  X(lease_by_any_role, "design:3", "the echo of a node that already serves renews the lease", mutant_any, none)                                 \
  X(lease_outlives_takeover, "design:3", "the lease is longer than the silence after which SECOND acts", mutant_any, none)                      \
  X(operator_outruns_the_lease, "control:M4", "prim serves while the other node may still have the address by what a former life confirmed", mutant_etcd, none)\
  X(lease_of_slowest_network, "control:(iii)7", "the lease has one length, that of the slowest network", mutant_any, none)                      \
  X(no_lease, "design:3", "PRIM serves whether its lease holds or not", mutant_any, none)                                                       \
  X(acting_second_echoes, "design:3", "a SECOND that has decided to act still renews the other's lease", mutant_any, none)                      \
  X(one_silent_network_is_silence, "control:(iii)7", "silence on one of two networks counts as silence", mutant_any, none)                      \
  X(self_pause_ignored, "design:3", "a node that stood still trusts its old view", mutant_any, minted_without_looking)                          \
  X(pause_revives_the_silent, "design:3", "after a pause a node that had been silent before counts as there, as it was last heard", mutant_any, none)\
  X(hung_second_beats, "design:3", "a SECOND whose disk hangs while it leaves goes on beating", mutant_any, none)                               \
  X(refusal_overtakes_mint, "design:4", "a refusal stops a node whose right to go on is on its way to the disk", mutant_any, none)              \
  X(one_deaf_network_is_deaf, "control:(iii)7", "who does not hear this node on one network is taken for deaf", mutant_any, none)               \
  X(minted_without_looking, "control:M5", "silence that ended while the node prepared still counts", mutant_any, none)                          \
  X(gives_way_while_minting, "control:E3", "a refused SECOND whose disk fails gives way while its right to go on is being made durable", mutant_etcd, none)\
  X(retried_without_looking, "control:M2", "a start that could not write its generation writes it later, whatever the other node says by then", mutant_any, none)\
  X(hello_before_prestart, "control:(iii)18", "a restarted node speaks before its old application is gone", mutant_any, none)                   \
  X(late_claim_counts, "control:R4", "a claim that arrives late replaces a newer one", mutant_any, none)                                        \
  X(old_incarnation_counts, "control:R4", "a late beat of a former life replaces the living one", mutant_any, none)                             \
  X(lives_not_told_apart, "control:T1", "a restored node and its former life go by one number", mutant_any, none)                               \
  X(copy_of_a_former_life, "control:T1", "a copy belongs to an incarnation, whichever of two lives goes by its number", mutant_any, none)        \
  X(silent_life_is_kept, "control:R4", "another life is not listened to though the one before is silent", mutant_any, none)                     \
  X(two_sets_serve, "control:G0", "of two nodes that serve data of two sets none gives way", mutant_any, none)                                  \
  X(prim_makes_another_set, "control:G0", "prim on an empty node makes a second data set beside the one it hears", mutant_any, none)            \
  X(late_life_is_heard, "control:R4", "late beats of a life that is over end the silence of the other node", mutant_any, none)                  \
  X(pause_renews_the_address, "control:(iii)22", "after a pause the address is renewed before it is known what happened meanwhile", mutant_any, none)\
  X(undurable_record_is_claimed, "design:2.5", "a beat claims a record that is not durable yet", mutant_any, none)                              \
  /* lineage: control.md (ii) */                                                                                                                \
  X(reader_stays_shared, "control:B1", "a reader stays shared when it boots", mutant_etcd, none)                                                \
  X(shared_beats_outdated, "control:S5", "of two restarted nodes the shared one wins, writer or not", mutant_no_etcd,                           \
    reader_stays_shared)                                                                                                                        \
  X(writer_beats_living, "data:D11", "the last PRIM is the source although it crashed and the other lives", mutant_any, none)                   \
  X(writer_beats_complete, "data:D11", "the last PRIM is the source although it crashed and the other left in order", mutant_any, none)         \
  X(own_given_up_late, "control:R1", "READY is said before own is given up durably", mutant_any, none)                                          \
  X(source_completes_alone, "data:D13", "a source that gave up own still completes without its target", mutant_any, none)                       \
  X(outdated_is_consent, "control:R2", "outdated is consent from any role", mutant_any, none)                                                   \
  X(source_may_change, "control:R3", "a copy goes on although its source changed", mutant_any, none)                                            \
  X(former_life_is_awaited, "control:K3", "a pair waits for a peer that came back and can neither follow nor consent",                          \
    mutant_any, none)                                                                                                                           \
  X(silence_serves_cold, "control:M5", "a node that just started takes silence for the right to serve", mutant_no_etcd, none)                   \
  X(incomplete_is_ancestor, "control:O1", "an operator's mint lists what this node held in part only", mutant_any, none)                        \
  X(received_is_executed, "control:P1", "the set forgets what was received and never executed", mutant_any,                                     \
    applied_before_outcome)                                                                                                                     \
  X(former_peer_forgotten, "control:T1", "who bears a replaced identity is taken for what it says", mutant_any, none)                           \
  X(time_travel_unnoticed, "control:T1", "a restored node is taken for what it says", mutant_any, none)                                         \
  X(restored_before_it_minted, "control:T1", "a restored node that went on before it was heard is believed", mutant_any, none)                  \
  X(restored_source_is_continued, "control:T1", "who began again from less than it had claimed is believed", mutant_any, cut_by_drain_not_noted) \
  X(rotten_copy_is_read, "control:(iii)26", "a rotten copy of the record is taken for what it says", mutant_any, none)                           \
  X(first_copy_is_the_record, "control:(iii)26", "of the record's two copies only one is read", mutant_any, none)                                \
  X(announced_while_it_mints, "control:T1", "a node announces a checkpoint that the record with which it goes on does not tell of", mutant_any, none)\
  X(cold_start_keeps_generation, "control:T3", "a cold start serves in the generation it stopped with", mutant_any, none)                       \
  X(lost_is_blank, "control:K2L", "a lost record counts as a first start", mutant_any, none)                                                    \
  X(no_record_is_consent, "control:K3", "a node without record is taken for one that consents", mutant_any, none)                               \
  X(other_source_by_delta, "control:N2F", "half a copy of other data is continued by a delta", mutant_any,                                      \
    time_travel_unnoticed)                                                                                                                      \
  X(held_writes_stay, "control:Y1", "held writes are never failed", mutant_any, none)                                                           \
  X(yield_not_durable, "control:Y2", "a node gives way without recording it", mutant_any, none)                                                 \
  X(stopping_writer_forgets, "control:GB2", "a stopping writer ignores the other's goodbye", mutant_any, none)                                  \
  X(exclusion_not_awaited, "dst:4.4 row 8", "the node serves alone before that is durable", mutant_any, none)                                   \
  X(delta_without_proof, "control:D2", "a common base is enough for a delta", mutant_any, none)                                                 \
  X(base_not_compared, "control:D2", "a whole set is enough for a delta, whatever it counts from", mutant_any, none)                            \
  X(full_taken_as_delta, "control:D1", "a full copy is begun as a delta", mutant_any, none)                                                     \
  X(lost_set_is_whole, "data:D14", "a node that lost its set says it is whole", mutant_any, none)                                               \
  X(inconsistent_serves, "safekit:1.4", "prim is carried out on half copied data", mutant_any, none)                                            \
  X(failover_off_ignored, "safekit:1.7", "SECOND takes over although failover is off", mutant_any, none)                                        \
  X(refusal_ignored, "control:(iii)10", "a node refused by the witness goes on", mutant_ping, none)                                             \
  X(refused_asks_again, "control:(iii)10", "a refused node asks again until it is let", mutant_ping, none)                                      \
  X(refused_prepares_again, "design:5", "a SECOND that was refused prepares to go on and takes it back, again and again", mutant_any, none)     \
  /* the arbiter etcd */                                                                                                                        \
  X(arbiter_not_asked, "control:M3", "a live member goes on after silence without the arbiter", mutant_etcd, none)                              \
  X(any_key_value, "control:E4", "the key is replaced whatever it holds", mutant_etcd, none)                                                    \
  X(absent_is_granted, "control:(iii)6", "a node that asks makes the absent key itself", mutant_etcd, none)                                     \
  X(candidate_forgotten, "control:E2", "a restarted node does not know what it had asked for", mutant_etcd, none)                               \
  X(claim_outlives_operator, "control:(iii)15", "an operator's prim serves under the claim that the node had made by itself", mutant_etcd, none)\
  X(candidate_kept, "control:E3", "what was asked for stays valid after the pair is left", mutant_etcd, none)                                   \
  X(void_not_listed, "control:E3", "the winner does not list what the other had asked for", mutant_etcd, none)                                  \
  X(resumes_with_candidate, "control:S3", "a pair resumes in place although one of them had asked the arbiter", mutant_etcd, none)              \
  X(healthy_pair_needs_key, "peers:6.11", "a healthy pair stops serving when the arbiter does not answer", mutant_etcd, none)                   \
  X(asks_before_flush, "data:D10", "SECOND asks the arbiter before what it received is applied and flushed", mutant_etcd, none)                 \
  X(key_left_behind, "control:E4", "the key is not refreshed after mints made without it", mutant_etcd, none)                                   \
  X(own_ignores_key, "control:E6", "a node that was alone starts whatever the key holds", mutant_etcd, none)                                    \
  X(store_may_go_back, "control:(iii)6", "a restored store is believed", mutant_etcd, none)                                                     \
  /* what peers got wrong: peers.md */                                                                                                          \
  X(delta_becomes_full, "peers:6.5", "what a delta would heal is copied in full", mutant_any, none)                                              \
  X(unsaid_equality_is_lost, "peers:6.5", "a source that stops when its target is equal and before it said so is copied in full later", mutant_any, none)\
  X(followed_before_offered, "peers:6.5", "a generation that the other node began to copy is taken for one that nobody held", mutant_any, none)  \
  X(refused_forgets_set, "peers:6.5", "a node that was refused and waits does not say that its set is whole", mutant_any, none)                  \
  X(refused_claims_whole, "data:D10", "a node that was refused says that its set is whole although the last of it was not written", mutant_any, none)\
  X(newer_counter_wins, "peers:4.1", "the higher generation number descends from the lower", mutant_any, none)                                  \
  X(fork_is_silent, "peers:4.1", "the loser of a fork is overwritten, nothing is kept aside", mutant_any, none)                                 \
  X(both_win_the_fork, "peers:6.13", "after a fork each node takes itself for the winner", mutant_no_etcd, none)                                \
  X(rejoin_clears_set, "peers:0.1", "the survivor's set is thrown away when the other node rejoins", mutant_any, none)                          \
  X(state_without_edge, "peers:0.3", "no row leads from WAIT back to SECOND when the pair resumes", mutant_ping, none)                          \
  X(promoted_without_tail, "peers:4.6", "SECOND serves before it applied all it received", mutant_any, none)                                    \
  X(failed_flush_counts, "data:T4", "a flush that failed counts", mutant_any, none)                                                             \
  X(unflushed_is_complete, "data:T4", "a primary whose flush fails hands over and says that it has everything", mutant_any, none)               \
  X(refused_is_complete, "data:D9", "what a leaving node refused counts as refused on the primary too: it says that it has everything", mutant_any, none) \
  X(left_unmarked_covers, "data:D12", "a node that leaves says that its set is whole although the last of it was not written", mutant_any, none) \
  X(waiting_keeps_its_mark, "data:D5", "an operation held since before Ready counts as marked when the set was freed", mutant_any, none)        \
  X(hung_script_is_awaited, "peers:6.17", "a script beyond its limit is waited for", mutant_any, none)                                          \
  X(slow_second_is_awaited, "peers:6.14", "PRIM waits for a silent SECOND without end", mutant_any, none)                                       \
  /* automaton, address, scripts */                                                                                                             \
  X(failure_at_pairing_unheard, "data:D9", "what a source cannot replicate while the pair is recorded is heard by nobody", mutant_any, none)         \
  X(late_wish_is_kept, "safekit:1.4", "a prim that came when the node had begun to copy is carried out when the pair ends", mutant_any, none)    \
  X(address_stays, "safekit:3.4", "the address is left to expire when the role is given up", mutant_any, none)                                  \
  X(goodbye_before_stop, "design:5", "goodbye is said before the application is stopped", mutant_any, none)                                     \
  X(application_before_mount, "safekit:5.3", "start_prim runs before the directory is replicated", mutant_any, none)                            \
  X(mount_goes_first, "safekit:5.3", "the directory is taken away before stop_prim", mutant_any, none)                                          \
  X(two_scripts_at_once, "safekit:5.2", "the next script does not wait for the one before", mutant_any, none)                                   \
  X(stop_skipped_at_yield, "control:Y1", "a node that gives way does not stop its application", mutant_any, none)                               \
  X(loops_not_counted, "safekit:1.11", "an application that dies again and again is restarted without end", mutant_any, none)                    \
  /* op stream */                                                                                                                               \
  X(executed_before_receipt, "design:7", "PRIM executes what SECOND has not received", mutant_any, none)                                        \
  X(acknowledged_before_receipt, "design:7", "PRIM completes what SECOND has not received", mutant_any, none)                                   \
  X(completed_before_executed, "design:7", "an operation completes before it is carried out", mutant_any, none)                                 \
  X(applied_not_awaited, "design:7", "async=none completes on receipt", mutant_any, none)                                                       \
  X(applied_before_outcome, "data:D9", "SECOND applies before it knows what happened on PRIM", mutant_any, none)                                \
  X(applied_out_of_order, "data:D7", "SECOND lets two operations change places", mutant_any, none)                                              \
  X(failure_not_told, "data:D9", "a failed operation is not cancelled on SECOND", mutant_any, none)                                             \
  X(short_write_is_whole, "data:D9", "a short write counts as a whole one", mutant_any, none)                                                   \
  X(unknown_is_nothing, "data:D9", "an operation that failed with an unknown effect is cancelled like one without", mutant_any, none)           \
  X(unknown_not_drained, "data:D9", "what failed with an unknown effect while a copy runs is not copied again", mutant_any, none)               \
  X(unknown_is_executed, "data:D9", "checkpoints pass an operation with an unknown effect", mutant_any, none)                                   \
  X(difference_only_logged, "data:D4", "what the host finds to differ while a copy begins or ends is only in the set log", mutant_any, none)    \
  X(completed_before_outcome, "data:D9", "what follows a failure completes before SECOND knows of it", mutant_any, none)                        \
  X(cancel_not_repeated, "data:T6", "a cancel that was lost in a cut is not sent again", mutant_any, none)                                      \
  X(resumed_without_resend, "data:T6", "a new connection goes on where the old one's wire ended", mutant_any, none)                             \
  X(failed_apply_ignored, "data:T34", "SECOND goes on after an operation it could not apply", mutant_any, none)                                 \
  /* sets */                                                                                                                                    \
  X(second_notes_nothing, "data:D1", "SECOND does not note what it receives", mutant_any, none)                                                 \
  X(own_checkpoint_frees, "data:D2", "a node's own checkpoint is enough to forget", mutant_any, none)                                           \
  X(former_checkpoint_counts, "data:T5", "a checkpoint of a former generation counts in this one", mutant_any, none)                            \
  X(position_after_flush, "data:T3", "a checkpoint's position is taken when the flush ends", mutant_any, none)                                  \
  X(drained_not_noted, "data:D3", "what a resynchronisation changed is not remembered", mutant_any, ready_frees_at_once)                        \
  X(cut_by_drain_not_noted, "data:D3", "a target does not note what it cut off when it took a file's size over", mutant_any, none)              \
  X(drained_is_erased, "data:D4", "the durable set is erased when it is drained, not at Ready", mutant_any, none)                               \
  X(ready_frees_at_once, "data:D4", "the durable set is erased at Ready, flushed or not", mutant_helper, none)                                  \
  X(alone_marks_nothing, "data:D5", "ALONE executes without marking", mutant_any, none)                                                         \
  X(marked_late, "data:D5", "ALONE executes while the mark is under way", mutant_any, none)                                                     \
  X(session_marks_nothing, "data:D5", "a source does not mark what it sends before Ready", mutant_any, none)                                    \
  X(failed_mark_counts, "data:T26", "a mark that could not be written counts", mutant_any, none)                                                \
  X(break_forgets_memory, "data:D1", "what only memory knows is dropped when the pair breaks", mutant_any, none)                                \
  X(left_marks_freed_early, "data:D2", "what a leaving node marked is freed by a checkpoint from before", mutant_any, none)                     \
  X(leaves_without_marking, "data:D12", "an orderly exit forgets the memory set", mutant_any, none)                                             \
  X(leaves_without_applying, "data:D12", "a SECOND that stops drops what it received", mutant_any, none)                                        \
  X(last_block_forgotten, "data:D1", "the last block of a write is not in the set", mutant_any, none)                                           \
  X(rename_marks_one_side, "data:T14", "a rename marks only the directory it leaves", mutant_any, none)                                         \
  /* takeover and resynchronisation */                                                                                                          \
  X(takeover_without_flush, "data:D10", "SECOND serves before what it applied is flushed", mutant_any, none)                                    \
  X(equal_before_flush, "data:D15", "a target says equal before it flushed", mutant_any, none)                                                  \
  X(lacks_ignored, "data:D6", "that the target lacks an entry's content is ignored", mutant_any, deleted_instead_of_staged)                     \
  X(drained_without_lock, "data:D7", "an item is drained while operations on it run", mutant_any, none)                                         \
  X(read_out_of_order, "data:D7", "a drain reads before what was decided earlier is executed", mutant_any, none)                                \
  X(sends_to_unknown, "data:D8", "operations are sent though the target lacks their objects", mutant_any, none)                                 \
  X(target_set_ignored, "data:D4", "only the source's set is drained", mutant_any, none)                                                        \
  X(orphans_not_copied, "data:T12", "a full copy leaves out unlinked files that are open", mutant_any, none)                                    \
  X(subdirectory_not_followed, "peers:4.7", "a full copy does not descend", mutant_any, none)                                                   \
  X(hard_link_dropped, "data:T13", "a full copy keeps one name of a file", mutant_any, none)                                                    \
  X(attributes_not_copied, "data:D6", "attributes are not copied", mutant_any, none)                                                            \
  X(tail_not_copied, "data:D6", "a file's last piece is not copied", mutant_any, none)                                                          \
  X(detached_is_read, "data:T15", "what a copy had detached is read as if it were in the tree", mutant_any, none)                                \
  X(unreadable_is_gone, "data:T4", "what the source cannot read counts as removed", mutant_any, none)                                           \
  X(deleted_instead_of_staged, "data:T15", "what vanishes from a directory is deleted before it can be attached elsewhere",                     \
    mutant_any, none)                                                                                                                           \
  /* found by the exhaustive search */                                                                                                          \
  X(deaf_peer_is_awaited, "control:(iii)9", "SECOND waits for a restarted node that no longer hears it", mutant_etcd, none)                     \
  X(fork_checkpoint_counts, "data:D2", "a target's checkpoint of a former stream with the same number counts", mutant_any, none)                \
  X(followed_without_looking, "control:R3", "a node gives its data up for a source that is gone by then", mutant_any, none)                     \
  X(session_outlives_pair, "control:Y1", "alone again before Ready, PRIM's writes still wait for the target", mutant_no_etcd, none)             \
  X(alone_is_not_ready, "oracle:S15", "a node that is alone never says that it is ready", mutant_any, none)

enum class Mutant : std::uint8_t {
#define X(id, rule, sentence, modes, with) id,
  LOCKSTEP_MUTANTS_OF(X)
#undef X
};

#ifdef LOCKSTEP_MUTANTS
#define X(id, rule, sentence, modes, with) +1
inline bool planted[0 LOCKSTEP_MUTANTS_OF(X)];
#undef X
inline bool mutated(Mutant m) { return planted[static_cast<std::size_t>(m)]; }
#else
constexpr bool mutated(Mutant) { return false; }
#endif

} // namespace lockstep
