// The durable record: what a node may still claim after it lost everything else (control.md (i)). Tiny; the host keeps two
// checksummed copies and reports Persisted only after both are flushed (control (iii) 26).
#pragma once
#include "core/base/bytes.hpp"
#include "core/base/ids.hpp"
#include "core/lineage/arbiter_mode.hpp"
#include <optional>
#include <vector>

namespace lockstep {

enum class Freshness : std::uint8_t {
  own,          // continued without its peer: may start by itself (and mints first, control:T3)
  shared,       // a pair: must first hear its peer, the arbiter or an operator
  outdated,     // somebody else may have gone on: never starts by itself in modes none and ping
  inconsistent, // stopped while being overwritten: never serves without primforce
};

// Why `outdated` or `inconsistent` was recorded; for people and for `covers`, never for the winner.
enum class Why : std::uint8_t { none, boot, goodbye, resynced, yield, failover_off, consent, resync, operator_said };

struct Record {
  NodeUid node_uid;
  DirUid dir_uid;               // none: never part of a data set
  std::uint64_t rev = 0;        // counts Persists of this node
  Incarnation incarnation;
  std::uint64_t boot_rev = 0;   // rev that this incarnation found: whatever an earlier one had claimed is in it, or the node went back (control:T1)
  Generation g;
  std::vector<Generation> history; // ancestors, newest first; bounded by history_limit, truncated only at READY ((iii) 30)
  Freshness state = Freshness::outdated;
  bool complete = false;        // holds every completed write of g (control:O1)
  Why why = Why::none;
  std::optional<Generation> candidate; // etcd: asked for, answer not yet known (control:E2)
  std::vector<Generation> voided;      // acceptable as the arbiter's old value, never an ancestor (control:E3b)
  Generation base;              // the generation of the last READY: both trees were equal in it
  bool covers = false;          // my pending set is whole since the break (delta proof, control:D2)
  bool offered = false;         // own: g was served to a target, which may hold it: a cold start keeps it in the history (control:T3)
  Generation src_gen;           // while inconsistent: what was being copied
  bool must_full = false;       // while inconsistent: only a full copy heals
  NodeUid peer_uid;
  std::vector<NodeUid> former_peers; // newest first: whom peer_uid replaced; who bears one of them again went back (control:T1)
  std::uint64_t peer_rev_seen = 0;
  Incarnation peer_incarnation_seen;
  std::uint64_t peer_checkpoint_seen = 0; // seq in `base` of the newest checkpoint the peer announced (control:T1)
  std::uint64_t own_checkpoint = 0; // seq in `base` of the newest this node announced, which it still tells after it went on (control:T1)
  ArbiterMode arbiter = ArbiterMode::none;
  std::uint64_t arbiter_revision = 0; // newest seen of the arbiter's store: less means that it was restored ((iii) 6)
  bool was_prim = false;        // defaultprim="lastprim" (safekit 1.6)
  bool failover = true;         // `failover on|off` survives a restart (safekit 1.7)
  bool errd = true;             // `errd on|off`
  std::uint32_t loop_count = 0; // maxloop (safekit 1.11)
  std::int64_t loop_started_s = 0; // of this boot's clock: a wall clock that is set must not count. Ahead of now: another boot, counted anew

  bool operator==(const Record&) const = default;
};

inline constexpr std::size_t history_limit = 32;
// What a decoder accepts: mints between two READYs may exceed history_limit; past this the oldest go (then: fork and full, loud).
inline constexpr std::size_t history_hard_limit = 128;
// A machine takes a new identity when its record is lost, which is rare; past this the oldest is forgotten.
inline constexpr std::size_t former_limit = 8;

// Instead of a revision: the store went back, and refuses until an operator or a serving node arms it again.
inline constexpr std::uint64_t arbiter_went_back = ~std::uint64_t{0};

// What the host found where the record should be.
enum class RecordState : std::uint8_t {
  present,
  blank, // no record, and no identity on the replicated directories
  lost,  // identity on a directory (or a damaged record), no readable record: loud, never a source (control:K2L, K3)
};

Bytes encode(const Record&);
// nullopt: not a record. A newer format is told apart by the file frame around it (core/wire/record_file.hpp).
std::optional<Record> decode_record(const std::uint8_t* p, std::size_t n);

void put(Writer&, const Record&);
bool get(Reader&, Record&);
void put(Writer&, const Generation&);
Generation get_generation(Reader&);
template <class Tag>
void put(Writer& w, const Uid128<Tag>& u) {
  w.u64(u.hi), w.u64(u.lo);
}
template <class Tag>
void get(Reader& r, Uid128<Tag>& u) {
  u.hi = r.u64(), u.lo = r.u64();
}

} // namespace lockstep
