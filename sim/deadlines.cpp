#include "sim/deadlines.hpp"
#include "sim/oracles.hpp"

namespace lockstep::sim {
namespace {
constexpr Duration scripts = seconds(10);    // flush, mount and the scripts of a takeover, when nothing hangs
constexpr Duration stop_scripts = seconds(20 + 3 * 2); // nice, force, and three that are killed
} // namespace

Duration Deadlines::longest_timeout() const {
  Duration d{};
  for (auto& n : plan_.networks) d = std::max(d, n.timeout);
  return d;
}

Duration Deadlines::held_up(NodeIndex n, Instant since) const {
  Duration sum{};
  for (auto& e : plan_.events) {
    bool disk = e.what >= What::eio && e.what <= What::log_error;
    bool holds = disk || e.what == What::pause || e.what == What::freeze || e.what == What::clock_rate || e.what == What::script_hangs || e.what == What::script_fails ||
                 e.what == What::mount_fails || e.what == What::vip_fails || e.what == What::process_dead || e.what == What::checker_down;
    if (!holds || (n != 2 && e.node != n)) continue;
    // What a hanging disk had queued, and what a failed record waits for, takes a while more.
    auto end = earlier(Instant{(e.at + e.length).ns}, Instant{plan_.heal.ns}) + seconds(20);
    auto from = later(Instant{e.at.ns}, since), to = earlier(end, queue_.now());
    if (from < to) sum = sum + (to - from);
  }
  return sum;
}

void Deadlines::partner_died(const Host& survivor) {
  auto n = survivor.index();
  auto& r = survivor.disk().state.record;
  if (!survivor.running() || survivor.paused() || !r || !r->failover) return;
  bool member = survivor.node()->sub() == Sub::ready && survivor.node()->role() != Role::wait;
  if (member && (r->state == Freshness::shared || r->state == Freshness::own))
    alone_[n] = {queue_.now(), queue_.now() + longest_timeout() + scripts};
}

void Deadlines::commanded(const Host& h, Verb v) {
  alone_[h.index()] = {};
  bool stops = v == Verb::stop || v == Verb::forcestop;
  auto& s = stop_[h.index()];
  if (!stops || !h.running() || s.at != Instant::never()) return;
  // A start script is given its nice limit; the stream is handed over, then held writes end; the goodbye is repeated for a while.
  s = {queue_.now(), queue_.now() + stop_scripts + seconds(12 + 10 + 10 + 30) + longest_timeout() * 2};
}

void Deadlines::connection_reset(const Host& target, const Session* followed) {
  bool copies = target.running() && followed && target.mirror()->role() == MirrorRole::target && target.mirror()->linked();
  if (copies) copy_[target.index()] = Copy{*followed, queue_.now()};
}

Deadlines::Finding Deadlines::follows(const Host& target, const Session& s) {
  auto was = std::exchange(copy_[target.index()], std::nullopt);
  if (!was || queue_.now() > was->reset_at + seconds(5) || s.source_life != was->session.source_life) return {};
  for (auto& e : plan_.events) { // any other fault may be the reason
    bool harmless = e.what == What::reset || e.what == What::snapshot || e.what == What::write || e.what == What::slow_disk;
    if (!harmless && e.at.ns <= queue_.now().ns && was->reset_at < Instant{(e.at + e.length).ns} + seconds(30)) return {};
  }
  return {{&oracle::L6, "begins session " + std::to_string(s.number) + " after a reset of the connection in session " +
                            std::to_string(was->session.number)}};
}

Deadlines::Finding Deadlines::copies_in_full() const {
  if (plan_.memory < Plan{}.memory) return {}; // data:T27
  // With failover off a primary that lost its memory is the source all the same. Only the other's set says what differs, and a copy that
  // breaks when it has been used leaves nothing to count from.
  bool off = !plan_.failover, memory_lost = false;
  for (auto& e : plan_.events) {
    bool disk = (e.what >= What::eio && e.what <= What::log_error && e.what != What::slow_disk && e.what != What::hung_disk) ||
                (e.what >= What::lose_record && e.what <= What::rot_log && e.what != What::snapshot);
    bool operators = e.word.find("fullsync") != std::string::npos || e.word == "primforce";
    if (e.at.ns > queue_.now().ns) continue;
    if (disk || operators) return {};
    off = off || e.word == "failover_off";
    memory_lost = memory_lost || e.what == What::crash || e.what == What::kill || e.what == What::crash_on || e.what == What::kill_on;
  }
  if (off && memory_lost) return {};
  return {{&oracle::L6f, "copies everything again"}};
}

void Deadlines::serves(const Host& h) {
  auto& r = h.disk().state.record;
  if (r && r->state == Freshness::own) alone_[h.index()] = {}; // a restart of its application later is another matter
}

Deadlines::Finding Deadlines::overdue(const Host& h, bool witness_refused) {
  auto n = h.index();
  if (!witness_refused && !h.paused() && !h.serves() && passed(alone_[n], n))
    return {{&oracle::L2, "was left alone " + std::to_string((queue_.now() - alone_[n].since).in_ms()) + " ms ago and does not serve"}};
  if (passed(stop_[n], n)) return {{&oracle::L5, "was told to stop " + std::to_string((queue_.now() - stop_[n].since).in_ms()) + " ms ago"}};
  return {};
}

Deadlines::Finding Deadlines::unanswered(const Host&, Instant since, const Op& op) const {
  // Silence or a slow peer settles it, else the operations end with an error before the stop scripts (control:Y1).
  Due d{since, since + longest_timeout() * 2 + seconds(10 + 30 + 10) + stop_scripts};
  if (!passed(d, 2)) return {};
  return {{&oracle::L4, to_string(op) + " is not answered after " + std::to_string((queue_.now() - since).in_ms()) + " ms"}};
}

} // namespace lockstep::sim
