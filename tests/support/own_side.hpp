// A side with a record of its own, for tests that make records up.
#pragma once
#include "core/lineage/compare.hpp"

namespace lockstep {

struct OwnSide : Side {
  Record record;
  Side side() const {
    Side s = *this;
    s.record = &record;
    return s;
  }
};
inline Verdict compare(const OwnSide& a, const OwnSide& b) { return compare(a.side(), b.side()); }
inline bool has_lineage(const OwnSide& s) { return has_lineage(s.side()); }

} // namespace lockstep
