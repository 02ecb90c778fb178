// The golden table tests/golden/compare.txt: every relation x state x state, one line each. It is read and run, and
// must be complete. LOCKSTEP_REWRITE=1 writes what the code says; the difference is then reviewed against control.md
// (i).
#include "tests/support/own_side.hpp"
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>

using namespace lockstep;
BOOST_AUTO_TEST_SUITE(compare_table)

namespace {
const NodeUid A{0, 1}, B{0, 2};
// Tokens: own, shared, outdated; ".w": it minted the generation; ".P" ".S": live PRIM or SECOND (a live PRIM is the
// writer), "c": with a candidate. inconsistent: ".in" its source is in the other's chain, ".out" it is not, ".full"
// only a full copy heals. ".all": the record says complete, with ".off" failover is off too. blank, blank.files, lost: no record. ".back": the other remembers a newer record of it.
const char* tokens[] = {
    "own",       "own.back",    "shared",   "shared.w",   "shared.P",        "shared.S",         "shared.Pc",
    "shared.Sc", "shared.all", "shared.back", "outdated", "outdated.w", "outdated.all", "outdated.w.all", "outdated.all.off", "inconsistent.in", "inconsistent.out", "inconsistent.full",
    "blank",     "blank.files", "lost"};
// fork>: self's branch has the higher rank (OPERATOR against PRIM); fork=: equal rank, self has the smaller uid.
const char* relations[] = {"same", "newer", "older", "fork>", "fork<", "fork=", "unrelated", "clone", "digest"};

bool has(const std::string& s, const char* part) { return s.find(part) != std::string::npos; }

OwnSide side(const std::string& token, bool self) {
  OwnSide s;
  s.record_state = has(token, "blank") ? RecordState::blank
                   : token == "lost"   ? RecordState::lost
                                       : RecordState::present;
  s.dirs_empty = !has(token, ".files");
  s.record.node_uid = self ? A : B;
  if (s.record_state != RecordState::present) return s;
  auto& r = s.record;
  r.dir_uid = {7, 7}, r.rev = 5, r.incarnation = {5}, r.peer_uid = self ? B : A, r.base = {1, 1, A, MintedAs::op};
  r.state = has(token, "own")        ? Freshness::own
            : has(token, "shared")   ? Freshness::shared
            : has(token, "outdated") ? Freshness::outdated
                                     : Freshness::inconsistent;
  r.complete = has(token, "own") || has(token, ".all"), r.failover = !has(token, ".off");
  r.covers = r.complete;
  r.must_full = has(token, ".full");
  s.live = has(token, ".P") ? LiveAs::prim : has(token, ".S") ? LiveAs::second : LiveAs::no;
  if (has(token, ".Pc") || has(token, ".Sc")) r.candidate = Generation{9, 9, r.node_uid, MintedAs::prim};
  return s;
}

void relate(const std::string& relation, const std::string& sa, const std::string& sb, OwnSide& a, OwnSide& b) {
  const Generation root{1, 1, A, MintedAs::op};
  auto writes = [](const std::string& t) { return has(t, ".w") || has(t, ".P") || has(t, "own"); };
  a.record.g = b.record.g = {3, 3, writes(sa) ? A : writes(sb) ? B : NodeUid{0, 9}, MintedAs::prim};
  a.record.history = b.record.history = {root};
  auto branch = [&](OwnSide& s, std::uint64_t nonce, MintedAs as) { s.record.g = {4, nonce, s.record.node_uid, as}; };
  if (relation == "newer" || relation == "older") {
    auto& s = relation == "newer" ? a : b;
    s.record.history = {s.record.g, root}, branch(s, 40, MintedAs::prim);
  } else if (relation.substr(0, 4) == "fork") {
    branch(a, 40, relation == "fork>" ? MintedAs::op : relation == "fork<" ? MintedAs::second : MintedAs::prim);
    branch(b, 41, MintedAs::prim);
  } else if (relation == "unrelated") {
    b.record.dir_uid = {8, 8};
  } else if (relation == "clone") {
    b.record.node_uid = A;
  } else if (relation == "digest") {
    b.config_digest = 1;
  }
  auto source = [](OwnSide& s, const std::string& t, const OwnSide& other) {
    s.record.src_gen = has(t, ".out") ? Generation{2, 222, B, MintedAs::prim} : other.record.g;
  };
  source(a, sa, b), source(b, sb, a);
  if (has(sa, ".back")) b.record.peer_rev_seen = 6;
  if (has(sb, ".back")) a.record.peer_rev_seen = 6;
}

std::string row(const std::string& relation, const std::string& sa, const std::string& sb) {
  auto a = side(sa, true), b = side(sb, false);
  relate(relation, sa, sb, a, b);
  for (auto* s : {&a, &b})
    if (s->record_state != RecordState::present) s->record = {.node_uid = s->record.node_uid};
  auto v = compare(a, b);
  BOOST_TEST((mirror(compare(b, a)) == v), relation << " " << sa << " " << sb << " is not mirrored");
  const char* who[] = {"nobody", "I", "peer", "resume"};
  const char* copy[] = {"-", "delta", "full"};
  char line[160];
  std::snprintf(line, sizeof line, "%-10s %-18s %-18s %-7s %-5s %-6s %s", relation.c_str(), sa.c_str(), sb.c_str(),
                who[static_cast<int>(v.who)], std::string(rule_name(v.rule)).substr(8).c_str(),
                copy[static_cast<int>(v.copy)], v.loud ? "loud" : "-");
  return line;
}

// Same g: at most one writer, so two claims to it make no row, nor do a reader that is a live PRIM.
bool possible(const std::string& relation, const std::string& sa, const std::string& sb) {
  auto plain = [](const std::string& t) {
    return t == "own" || t == "shared" || t == "inconsistent.in" || t == "blank" || t == "lost";
  };
  if (relation == "unrelated" || relation == "clone" || relation == "digest") return plain(sa) && plain(sb);
  if (relation != "same") return !(has(sa, ".w") || has(sb, ".w")) || relation == "newer" || relation == "older";
  auto writes = [](const std::string& t) { return has(t, ".w") || has(t, ".P"); };
  return !(writes(sa) && writes(sb));
}

std::vector<std::string> all_rows() {
  std::vector<std::string> rows;
  for (std::string r : relations)
    for (std::string a : tokens)
      for (std::string b : tokens)
        if (possible(r, a, b)) rows.push_back(row(r, a, b));
  return rows;
}
const std::string path = std::string(LOCKSTEP_SOURCE_DIR) + "/tests/golden/compare.txt";
} // namespace

