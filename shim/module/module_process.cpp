#include "shim/module/module_process.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/clock.hpp"
#include "shim/module/view_json.hpp"
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace lockstep {
using nlohmann::json;

namespace {
// Changes with every boot of the machine: a module that was started in this boot and lost its process is started again.
std::string boot_id() {
  auto text = read_text_file("/proc/sys/kernel/random/boot_id", 128);
  return text ? *text : "";
}
} // namespace

ModuleProcess::ModuleProcess(const Paths& paths, std::string am) : paths_(paths), am_(std::move(am)) {}
ModuleProcess::~ModuleProcess() = default;

// Reclaim must never wait for a file system that waits for us (data T37): no page of ours is swapped out, and our own I/O is
// marked as part of cleaning memory. Without the privilege the module still works; under memory pressure it may stall.
static void guard_memory() {
  if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) std::perror("lockstepd: memory cannot be locked");
  if (::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) != 0) std::perror("lockstepd: cannot be marked as an I/O flusher");
}

int ModuleProcess::run() {
  ::prctl(PR_SET_NAME, "lockstepd"); // not "exe": people look for it with ps and pkill
  guard_memory();
  if (Status s = begin(); !s) {
    std::fprintf(stderr, "lockstepd: module %s: %s\n", am_.c_str(), s.error().c_str());
    return 1;
  }
  boost::asio::signal_set signals(loop_.context(), SIGTERM, SIGINT);
  signals.async_wait([this](auto ec, int) {
    if (!ec) terminate();
  });
  loop_.run();
  life_.reset();
  return 0;
}

Status ModuleProcess::begin() {
  auto module = load_applied_module(paths_, am_);
  if (!module) return Error{module.error()};
  module_.emplace(std::move(*module));
  auto cluster = load_cluster(paths_);
  if (!cluster) return Error{cluster.error()};
  cluster_.emplace(std::move(*cluster));
  auto lock = StateLock::acquire(paths_.module_var(am_));
  if (!lock) return Error{lock.error()};
  lock_.emplace(std::move(*lock));
  log_ = std::make_unique<ModuleLog>(paths_.log(am_));
  auto page = StatusPage::create(paths_.status_page(am_));
  if (!page) return Error{page.error()};
  page_ = std::move(*page);
  auto control = ControlServer::open(loop_, paths_.module_socket(am_),
                                     [this](const json& request, Respond respond) { this->control(request, std::move(respond)); });
  if (!control) return Error{control.error()};
  control_ = std::move(*control);
  page_timer_ = std::make_unique<Timer>(loop_);
  refresh_page();
  if (was_started()) {
    log_->write('C', "heart", "the module's process died while the module was started: it is started again");
    Command again;
    again.verb = Verb::start;
    again.who = "automatically";
    start_life(std::move(again), [](const json&) {});
  }
  return {};
}

void ModuleProcess::remember_started(bool started) {
  std::string file = paths_.run() + "/" + am_ + ".started";
  if (!started) ::unlink(file.c_str());
  else if (Status s = write_text_file(file, boot_id()); !s) log_->write('E', "heart", s.error());
}
bool ModuleProcess::was_started() {
  auto text = read_text_file(paths_.run() + "/" + am_ + ".started", 128);
  return text && *text == boot_id();
}

void ModuleProcess::control(const json& request, Respond respond) {
  std::string op = request.value("op", "");
  // Its files are still being closed, and nobody answers any more: life_over is queued, this waits behind it.
  if (life_ && life_->ended()) return loop_.post([this, request, respond] { control(request, respond); });
  if (op == "pid") return respond({{"ok", true}, {"pid", ::getpid()}});
  if (op == "view") return respond(view());
  if (op == "command") return command(request, std::move(respond));
  if (op == "log") {
    std::string level = request.value("level", "I");
    log_->write(level.empty() ? 'I' : level[0], request.value("origin", "safekit"), request.value("message", ""));
    return respond({{"ok", true}});
  }
  if (op == "set") {
    if (!life_) return respond({{"ok", false}, {"error", "module " + am_ + " is stopped: its resources cannot be set"}});
    life_->set_resource(request.value("resource", ""), request.value("value", ""), request.value("who", "root"));
    return respond({{"ok", true}});
  }
  if (op == "end") {
    if (life_) return respond({{"ok", false}, {"error", "module " + am_ + " is running: stop it first"}});
    respond({{"ok", true}});
    end_timer_ = std::make_unique<Timer>(loop_);
    return end_timer_->after(ms(20), [this] { loop_.stop(); }); // the answer leaves first
  }
  respond({{"ok", false}, {"error", "the module process does not know the request \"" + op + "\""}});
}

void ModuleProcess::command(const json& request, Respond respond) {
  Command c;
  auto verb = verb_of(request.value("verb", ""));
  if (!verb) return respond({{"ok", false}, {"error", "\"" + request.value("verb", "") + "\" is not a command"}});
  c.verb = *verb;
  c.who = request.value("who", "root");
  c.identity = request.value("identity", "");
  if (life_) {
    c.id = ++last_command_;
    waiting_[c.id] = std::move(respond);
    return life_->command(std::move(c));
  }
  if (starts(c.verb)) return start_life(std::move(c), std::move(respond));
  stopped_command(c, respond);
}

