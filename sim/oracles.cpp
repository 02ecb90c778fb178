#include "sim/oracles.hpp"
#include <algorithm>

namespace lockstep::sim {

Oracles::Oracles(const Plan& p, const Queue& q, Trace& t) : plan_(p), queue_(q), trace_(t), deadlines_(p, q), hearing_(p) {
  failover_was_off_ = !p.failover;
}

void Oracles::violated(const Oracle& o, std::string what) {
  if (violation_) return;
  violation_ = Violation{&o, queue_.now(), std::move(what)};
  trace_.line(queue_.now(), 2, [&] { return std::string("VIOLATION ") + o.name + ": " + violation_->what; });
}

Oracles::Era* Oracles::era_of(const Host& h) {
  auto& r = h.disk().state.record;
  if (!r) return nullptr;
  auto e = eras_.find(r->g.nonce);
  return e == eras_.end() ? nullptr : &e->second;
}

void Oracles::operator_said(const Host& h, Verb v) {
  bool force = v == Verb::prim || v == Verb::prim_fullsync || v == Verb::primforce;
  if (force) forced_at_[h.index()] = queue_.now();
  deadlines_.commanded(h, v);
  if (v == Verb::failover_off) failover_was_off_ = true;
  if (v == Verb::primforce) forced_[h.index()] = true;
  given_up_[h.index()] = v == Verb::second_fullsync;
}
void Oracles::answered(const Host& h, bool ok, const std::string& sentence) {
  if (!ok) given_up_[h.index()] = false;
  if (!ok && sentence.empty()) violated(oracle::expected, name_of(h) + " refuses a command without a word");
}
void Oracles::told(const Host& h, const Note& n) {
  rules_seen_.insert(rule_name(n.rule));
  bool by_operator = std::max(forced_at_[0], forced_at_[1]) > formed_at_; // prim on one node while the other goes on by itself
  // N2F: a copy was begun that its source never heard of, or too late, and it minted anew.
  if (n.rule == Rule::N2F || (n.rule == Rule::T1 && by_operator)) remembers_ = {};
  // One of the two knows what may differ: by its memory, or by what it wrote down when the pair broke.
  if (n.rule != Rule::D4 || n.text != "full" || !(remembers_[0] || remembers_[1])) return;
  const std::optional<Record>&mine = h.disk().state.record, &theirs = other(h).disk().state.record;
  bool counts = mine && theirs && (mine->covers || mine->base == theirs->base); // else only the other's set was whole, and counts anew
  if (counts) find(h, deadlines_.copies_in_full());
}

void Oracles::after_step(const Host& h) {
  if (!h.running() || violation_) return;
  auto& node = *h.node();
  check_ready(h);
  if (hearing_.silent(h.index(), queue_.now(), 3)) was_silent_[h.index()] = queue_.now();
  check_two_servers();
  if (node.role() == Role::second && node.sub() == Sub::ready) check_pair_ready(h);
  if (node.waiting().kind == Wait::none && node.role() == Role::wait && node.sub() == Sub::not_ready && h.disk().state.record)
    violated(oracle::live, name_of(h) + " waits and does not say why");
  check_cover();
  check_deadlines(h);
  count_change(h);
}

} // namespace lockstep::sim
