// The rejoin decision: who is the source when two nodes meet, or that nobody is. Pure and mirrored:
// compare(a, b) == mirror(compare(b, a)). The table is control.md (i); tests/golden/compare.txt lists every row.
// A verdict gives nobody the right to serve (control:M1-M5): that is Node's part.
#pragma once
#include "core/lineage/record.hpp"
#include "core/rules.hpp"
#include "core/wire/version.hpp"

namespace lockstep {

enum class LiveAs : std::uint8_t { no, prim, second }; // PRIM or SECOND Ready in this incarnation

inline const Record blank_record;

// One node's claim, as its beat or its own record states it.
struct Side {
  RecordState record_state = RecordState::blank;
  const Record* record = &blank_record;   // of no meaning unless record_state is present; whose it is outlives the comparison
  LiveAs live = LiveAs::no;               // with an outstanding candidate (record.candidate) a pair does not resume (control:S3)
  std::uint64_t config_digest = 0;        // {directories, arbiter}
  std::uint16_t version = compare_version;
  bool dirs_empty = true;                 // a blank node with files: they are kept aside (control:K2)
  Position checkpoint;                    // the newest it announced (control:T1)
  std::uint64_t peer_checkpoint = 0;      // the newest of the other that this life heard; counts as what the record remembers of it
  bool went_back = false;                 // its own checks say so (data:T2)
};

enum class Who : std::uint8_t { nobody, i_win, peer_wins, resume };
enum class Copy : std::uint8_t { none, delta, full };

struct Verdict {
  Who who = Who::nobody;
  Rule rule = Rule::none;
  Copy copy = Copy::none; // none unless somebody wins
  bool loud = false;      // said loudly; what the loser will lose is copied aside first
  bool operator==(const Verdict&) const = default;
};

Verdict compare(const Side& self, const Side& peer);
Verdict mirror(Verdict);

// Present, and part of a data set: a record without a generation says no more than a blank node.
bool has_lineage(const Side&);
bool in_chain(const Record&, const Generation&); // g itself or an ancestor
bool is_void(const Record&, const Generation&);  // acceptable as the arbiter's old value, never an ancestor (control:E3b)
// An identity of the other node before the one it has now: it lost its record, so whoever bears it again was restored (control:T1).
bool is_former(const Record&, const NodeUid& peer);
// T1's detection: `x` is older than what `witness` durably remembers of it.
bool went_back(const Side& x, const Side& witness);

} // namespace lockstep
