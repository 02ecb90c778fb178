// L2, L4, L5, L6: what must have happened by when, measured in time that no fault of a machine held up.
#pragma once
#include "sim/hearing.hpp"
#include "sim/host.hpp"
#include "sim/oracle_names.hpp"

namespace lockstep::sim {

class Deadlines {
 public:
  Deadlines(const Plan& p, const Queue& q) : plan_(p), queue_(q) {}
  using Finding = std::optional<std::pair<const Oracle*, std::string>>;

  void partner_died(const Host& survivor); // its machine lost power
  void partner_back(NodeIndex survivor) { alone_[survivor] = {}; }
  void process_gone(NodeIndex n) { alone_[n] = stop_[n] = {}, copy_[n] = {}; }
  void commanded(const Host&, Verb);
  void connection_reset(const Host& target, const Session* followed);
  Finding copies_in_full() const; // after a pair had formed
  Finding follows(const Host& target, const Session&);
  // Asked after a step: has a moment passed by which something had to be done?
  void serves(const Host&);
  Finding overdue(const Host&, bool witness_refused);
  Finding unanswered(const Host&, Instant since, const Op&) const;

 private:
  struct Due {
    Instant since, at = Instant::never();
  };
  struct Copy {
    Session session;
    Instant reset_at;
  };
  Duration longest_timeout() const;
  // For so long since then a fault of this machine, or of either (2), may have held everything up.
  Duration held_up(NodeIndex n, Instant since) const;
  bool passed(const Due& d, NodeIndex n) const {
    return queue_.now() > d.at && queue_.now() > d.at + held_up(n, d.since);
  }
  const Plan& plan_;
  const Queue& queue_;
  std::array<Due, 2> alone_, stop_;
  std::array<std::optional<Copy>, 2> copy_;
};

} // namespace lockstep::sim
