// The moments of a story: each a plain sentence for someone who has never seen the code.
#include "sim/picture/story.hpp"

namespace lockstep::sim {
namespace {
constexpr std::size_t most_moments = 600;
std::string name(NodeIndex n) { return n ? "b" : "a"; }
bool serves(Role r) { return r == Role::alone || r == Role::prim; }

void put_name(std::string& text, const std::string& words, const std::string& name) {
  for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + name.size())) text.replace(at, words.size(), name);
}
// The rules' sentences speak of "this node" and "the other node".
std::string for_node(std::string sentence, NodeIndex n) {
  put_name(sentence, "the other node", name(1 - n));
  put_name(sentence, "the other's", name(1 - n) + "'s");
  put_name(sentence, "this node", name(n));
  return sentence;
}
const char* of_class(Class c) {
  switch (c) {
  case Class::beat0: return "heartbeats of network 0";
  case Class::beat1: return "heartbeats of network 1";
  case Class::beats: return "heartbeats";
  case Class::stream: return "replication traffic";
  default: return "message";
  }
}
} // namespace

std::string seconds_text(std::int64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, ns < 10'000'000'000 ? "%.1f s" : "%.0f s", double(ns) / 1e9);
  return text;
}

void Storyteller::moment(Instant t, int node, std::string text, Moment::Weight weight) {
  auto& all = story_.moments;
  for (auto i = all.rbegin(); i != all.rend() && i->at + 1'000'000'000 > t.ns; ++i) {
    if (i->text == text) return;
  }
  if (all.size() < most_moments || weight == Moment::alarm) all.push_back({t.ns, node, weight, std::move(text)});
}

std::string Storyteller::why_alone(Instant t, NodeIndex n) {
  auto me = name(n), other = name(1 - n);
  auto silence = now_[n].heard.ns ? seconds_text((t - now_[n].heard).ns) : std::string();
  switch (now_[n].right) {
  case Rule::M5: return me + " has heard nothing from " + other + (silence.empty() ? "" : " for " + silence) + ": it goes on alone";
  case Rule::M3: return me + " has heard nothing from " + other + (silence.empty() ? "" : " for " + silence) + " and the arbiter accepted it: it goes on alone";
  case Rule::M2: return other + " gave up its claim, durably: " + me + " goes on alone";
  case Rule::M4: return "An operator said that " + me + " holds the data: it serves alone";
  case Rule::M1:
  case Rule::T3: return me + " was the one that went on alone before: it may serve by itself";
  default: return me + " serves alone";
  }
}

void Storyteller::record_changed(Instant t, const Host& h, const Record& before, bool also_role) {
  auto n = h.index();
  auto& r = now_[n].record;
  bool minted = r.g.minted_by == r.node_uid && r.g.counter > before.g.counter;
  if (minted && !also_role) moment(t, n, name(n) + " mints generation " + label(r.g) + " and has it on disk.");
}

void Storyteller::role_changed(Instant t, const Host& h, const Now& before, const NodeView& v) {
  auto n = h.index();
  auto& now = now_[n];
  auto me = name(n), other = name(1 - n);
  bool was_ready = before.state.find(" Ready") != std::string::npos, ready = v.sub == Sub::ready;
  if (v.role != before.role) {
    switch (v.role) {
    case Role::alone:
      moment(t, n, why_alone(t, n) + ", in generation " + label(now.record.g) + ", which is on its disk before the first write completes.");
      break;
    case Role::second: moment(t, n, ready ? me + " is SECOND again: the pair resumes." : me + " becomes SECOND and copies " + (now.asked_full ? "everything" : "what differs") + " from " + other + "."); break;
    case Role::prim: moment(t, n, me + " is PRIM: from here it completes nothing that " + other + " has not received."); break;
    case Role::wait:
      if (serves(before.role)) moment(t, n, me + " gives up serving.");
      break;
    case Role::stop: break;
    }
  } else if (v.role == Role::second && ready && !was_ready && before.state != "PAUSED") {
    moment(t, n, me + " is in step: everything " + other + " acknowledged is here too.");
  }
  bool said = v.wait.kind == Wait::none || v.wait.kind == Wait::starting || v.wait.kind == Wait::stopping;
  if (!said && v.role == Role::wait && (v.wait.kind != before.wait.kind || v.wait.rule != before.wait.rule))
    moment(t, n, me + " waits: " + for_node(v.wait.why, n) + "; it needs " + for_node(v.wait.needs, n) + ".");
}

void Storyteller::told(Instant t, const Host& h, const Note& note) {
  auto n = h.index();
  auto& now = now_[n];
  switch (note.rule) {
  case Rule::M1: case Rule::M2: case Rule::M3: case Rule::M4: case Rule::M5: case Rule::T3: now.right = note.rule; break;
  case Rule::link_down: moment(t, n, name(n) + " hears nothing any more on network \"" + note.text + "\"."); break;
  case Rule::lease_lost: moment(t, n, name(n) + " cannot prove that " + name(1 - n) + " still hears it: writes are held and the address goes until that is settled."); break;
  case Rule::lease_back: moment(t, n, name(n) + " is heard again: it goes on serving."); break;
  case Rule::self_pause: moment(t, n, name(n) + " notices that it stood still for " + seconds_text(note.x * 1'000'000) + ": it does not trust what it last saw."); break;
  case Rule::witness_refused: moment(t, n, "No witness answered " + name(n) + ": it stops serving and waits."); break;
  case Rule::Y2: moment(t, n, name(n) + " gives way to " + name(1 - n) + " and has that on disk."); break;
  case Rule::G0: case Rule::T1: case Rule::T2: case Rule::K2: case Rule::K2L: case Rule::N2: case Rule::N2F: case Rule::S0: case Rule::S1:
  case Rule::S4: case Rule::S4c: case Rule::S5: case Rule::A1: case Rule::A2: case Rule::F1: case Rule::F2: case Rule::F3: {
    // Told by the one that follows; the sentence is the winner's.
    auto text = "The two records are compared: " + for_node(rule_sentence(note.rule), 1 - n) + ".";
    if (std::exchange(now.last_verdict, text) != text) moment(t, n, text);
    break;
  }
  case Rule::disk_error: moment(t, n, "A flush fails on " + name(n) + "."); break;
  case Rule::apply_failed: moment(t, n, name(n) + " cannot apply what it received: " + note.text + "."); break;
  case Rule::peer_too_slow: moment(t, n, name(1 - n) + " does not answer " + name(n) + " in time: it leaves the pair."); break;
  default: break;
  }
}

