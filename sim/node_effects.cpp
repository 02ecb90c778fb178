// How a simulated machine carries out what Node orders: the record, scripts, mounts, the address, the witness.
#include "sim/host.hpp"
#include "sim/machines.hpp"
#include "sim/oracles.hpp"

namespace lockstep::sim {

void Host::carry(const nfx::SendBeat& e) {
  oracles_.beat_sent(*this, e.network, e.beat);
  links_.send_beat(index_, e.network, std::make_shared<const Beat>(e.beat));
}

void Host::carry(const nfx::Persist& e) {
  // One worker, in order; both copies are flushed before the answer.
  auto start = disk_start(record_free_);
  record_free_ = start + disk_time(start, 800, 6000);
  bool fails = weather_.on_node(What::persist_error, index_, queue_.now()) != nullptr;
  oracles_.record_asked(*this, e.record);
  later_here(start - queue_.now(), [this, record = e.record, fails] {
    if (!fails) record_in_flight_ = record;
  });
  later_here(record_free_ - queue_.now(), [this, e = e, fails] {
    if (!fails && sabotage_ != Sabotage::record_lies) {
      auto before = disk_.state.record;
      disk_.state.record = e.record;
      record_in_flight_.reset();
      oracles_.recorded(*this, before);
    }
    to_node(nin::Persisted{e.ticket, !fails, fails ? "input/output error" : ""});
  });
}

void Host::carry(const nfx::MarkDirs& e) {
  later_here(disk_start(queue_.now()) - queue_.now() + disk_time(queue_.now(), 500, 5000), [this, e = e] {
    disk_.state.marker = e.uid;
    to_node(nin::MountDone{e.ticket, true, {}});
  });
}

void Host::carry(const nfx::SetAside& e) {
  later_here(disk_time(queue_.now(), 20'000, 300'000), [this, e = e] {
    bool fails = weather_.on_node(What::aside_fails, index_, queue_.now()) != nullptr;
    if (!fails) set_aside = true;
    to_node(nin::AsideDone{e.ticket, !fails, fails ? "no space left on device" : ""});
  });
}

void Host::carry(const nfx::RunScript& e) {
  oracles_.script_starts(*this, e.name, script_.has_value());
  bool force = !e.args.empty() && e.args[0] == "force";
  if (e.name == "start_prim") stop_tried_ = false;
  if (e.name == "stop_prim" || e.name == "prestart") stop_tried_ = true;
  script_ = Script{e.ticket, e.name, force, false};
  auto run = ++script_run_;
  auto named = [&](What w) {
    for (auto& f : plan_.events) {
      if (f.what == w && f.node == index_ && f.word == e.name && weather_.holds(f, queue_.now())) return true;
    }
    return false;
  };
  // Until it is killed, or until everything heals: a start script has no time limit (safekit 5.2), so one that never ended
  // would rightly keep its node Transient for ever.
  if (named(What::script_hangs))
    return later_here(Instant{plan_.heal.ns} - queue_.now(), [this, e, force, run] { script_ends(e.ticket, e.name, force, run); });
  bool fails = named(What::script_fails);
  later_here(ms(pick(chance(3), 5, 400)), [this, e, force, run, fails] {
    if (fails && script_ && script_run_ == run) {
      auto ticket = script_->ticket;
      if (e.name == "stop_prim" && force) application_ = false;
      script_.reset();
      return to_node(nin::ScriptDone{ticket, 1, false});
    }
    script_ends(e.ticket, e.name, force, run);
  });
}

void Host::script_ends(Ticket ticket, const std::string& name, bool force, std::uint64_t run) {
  if (!script_ || script_run_ != run) return;
  bool stops = name == "stop_prim" || name == "prestart";
  if (stops && !open_.empty() && mount_ == MountKind::replicate) { // the application sits in a write that nobody answers
    return later_here(ms(50), [this, ticket, name, force, run] { script_ends(ticket, name, force, run); });
  }
  script_.reset();
  if (name == "start_prim") application_ = true;
  if (stops && application_) {
    application_ = false;
    if (on_application_lost) on_application_lost();
  }
  oracles_.script_ended(*this, name);
  to_node(nin::ScriptDone{ticket, 0, false});
}

void Host::carry(const nfx::KillScript& e) {
  if (sabotage_ == Sabotage::kill_lost) return;
  later_here(ms(pick(chance(4), 10, 2000)), [this, e = e] {
    if (!script_ || script_->ticket != e.ticket) return;
    auto s = *script_;
    script_.reset();
    ++script_run_;
    if (s.force && s.name == "stop_prim") {
      application_ = false;
      if (on_application_lost) on_application_lost();
    }
    to_node(nin::ScriptDone{s.ticket, 128 + 9, false});
  });
}

void Host::carry(const nfx::WatchProcesses& e) {
  ++watches_;
  if (e.on) poll_processes(watches_);
}

void Host::poll_processes(std::uint64_t watch) {
  later_here(errd_poll, [this, watch] {
    if (watch != watches_) return;
    to_node(nin::ProcessCount{0, weather_.on_node(What::process_dead, index_, queue_.now()) ? 0u : 1u});
    if (running()) poll_processes(watch);
  });
}

void Host::carry(const nfx::AskWitness& e) {
  bool reachable = links_.witness_reachable(index_);
  later_here(reachable ? ms(pick(chance(5), 1, 30)) : ms(pick(chance(6), 900, 3000)),
             [this, e, reachable] {
               oracles_.witness_answered(*this, reachable);
               to_node(nin::WitnessAnswer{e.ticket, reachable});
             });
}

void Host::carry(const nfx::AskArbiter& e) {
  oracles_.arbiter_asked(*this, e);
  arbiter_.ask(index_, e, [this, life = life_](const nin::ArbiterAnswer& a) {
    if (life == life_) later_here({}, [this, a] { to_node(a); });
  });
}

void Host::carry(const nfx::MountFor& e) {
  later_here(ms(pick(chance(7), 2, 60)), [this, e = e] { try_mount(e); });
}

void Host::try_mount(const nfx::MountFor& e) {
  if (sabotage_ == Sabotage::mount_lost && e.kind == MountKind::replicate && index_ == 1) return;
  if (weather_.on_node(What::mount_fails, index_, queue_.now()) && e.kind == MountKind::replicate) {
    return to_node(nin::MountDone{e.ticket, false, "fuse: device is busy"});
  }
  if (mount_ == MountKind::replicate && e.kind != MountKind::replicate) {
    oracles_.mount_goes(*this);
    if (!open_.empty() && !e.force) return later_here(ms(50), [this, e = e] { try_mount(e); }); // busy until answered
    fail_open();
    if (on_application_lost) on_application_lost();
  }
  mount_ = e.kind;
  to_node(nin::MountDone{e.ticket, true, {}});
}

void Host::carry(const nfx::RaiseVip& e) {
  if (clock() > e.until)
    return later_here(us(20), [this, t = e.ticket] { to_node(nin::VipDone{t, false, "the address would have expired already"}); });
  if (weather_.on_node(What::vip_fails, index_, queue_.now()))
    return later_here(ms(1), [this, t = e.ticket] { to_node(nin::VipDone{t, false, "the interface does not take the address"}); });
  bool was = vip_up();
  vip_ = true, vip_until_ = e.until; // sooner or later than before: the kernel keeps the lifetime it was given last
  if (!was) oracles_.address_raised(*this);
  later_here(ms(pick(chance(8), 1, 15)), [this, e = e] { to_node(nin::VipDone{e.ticket, true, {}}); });
}

void Host::carry(const nfx::DropVip& e) {
  if (sabotage_ != Sabotage::address_sticks) vip_ = false;
  later_here(ms(pick(chance(9), 1, 10)), [this, e = e] { to_node(nin::VipDone{e.ticket, true, {}}); });
}

void Host::carry(const nfx::ToMirror& e) {
  oracles_.ordered(*this, e.order);
  later_here(us(20), [this, e = e] { to_mirror(in::Order{e.order}); });
}

void Host::carry(const nfx::Answer& e) { oracles_.answered(*this, e.ok, e.sentence); }
void Host::carry(const nfx::Log&) {}
void Host::carry(const nfx::Tell& e) {
  ++trace_.counts.rules[e.note.rule];
  oracles_.told(*this, e.note);
}
void Host::carry(const nfx::Exit& e) { exiting_ = true, exit_restart_ = e.restart; }

} // namespace lockstep::sim
