// A run as a story: what both nodes were, said and did over time, and the moments that explain it in plain words. Collected by an
// observer from inputs, effects and views, never from text; page.hpp draws it. Times are nanoseconds of world time.
#pragma once
#include "sim/observer.hpp"
#include "sim/weather.hpp"
#include "sim/world.hpp"
#include <array>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace lockstep::sim {

struct Span {
  std::int64_t from = 0, to = -1; // -1: to the end
  std::string what, note;
};
struct Flight { // a message; not arrived: lost
  std::int64_t sent = 0, arrived = -1;
  NodeIndex from = 0;
  bool beat = true;
  std::string label;
};
struct Request { // an operation of the application
  std::int64_t from = 0, to = -1;
  enum Outcome : std::uint8_t { unanswered, acknowledged, failed } outcome = unanswered;
  std::string label;
};
struct Mark {
  std::int64_t at = 0;
  std::string kind, text; // power, process, operator, script
};
struct Moment {
  enum Weight : std::uint8_t { usual, fault, alarm };
  std::int64_t at = 0;
  int node = 2; // 2: the world
  Weight weight = usual;
  std::string text;
};
struct NodeStory {
  std::vector<Span> states, records, addresses, applications, questions; // questions: to the witness or the arbiter, with the answer
  std::vector<Request> requests;
  std::vector<Mark> marks;
};
struct Story {
  Plan plan;
  Outcome outcome;
  std::array<NodeStory, 2> nodes;
  std::vector<Flight> flights;
  std::vector<Span> faults; // what: the event's text; note: where it is drawn: a>b, b>a, a, b, w
  std::vector<Span> both_serve;
  std::vector<Moment> moments;
  std::deque<std::string> last_lines; // of the full transcript
  std::int64_t end = 0;
};

class Storyteller final : public Observer {
 public:
  explicit Storyteller(const Plan& p) : weather_(p) { story_.plan = p; }
  void stepped(Instant, const Host&, const NodeInput&, const NodeEffects&, std::size_t carried) override;
  void stepped(Instant, const Host&, const MirrorInput&, const MirrorEffects&, std::size_t carried) override;
  void happened(Instant, const Host&, Happening) override;
  void fault(Instant, const Event&) override;
  void healed(Instant) override;
  bool wants_lines() const override { return true; }
  void line(Instant, int node, const std::string&) override;
  Story finish(const Outcome&);

 private:
  struct Now { // what is known of a node
    Role role = Role::stop;
    std::string state = "OFF";
    WaitReason wait;
    Record record;
    bool serving = false, address = false, application = false, running = false, asked_full = false;
    Rule right = Rule::none; // the last right to serve it cited
    Instant heard;           // when a beat of the peer last arrived
    std::string last_verdict;
    std::map<std::uint64_t, std::size_t> open; // token -> request
    std::deque<std::size_t> frames;            // sent on this connection, not arrived
    std::vector<std::uint64_t> acknowledged_in; // generations
  };
  // story.cpp
  void look(Instant, const Host&);
  void sent(Instant, const Host&, const nfx::SendBeat&);
  void arrived(Instant, const Host&, const nin::BeatIn&);
  void answered(Instant, const Host&, const fx::Complete&);
  void ask(Instant, const Host&, Ticket, std::string question);
  void answer(Instant, const Host&, Ticket, const std::string& what);
  void end_of_process(Instant, const Host&);
  void went_down(Instant, const Host&, const char* state);
  static void change(std::vector<Span>&, Instant, std::string what, std::string note);
  static void close(std::vector<Span>&, Instant);
  std::string label(const Generation&);
  // moments.cpp
  void moment(Instant, int node, std::string text, Moment::Weight = Moment::usual);
  void role_changed(Instant, const Host&, const Now& before, const NodeView&);
  void record_changed(Instant, const Host&, const Record& before, bool also_role);
  void told(Instant, const Host&, const Note&);
  void ordered(Instant, const Host&, const MirrorOrder&);
  void said(Instant, const Host&, const MirrorSaid&);
  void both(Instant);
  std::string why_alone(Instant, NodeIndex);

  Story story_;
  Weather weather_;
  std::array<Now, 2> now_;
  std::map<std::tuple<NodeIndex, std::uint32_t, std::uint64_t, std::uint64_t>, std::size_t> beats_; // from, network, incarnation, number
  std::map<std::pair<NodeIndex, std::uint64_t>, std::size_t> questions_;
  std::map<NodeUid, NodeIndex> uids_;
  std::map<std::uint64_t, std::uint64_t> acknowledged_; // by generation's nonce
  bool both_ = false, both_acknowledged_ = false;
};

std::string seconds_text(std::int64_t ns);               // "2.1 s"

} // namespace lockstep::sim