void Storyteller::ordered(Instant, const Host& h, const MirrorOrder& o) {
  if (auto f = std::get_if<order::FollowResync>(&o)) now_[h.index()].asked_full = f->session.full;
}
void Storyteller::said(Instant t, const Host& h, const MirrorSaid& s) {
  auto n = h.index();
  auto held = std::get_if<said::Held>(&s);
  if (held && held->holding) moment(t, n, name(n) + " holds writes: nothing says that " + name(1 - n) + " has received them.");
}

// The heart of a fork: two nodes that serve at one moment, each in a generation of its own.
void Storyteller::both(Instant t) {
  bool is = now_[0].serving && now_[1].serving;
  if (is != both_) {
    both_ = is;
    if (is) {
      change(story_.both_serve, t, "both", "");
      moment(t, 2, "BOTH nodes serve now: a in generation " + label(now_[0].record.g) + ", b in " + label(now_[1].record.g) +
                       ". What one of them acknowledges from here, the other does not have: the data fork.", Moment::alarm);
    } else {
      close(story_.both_serve, t);
      moment(t, 2, "Only one node serves again.");
    }
  }
  auto count = [&](int n) { return acknowledged_[now_[n].record.g.nonce]; };
  if (is && !both_acknowledged_ && now_[0].record.g != now_[1].record.g && count(0) && count(1)) {
    both_acknowledged_ = true;
    moment(t, 2, "Both sides of the fork have acknowledged operations: " + std::to_string(count(0)) + " on a and " + std::to_string(count(1)) + " on b so far.", Moment::alarm);
  }
  if (!is) both_acknowledged_ = false;
}

void Storyteller::fault(Instant t, const Event& e) {
  if (is_fault(e.what) && e.length.ns > 0 && e.what != What::crash && e.what != What::kill && e.what != What::crash_on && e.what != What::kill_on) {
    bool link = e.what < What::crash && e.what != What::reset;
    bool of_arbiter = e.what >= What::arbiter_down && e.what <= What::arbiter_restored;
    std::string where = link ? name(e.node) + ">" + (e.other == 2 ? "w" : name(e.other)) : e.what == What::witness_down || of_arbiter ? "w" : name(e.node);
    if (e.node == 2) where = "w>" + name(e.other);
    story_.faults.push_back({t.ns, weather_.end_of(e).ns, print(e).substr(print(e.at).size() + 4), where});
  }
  auto twin = [&](const Event& x) { return x.what == e.what && x.at == e.at && x.cls == e.cls && x.node == e.other && x.other == e.node; };
  bool both_ways = std::any_of(story_.plan.events.begin(), story_.plan.events.end(), twin);
  auto from = e.node == 2 ? std::string("the witness") : name(e.node), to = e.other == 2 ? std::string("the witness") : name(e.other);
  auto length = " for " + seconds_text(e.length.ns);
  switch (e.what) {
  case What::cut:
    if (both_ways && e.node > e.other) return;
    moment(t, 2, both_ways ? "The network is cut" + length + ": no " + of_class(e.cls) + " passes between " + from + " and " + to + "."
                           : "The network is cut one way" + length + ": no " + of_class(e.cls) + " from " + from + " reaches " + to + ".", Moment::fault);
    return;
  case What::reset: return moment(t, 2, "The replication connection is reset.", Moment::fault);
  case What::lose_identity: return moment(t, e.node, name(e.node) + " is installed anew: its files are there, and nothing says whose they are.", Moment::fault);
  case What::lose_record: return moment(t, e.node, name(e.node) + " loses its durable record.", Moment::fault);
  case What::rot_record:
    return moment(t, e.node, "One of the two copies of the durable record of " + name(e.node) + " rots; the node starts again.", Moment::fault);
  case What::restore: return moment(t, e.node, "The disk of " + name(e.node) + " is restored to what it was earlier: it went back in time.", Moment::fault);
  case What::snapshot: return moment(t, e.node, "A snapshot of the disk of " + name(e.node) + " is kept for later.");
  case What::witness_down: return moment(t, 2, "The witness is down" + length + ".", Moment::fault);
  case What::crash: case What::kill: case What::crash_on: case What::kill_on: case What::pause: case What::command: case What::write: return; // said when it strikes
  default: moment(t, 2, "Fault: " + print(e).substr(print(e.at).size() + 4) + ".", Moment::fault);
  }
}
void Storyteller::healed(Instant t) { moment(t, 2, "Everything is repaired: no fault from here on, and what is down is started."); }

} // namespace lockstep::sim
