// One number for a state, the same for states that can only differ in names: instants count from the clock of their node (those that
// are too far back to matter are alike), counters and numbers are replaced by their rank, nonces and tickets by the order in which
// they are met. Two states with one number go on alike; the search tries that on a sample.
#include "sim/explore_machine.hpp"
#include "sim/hash.hpp"
#include <algorithm>

namespace lockstep::sim::explore {
namespace {

enum class Kind : std::uint8_t {
  literal,
  // order matters, distance does not
  counter, incarnation_a, incarnation_b, revision_a, revision_b, beat_a, beat_b, sent_a, sent_b, store,
  // neighbours matter too: a stream has no gaps
  seq,
  // only equality matters
  nonce, uid, session, ticket_node_a, ticket_node_b, ticket_mirror_a, ticket_mirror_b, id_a, id_b, handle_a, handle_b, connection,
};
constexpr std::size_t kinds = static_cast<std::size_t>(Kind::connection) + 1;
constexpr Kind of(Kind a, NodeIndex n) { return static_cast<Kind>(static_cast<int>(a) + n); }
constexpr bool ordered(Kind k) { return k >= Kind::counter && k <= Kind::seq; }

class Canonical {
 public:
  explicit Canonical(const World& w) : w_(w) { tokens_.clear(); }
  std::uint64_t hash();

  // ---- what the cores call
  template <class... T>
  void operator()(const T&... x) {
    (put(x), ...);
  }
  void seq(std::uint64_t v) { number(Kind::seq, v); }
  void generation(std::uint64_t counter) { number(Kind::counter, counter); }
  void beat_seq(std::uint64_t v) { beat_number(who_, w_.machines[who_]->incarnation, v); }
  void session_number(std::uint64_t v) { number(Kind::session, v); }
  void stream(std::uint64_t v) { number(Kind::nonce, v); } // the number of one: compared, never ordered
  void peer_rev(std::uint64_t rev) { number(of(Kind::revision_a, 1 - who_), rev); }
  void peer_incarnation(Incarnation i) { incarnation(1 - who_, i); }
  void id(std::uint64_t v) { number(of(Kind::id_a, who_), v); }
  void heard(const LifeId& life, std::uint64_t seq, std::int64_t sent_ns) {
    auto i = life.incarnation; // nothing is restored here: no two lives have one number
    incarnation(1 - who_, i);
    beat_number(1 - who_, i, seq);
    if (i.value) instant(1 - who_, Instant{sent_ns});
  }

