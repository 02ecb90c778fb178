#include "core/node/node.hpp"
#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"

namespace lockstep {
namespace {
constexpr Duration after_failure = seconds(10); // before this node copies again: what it lacks, room mostly, rarely comes at once
} // namespace

NodeUid uid_of(const Boot& b) { return b.record ? b.record->node_uid : b.fresh_uid; }
Incarnation next_incarnation(const Boot& b) { return {b.record ? b.record->incarnation.value + 1 : 1}; }

Node::Node(const NodeConfig& config, const Boot& boot, std::uint64_t seed, Instant now)
    : config_(config), boot_(boot), prng_(seed), now_(now), last_step_(now), started_(now), wall_s_(boot.wall_s),
      incarnation_(next_incarnation(boot)), life_nonce_(mutated(Mutant::lives_not_told_apart) ? 0 : Prng(~seed).next()), liveness_(config.networks, now) {
  if (boot.record)
    durable_ = *boot.record;
  else
    durable_.node_uid = boot.fresh_uid, durable_.failover = config.module.service.failover; // until a command changes it
  // A record that never was part of a data set says no more than none; directories that carry an identity then say it
  // was lost.
  boot_state_ = boot.record_state == RecordState::present ? RecordState::blank : boot.record_state;
  if (durable_.g.none() && (!boot.dirs_uid.none() || boot.record_damaged)) boot_state_ = RecordState::lost;
  marked_dirs_ = boot.dirs_uid;
  checkpoint_ = boot.checkpoint_file < boot.checkpoint_root ? boot.checkpoint_file : boot.checkpoint_root;
  peer_checkpoint_ = durable_.peer_checkpoint_seen;
  heard_ = known_of_peer(durable_);
  echo_floor_.resize(config.networks.size());
  left_floor_.resize(config.networks.size());
  link_up_.resize(config.networks.size());
  processes_.resize(config.module.errd ? config.module.errd->procs.size() : 0);
}

void Node::step(const NodeInput& input, NodeEffects& effects) {
  LOCKSTEP_ASSERT(input.now >= now_);
  if (ended_) return; // the host destroys this node: what still arrives is for nobody
  out_ = &effects;
  now_ = input.now, wall_s_ = input.wall_s;
  rows_taken_.clear(), at_work_.clear();
  notice_pause();
  std::visit([this](const auto& what) { handle(what); }, input.what);
  settle();
  last_step_ = now_;
  out_ = nullptr;
}

// Everything that may go on now does, until nothing moves. Each round consumes a queue entry or changes a state, so the
// bound is never reached by an honest machine.
void Node::settle() {
  for (int round = 0; !ended_; ++round) {
    LOCKSTEP_ASSERT(round < 1000);
    if (!loopback_.empty()) {
      auto what = loopback_.front();
      loopback_.pop_front();
      heard_from_mirror(what);
      continue;
    }
    auto before = std::tuple(tasks_.size(), running_.has_value(), changes_.size(), last_ticket_, role_, standing_,
                             loopback_.size());
    pump_persist();
    watch_key();
    while (!ended_ && pump_task()) {
    }
    if (ended_) break;
    check_step_limit();
    watch_held();
    watch_links();
    watch_pair();
    check_continuing();
    watch_target();
    watch_source();
    watch_defaultprim();
    decide();
    if (before == std::tuple(tasks_.size(), running_.has_value(), changes_.size(), last_ticket_, role_, standing_,
                             loopback_.size()))
      break;
  }
  if (ended_) return;
  refresh_vip();
  report_state();
  if (beating_) send_beats();
}

// A gap between two steps means that this node stood still: its address goes first, then it thinks (design 3, control
// (iii) 22).
void Node::notice_pause() {
  auto gap = now_ - last_step_, pulse = liveness_.shortest_pulse();
  if (!beating_ || gap <= pulse * 2 || mutated(Mutant::self_pause_ignored)) return;
  tell(Rule::self_pause, gap.in_ms());
  log('E', "heart",
      "This node stood still for " + std::to_string(gap.in_ms()) +
          " ms: nothing is served until the other node is heard again");
  liveness_.distrust(last_step_, now_);
  if (standing_ == Standing::prim) renew_permit();
  // ALONE has no lease; after a long absence it listens before its address comes back.
  if (standing_ == Standing::alone && gap > liveness_.longest_timeout())
    distrust_until_ = now_ + liveness_.listen_time();
  if (!lease_holds(now_) || mutated(Mutant::pause_renews_the_address)) refresh_vip(); // it goes here; what the step brings decides whether it stays
}

Instant Node::next_deadline() const {
  if (ended_ || !begun_) return Instant::never();
  auto next = Instant::never();
  auto at = [&](Instant t) {
    if (t > now_) next = earlier(next, t);
  };
  if (beating_) at(liveness_.next_deadline(now_));
  if (beating_ && now_ < listen_until_) at(listen_until_);
  if (running_) at(running_->limit);
  at(hold_bound());
  if (!writing_) at(persist_retry_);
  at(follow_from_), at(distrust_until_);
  at(key_.wake), at(key_.limit), at(deaf_from_);
  if (etcd() && lease_lost_) at(lease_lost_from_ + liveness_.longest_timeout() * 2);
  if (vip_wanted_) at(vip_next_);
  if (goodbye_ != Goodbye::none) at(goodbye_until_);
  for (const auto& p : processes_)
    if (p.from != Instant::never()) at(p.from);
  return next;
}

void Node::handle(const nin::Wake&) {}

void Node::handle(const nin::Mirror& in) { heard_from_mirror(in.what); }

void Node::handle(const nin::WitnessAnswer& in) {
  if (!episode_.asked || episode_.ticket != in.ticket || episode_.answered) return stale(in.ticket);
  episode_.answered = true, episode_.accepted = in.reachable;
  set_resource("splitbrain." + config_.module.check.splitbrain.ident, in.reachable ? "up" : "down", "splitbraincheck");
}

void Node::handle(const nin::AsideDone& in) {
  if (aside_ != Aside::copying || aside_ticket_ != in.ticket) return stale(in.ticket);
  aside_ = in.ok ? Aside::done : Aside::failed;
  if (in.ok)
    return log('E', "reintegre",
               "The files that this node will lose are kept in " + std::string("diverged/") + to_string(durable_.g));
  aside_problem_ = in.problem;
  wait_for_room();
}

void Node::handle(const nin::PeerRejected& in) {
  peer_refused_ = in.why;
  log('E', "heart", in.why);
}

// Orders go to Mirror; a module without <rfs> has none, and what Mirror would say about no data is said here.
void Node::to_mirror(MirrorOrder order) {
  if (has_rfs()) return emit(nfx::ToMirror{std::move(order)});
  if (std::holds_alternative<order::PrepareAlone>(order)) loopback_.push_back(said::AloneReady{{}, true});
  if (std::holds_alternative<order::Quiesce>(order) || std::holds_alternative<order::HandOver>(order))
    loopback_.push_back(said::Quiesced{{}, true});
  if (auto* f = std::get_if<order::FollowResync>(&order)) loopback_.push_back(said::EqualAt{f->session, {}});
}

namespace {
template <class... F>
struct Overload : F... {
  using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;
} // namespace

void Node::heard_from_mirror(const MirrorSaid& what) {
  std::visit(
      Overload{
          [this](const said::AloneReady& s) {
            if (!continuing_ || continuing_->ready) return;
            continuing_->ready = true, continuing_->covers = s.covers, continuing_->last = s.last;
          },
          [this](const said::SourceDrained& s) { tell(Rule::D13, static_cast<std::int64_t>(s.at.seq)); },
          [this](const said::EqualAt& s) {
            if (!following_ || following_->session != s.session || following_->equal || changing(ChangeKind::equal))
              return;
            following_->at = s.at;
            change({.kind = ChangeKind::equal, .rule = Rule::R1, .session = s.session});
          },
          [this](const said::Quiesced& s) {
            quiesced_ = {s.last, s.covers};
            if (!s.complete) leave_complete_ = false;
            permit_ = {durable_.g.counter, Instant::distant_past()}; // before anything durable says that it left
            to_mirror(permit_);
          },
          [this](const said::PeerLost& s) { log('I', "reintegre", "The replication connection is lost: " + s.why); },
          [this](const said::PeerBack&) { log('I', "reintegre", "The replication connection is established"); },
          [this](const said::PeerFailed& s) {
            log('E', "reintegre", "Replication with the other node is broken: " + s.why);
            tell(s.rule, 0, 0, s.why);
            // Already when the pair is being recorded: Mirror says it once, and the new SECOND hears it as soon as it is one.
            bool pairing = serving_copy_ && serving_copy_->pairing && !mutated(Mutant::failure_at_pairing_unheard);
            if (standing_ == Standing::prim || pairing)
              asks_consent_ = true, beat_now_ = true;
            else if (standing_ == Standing::alone)
              stop_serving_copy(s.why);
            else if (standing_ == Standing::second)
              leave_by_consent(s.why);
            else if (standing_ == Standing::target)
              restart_following(s.why);
          },
          [this](const said::SelfFailed& s) {
            log('C', "reintegre", "This node cannot replicate: " + s.why);
            tell(s.rule, 0, 0, s.why);
            leave_complete_ = false;
            if (standing_ == Standing::second)
              leave_by_consent(s.why), follow_from_ = now_ + after_failure;
            else if (standing_ == Standing::target)
              end_following(s.why, after_failure);
          },
          [this](const said::Held& s) {
            held_ = s.holding;
            if (s.holding) held_since_ = s.since;
          },
          [this](const said::Progress& s) {
            if (serving_copy_ && !serving_copy_->done) progress_ = s.progress;
          },
          [this](const said::Checkpointed& s) {
            checkpoint_ = s.own;
            if (s.of == announced_by_) announced_ = std::max(announced_, s.peer);
            else announced_ = s.peer, announced_by_ = s.of;
            if (s.peer.generation == durable_.base.counter && s.peer.seq > peer_checkpoint_) peer_checkpoint_ = s.peer.seq;
          },
          [this](const said::Received& s) { received_ = s.last; },
      },
      what);
}

} // namespace lockstep
