#include "core/node/invariants.hpp"
#include "core/node/node.hpp"

namespace lockstep {

namespace {
constexpr std::size_t most_tasks = 64, most_changes = 32, most_effects = 256;

std::uint8_t bit(Role r) { return static_cast<std::uint8_t>(1u << static_cast<unsigned>(r)); }
std::uint8_t role_of_step(Step s) {
  switch (s) {
  case Step::to_wait: return bit(Role::wait);
  case Step::to_alone: return bit(Role::alone);
  case Step::to_prim: return bit(Role::prim);
  case Step::to_second: return bit(Role::second);
  case Step::to_stop: return bit(Role::stop);
  default: return 0;
  }
}
bool mine(const Record& r) { return r.g.minted_by == r.node_uid; }
Duration lease_of(const NodeFacts& f) { return f.longest_timeout * 2 / 3; }

class Check : Requirements {
 public:
  Check(const NodeFacts& before, const NodeFacts& after, const NodeInput& in) : before_(before), after_(after), in_(in) {}
  std::optional<Broken> run(const NodeEffects&);

 private:
  void look(const nfx::Persist&);
  void look(const nfx::SendBeat&);
  void look(const nfx::ToMirror&);
  void look(const nfx::RaiseVip&);
  void look(const nfx::DropVip&) { drops_ = true; }
  void look(const nfx::RunScript&);
  void look(const nfx::AskArbiter&);
  void look(const nfx::Exit&) { require(!after_.address, invariant::address_in_lease, "the incarnation ends with the address up"); }
  template <class Other>
  void look(const Other&) {}
  void minted(const Record&, const Change&);
  bool peer_gave_up() const;
  void state();
  void lease();

