// What Node orders, carried out. Each effect here is a few lines; what they mean is decided in core/node.
#include "shim/linux/clock.hpp"
#include "shim/linux/interfaces.hpp"
#include "shim/linux/ping.hpp"
#include "shim/module/aside.hpp"
#include "shim/module/life.hpp"
#include "shim/common/worker.hpp"
#include <array>
#include <boost/asio/io_context.hpp>
#include <cstring>
#include <unistd.h>

namespace lockstep {
namespace {
constexpr Duration script_kill_grace = seconds(5), witness_timeout = seconds(2), checker_interval = seconds(2);
} // namespace

void Life::command(Command c) { step(nin::Operator{std::move(c)}); }
void Life::set_resource(const std::string& name, const std::string& value, const std::string& who) {
  step(nin::SetResource{name, value, who});
}

NodeView Life::view() const {
  NodeView v = node_->view();
  if (over_) v.serving = false, v.role = Role::wait, v.sub = Sub::transient; // it is being stopped, whatever the machine thinks
  if (v.resync) context_.last_resync = v.resync;
  return v;
}

void Life::step(decltype(NodeInput::what) what) {
  if (over_) return;
  NodeEffects effects;
  NodeInput input{boot_now(), wall_now().seconds, std::move(what)};
  if (auto broken = checked_step(*node_, input, effects)) return break_off(*broken);
  for (NodeEffect& e : effects) carry_out(e);
  if (!over_) arm();
  on_change_();
}

// A bug of ours: nothing that was decided in this step is carried out, and nothing is promised any more. The address goes, writes fail, the
// application is stopped by force, and the module stops with the reason. The other node hears silence; the record and the set are what was
// durable, as after a crash, and the next start treats them so.
void Life::break_off(const Broken& b) {
  if (over_) return;
  over_ = true, permit_until_ = Instant::distant_past();
  on_change_(); // the status page and ready.txt say so at once
  std::string reason = std::string("internal error, ") + b.invariant->name + ": it does not hold that " + b.invariant->sentence + " (" + b.what + ")";
  context_.log.write('C', "safekit", "This node stops serving: " + reason + ". Please report it with this log");
  mirror_->halt();
  if (Status s = vip_->drop(); !s) context_.log.write('C', "vipplug", s.error());
  process_timer_.cancel(), checker_timer_.cancel();
  for (auto& [ticket, id] : running_scripts_) scripts_.stop(id, script_kill_grace);
  stop_by_force(0, std::move(reason));
}

void Life::end(bool restart, std::string reason) {
  ended_ = true;
  on_exit_(restart, std::move(reason));
}

void Life::stop_by_force(std::size_t next, std::string reason) {
  static constexpr std::array names{"stop_sec", "stop_prim", "stop_second", "stop_both"};
  if (next == names.size()) return end(false, std::move(reason));
  auto id = start_script(names[next], {"force", role_name(Role::wait), role_name(Role::stop), "forcestop"}, [this, next, reason](std::int32_t) {
    timer_.cancel();
    stop_by_force(next + 1, reason);
  });
  if (!id) return stop_by_force(next + 1, std::move(reason));
  timer_.after(context_.module.config.user->forcestoptimeout, [this, id = *id] { scripts_.stop(id, script_kill_grace); });
}

void Life::arm() {
  Instant next = node_->next_deadline();
  if (next == Instant::never()) return timer_.cancel();
  Duration wait = next - boot_now();
  timer_.after(wait < Duration{} ? Duration{} : wait, [this] { step(nin::Wake{}); });
}

// A result from another thread, delivered on the loop, unless this life is over.
#define LOCKSTEP_DELIVER(input)                                                                                        \
  context_.loop.post([this, alive = std::weak_ptr<bool>(alive_), in = (input)]() mutable {                             \
    if (auto a = alive.lock(); a && *a) step(std::move(in));                                                           \
  })

void Life::carry_out(NodeEffect& effect) {
  struct Visitor {
    Life& l;
    void operator()(nfx::SendBeat& e) { l.beats_->send(e.network, e.beat); }
    void operator()(nfx::Persist& e) { l.persist(e); }
    void operator()(nfx::MarkDirs& e) { l.mark_dirs(e); }
    void operator()(nfx::SetAside& e) { l.set_aside(e); }
    void operator()(nfx::RunScript& e) { l.run_script(e); }
    void operator()(nfx::KillScript& e) {
      auto it = l.running_scripts_.find(e.ticket.value);
      if (it != l.running_scripts_.end()) l.scripts_.stop(it->second, script_kill_grace);
    }
    void operator()(nfx::AskWitness& e) { l.ask_witness(e.ticket); }
    void operator()(nfx::AskArbiter& e) { l.arbiter_->ask(e); }
    void operator()(nfx::MountFor& e) { l.mount(e); }
    void operator()(nfx::RaiseVip& e) { l.raise_vip(e); }
    void operator()(nfx::DropVip& e) { l.drop_vip(e); }
    void operator()(nfx::ToMirror& e) {
      if (auto* p = std::get_if<order::Permit>(&e.order)) l.permit_until_ = p->until;
      l.mirror_->order(std::move(e.order));
    }
    void operator()(nfx::WatchProcesses& e) { l.watch_processes(e.on); }
    void operator()(nfx::Answer& e) { l.on_answer_(e.id, e.ok, e.sentence); }
    void operator()(nfx::Log& e) { l.context_.log.write(e.level, e.origin, e.message); }
    void operator()(nfx::Tell& e) {
      l.context_.log.write('I', "heart", std::string(rule_name(e.note.rule)) + ": " + rule_sentence(e.note.rule) +
                                             (e.note.text.empty() ? "" : " (" + e.note.text + ")"));
    }
    void operator()(nfx::Exit& e) {
      l.over_ = true;
      l.end(e.restart, e.reason);
    }
  };
  std::visit(Visitor{*this}, effect);
}

void Life::persist(const nfx::Persist& e) {
  storage_->post([this, ticket = e.ticket, bytes = encode(e.record)] {
    Status s = records_.write(bytes);
    LOCKSTEP_DELIVER((nin::Persisted{ticket, s.ok(), s.error()}));
  });
}

void Life::mark_dirs(const nfx::MarkDirs& e) {
  storage_->post([this, ticket = e.ticket, uid = e.uid] {
    Status s;
    for (std::uint32_t i = 0; s && i < tree_->roots(); ++i) s = tree_->set_marker(i, uid);
    LOCKSTEP_DELIVER((nin::MountDone{ticket, s.ok(), s.error()}));
  });
}

void Life::set_aside(const nfx::SetAside& e) {
  std::vector<std::string> directories;
  for (const ReplicatedDir& d : context_.module.config.rfs->directories) directories.push_back(d.dir);
  std::string to = state_directory_ + "/diverged/" + e.name;
  mirror_->with_set([this, ticket = e.ticket, directories, to](PendingSet set) {
    storage_->post([this, ticket, directories, to, set = std::move(set)] {
      auto copied = lockstep::set_aside(directories, set, to);
      if (copied) context_.log.write('E', "rfsplug", std::to_string(*copied) + " files that this node will lose are kept in " + to);
      LOCKSTEP_DELIVER((nin::AsideDone{ticket, copied.ok(), copied.error()}));
    });
  });
}

void Life::mount(const nfx::MountFor& e) {
  mounts_->change(e.kind, e.force, [this, ticket = e.ticket](bool ok, std::string problem) {
    LOCKSTEP_DELIVER((nin::MountDone{ticket, ok, problem}));
  });
}

void Life::raise_vip(const nfx::RaiseVip& e) {
  vip_->raise(e.until, e.announce, [this, ticket = e.ticket, set_before = vip_->all_up()](bool ok, std::string problem) {
    LOCKSTEP_DELIVER((nin::VipDone{ticket, ok, problem}));
    if (!set_before) look_at_addresses();
  });
}

void Life::drop_vip(const nfx::DropVip& e) {
  Status s = vip_->drop();
  LOCKSTEP_DELIVER((nin::VipDone{e.ticket, s.ok(), s.error()}));
  look_at_addresses();
}

// What `ip.` shows follows what was just done, not the next round of the checkers. Node hears of its own deed first.
void Life::look_at_addresses() {
  if (vip_->any()) checker_timer_.after({}, [this] { poll_checkers(); });
}

std::vector<std::pair<std::string, std::string>> Life::environment() const {
  const Paths& p = context_.paths;
  const std::string& am = context_.module.name;
  std::vector<std::pair<std::string, std::string>> env{
      {"SAFE", p.safe()},          {"SAFEMODULE", am},           {"SAFEBIN", p.safe_bin()},     {"SAFEUSERBIN", p.user_bin(am)},
      {"SAFEUSERCONF", p.user_conf(am)}, {"SAFEVAR", p.var()}, {"SAFEUSERVAR", p.module_var(am)}, {"LOCKSTEP_ROOT", p.root()}};
  if (context_.module.config.user)
    for (const ScriptVariable& v : context_.module.config.user->vars) env.emplace_back(v.name, v.value);
  return env;
}

void Life::run_script(const nfx::RunScript& e) {
  auto id = start_script(e.name, e.args, [this, ticket = e.ticket](std::int32_t code) {
    running_scripts_.erase(ticket.value);
    step(nin::ScriptDone{ticket, code, false});
  });
  if (!id) return LOCKSTEP_DELIVER((nin::ScriptDone{e.ticket, 0, true}));
  running_scripts_[e.ticket.value] = *id;
}

// nullopt: the module has no such script.
std::optional<ScriptRunner::Id> Life::start_script(const std::string& name, std::vector<std::string> args, std::function<void(std::int32_t)> done) {
  std::string path = context_.paths.user_bin(context_.module.name) + "/" + name;
  if (!context_.module.config.user || ::access(path.c_str(), F_OK) != 0) return std::nullopt;
  std::string quoted;
  for (const std::string& a : args) quoted += " \"" + a + "\"";
  ScriptRun run;
  run.path = path;
  run.name = name;
  run.arguments = std::move(args);
  run.environment = environment();
  run.working_directory = context_.paths.user_bin(context_.module.name);
  if (context_.module.config.user->logging == ScriptLogging::userlog) run.log_directory = context_.paths.log(context_.module.name);
  auto started = scripts_.start(std::move(run), [this, name, done = std::move(done), alive = std::weak_ptr<bool>(alive_)](ScriptResult r) {
    auto a = alive.lock();
    if (!a || !*a) return;
    std::int32_t code = r.how == ScriptResult::How::exited      ? r.exit_code
                        : r.how == ScriptResult::How::signalled ? 128 + r.signal
                        : r.how == ScriptResult::How::not_found ? 127
                                                                : 126;
    if (!r.text.empty()) context_.log.write('S', "userplug", r.text);
    else if (code != 0) context_.log.write('S', "userplug", "Script " + name + " ended with code " + std::to_string(code));
    done(code);
  });
  std::string file = started.log_file.substr(started.log_file.rfind('/') + 1);
  context_.log.write('S', "userplug", "Script " + name + quoted + (file.empty() ? "" : " > " + file));
  return started.id;
}

void Life::ask_witness(Ticket ticket) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : context_.module.config.check.splitbrain.args) {
    boost::system::error_code ec;
    IpAddress a = boost::asio::ip::make_address(text, ec);
    if (!ec) addresses.push_back(a);
  }
  in_worker(
      pool_, [addresses] { return any_answers(addresses, witness_timeout); }, context_.loop.context().get_executor(),
      [this, ticket, alive = std::weak_ptr<bool>(alive_)](Result<bool> answered) {
        auto a = alive.lock();
        if (!a || !*a) return;
        if (!answered) context_.log.write('E', "splitbraincheck", answered.error());
        step(nin::WitnessAnswer{ticket, answered && *answered});
      });
}