BOOST_AUTO_TEST_CASE(every_row_of_the_golden_table_and_no_other) {
  auto rows = all_rows();
  if (std::getenv("LOCKSTEP_REWRITE")) {
    std::ofstream out(path);
    out << "# The rejoin table (control.md (i)), complete: relation of self to peer, self, peer => winner, rule, copy, "
           "loud.\n"
           "# Tokens are explained in tests/unit/compare_test.cpp. Read by that test; every line is reviewed, none is "
           "generated blindly.\n";
    for (auto& r : rows) out << r << "\n";
  }
  std::ifstream in(path);
  BOOST_REQUIRE(in.good());
  std::vector<std::string> golden;
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && line[0] != '#') golden.push_back(line);
  BOOST_REQUIRE_EQUAL(golden.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) BOOST_TEST(golden[i] == rows[i]);
}

BOOST_AUTO_TEST_CASE(no_common_ancestor_is_a_fork_with_a_full_copy_never_unrelated) {
  auto a = side("own", true), b = side("own", false);
  relate("fork>", "own", "own", a, b);
  a.record.history.clear();
  a.record.base = {};
  BOOST_TEST((compare(a, b) == Verdict{Who::i_win, Rule::F2, Copy::full, true}));
}

BOOST_AUTO_TEST_CASE(the_first_mint_after_the_ancestor_ranks_not_the_newest) {
  auto a = side("own", true), b = side("own", false);
  relate("fork<", "own", "own", a, b); // a: minted as SECOND
  a.record.history.insert(a.record.history.begin(), a.record.g);
  a.record.g = {5, 50, A, MintedAs::op};
  BOOST_TEST((compare(a, b).who == Who::peer_wins));
}

