#include "sim/picture/story.hpp"
#include "sim/describe.hpp"

namespace lockstep::sim {
namespace {
constexpr std::size_t most_last_lines = 400;
const char* freshness(Freshness f) {
  static constexpr const char* names[] = {"own", "shared", "outdated", "inconsistent"};
  return names[static_cast<int>(f)];
}
} // namespace

// ---------------------------------------------------------------- spans
void Storyteller::change(std::vector<Span>& spans, Instant t, std::string what, std::string note) {
  if (!spans.empty() && spans.back().to < 0) {
    if (spans.back().what == what) return;
    spans.back().to = t.ns;
  }
  spans.push_back({t.ns, -1, std::move(what), std::move(note)});
}
void Storyteller::close(std::vector<Span>& spans, Instant t) {
  if (!spans.empty() && spans.back().to < 0) spans.back().to = t.ns;
}

// "2b": the second generation in line, minted by b.
std::string Storyteller::label(const Generation& g) {
  if (g.none()) return "none";
  auto writer = uids_.find(g.minted_by);
  return std::to_string(g.counter) + (writer == uids_.end() ? "?" : writer->second ? "b" : "a");
}

void Storyteller::look(Instant t, const Host& h) {
  auto& now = now_[h.index()];
  auto& mine = story_.nodes[h.index()];
  uids_[h.uid()] = h.index();
  auto before = now;
  NodeView v;
  if (h.running()) v = h.node()->view();
  now.running = h.running(), now.role = v.role, now.serving = h.running() && !h.paused() && v.serving, now.wait = v.wait;
  now.state = !h.powered()   ? "OFF"
              : !h.running() ? "STOP NotReady"
              : h.paused()   ? "PAUSED"
                             : std::string(role_name(v.role)) + " " + sub_name(v.sub);
  auto why = v.wait.kind == Wait::none ? std::string() : v.wait.why + "; needs " + v.wait.needs;
  change(mine.states, t, now.state, why);
  auto& record = h.disk().state.record;
  if (record) {
    now.record = *record;
    change(mine.records, t, label(record->g) + " " + freshness(record->state), to_string(record->g));
  } else close(mine.records, t), now.record = {};
  for (auto [is, was, spans] : {std::tuple{h.vip_up(), &now.address, &mine.addresses}, std::tuple{h.application_up(), &now.application, &mine.applications}}) {
    if (is == *was) continue;
    *was = is;
    if (is) change(*spans, t, "up", "");
    else close(*spans, t);
  }
  bool also_role = before.role != now.role;
  if (record && before.record.g != now.record.g) record_changed(t, h, before.record, also_role);
  if (h.running()) role_changed(t, h, before, v);
  both(t);
}

// ---------------------------------------------------------------- messages
void Storyteller::sent(Instant t, const Host& h, const nfx::SendBeat& e) {
  auto& b = e.beat;
  std::string what = std::string(role_name(b.role)) + " " + sub_name(b.sub);
  if (b.record_state == RecordState::present) what += ", " + label(b.record.g) + " " + freshness(b.record.state);
  if (b.goodbye != Goodbye::none) what += ", goodbye";
  if (b.consent) what += ", consents";
  if (b.ready_for) what += ", READY";
  beats_[{h.index(), e.network, b.incarnation.value, b.seq}] = story_.flights.size();
  story_.flights.push_back({t.ns, -1, h.index(), true, "heartbeat: " + what});
}
void Storyteller::arrived(Instant t, const Host& h, const nin::BeatIn& in) {
  now_[h.index()].heard = t;
  NodeIndex from = 1 - h.index();
  auto i = beats_.find({from, in.network, in.beat.incarnation.value, in.beat.seq});
  if (i == beats_.end()) return; // a duplicate, already drawn
  story_.flights[i->second].arrived = t.ns;
  beats_.erase(i);
}

// ---------------------------------------------------------------- the application
void Storyteller::answered(Instant t, const Host& h, const fx::Complete& e) {
  auto& now = now_[h.index()];
  auto i = now.open.find(e.token);
  if (i == now.open.end()) return;
  auto& r = story_.nodes[h.index()].requests[i->second];
  bool late = e.error == 0 && h.clock() > e.not_after;
  r.to = t.ns, r.outcome = e.error || late ? Request::failed : Request::acknowledged;
  now.open.erase(i);
  if (r.outcome == Request::acknowledged) ++acknowledged_[now.record.g.nonce];
}

// ---------------------------------------------------------------- witness and arbiter
void Storyteller::ask(Instant t, const Host& h, Ticket ticket, std::string question) {
  auto& q = story_.nodes[h.index()].questions;
  questions_[{h.index(), ticket.value}] = q.size();
  q.push_back({t.ns, -1, std::move(question), {}});
}
void Storyteller::answer(Instant t, const Host& h, Ticket ticket, const std::string& what) {
  auto i = questions_.find({h.index(), ticket.value});
  if (i == questions_.end()) return;
  auto& q = story_.nodes[h.index()].questions[i->second];
  q.to = t.ns, q.note = what;
  questions_.erase(i);
}

// ---------------------------------------------------------------- what the run tells
void Storyteller::stepped(Instant t, const Host& h, const NodeInput& input, const NodeEffects& effects, std::size_t carried) {
  auto n = h.index();
  if (auto b = std::get_if<nin::BeatIn>(&input.what)) arrived(t, h, *b);
  if (auto o = std::get_if<nin::Operator>(&input.what)) {
    if (o->command.who == "root") {
      story_.nodes[n].marks.push_back({t.ns, "operator", verb_name(o->command.verb)});
      moment(t, n, std::string("An operator says \"") + verb_name(o->command.verb) + "\" on " + (n ? "b" : "a") + ".");
    }
  }
  if (auto w = std::get_if<nin::WitnessAnswer>(&input.what)) answer(t, h, w->ticket, w->reachable ? "the witness answers" : "no answer");
  if (auto w = std::get_if<nin::ArbiterAnswer>(&input.what)) {
    static const char* const says[] = {"it holds ", "there is no key", "replaced", "no answer"};
    answer(t, h, w->ticket, says[static_cast<std::size_t>(w->says)] + (w->says == nin::ArbiterSays::holds ? label(w->value) : std::string()));
  }
  if (auto m = std::get_if<nin::Mirror>(&input.what)) said(t, h, m->what);
  for (std::size_t i = 0; i < carried; ++i) {
    auto& e = effects[i];
    if (auto s = std::get_if<nfx::SendBeat>(&e)) sent(t, h, *s);
    else if (auto note = std::get_if<nfx::Tell>(&e)) told(t, h, note->note);
    else if (auto o = std::get_if<nfx::ToMirror>(&e)) ordered(t, h, o->order);
    else if (auto s = std::get_if<nfx::RunScript>(&e)) story_.nodes[n].marks.push_back({t.ns, "script", s->name});
    else if (auto w = std::get_if<nfx::AskWitness>(&e)) ask(t, h, w->ticket, "does the witness answer?");
    else if (auto w = std::get_if<nfx::AskArbiter>(&e)) {
      auto from = w->expected ? label(*w->expected) : std::string("nothing");
      ask(t, h, w->ticket, w->put ? "replace " + from + " by " + label(*w->put) : "which generation is the newest?");
    } else if (std::get_if<nfx::SetAside>(&e)) {
      moment(t, n, std::string(n ? "b" : "a") + " copies aside everything that it is about to lose: nothing is thrown away.");
    } else if (auto a = std::get_if<nfx::Answer>(&e); a && !a->ok) moment(t, n, std::string(n ? "b" : "a") + " refuses: " + a->sentence + ".");
  }
  look(t, h);
}

void Storyteller::stepped(Instant t, const Host& h, const MirrorInput& input, const MirrorEffects& effects, std::size_t carried) {
  auto& now = now_[h.index()];
  auto& peer = now_[1 - h.index()];
  if (std::get_if<in::Connected>(&input.what)) now.frames.clear(); // what is still under way on the old connection is lost
  if (std::get_if<in::FromPeer>(&input.what) && !peer.frames.empty()) {
    story_.flights[peer.frames.front()].arrived = t.ns;
    peer.frames.pop_front();
  }
  if (auto s = std::get_if<in::Submit>(&input.what)) {
    auto& requests = story_.nodes[h.index()].requests;
    now.open[s->token] = requests.size();
    requests.push_back({t.ns, -1, Request::unanswered, to_string(s->op)});
  }
  for (std::size_t i = 0; i < carried; ++i) {
    auto& e = effects[i];
    if (auto s = std::get_if<fx::Send>(&e)) {
      now.frames.push_back(story_.flights.size());
      story_.flights.push_back({t.ns, -1, h.index(), false, describe(s->frame)});
    } else if (auto c = std::get_if<fx::Complete>(&e)) answered(t, h, *c);
    else if (auto note = std::get_if<fx::Tell>(&e)) told(t, h, note->note);
  }
}

void Storyteller::end_of_process(Instant t, const Host& h) {
  auto& now = now_[h.index()];
  for (auto& [token, i] : now.open) story_.nodes[h.index()].requests[i].to = t.ns;
  now.open.clear(), now.frames.clear();
  now.right = Rule::none;
}

// Told right before it goes down: what it is now is not looked at any more.
void Storyteller::went_down(Instant t, const Host& h, const char* state) {
  auto& mine = story_.nodes[h.index()];
  auto& now = now_[h.index()];
  bool off = std::string(state) == "OFF";
  end_of_process(t, h);
  change(mine.states, t, state, "");
  now.state = state, now.role = Role::stop, now.serving = now.running = false;
  if (off) close(mine.addresses, t), close(mine.applications, t), now.address = now.application = false;
  both(t);
}

void Storyteller::happened(Instant t, const Host& h, Happening what) {
  auto n = h.index();
  std::string name = n ? "b" : "a";
  auto mark = [&](const char* kind, const char* text) { story_.nodes[n].marks.push_back({t.ns, kind, text}); };
  switch (what) {
  case Happening::power_on: mark("on", "power on"); break;
  case Happening::power_off:
    mark("power", "power off");
    moment(t, n, name + " loses its power: its memory and what its disk had not flushed are gone.", Moment::fault);
    return went_down(t, h, "OFF");
  case Happening::killed:
    mark("power", "process killed");
    moment(t, n, "The daemon of " + name + " is killed; the machine lives on.", Moment::fault);
    return went_down(t, h, "STOP NotReady");
  case Happening::paused: moment(t, n, name + " is paused: it stands still while the world goes on.", Moment::fault); break;
  case Happening::resumed: moment(t, n, name + " runs again."); break;
  case Happening::started: moment(t, n, name + " starts."); break;
  case Happening::exited:
    end_of_process(t, h);
    moment(t, n, name + " has stopped.");
    break;
  }
  look(t, h);
}

void Storyteller::line(Instant t, int node, const std::string& text) {
  char head[48];
  std::snprintf(head, sizeof head, "%12.6f  %c  ", double(t.ns) / 1e9, "abw"[node]);
  story_.last_lines.push_back(head + text.substr(0, 200));
  if (story_.last_lines.size() > most_last_lines) story_.last_lines.pop_front();
}

Story Storyteller::finish(const Outcome& o) {
  story_.outcome = o, story_.end = o.counts.simulated_ns;
  if (o.violation) {
    Instant at = o.violation->at;
    moment(at, 2, std::string(o.violation->oracle->name) + " is violated (" + o.violation->oracle->sentence + "): " + o.violation->what + ".", Moment::alarm);
  } else if (!o.waited.empty()) {
    moment(Instant{story_.end}, 2, "The run ends in a wait that has a name: " + o.waited + ".");
  } else {
    moment(Instant{story_.end}, 2, "The end: PRIM and SECOND are in step, both trees are equal, nothing that was acknowledged is lost.");
  }
  return std::move(story_);
}

} // namespace lockstep::sim
