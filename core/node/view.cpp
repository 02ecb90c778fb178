// What people see, and the question the shim asks before anything dangerous.
#include "core/node/node.hpp"
#include "core/base/mutant.hpp"
#include <charconv>

namespace lockstep {

std::string to_text(const ResyncProgress& p) {
  std::string text = p.full ? "1" : "0";
  for (auto n : {p.dirs_done, p.dirs_total, p.files_done, p.files_total, p.bytes_sent, p.bytes_compared, p.bytes_total})
    text += " " + std::to_string(n);
  return text;
}

std::optional<ResyncProgress> parse_progress(const std::string& text) {
  ResyncProgress p;
  std::uint64_t full = 0;
  const char *at = text.data(), *end = at + text.size();
  for (auto* n : {&full, &p.dirs_done, &p.dirs_total, &p.files_done, &p.files_total, &p.bytes_sent, &p.bytes_compared, &p.bytes_total}) {
    if (n != &full && (at == end || *at++ != ' ')) return std::nullopt;
    auto [rest, error] = std::from_chars(at, end, *n);
    if (error != std::errc()) return std::nullopt;
    at = rest;
  }
  p.full = full != 0;
  return at == end ? std::optional(p) : std::nullopt;
}

bool Node::serving(Instant now) const {
  if (ended_ || busy() || quiesced_ || !beating_) return false;
  if (role_ == Role::alone && standing_ == Standing::alone) return lease_holds(now) && !mutated(Mutant::alone_is_not_ready);
  bool pair = standing_ == Standing::prim && (role_ == Role::prim || role_ == Role::alone);
  return pair && lease_holds(now);
}

NodeView Node::view() const {
  NodeView v;
  v.role = role_, v.sub = sub();
  v.serving = serving(now_);
  v.uptodate = standing_ == Standing::alone || standing_ == Standing::prim || standing_ == Standing::second ||
               (!durable_.g.none() && durable_.state == Freshness::own);
  v.peer_known = hearing();
  if (v.peer_known) v.peer_role = peer_->role, v.peer_sub = peer_->sub, v.peer = peer_;
  else v.peer_refused = peer_refused_;
  if (role_ == Role::wait) v.wait = wait_;
  v.record = durable_;
  v.resync = progress_;
  if (following_ && following_->acknowledged && hearing()) // the source counts
    for (const auto& [name, value] : peer_->resources)
      if (name == resync_resource) v.resync = parse_progress(value);
  v.writes_held = held_, v.held_since = held_since_;
  for (const auto& [name, r] : resources_) v.resources.push_back(r);
  return v;
}

// One place says every change of state, whatever caused it.
void Node::report_state() {
  auto s = sub();
  if (!begun_ || (role_ == said_role_ && s == said_sub_)) return;
  said_role_ = role_, said_sub_ = s, beat_now_ = true;
  auto text = std::string(role_name(role_)) + " " + sub_name(s);
  tell(Rule::state, static_cast<std::int64_t>(role_), static_cast<std::int64_t>(s));
  log('E', "heart", "Local state " + text);
  set_resource("state.local", text, "heart");
}

} // namespace lockstep