 private:
  struct Token {
    Kind kind;
    std::uint64_t value;
  };
  void literal(std::uint64_t v) { tokens_.push_back({Kind::literal, v}); }
  void number(Kind k, std::uint64_t v) { tokens_.push_back({v == 0 || v == UINT64_MAX ? Kind::literal : k, v}); }
  // Each life counts its beats anew: numbers of two lives are never compared.
  void beat_number(NodeIndex n, Incarnation life, std::uint64_t seq) { number(of(Kind::beat_a, n), seq ? life.value << 40 | seq : 0); }
  void incarnation(NodeIndex n, Incarnation i) { number(of(Kind::incarnation_a, n), i.value); }
  void instant(NodeIndex n, Instant t) {
    if (t == Instant::never()) return literal(UINT64_MAX);
    literal(static_cast<std::uint64_t>(std::max(t.ns - w_.clock(n).ns, -w_.far.ns)));
  }
  NodeIndex owner(NodeUid u) const { return u == uid_of_node(0) ? 0 : 1; }

  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  void put(T v) {
    literal(static_cast<std::uint64_t>(v));
  }
  void put(const std::string& s) {
    std::uint64_t h = s.size();
    for (char c : s) h = hash_of(h, c);
    literal(h);
  }
  template <class T>
  void put(const std::optional<T>& x) {
    literal(x.has_value());
    if (x) put(*x);
  }
  template <class T>
  void put(const std::vector<T>& v) {
    literal(v.size());
    for (auto& x : v) put(x);
  }
  template <class T>
  void put(const std::deque<T>& v) {
    literal(v.size());
    for (auto& x : v) put(x);
  }
  template <class T>
  void put(const std::set<T>& v) {
    literal(v.size());
    for (auto& x : v) put(x);
  }
  template <class K, class V>
  void put(const std::pair<K, V>& p) {
    put(p.first), put(p.second);
  }
  template <class Tag>
  void put(const Uid128<Tag>& u) {
    number(Kind::uid, u.hi ^ mix64(u.lo));
  }
  void put(Instant t) { instant(who_, t); }
  void put(Incarnation i) { incarnation(who_, i); }
  void put(Ticket t) { number(of(in_mirror_ ? Kind::ticket_mirror_a : Kind::ticket_node_a, who_), t.value); }
  void put(const Generation& g) {
    number(Kind::counter, g.counter), number(Kind::nonce, g.nonce);
    put(g.minted_by), put(g.minted_as);
  }
  void put(const Position& p) { number(Kind::counter, p.generation), seq(p.seq); }
  void put(const Key& k) { literal(k.minter), literal(k.counter); }
  void put(const Session& s) {
    put(s.source_gen), put(s.source);
    if (s.source.none()) return;
    incarnation(owner(s.source), s.source_life.incarnation), incarnation(1 - owner(s.source), s.target_life.incarnation);
    put(s.full), session_number(s.number);
  }
  void put(const Record& r) { record(r.node_uid.none() ? who_ : owner(r.node_uid), r); }
  void record(NodeIndex n, const Record& r) {
    put(r.node_uid), put(r.dir_uid), number(of(Kind::revision_a, n), r.rev), number(of(Kind::revision_a, n), r.boot_rev), incarnation(n, r.incarnation);
    put(r.g), put(r.history), put(r.state), put(r.complete), put(r.why), put(r.candidate), put(r.voided), put(r.base), put(r.covers);
    put(r.offered), put(r.src_gen), put(r.must_full), put(r.peer_uid), put(r.former_peers);
    number(of(Kind::revision_a, 1 - n), r.peer_rev_seen), incarnation(1 - n, r.peer_incarnation_seen), seq(r.peer_checkpoint_seen), seq(r.own_checkpoint);
    put(r.failover), put(r.loop_count), number(Kind::store, r.arbiter_revision);
  }
  void put(const Beat& b) {
    NodeIndex n = owner(b.node_uid);
    put(b.node_uid), incarnation(n, b.incarnation), beat_number(n, b.incarnation, b.seq), number(of(Kind::sent_a, n), static_cast<std::uint64_t>(b.sent_ns));
    instant(n, Instant{b.sent_ns});
    incarnation(1 - n, b.echo.incarnation), beat_number(1 - n, b.echo.incarnation, b.echo_seq);
    if (b.echo.incarnation.value) instant(1 - n, Instant{b.echo_sent_ns});
    put(b.record_state), record(n, b.record);
    (*this)(b.dirs_empty, b.went_back, b.checkpoint, b.live, b.role, b.sub, b.serving, b.failover, b.checkers_up, b.goodbye, b.last, b.consent,
            b.asks_consent, b.swap_ready, b.wants_swap, b.resync_active, b.session, b.equal, b.ready_for);
  }
  // ---- Node
  void put(const Liveness& l) { l.walk(*this); }
  void put(const Task& t) { (*this)(t.step, t.event, t.from, t.to); }
  void put(const Running& r) { (*this)(r.task, r.ticket, r.killed_ticket, r.limit, r.asked, r.second_try); }
  void put(const lockstep::Change& c) {
    (*this)(c.kind, c.rule, c.as, c.covers, c.full_next, c.complete, c.empty_history, c.dir, c.session, c.failover, c.errd, c.loop_count, c.adopt);
    number(Kind::store, c.revision);
  }
  void put(const lockstep::sim::explore::Question& q) { (*this)(q.ticket, q.expected, q.put); }
  void put(const Writing& x) { (*this)(x.ticket, x.change, x.record); }
  void put(const Continuing& c) { (*this)(c.rule, c.ready, c.minting, c.covers, c.last); }
  void put(const Following& f) {
    (*this)(f.session, f.source, f.since, f.started, f.acknowledged, f.equal, f.handing_in, f.at);
  }
  void put(const Serving& s) { (*this)(s.session, s.pairing, s.shared, s.done); }
  void put(const Episode& e) { (*this)(e.asked, e.answered, e.accepted, e.ticket); }
  void put(const ArbiterKey& k) {
    (*this)(k.ticket, k.limit, k.put, k.known, k.silent, k.value, k.went_back, k.asked_again_from, k.wake, k.since, k.overrides, k.complained);
    number(Kind::store, k.revision);
  }
  void put(const order::Permit& p) { number(Kind::counter, p.generation), put(p.until); }
  // ---- Mirror
  void put(const Prepare& p) {
    (*this)(p.active, p.ready, p.flushing, p.flushed, p.marking, p.marked, p.covers, p.flush, p.mark, p.go);
  }
  void put(const Leaving& l) { (*this)(l.kind, l.since, l.settled, l.flushed, l.marked, l.covers, l.flush, l.mark); }
  void put(const Stream& s) {
    (*this)(s.open, s.source, s.closed, s.peer_uid);
    generation(s.generation), stream(s.session), incarnation(1 - who_, s.peer);
  }
  void hello(NodeIndex n, const HelloFrame& h) {
    put(h.node_uid), incarnation(n, h.incarnation), generation(h.generation), stream(h.session);
    (*this)(h.is_source, h.received, h.applied);
  }
  void put(const HelloFrame& h) { hello(owner(h.node_uid), h); }
  void put(const Op& o) {
    (*this)(o.kind, o.object, o.dir, o.dir2, o.name, o.name2, o.replaced, o.type, o.offset, o.length, o.mode, o.flags, o.mask, o.parent);
  }
  void put(const Payload& p) { number(of(Kind::handle_a, who_), p.handle); }
  void put(const BlockRanges& r) {
    literal(r.ranges().size());
    for (auto& x : r.ranges()) literal(x.first), literal(x.second);
  }
  void put(const FileMarks& m) { (*this)(m.attrs, m.blocks); }
  void put(const PendingSet& s) { (*this)(s.everything, s.dirs, s.files); }
  void put(const std::map<Key, FileMarks>& m) {
    literal(m.size());
    for (auto& x : m) put(x);
  }
  void put(const WaitingOp& x) { (*this)(x.token, x.op, x.payload, x.touched, x.mark, x.marked, x.failed); }
  void put(const LiveOp& x) {
    (*this)(x.token, x.op, x.payload, x.stage, x.error, x.amount, x.failed, x.unknown, x.on_both);
    seq(x.seq), seq(x.order);
  }
  void put(const std::map<std::uint64_t, LiveOp>& m) {
    literal(m.size());
    for (auto& [i, x] : m) id(i), put(x);
  }
  void put(const ExecEntry& e) { put(e.read), id(e.id); }
  void put(const std::map<Ticket, std::uint64_t>& m) {
    literal(m.size());
    for (auto& [t, i] : m) put(t), id(i);
  }
  void put(const std::map<Ticket, PendingSet>& m) {
    literal(m.size());
    for (auto& [t, s] : m) put(t), put(s);
  }
  void put(const SentOp& s) { (*this)(s.op, s.payload, s.bytes, s.executed, s.holds, s.since); }
  void put(const OutcomeNote& o) { seq(o.seq), put(o.outcome), literal(o.amount); }
  template <class T>
  void by_seq(const std::map<std::uint64_t, T>& m) {
    literal(m.size());
    for (auto& [s, x] : m) seq(s), put(x);
  }
  void put(const SendSide& t) {
    for (auto v : {t.next_seq, t.base, t.received, t.applied, t.outcomes, t.executed, t.watermark, t.exceptions_told}) seq(v);
    by_seq(t.sent), by_seq(t.exceptions);
    (*this)(t.exception_since, t.watermark_due, t.progress_since, t.unknown, t.failed_said);
  }
  void put(const HeldState& h) { put(h.said); } // since: for people
  void put(const GotOp& g) {
    seq(g.seq);
    (*this)(g.op, g.payload, g.emitted, g.applied, g.cancelled, g.without_watermark, g.since);
  }
  void put(const ReceiveSide& r) {
    (*this)(r.queue, r.emitted, r.based, r.receipt_owed, r.dropped, r.say_due);
    literal(r.applying.size());
    for (auto& [t, s] : r.applying) put(t), seq(s);
    for (auto v : {r.base, r.received, r.receipted, r.applied, r.watermark, r.outcomes, r.guessed}) seq(v);
    by_seq(r.notes);
  }
  void put(const Recent& r) { r.walk(*this); }
  void put(const FlushState& f) { (*this)(f.ticket, f.position, f.next, f.dirty, f.frozen); }
  void put(const Drain& d) {
    (*this)(d.kind, d.key, d.block, d.stage, d.mark, d.lacks, d.length, d.loads, d.unreadable);
    seq(d.seq);
  }
  void put(const SourceSession& s) {
    (*this)(s.session, s.stage, s.full, s.collected, s.union_mark, s.dirs, s.files, s.sized, s.dirs_done, s.found, s.reads, s.retry_at);
    literal(s.drains.size());
    for (auto& [i, d] : s.drains) id(i), put(d);
    literal(s.extents.size());
    for (auto& [t, offset] : s.extents) put(t), literal(offset);
    seq(s.drained_at);
  }
  void put(const TargetSession& t) {
    (*this)(t.active, t.session, t.mark, t.everything, t.flush, t.equal);
    seq(t.drained);
  }
  // ---- the world
  void put(const Content& c) { (*this)(c.units, c.bytes); }
  void frame(NodeIndex from, const Frame& f) {
    who_ = from;
    literal(f.index());
    std::visit([this](const auto& x) { put(x); }, f);
  }
  void put(const OpFrame& f) { put(f.at), seq(f.watermark), put(f.op); }
  void put(const WatermarkFrame& f) { put(f.through), put(f.exceptions); }
  void put(const ReceiptFrame& f) { put(f.received), put(f.applied), seq(f.outcomes); }
  void put(const CheckpointFrame& f) { put(f.at); }
  void put(const SetFrame& f) { stream(f.session), put(f.last), put(f.items); }
  void put(const LacksFrame& f) { put(f.at), put(f.keys); }
  void put(const NeedFrame& f) { put(f.at), put(f.blocks); }
  void put(const FailedFrame& f) { put(f.error); }
  void machine(NodeIndex n);
  void network();
  void ledger();

