// May a node go on without the other one (design 6). Modes none and ping: a live member of a pair, after silence, the witness
// asked once, never cold. Mode etcd: the arbiter's key holds the newest generation of the data set and changes only from a value
// that this node descends from (control:E1-E6). Nothing that serves ever waits for the key.
#include "core/node/node.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>
#include <utility>

namespace lockstep {
namespace {
constexpr Duration answer_limit = seconds(10); // a question without an answer: silence, asked again
constexpr Duration after_silence = seconds(2);
constexpr Duration after_refusal = seconds(10); // an operator may restore the key, or the other node arm it
constexpr Duration refresh_every = seconds(30); // by the node that serves
} // namespace

Node::Arbitration Node::may_continue() {
  if (config_.module.check.splitbrain.mode == ArbiterMode::none || mutated(Mutant::arbiter_not_asked)) return Arbitration::yes;
  if (episode_.answered) return episode_.accepted || mutated(Mutant::refusal_ignored) ? Arbitration::yes : Arbitration::no;
  if (!episode_.asked) {
    episode_.asked = true, episode_.ticket = new_ticket();
    emit(nfx::AskWitness{episode_.ticket});
  }
  return Arbitration::pending;
}

// ---------------------------------------------------------------- the key
KeyIs Node::key_is() const {
  if (!key_.known) return key_.silent ? KeyIs::silent : KeyIs::unknown;
  if (key_.went_back || durable_.arbiter_revision == arbiter_went_back) return KeyIs::went_back;
  if (!key_.value) return KeyIs::absent;
  const auto& v = *key_.value;
  if (durable_.candidate == v) return KeyIs::granted;
  if (v == durable_.g) return KeyIs::current;
  bool mine = in_chain(durable_, v) || is_void(durable_, v) || mutated(Mutant::any_key_value);
  return mine ? KeyIs::descends : KeyIs::foreign;
}

// Reads the key, or swaps it from what it was last known to hold. One question at a time.
void Node::ask_key(Duration pause, std::optional<Generation> put) {
  if (key_.ticket.value) return;
  auto from = later(key_.asked_again_from, key_.known || key_.silent ? key_.asked_again_from + pause : now_);
  if (key_.silent) from = later(from, key_.asked_again_from + after_silence);
  if (now_ < from) return void(key_.wake = earlier(key_.wake, from));
  key_.ticket = new_ticket(), key_.limit = now_ + answer_limit, key_.put = put;
  emit(nfx::AskArbiter{key_.ticket, durable_.dir_uid, put ? key_.value : std::nullopt, put});
}

void Node::handle(const nin::ArbiterAnswer& in) {
  if (!key_.ticket.value || key_.ticket != in.ticket) return stale(in.ticket);
  if (in.says == nin::ArbiterSays::silent) return key_silent(in.problem);
  if (key_.silent) set_resource("splitbrain." + config_.module.check.splitbrain.ident, "up", "splitbraincheck");
  auto put = std::exchange(key_.put, {});
  key_.ticket = {}, key_.limit = Instant::never();
  key_.asked_again_from = now_;
  key_.known = true, key_.silent = false, key_.problem.clear();
  key_.value.reset();
  if (in.says == nin::ArbiterSays::holds) key_.value = in.value;
  if (in.says == nin::ArbiterSays::swapped) key_.value = put;
  auto seen = std::max(key_.revision, durable_.arbiter_revision);
  if (seen != arbiter_went_back && in.revision < seen && !key_.went_back && !mutated(Mutant::store_may_go_back)) {
    key_.went_back = true;
    tell(Rule::key_went_back, static_cast<std::int64_t>(in.revision), static_cast<std::int64_t>(seen));
    log('C', "splitbraincheck", "The arbiter went back in time: its store was restored from an older state, or replaced");
  }
  key_.revision = in.revision;
  if (in.says == nin::ArbiterSays::swapped && key_is() == KeyIs::current) tell(Rule::E4r, 0, 0, to_string(durable_.g));
}

void Node::key_silent(std::string problem) {
  if (!key_.silent) {
    tell(Rule::arbiter_silent, 0, 0, problem);
    log('E', "splitbraincheck", "The arbiter does not answer: " + problem);
    set_resource("splitbrain." + config_.module.check.splitbrain.ident, "down", "splitbraincheck");
  }
  key_.ticket = {}, key_.limit = Instant::never(), key_.put.reset();
  key_.known = false, key_.silent = true, key_.asked_again_from = now_, key_.problem = std::move(problem);
}

// ---------------------------------------------------------------- claims
// yes: the key holds what this node asked for. no: it must not go on now. A candidate is durable before it is asked for, and stays the
// only one until the pair is left: whether the question was carried out shows in the key, whenever it is read (control:E2, E3).
Node::Arbitration Node::claim(bool ready, MintedAs as, bool force) {
  auto is = key_is();
  if (is == KeyIs::granted || (force && key_is_my_candidate())) return Arbitration::yes;
  bool unheard = is == KeyIs::unknown || is == KeyIs::silent;
  bool may = is == KeyIs::current || is == KeyIs::descends || (force && !unheard) ||
             (is == KeyIs::absent && mutated(Mutant::absent_is_granted));
  if (!may) return ask_key(unheard ? Duration{} : after_refusal), unheard ? Arbitration::pending : Arbitration::no;
  if (!ready && !mutated(Mutant::asks_before_flush)) return Arbitration::pending;
  bool asks = durable_.candidate && (!overruled(durable_, as) || mutated(Mutant::claim_outlives_operator));
  if (asks)
    ask_key({}, durable_.candidate);
  else if (!changing(ChangeKind::claim))
    change({.kind = ChangeKind::claim, .as = as});
  return Arbitration::pending;
}

// A live member of a pair. Its part of the pair is kept while it asks; after a bounded time held writes end and PRIM stops
// ((iii) 31). From WAIT it goes on asking.
void Node::claim_after_silence(bool heard) {
  bool second = standing_ == Standing::second;
  if (key_.since == Instant::never()) key_.since = now_, key_.known = key_.silent = false; // read first: who gets no answer asks for nothing (S2)
  auto may = claim(continuing_ && continuing_->ready, second ? MintedAs::second : MintedAs::prim);
  if (may == Arbitration::yes) return continue_alone(Rule::M3);
  bool silent = key_is() == KeyIs::silent;
  if (may == Arbitration::pending && !silent) prepare_early();
  auto patience = has_rfs() && !second ? config_.module.rfs->locktimeout : liveness_.longest_timeout();
  auto until = key_.since + patience;
  if (may == Arbitration::pending && (!silent || now_ < until)) {
    if (silent) key_.wake = earlier(key_.wake, until);
    return;
  }
  // PRIM asks early; until the silence is complete it would give its place up to a claim that may be the last of a dead node.
  if (!heard && now_ < liveness_.silent_from()) return;
  if (ending_) return end_held();
  if (!durable_.candidate && !changing(ChangeKind::claim)) unprepare();
  if (!refused_) {
    refused_ = true;
    log('E', "splitbraincheck", "The arbiter did not let this node go on alone");
    log('E', "heart", "Action wait from failover rule splitbrain_failure");
    apply(Event::refused, "stopwait");
  }
  if (role_ == Role::wait && !busy()) wait_for_arbiter();
}

// After a restart: only the last writer, for it has all that was flushed (control:B1, E1); and whoever asked before, for all was
// flushed before it did (data:D10). A living SECOND has more and goes first (data:D11): it asks one timeout after the last beat, or after the
// last that it knows was heard here.
bool Node::claim_cold() {
  bool wrote = durable_.g.minted_by == durable_.node_uid || mutated(Mutant::reader_stays_shared);
  bool writer = durable_.state == Freshness::shared && wrote;
  bool again = durable_.candidate && durable_.state == Freshness::shared;
  if (!writer && !durable_.candidate) return false;
  if (hearing() && verdict().who == Who::peer_wins) return false; // it lives and has more, whether it hears this node or not
  auto from = later(started_ + liveness_.longest_timeout(), liveness_.silent_from()) + liveness_.longest_timeout();
  if (now_ < from) key_.wake = earlier(key_.wake, from);
  auto as = durable_.candidate ? durable_.candidate->minted_as : MintedAs::prim;
  auto may = claim(now_ >= from && (writer || again), as);
  if (may == Arbitration::yes) {
    tell(Rule::E1, static_cast<std::int64_t>(durable_.candidate->counter));
    bool crashed = boot_.record && boot_.record->g == durable_.g && boot_.record->state == Freshness::shared && !boot_.record->candidate && !boot_.record->covers;
    log(crashed ? 'C' : 'E', "heart",
        std::string("The arbiter lets this node go on alone") + (crashed ? ". It did not leave the pair in order: what was never flushed may be missing" : ""));
    change({.kind = ChangeKind::mint, .rule = Rule::M3, .as = as, .adopt = true, .covers = durable_.covers});
    return true;
  }
  if (!writer && !again) return false; // an operator's claim: only its grant is looked for
  if (may == Arbitration::no || key_is() == KeyIs::silent) return wait_for_arbiter(), true;
  wait(Wait::starting, Rule::E1, "asks the arbiter whether it may go on alone", "a moment", "");
  return true;
}

// E6: a node that was alone starts by its own right, unless the arbiter knows better; without an answer it starts.
bool Node::own_may_start() {
  at_work_.add(Rule::E6);
  if (mutated(Mutant::own_ignores_key)) return true;
  auto is = key_is();
  if (is == KeyIs::unknown || is == KeyIs::foreign) ask_key(is == KeyIs::foreign ? after_refusal : Duration{});
  if (is == KeyIs::unknown) wait(Wait::starting, Rule::E6, "reads the arbiter's key", "a moment", "");
  if (is == KeyIs::foreign) wait_for_arbiter();
  return is != KeyIs::unknown && is != KeyIs::foreign;
}

// prim and primforce ((iii) 15): the key is taken first, so that the other node hears of it. Without an answer the operator's word
// is enough; what the other node was let do only primforce overrides.
bool Node::operator_may_serve() {
  bool force = want_ == Want::primforce;
  auto is = key_is();
  if (is == KeyIs::silent) {
    log('C', "splitbraincheck", "The arbiter does not answer: an operator's word is enough, and if the other node serves, the later writes of one of them will be set aside");
    return true;
  }
  if (is == KeyIs::foreign && !force) {
    abort_start("the arbiter let the other node go on (its key is at " + to_string(*key_.value) + ", " + rule_name(Rule::E4) +
                "): start that node. primforce overrides it, and sets aside what the other node wrote since");
    return false;
  }
  auto may = claim(true, MintedAs::op, force || is == KeyIs::absent || is == KeyIs::went_back);
  if (may == Arbitration::yes) return true;
  wait(Wait::starting, Rule::M4, "tells the arbiter", "a moment", "");
  return false;
}

// ---------------------------------------------------------------- in the background
// The node that serves keeps the key at its generation, after mints that needed no arbiter (control:E4), and arms it again when it is
// gone or went back ((iii) 6). Nothing waits for it.
void Node::watch_key() {
  key_.wake = Instant::never();
  if (!etcd()) return;
  if (key_.ticket.value && now_ >= key_.limit) key_silent("no answer in time");
  if (key_.went_back && durable_.arbiter_revision != arbiter_went_back && !changing(ChangeKind::store))
    change({.kind = ChangeKind::store, .revision = arbiter_went_back});
  bool alone = standing_ == Standing::alone && durable_.state == Freshness::own;
  bool prim = standing_ == Standing::prim && durable_.state == Freshness::shared && proven() && lease_holds(now_) &&
              !continuing_ && verdict().who == Who::resume;
  if ((!alone && !prim) || ending_ || quiesced_ || persisting() || durable_.dir_uid.none()) return;
  if (mutated(Mutant::key_left_behind) && key_.known && key_.value) return;
  switch (key_is()) {
  case KeyIs::unknown:
  case KeyIs::silent: return ask_key({});
  case KeyIs::current: key_.complained = key_.overrides = false; return ask_key(refresh_every);
  case KeyIs::absent:
  case KeyIs::descends:
  case KeyIs::granted: return ask_key({}, durable_.g);
  case KeyIs::went_back: // who has the right to serve knows what is true
    tell(Rule::key_went_back, static_cast<std::int64_t>(key_.revision), 0, "armed again");
    return change({.kind = ChangeKind::store, .revision = key_.revision});
  case KeyIs::foreign:
    if (key_.overrides) return ask_key({}, durable_.g);
    break;
  }
  if (!key_.complained) {
    key_.complained = true;
    tell(Rule::E4, 0, 0, to_string(*key_.value));
    log('C', "splitbraincheck",
        "The arbiter's key names " + to_string(*key_.value) + ", which is not of this node's lineage: the other node was let go on as well. "
        "Stop one of them; the other's key is written by primforce");
  }
  ask_key(refresh_every);
}

void Node::wait_for_arbiter() {
  const std::string peer = hearing() ? "the other node may not serve by itself" : "the other node is silent";
  const std::string needs = hearing() ? "an operator" : "the other node to be heard";
  const char* const force_prim = "if this node's data are the right ones, run prim here";
  switch (key_is()) {
  case KeyIs::absent:
    return wait(Wait::arbiter_refused, Rule::key_absent, "the arbiter has no key of this module (emptied, or never written) and " + peer, needs, force_prim);
  case KeyIs::went_back:
    return wait(Wait::arbiter_refused, Rule::key_went_back, "the arbiter went back in time (a restored or replaced store) and " + peer, needs, force_prim);
  case KeyIs::foreign:
    return wait(Wait::arbiter_refused, Rule::E4, "the arbiter let the other node go on alone", "the other node to be heard",
                "start the other node, or repair the network; primforce here sets aside what it wrote since");
  default: break;
  }
  wait(Wait::arbiter_silent, Rule::arbiter_silent,
       "the arbiter does not answer and " + peer + (key_.problem.empty() ? std::string() : ": " + key_.problem),
       "the arbiter or the other node", std::string("repair the network or the arbiter; if the other node is surely off, run prim here"));
}

} // namespace lockstep