void ModuleProcess::stopped_command(const Command& c, const Respond& respond) {
  if (c.verb == Verb::stop || c.verb == Verb::forcestop) return respond({{"ok", true}, {"sentence", "module " + am_ + " is stopped"}});
  bool setting = c.verb == Verb::failover_on || c.verb == Verb::failover_off || c.verb == Verb::errd_on || c.verb == Verb::errd_off;
  if (!setting)
    return respond({{"ok", false}, {"error", "module " + am_ + " is stopped: start it first (`lockstep start -m " + am_ + "`)"}});
  RecordStore store(paths_.module_var(am_));
  RecordRead read = store.read();
  auto record = decode_record(read.bytes.data(), read.bytes.size());
  if (read.state != RecordRead::State::ok || !record)
    return respond({{"ok", false}, {"error", "module " + am_ + " was never started: the setting is kept from its first start on"}});
  if (c.verb == Verb::failover_on || c.verb == Verb::failover_off) record->failover = c.verb == Verb::failover_on;
  else record->errd = c.verb == Verb::errd_on;
  ++record->rev;
  Status s = store.write(encode(*record));
  respond(s ? json{{"ok", true}} : json{{"ok", false}, {"error", s.error()}});
}

void ModuleProcess::start_life(Command first, Respond respond) {
  Life::Context context{loop_, paths_, *cluster_, *module_, *log_, last_resync_};
  auto life = Life::begin(
      context, [this](std::uint64_t id, bool ok, const std::string& sentence) { answer(id, ok, sentence); },
      [this](bool restart, std::string reason) {
        loop_.post([this, restart, reason = std::move(reason)] { life_over(restart, reason); });
      },
      [this] { refresh_page(); });
  if (!life) { // nobody else says who asked
    log_->write('U', "heart", std::string("Action ") + verb_name(first.verb) + " called by " + first.who);
    last_problem_ = life.error();
    remember_started(false);
    log_->write('C', "heart", life.error());
    log_->write('E', "heart", "Local state STOP NotReady");
    return respond({{"ok", false}, {"error", life.error()}});
  }
  last_problem_.clear();
  life_ = std::move(*life);
  remember_started(true);
  first.id = ++last_command_;
  waiting_[first.id] = std::move(respond);
  life_->command(std::move(first));
}

void ModuleProcess::answer(std::uint64_t id, bool ok, const std::string& sentence) {
  auto it = waiting_.find(id);
  if (it == waiting_.end()) return;
  Respond respond = std::move(it->second);
  waiting_.erase(it);
  if (!ok) log_->write('E', "heart", "Refused: " + sentence);
  respond(ok ? json{{"ok", true}, {"sentence", sentence}} : json{{"ok", false}, {"error", sentence}});
}

void ModuleProcess::life_over(bool restart, const std::string& reason) {
  if (!life_) return;
  life_.reset();
  bool asked = reason == "stop" || reason == "forcestop"; // by an operator: nothing is wrong
  last_problem_ = restart || asked ? "" : reason;
  auto owed = std::move(waiting_);
  waiting_.clear();
  for (auto& [id, respond] : owed)
    respond({{"ok", false}, {"error", "the module stopped before the command was carried out" + (reason.empty() ? "" : ": " + reason)}});
  refresh_page();
  if (!restart || ending_) remember_started(false); // ended in order: only a crash is made good by a start
  if (ending_) return loop_.stop();
  if (!restart) return;
  Command again;
  again.verb = Verb::start;
  again.who = "automatically";
  start_life(std::move(again), [](const json&) {});
}

void ModuleProcess::terminate() {
  ending_ = true;
  if (!life_) return loop_.stop();
  Command stop;
  stop.verb = Verb::stop;
  stop.who = "SYSTEM";
  stop.id = ++last_command_;
  life_->command(std::move(stop)); // life_over ends the loop
}

json ModuleProcess::view() {
  json out = life_ ? to_json(life_->view(), boot_now()) : stopped_view();
  out["ok"] = true;
  out["module"] = am_;
  if (last_resync_) out["last_resync"] = to_json(*last_resync_);
  out["node"] = cluster_->self;
  out["peer"] = cluster_->others.empty() ? "" : cluster_->others.front();
  out["log"] = ModuleLog::file(paths_.log(am_));
  return out;
}

json ModuleProcess::stopped_view() {
  NodeView v;
  RecordRead read = RecordStore(paths_.module_var(am_)).read();
  if (auto record = decode_record(read.bytes.data(), read.bytes.size()); record && read.state == RecordRead::State::ok) {
    v.record = *record;
    v.uptodate = record->state == Freshness::own;
  }
  json out = to_json(v, boot_now());
  if (!last_problem_.empty()) out["problem"] = last_problem_;
  return out;
}

void ModuleProcess::refresh_page() {
  if (life_ && life_->ended()) return; // STOP is shown when the last file is closed: life_over comes back here
  if (life_) {
    NodeView v = life_->view();
    page_->write(v.role, v.sub, v.uptodate, v.serving ? life_->serving_until() : Instant::distant_past(), boot_now());
  } else {
    page_->write(Role::stop, Sub::not_ready, false, Instant::distant_past(), boot_now());
  }
  page_timer_->after(ms(500), [this] { refresh_page(); });
}

} // namespace lockstep