  const World& w_;
  NodeIndex who_ = 0;
  bool in_mirror_ = false;
  static inline std::vector<Token> tokens_; // kept between states: their number hardly changes
};

void Canonical::machine(NodeIndex n) {
  auto& m = *w_.machines[n];
  who_ = n, in_mirror_ = false;
  auto& s = m.disk.state;
  (*this)(static_cast<const std::optional<Record>&>(s.record), s.set, s.set_readable, s.checkpoint_file, s.marker);
  literal(digest(m.disk.files.now())), literal(digest(m.disk.files.on_disk()));
  (*this)(m.stopped, m.running());
  if (!m.running()) return;
  (*this)(m.incarnation, m.mount, w_.address(n), m.set_aside, m.stunned, m.wake_due, m.open);
  if (w_.address(n)) put(m.vip_until);
  literal(static_cast<std::uint64_t>(m.behind.ns));
  put(m.writing.has_value());
  if (m.writing) put(m.writing->ticket), put(m.writing->record);
  put(m.question);
  m.node->walk(*this);
  in_mirror_ = true;
  m.mirror->walk(*this);
  literal(m.payloads.size());
  for (auto& [h, c] : m.payloads) put(Payload{h, 0}), put(c);
}

void Canonical::network() {
  for (NodeIndex n = 0; n < 2; ++n) {
    for (auto* b : {&w_.beat[n], &w_.late[n]}) {
      put(*b != nullptr);
      if (*b) put(**b);
    }
    literal(w_.stream[n].size());
    for (auto& p : w_.stream[n]) {
      number(Kind::connection, p->connection), frame(n, p->frame), put(p->content != nullptr);
      if (p->content) put(*p->content);
    }
    number(Kind::connection, w_.connection[n]);
    put(w_.cut[n]), put(w_.unheard[n]);
  }
  if (w_.cut[0] || w_.cut[1]) put(w_.witness_side);
  put(w_.key), put(w_.orphans), number(Kind::store, w_.revision);
  auto& b = w_.left;
  (*this)(b.cuts, b.crashes, b.stuns, b.delays, b.silences, b.operations, b.commands, w_.submitted, w_.turn);
}

// Only generations that somebody can still name, or that keep what was acknowledged, make a difference.
void Canonical::ledger() {
  std::vector<std::uint64_t> named;
  for (auto& t : tokens_) {
    if (t.kind == Kind::nonce) named.push_back(t.value);
  }
  std::sort(named.begin(), named.end());
  put(w_.ledger.acknowledged());
  for (auto& e : w_.ledger.eras()) {
    if (!std::binary_search(named.begin(), named.end(), e.g.nonce)) continue;
    put(e.g), put(e.writer), put(e.acknowledged), put(e.flushed), put(e.excused), put(e.own), put(e.superseded);
    put(e.parent >= 0);
    if (e.parent >= 0) put(w_.ledger.eras()[static_cast<std::size_t>(e.parent)].g);
  }
}

std::uint64_t Canonical::hash() {
  machine(0), machine(1), network(), ledger();
  static std::array<std::vector<std::uint64_t>, kinds> values, met;
  for (auto& v : values) v.clear();
  for (auto& v : met) v.clear();
  for (auto& t : tokens_) {
    if (ordered(t.kind)) values[static_cast<std::size_t>(t.kind)].push_back(t.value);
  }
  for (std::size_t k = 0; k < kinds; ++k) {
    if (!ordered(static_cast<Kind>(k))) continue;
    std::sort(values[k].begin(), values[k].end());
    values[k].erase(std::unique(values[k].begin(), values[k].end()), values[k].end());
  }
  // Where the neighbour is missing a stream has one gap, however wide.
  auto& seqs = values[static_cast<std::size_t>(Kind::seq)];
  std::vector<std::uint64_t> place(seqs.size());
  for (std::size_t i = 0; i < seqs.size(); ++i) {
    auto before = i ? seqs[i - 1] : 0, at = i ? place[i - 1] : 0;
    place[i] = at + (seqs[i] == before + 1 ? 1 : 2);
  }
  std::uint64_t h = 1;
  for (auto& t : tokens_) {
    auto k = static_cast<std::size_t>(t.kind);
    std::uint64_t v = t.value;
    if (ordered(t.kind)) {
      auto i = static_cast<std::size_t>(std::lower_bound(values[k].begin(), values[k].end(), v) - values[k].begin());
      v = t.kind == Kind::seq ? place[i] : i + 1;
    } else if (t.kind != Kind::literal) {
      auto i = std::find(met[k].begin(), met[k].end(), v);
      v = static_cast<std::uint64_t>(i - met[k].begin());
      if (i == met[k].end()) met[k].push_back(t.value);
    }
    h = (h ^ v ^ (k << 58)) * 0x9fb21c651e98df25u;
    h ^= h >> 32;
  }
  return mix64(h);
}
} // namespace

std::uint64_t state_hash(const World& w) { return Canonical(w).hash(); }

} // namespace lockstep::sim::explore
