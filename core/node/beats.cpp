// Whose claim counts, and what this node claims. Beats arrive late, twice and in any order, over several networks; a
// claim counts only when it is newer than the last one of its incarnation, and is acted upon only when it echoes this
// incarnation.
#include "core/node/node.hpp"
#include "core/base/mutant.hpp"
#include <algorithm>

namespace lockstep {

// A late beat of an older life must not replace the living one: it has to prove that it heard us since. When that one is silent, another is
// listened to, for both nodes may wait for each other's proof; it counts when it has heard what leaves from now on.
bool Node::accept_sender(const nin::BeatIn& in) {
  const auto& b = in.beat;
  auto from_here = [&] {
    for (std::uint32_t i = 0; i < echo_floor_.size(); ++i) echo_floor_[i] = liveness_.sent_seq(i);
    return true;
  };
  if (!peer_) return from_here();
  bool same_number = b.node_uid == peer_->node_uid && b.incarnation == peer_->incarnation;
  if (same_number && (b.nonce == peer_->nonce || mutated(Mutant::old_incarnation_counts))) return true;
  bool newer = b.node_uid == peer_->node_uid && b.incarnation > peer_->incarnation;
  bool answers = liveness_.hears_us(in.network, b, life(), now_) && b.echo_seq > echo_floor_[in.network];
  bool gone = !liveness_.any_heard(now_) && !mutated(Mutant::silent_life_is_kept);
  if ((!newer || lived_twice_) && !answers && !gone && !mutated(Mutant::old_incarnation_counts)) {
    at_work_.add(Rule::R4);
    return false;
  }
  lived_twice_ = !newer && b.node_uid == peer_->node_uid;
  liveness_.forget_peer(now_, answers || newer);
  deaf_from_ = now_ + liveness_.longest_timeout();
  peer_.reset();
  return from_here();
}

void Node::handle(const nin::BeatIn& in) {
  peer_refused_.clear();
  if (!begun_ || in.network >= config_.networks.size() || in.beat.node_name == config_.name) return;
  if (!accept_sender(in)) return;
  bool first = !peer_, was_proven = liveness_.proven();
  liveness_.heard(in.network, in.beat, life(), now_);
  if (first || in.beat.sent_ns > peer_->sent_ns || mutated(Mutant::late_claim_counts)) {
    take_claim(in.beat);
    bool hears = liveness_.hears_us(in.network, in.beat, life(), now_);
    if (hears && in.beat.echo_seq > left_floor_[in.network]) peer_saw_me_leave_ = true;
  } else at_work_.add(Rule::R4);
  if (liveness_.proven() && !was_proven) tell(Rule::link_up, static_cast<std::int64_t>(in.beat.incarnation.value), 0, in.beat.node_name);
  if (first) beat_now_ = true; // answer at once: it shortens every meeting by a pulse
}

// What a life claims is durable: a later one that did not find it began from a restored disk.
void Node::note_claim(const Beat& b) {
  if (b.record_state != RecordState::present) return;
  if (heard_.uid != b.node_uid) heard_ = {b.node_uid, b.incarnation, b.record.rev, false};
  if (b.incarnation > heard_.incarnation && b.record.boot_rev < heard_.rev && !mutated(Mutant::restored_source_is_continued)) heard_.went_back = true;
  if (heard_.went_back) return;
  heard_.incarnation = std::max(heard_.incarnation, b.incarnation), heard_.rev = std::max(heard_.rev, b.record.rev);
}

void Node::take_claim(const Beat& b) {
  peer_ = b;
  note_claim(b);
  auto remote = std::string(role_name(b.role)) + " " + sub_name(b.sub);
  if (remote == said_remote_ || !hearing()) return; // what a life said that is over is no news
  said_remote_ = remote;
  log('E', "heart", "Remote state " + remote);
  set_resource("state.remote", remote, "heart");
}

// Resources of the networks, and of the other node once it is silent on all of them.
void Node::watch_links() {
  if (!beating_) return;
  for (std::uint32_t i = 0; i < config_.networks.size(); ++i) {
    bool up = liveness_.good(i, now_);
    if (up == link_up_[i]) continue;
    link_up_[i] = up;
    tell(up ? Rule::link_up : Rule::link_down, i, 0, config_.networks[i].ident);
    set_resource("heartbeat." + config_.networks[i].ident, up ? "up" : "down", "heart");
  }
  if (hearing() || said_remote_.empty() || said_remote_ == "UNKNOWN Unknown") return;
  said_remote_ = "UNKNOWN Unknown";
  log('E', "heart", "Remote state UNKNOWN Unknown");
  set_resource("state.remote", "UNKNOWN Unknown", "heart");
}

RecordState Node::claimed_record_state() const { return durable_.g.none() ? boot_state_ : RecordState::present; }

bool Node::live() const {
  bool pair = standing_ == Standing::prim || standing_ == Standing::second;
  return pair && durable_.state == Freshness::shared && !quiesced_;
}

// The writer of a shared generation is PRIM, the other SECOND, whatever a refused node's role says.
static LiveAs live_as(bool live, const Record& r) {
  return !live ? LiveAs::no : r.g.minted_by == r.node_uid ? LiveAs::prim : LiveAs::second;
}

Side Node::my_side() const {
  return {claimed_record_state(), &durable_, live_as(live(), durable_), config_.config_digest,
          compare_version,        boot_.dirs_empty, checkpoint_, peer_checkpoint_, went_back_};
}

Side Node::peer_side() const {
  const auto& b = *peer_;
  // What a living half of the pair told on the stream it claims as well, though its last beat may be older: it did not go back in
  // time. One that boots is not live: a restored node may bear the number of an incarnation that was heard before (control:T1).
  auto checkpoint = b.live && b.incarnation == announced_by_ ? std::max(b.checkpoint, announced_) : b.checkpoint;
  return {b.record_state, &b.record,  live_as(b.live, b.record), b.config_digest, b.compare_version, b.dirs_empty,
          checkpoint,     0, b.went_back};
}

Beat Node::claim() const {
  Beat b;
  b.compare_version = compare_version;
  b.node_uid = durable_.node_uid, b.incarnation = incarnation_, b.nonce = life().nonce, b.node_name = config_.name;
  b.config_digest = config_.config_digest;
  b.record_state = claimed_record_state(), b.record = durable_;
  if (mutated(Mutant::undurable_record_is_claimed) && writing_) b.record = writing_->record;
  b.dirs_empty = boot_.dirs_empty, b.went_back = went_back_, b.checkpoint = checkpoint_;
  b.live = live(), b.role = role_, b.sub = sub(), b.serving = serving(now_);
  b.failover = durable_.failover, b.checkers_up = !pre_checker_down().has_value();
  b.goodbye = goodbye_, b.last = goodbye_last_;
  b.consent = role_ == Role::wait && durable_.state == Freshness::outdated && durable_.why == Why::consent;
  b.asks_consent = asks_consent_, b.wants_swap = wants_swap_;
  b.swap_ready = standing_ == Standing::second && !busy() && b.checkers_up;
  if (peer_) b.quotes_rev = peer_->record.rev;
  if (following_ && following_->started) {
    b.resync_active = true, b.session = following_->session, b.equal = following_->equal;
    if (b.equal) b.last = following_->at;
  } else if (serving_copy_) {
    b.resync_active = true, b.session = serving_copy_->session, b.ready_for = serving_copy_->shared || mutated(Mutant::own_given_up_late);
  } else {
    b.session = ended_copy_; // not active: the target may have missed that it ever was
  }
  b.resources.reserve(resources_.size() + 1);
  if (serving_copy_ && progress_) b.resources.emplace_back(resync_resource, to_text(*progress_));
  for (const auto& [name, r] : resources_) b.resources.emplace_back(name, r.value);
  return b;
}

void Node::send_beats() {
  std::optional<Beat> b;
  for (std::uint32_t i = 0; i < config_.networks.size(); ++i) {
    if (!beat_now_ && !liveness_.due(i, now_)) continue;
    if (!b) b = claim();
    liveness_.stamp(i, *b, now_);
    if (mute()) continue;
    // A SECOND that has decided to act gives no more echo: it would renew the lease of a PRIM that it leaves behind. A peer that restarted
    // has no lease, and has to see that it is heard before it can consent.
    bool restarted = peer_ && peer_->role == Role::wait && !peer_->live;
    bool acts = (continuing_ && continuing_->minting) || durable_.candidate || changing(ChangeKind::claim);
    if (standing_ == Standing::second && role_ == Role::second && acts && !restarted && !mutated(Mutant::acting_second_echoes))
      b->echo = {}, b->echo_seq = 0, b->echo_sent_ns = 0;
    bool last = i + 1 == config_.networks.size();
    emit(nfx::SendBeat{i, last ? std::move(*b) : *b});
  }
  beat_now_ = false;
}

} // namespace lockstep