Status Life::prepare_checkers() {
  if (context_.module.config.errd) {
    for (const ProcConfig& p : context_.module.config.errd->procs) {
      auto filter = ProcessFilter::make(p.name, p.nameregex, p.argregex);
      if (!filter) return Error{"userconfig.xml:" + std::to_string(p.line) + ": " + filter.error()};
      process_filters_.push_back(std::move(*filter));
    }
  }
  if (vip_->any() || !context_.module.config.check.intf.empty()) poll_checkers();
  return {};
}

void Life::watch_processes(bool on) {
  if (!on) return process_timer_.cancel();
  process_timer_.after(context_.module.config.errd ? context_.module.config.errd->polltimer : seconds(30), [this] {
    watch_processes(true);
    poll_processes();
  });
}

void Life::poll_processes() {
  auto all = list_processes();
  for (std::uint32_t i = 0; i < process_filters_.size() && !over_; ++i)
    step(nin::ProcessCount{i, static_cast<std::uint32_t>(count_processes(all, process_filters_[i]))});
}

// The checkers that a <vip> implies (safekit 3.4): intf.<network> up while its interface works, ip.<address> while the
// address is here. Declared <intf> checkers name a local address.
void Life::poll_checkers() {
  for (const auto& [name, up] : vip_->observe()) step(nin::CheckerSaid{name, up, ""});
  for (const IntfChecker& c : context_.module.config.check.intf) {
    boost::system::error_code ec;
    IpAddress a = boost::asio::ip::make_address(c.local_addr, ec);
    auto up = ec ? Result<bool>(false) : interface_of_is_up(a);
    if (!over_) step(nin::CheckerSaid{"intf." + c.ident, up && *up, ""});
  }
  if (!over_) checker_timer_.after(checker_interval, [this] { poll_checkers(); });
}

} // namespace lockstep