  const NodeFacts &before_, &after_;
  const NodeInput& in_;
  bool drops_ = false, wrote_ = false, started_script_ = false;
};

std::optional<Broken> Check::run(const NodeEffects& effects) {
  for (const auto& e : effects) std::visit([this](const auto& x) { look(x); }, e);
  state();
  lease();
  require(after_.tasks <= most_tasks && after_.changes <= most_changes && effects.size() <= most_effects, invariant::node_bounds,
          "more tasks, changes or effects than anything honest needs");
  return std::move(broken_);
}

// ---------------------------------------------------------------- what is made durable
void Check::look(const nfx::Persist& e) {
  const auto &d = *after_.record, &r = e.record;
  bool free = !before_.writes_record || std::holds_alternative<nin::Persisted>(in_.what);
  require(free && !wrote_ && after_.change, invariant::record_in_order, "a second record while one is being written");
  wrote_ = true;
  if (broken_) return;
  const auto& c = *after_.change;
  require(r.rev == d.rev + 1 && !(r.incarnation < d.incarnation), invariant::record_in_order, "revision or incarnation out of order");
  bool adopts = c.kind == ChangeKind::equal || c.kind == ChangeKind::forget;
  require(r.g.counter >= d.g.counter || adopts, invariant::generation_grows, "the counter goes down");
  if (c.kind == ChangeKind::mint) minted(r, c);
  else require(r.state != Freshness::own || (d.state == Freshness::own && r.g == d.g), invariant::own_by_mint, "own without a mint");
  bool resynced = d.state == Freshness::outdated && d.why == Why::resynced;
  bool from = d.state == Freshness::shared || d.state == Freshness::own || resynced;
  require(r.state != Freshness::shared || (from && r.g == d.g), invariant::shared_by_handing_over, "shared from another state or generation");
  bool half = d.state == Freshness::inconsistent && r.state != Freshness::inconsistent && !d.g.none();
  require(!half || adopts || c.empty_history, invariant::inconsistent_stays, "inconsistent is left without a source");
  bool overruled = d.candidate && r.candidate && r.candidate->minted_as == MintedAs::op && d.candidate->minted_as != MintedAs::op && is_void(r, *d.candidate);
  require(!d.candidate || !r.candidate || d.candidate == r.candidate || overruled, invariant::one_candidate, "a second candidate while one is outstanding");
  require(r.history.size() <= history_hard_limit && r.voided.size() <= history_hard_limit, invariant::node_bounds, "the record's lists are too long");
}

bool Check::peer_gave_up() const {
  const auto* p = after_.peer;
  return p && p->record_state == RecordState::present && (p->record.state == Freshness::outdated || p->record.state == Freshness::inconsistent);
}

// control:M1-M5, E2.
void Check::minted(const Record& r, const Change& c) {
  const auto& d = *after_.record;
  bool fresh = r.state == Freshness::own && mine(r) && r.g != d.g && r.g.counter > d.g.counter;
  require(fresh, invariant::own_by_mint, "a mint that is no new generation of this node");
  if (c.adopt) {
    bool seen = d.candidate && r.g == *d.candidate && after_.key->value == d.candidate;
    require(seen, invariant::one_candidate, "a candidate is taken that the key was not seen to hold");
  }
  if (d.state != Freshness::shared || !after_.replicates) return;
  bool live = after_.standing == Standing::prim || after_.standing == Standing::second;
  bool silence = after_.mode == ArbiterMode::none || (after_.mode == ArbiterMode::ping && after_.witness_accepted);
  bool right = true;
  switch (c.rule) {
  case Rule::M2: right = before_.going_on == Rule::M2 || peer_gave_up(); break; // looked at when it began: what it said since changes nothing
  case Rule::GB2: right = peer_gave_up(); break;
  case Rule::M3: right = c.adopt && after_.mode == ArbiterMode::etcd; break;
  case Rule::M5: right = live && silence; break;
  case Rule::M4: break;
  default: right = false;
  }
  require(right, invariant::right_to_go_on, rule_name(c.rule));
}

// ---------------------------------------------------------------- what is said and served
void Check::look(const nfx::SendBeat& e) {
  const auto &b = e.beat.record, &d = *after_.record;
  require(b.rev == d.rev && b.state == d.state && b.g == d.g, invariant::claims_what_is_durable, "a beat claims another record");
}

void Check::look(const nfx::ToMirror& e) {
  const auto* p = std::get_if<order::Permit>(&e.order);
  if (!p || p->until == Instant::distant_past()) return;
  const auto& d = *after_.record;
  bool alone = p->until == Instant::never() && d.state == Freshness::own;
  bool pair = d.state == Freshness::shared && (after_.echo_sent == Instant::distant_past() ? p->until <= after_.now : p->until <= after_.echo_sent + lease_of(after_));
  require(p->generation == d.g.counter && mine(d) && (alone || pair), invariant::permit_in_lease, "Mirror is given more than the record and the lease allow");
}

void Check::look(const nfx::RaiseVip& e) {
  const auto& d = *after_.record;
  bool role = after_.role == Role::prim || after_.role == Role::alone;
  bool alone = d.state == Freshness::own && e.until <= after_.now + after_.longest_timeout;
  bool pair = d.state == Freshness::shared && e.until <= after_.echo_sent + lease_of(after_);
  require(role && mine(d) && (alone || pair), invariant::address_in_lease, "the address is raised without the right, or for longer");
}

void Check::lease() {
  if (after_.echo_sent > before_.echo_sent) {
    const auto* in = std::get_if<nin::BeatIn>(&in_.what);
    bool proven = in && in->beat.role == Role::second && in->beat.echo == after_.life && after_.echo_sent.ns == in->beat.echo_sent_ns;
    require(proven, invariant::echo_lease, "the lease was renewed by something else");
  }
  if (!after_.serving) return;
  const auto& d = *after_.record;
  bool alone = after_.standing == Standing::alone && d.state == Freshness::own;
  bool pair = after_.standing == Standing::prim && d.state == Freshness::shared && after_.now <= after_.echo_sent + lease_of(after_);
  bool role = after_.role == Role::prim || after_.role == Role::alone;
  require(role && mine(d) && (alone || pair), invariant::serves_what_it_wrote, "it serves by no right");
  require(!after_.replicates || after_.mount == MountKind::replicate, invariant::serves_what_it_wrote, "it serves and its tree is not intercepted");
}

// ---------------------------------------------------------------- the automaton
void Check::look(const nfx::RunScript&) {
  bool ended = !before_.script || std::holds_alternative<nin::ScriptDone>(in_.what);
  require(ended && !started_script_, invariant::one_script, "a script starts while another one runs");
  started_script_ = true;
}

void Check::state() {
  bool begins = after_.going_on == Rule::M2 && before_.going_on != Rule::M2;
  require(!begins || !after_.replicates || peer_gave_up(), invariant::right_to_go_on, "a consent that was not heard");
  require(!before_.address || after_.address || drops_, invariant::address_in_lease, "the address is forgotten");
  if (after_.role != before_.role) {
    unsigned legal = before_.roles_ahead;
    for (const auto& [from, event] : *after_.rows) {
      const auto& row = transition(from, event);
      for (auto s : row.steps) legal |= row.kind == RowKind::go ? role_of_step(s) : 0u;
    }
    require(legal & bit(after_.role), invariant::role_by_row, role_name(after_.role));
  }
  bool serves = after_.role == Role::prim || after_.role == Role::alone;
  require(after_.busy || serves || after_.mount != MountKind::replicate, invariant::mount_fits, role_name(after_.role));
  bool behind = after_.arbiter_revision < before_.arbiter_revision && !before_.store_went_back && !after_.store_went_back;
  require(!behind || after_.standing == Standing::second, invariant::store_goes_on, "a lower revision is believed");
}

// ---------------------------------------------------------------- the arbiter (control:E1-E4, (iii) 6)
void Check::look(const nfx::AskArbiter& e) {
  if (!e.put) return;
  const auto& d = *after_.record;
  bool candidate = d.candidate == e.put;
  bool own = *e.put == d.g && mine(d) && (d.state == Freshness::own || d.state == Freshness::shared);
  require(candidate || own, invariant::asks_what_it_may, "the key would get what is not durable here");
  if (after_.forced || after_.key->overrides) return;
  bool from = e.expected ? *e.expected == d.g || in_chain(d, *e.expected) || is_void(d, *e.expected) || d.candidate == e.expected
                         : own || e.put->minted_as == MintedAs::op;
  bool operators = after_.key->went_back && candidate && e.put->minted_as == MintedAs::op;
  require(from || operators, invariant::asks_what_it_may, "the key would be taken from a value that is not of this lineage");
}
} // namespace

std::optional<Broken> check(const NodeFacts& before, const NodeFacts& after, const NodeInput& in, const NodeEffects& effects) {
  return Check(before, after, in).run(effects);
}

NodeFacts Node::facts() const {
  NodeFacts f;
  f.now = now_, f.role = role_, f.standing = standing_;
  f.busy = busy(), f.serving = serving(now_), f.replicates = has_rfs(), f.address = vip_raised_;
  f.script = running_ && running_->ticket.value && running_->task.step <= Step::poststop;
  f.mount = mount_.value_or(MountKind::plain);
  for (const auto& t : tasks_) f.roles_ahead = static_cast<std::uint8_t>(f.roles_ahead | role_of_step(t.step));
  if (running_) f.roles_ahead = static_cast<std::uint8_t>(f.roles_ahead | role_of_step(running_->task.step));
  f.writes_record = writing_.has_value();
  f.going_on = continuing_ ? continuing_->rule : Rule::none;
  f.life = life();
  f.echo_sent = liveness_.echo_sent(), f.longest_timeout = liveness_.longest_timeout();
  f.mode = config_.module.check.splitbrain.mode;
  f.witness_accepted = episode_.accepted, f.forced = want_ == Want::primforce;
  f.arbiter_revision = key_.revision, f.store_went_back = key_.went_back || durable_.arbiter_revision == arbiter_went_back;
  f.tasks = tasks_.size(), f.changes = changes_.size();
  f.record = &durable_, f.change = writing_ ? &writing_->change : nullptr;
  f.peer = peer_ ? &*peer_ : nullptr, f.key = &key_, f.rows = &rows_taken_;
  return f;
}

} // namespace lockstep
