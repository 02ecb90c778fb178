// Processes (safekit 3.8) and checkers (3.9): what is observed is reported by the shim, what it means is decided here.
#include "core/node/node.hpp"

namespace lockstep {

void Node::set_resource(const std::string& name, const std::string& value, const std::string& who) {
  auto& r = resources_[name];
  if (r.value == value) return;
  bool first = r.value.empty();
  r = {name, value, wall_s_};
  bool quiet = first || name.compare(0, 6, "state.") == 0; // states have their own line
  if (out_ && begun_) log(quiet ? 'I' : 'E', "heart", "Resource " + name + " set to " + value + " by " + who);
}

// ---------------------------------------------------------------- processes
static std::optional<ProcClass> class_of(Step s) {
  switch (s) {
  case Step::prestart:
  case Step::poststop: return ProcClass::pre;
  case Step::start_both:
  case Step::stop_both:
  case Step::force_both: return ProcClass::both;
  case Step::start_prim:
  case Step::stop_prim:
  case Step::force_prim: return ProcClass::prim;
  case Step::start_sec:
  case Step::stop_sec:
  case Step::force_sec: return ProcClass::sec;
  case Step::start_second:
  case Step::stop_second:
  case Step::force_second: return ProcClass::second;
  default: return std::nullopt;
  }
}

void Node::class_started(Step s) {
  if (auto c = class_of(s)) watch_class(*c, true);
}
void Node::class_stopping(Step s) {
  if (auto c = class_of(s)) watch_class(*c, false);
}

void Node::watch_class(ProcClass c, bool on) {
  if (!config_.module.errd) return;
  const auto& errd = *config_.module.errd;
  bool before = false, after = false;
  for (std::size_t i = 0; i < errd.procs.size(); ++i) {
    auto& w = processes_[i];
    before = before || w.from != Instant::never();
    if (errd.procs[i].when == c) {
      auto delay = errd.procs[i].start_after > 1 ? errd.polltimer * (errd.procs[i].start_after - 1) : Duration{};
      w.from = on ? now_ + delay : Instant::never();
      w.running.reset();
      if (on) set_resource("proc." + errd.procs[i].name, "init", "errd");
    }
    after = after || w.from != Instant::never();
  }
  if (before != after) emit(nfx::WatchProcesses{after});
}

void Node::handle(const nin::ProcessCount& in) {
  if (!config_.module.errd || in.proc >= processes_.size()) return;
  processes_[in.proc].running = in.running;
  check_process(in.proc);
}

void Node::check_process(std::uint32_t proc) {
  auto& w = processes_[proc];
  if (now_ < w.from || !w.running || !durable_.errd || ending_) return;
  const auto& p = config_.module.errd->procs[proc];
  auto n = static_cast<std::int64_t>(*w.running);
  bool few = p.atleast >= 0 && n < p.atleast, many = p.atmax >= 0 && n > p.atmax;
  set_resource("proc." + p.name, few || many ? "down" : "up", "errd");
  if (!few && !many) return;
  log('E', "errd",
      few ? "Process " + p.name + " not running" : "Process " + p.name + " runs too often: " + std::to_string(n));
  tell(Rule::process, n, proc, p.name);
  process_action(p);
}

void Node::process_action(const ProcConfig& p) {
  switch (p.action) {
  case ProcAction::restart: return detector(Event::cmd_restart, "errd");
  case ProcAction::stopstart: return detector(Event::cmd_stopstart, "errd");
  case ProcAction::stop: return detector(Event::cmd_stop, "errd");
  case ProcAction::noaction: return;
  }
}

// ---------------------------------------------------------------- checkers
// The interfaces behind the addresses; the shim names the network when it reports (safekit 3.4).
std::vector<std::string> Node::implied_interfaces() const {
  std::vector<std::string> out;
  for (const auto& i : config_.module.check.intf) out.push_back(i.ident);
  return out;
}

// when="pre": a module starts, and goes on, only while these are up.
std::optional<std::string> Node::pre_checker_down() const {
  for (const auto& [name, r] : resources_)
    if (name.compare(0, 5, "intf.") == 0 && r.value != "up") return name;
  return std::nullopt;
}

void Node::handle(const nin::CheckerSaid& in) {
  auto origin = in.resource.compare(0, 3, "ip.") == 0 ? "ipcheck" : "intfcheck";
  auto before = resources_[in.resource].value;
  set_resource(in.resource, in.up ? "up" : "down", origin);
  if (in.up || ending_ || !begun_) return;
  if (before != "down") tell(Rule::checker, 0, 0, in.resource);
  if (in.resource.compare(0, 5, "intf.") == 0 && role_ != Role::wait) {
    log('E', "heart", "Action wait from failover rule interface_failure");
    detector(Event::cmd_wait, "intfcheck");
  }
  // Only an address that this node holds can be missing: it is away on purpose while the lease is.
  if (in.resource.compare(0, 3, "ip.") == 0 && vip_raised_ && !busy()) {
    log('E', "heart", "Action stopstart from failover rule ip_failure");
    detector(Event::cmd_stopstart, "ipcheck");
  }
}

void Node::handle(const nin::SetResource& in) { set_resource(in.resource, in.value, in.who); }

} // namespace lockstep