BOOST_AUTO_TEST_CASE(a_voided_generation_is_going_back) {
  auto a = side("own", true), b = side("shared", false);
  relate("fork=", "own", "shared", a, b);
  a.record.voided = {b.record.g};
  BOOST_TEST((compare(a, b) == Verdict{Who::i_win, Rule::T1, Copy::full, true}));
}

BOOST_AUTO_TEST_CASE(whoever_bears_a_replaced_identity_went_back) {
  auto a = side("own", true), b = side("shared", false);
  relate("same", "own", "shared", a, b);
  a.record.former_peers = {{7, 7}};
  BOOST_TEST((compare(a, b).rule == Rule::S1));
  a.record.former_peers.push_back(b.record.node_uid);
  BOOST_TEST((compare(a, b) == Verdict{Who::i_win, Rule::T1, Copy::full, true}));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_older_than_the_one_announced_is_going_back) {
  auto a = side("own", true), b = side("shared", false);
  relate("same", "own", "shared", a, b);
  a.record.base = a.record.g, a.record.peer_checkpoint_seen = 10;
  b.checkpoint = {3, 9};
  BOOST_TEST((compare(a, b).rule == Rule::T1));
  b.checkpoint = {3, 10};
  BOOST_TEST((compare(a, b).rule == Rule::S1));
}

BOOST_AUTO_TEST_CASE(who_went_on_tells_what_it_had_announced_before) {
  auto a = side("own", true), b = side("shared", false);
  relate("newer", "own", "shared", a, b);
  a.record.base = b.record.base = b.record.g, b.record.peer_checkpoint_seen = 10;
  a.record.own_checkpoint = 10;
  BOOST_TEST((compare(a, b).rule == Rule::A1));
  a.record.own_checkpoint = 9;
  BOOST_TEST((compare(a, b) == Verdict{Who::i_win, Rule::T1, Copy::full, true}));
}

// The target of a copy counts from the generation in which it was equal as soon as it says so, its source a moment later.
BOOST_AUTO_TEST_CASE(a_source_that_stopped_before_it_said_equal_counts_longer) {
  auto a = side("own", true), b = side("shared", false);
  relate("newer", "own", "outdated", a, b);
  b.record.g.minted_by = A, a.record.history[0] = b.record.g;
  BOOST_TEST((compare(a, b) == Verdict{Who::i_win, Rule::A1, Copy::delta, false}));
  b.record.base = b.record.g;
  BOOST_TEST((compare(a, b) == Verdict{Who::i_win, Rule::A1, Copy::delta, false}));
  auto gap = a;
  gap.record.covers = false;
  BOOST_TEST((compare(gap, b).copy == Copy::full));
  auto newer = a; // from the other end: what a counts from is newer than what b does
  newer.record.base = a.record.g;
  BOOST_TEST((compare(newer, b).copy == Copy::full));
  auto foreign = a;
  foreign.record.base = {2, 77, A, MintedAs::prim};
  BOOST_TEST((compare(foreign, b).copy == Copy::full));
  b.record.base.minted_by = a.record.history[0].minted_by = b.record.g.minted_by = B; // b was no copy of a there
  BOOST_TEST((compare(a, b).copy == Copy::full));
}

BOOST_AUTO_TEST_CASE(without_a_table_version_nobody_wins) {
  auto a = side("own", true), b = side("shared", false);
  relate("same", "own", "shared", a, b);
  b.version = 0;
  BOOST_TEST((compare(a, b).who == Who::nobody));
}

BOOST_AUTO_TEST_SUITE_END()
