#include "shim/module/mirror_host.hpp"
#include "shim/common/paths.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/clock.hpp"
#include <cerrno>

namespace lockstep {
namespace {
constexpr Duration space_interval = seconds(1);

std::string checkpoint_file(const std::string& directory) { return directory + "/checkpoint"; }
} // namespace

Result<std::unique_ptr<MirrorHost>> MirrorHost::start(MirrorHostSetup setup, Tree& tree, PayloadStore& payloads, OnSaid on_said,
                                                      OnBroken on_broken, Log log) {
  auto made = std::unique_ptr<MirrorHost>(new MirrorHost(std::move(setup), tree, payloads, std::move(on_said), std::move(on_broken), std::move(log)));
  if (Status s = made->open_network(); !s) return Error{s.error()};
  made->watch_space();
  made->thread_ = std::thread([host = made.get()] { host->run(); });
  return made;
}

MirrorHost::MirrorHost(MirrorHostSetup setup, Tree& tree, PayloadStore& payloads, OnSaid on_said, OnBroken on_broken, Log log)
    : setup_(std::move(setup)), tree_(tree), payloads_(payloads), on_said_(std::move(on_said)), on_broken_(std::move(on_broken)),
      log_(std::move(log)), timer_(loop_), space_timer_(loop_), mirror_(setup_.config, setup_.seed, boot_now()),
      set_log_(
          setup_.state_directory, [this](const in::SetDurable& d) { post(d); },
          [this](const std::string& s) { log_('C', "rfsplug", s); }) {
  executor_ = std::make_unique<Executor>(
      tree_, payloads_, [this](Executor::Result r) { post(std::move(r)); },
      [directory = setup_.state_directory](Position p) -> std::int32_t {
        return write_text_file(checkpoint_file(directory), to_string(p) + "\n") ? 0 : EIO;
      });
}

MirrorHost::~MirrorHost() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
  executor_->stop();
  fail_open();
}

void MirrorHost::halt() {
  halted_ = true;
  fail_open();
}

void MirrorHost::fail_open() {
  std::map<std::uint64_t, FuseMount::Reply> left;
  {
    std::lock_guard lock(replies_mutex_);
    closed_ = true;
    left.swap(replies_);
  }
  for (auto& [token, reply] : left) reply(EIO, 0);
}

Status MirrorHost::open_network() {
  std::string label = "flow:" + setup_.module;
  auto report = [this](const std::string& s) { log_('I', "rfsplug", s); };
  auto up = [this](SecureStream&& s) { connected(std::move(s)); };
  if (setup_.listens) {
    ListenerOptions options;
    options.only_from = {setup_.peer};
    auto listener = StreamListener::open(loop_, setup_.local, *setup_.key, label, up, report, options);
    if (!listener) return Error{listener.error()};
    listener_.emplace(std::move(*listener));
  } else {
    Endpoint any = setup_.local;
    any.port = 0;
    dialer_.emplace(loop_, any, setup_.peer, *setup_.key, label, up, report);
    dialer_->dial();
  }
  return {};
}

void MirrorHost::run() {
  arm();
  loop_.run();
}

void MirrorHost::post(decltype(MirrorInput::what) what) {
  loop_.post([this, what = std::move(what)]() mutable { step(std::move(what)); });
}
void MirrorHost::with_set(std::function<void(PendingSet)> use) {
  loop_.post([this, use = std::move(use)] {
    PendingSet all = mirror_.durable_set();
    all.add(mirror_.recent_items());
    use(std::move(all));
  });
}
void MirrorHost::order(MirrorOrder o) { post(in::Order{std::move(o)}); }

void MirrorHost::submit(Op op, Payload payload, FuseMount::Reply reply) {
  std::uint64_t token = ++last_token_;
  bool taken = false;
  {
    std::lock_guard lock(replies_mutex_);
    if (!closed_) taken = replies_.emplace(token, reply).second;
  }
  if (!taken) { // the incarnation is over
    payloads_.release(payload.handle);
    return reply(EIO, 0);
  }
  post(in::Submit{token, std::move(op), payload});
}

void MirrorHost::step(decltype(MirrorInput::what) what) {
  if (halted_) return;
  MirrorEffects effects;
  MirrorInput input{boot_now(), std::move(what)};
  if (auto broken = checked_step(mirror_, input, effects)) { // nothing of this step leaves
    halt();
    return on_broken_(std::move(*broken));
  }
  for (MirrorEffect& e : effects) carry_out(e);
  arm();
}

void MirrorHost::arm() {
  Instant next = mirror_.next_deadline();
  if (next == Instant::never()) return timer_.cancel();
  Duration wait = next - boot_now();
  timer_.after(wait < Duration{} ? Duration{} : wait, [this] { step(in::Wake{}); });
}

void MirrorHost::carry_out(MirrorEffect& effect) {
  struct Visitor {
    MirrorHost& h;
    void operator()(fx::Execute& e) { h.executor_->order(std::move(e)); }
    void operator()(fx::Apply& e) { h.executor_->order(std::move(e)); }
    void operator()(fx::ReadItem& e) { h.executor_->order(e); }
    void operator()(fx::ReadData& e) { h.executor_->order(e); }
    void operator()(fx::Flush& e) { h.executor_->order(e); }
    void operator()(fx::PurgeStaging& e) { h.executor_->order(e); }
    void operator()(fx::Complete& e) { h.complete(e); }
    void operator()(fx::Send& e) { h.send(e); }
    void operator()(fx::Release& e) { h.payloads_.release(e.handle); }
    void operator()(fx::AppendSet& e) { h.set_log_.append(e); }
    void operator()(fx::RewriteSet& e) { h.set_log_.rewrite(e); }
    void operator()(fx::CloseConnection& e) { h.close_connection(e.why); }
    void operator()(fx::Say& e) { h.on_said_(std::move(e.what)); }
    void operator()(fx::Tell& e) {
      h.log_('I', "rfsplug", std::string(rule_name(e.note.rule)) + ": " + rule_sentence(e.note.rule) +
                                 (e.note.text.empty() ? "" : " (" + e.note.text + ")"));
    }
  };
  std::visit(Visitor{*this}, effect);
}

void MirrorHost::complete(const fx::Complete& e) {
  FuseMount::Reply reply;
  {
    std::lock_guard lock(replies_mutex_);
    auto it = replies_.find(e.token);
    if (it == replies_.end()) return;
    reply = std::move(it->second);
    replies_.erase(it);
  }
  bool late = e.error == 0 && boot_now() > e.not_after; // a promise must not leave after the lease (design 2.10)
  reply(late ? EIO : e.error, e.amount);
}

void MirrorHost::send(const fx::Send& e) {
  if (!stream_ || !stream_->open()) return; // its end is on its way here as an input
  Bytes head = encode(e.frame);
  if (!e.bytes.empty()) return stream_->send(std::move(head), Buffer::of(e.bytes));
  if (e.payload.handle == 0) return stream_->send(std::move(head));
  stream_->send(std::move(head), payloads_.get(e.payload.handle));
}

void MirrorHost::connected(SecureStream&& stream) {
  if (stream_) {
    stream_.reset();
    step(in::Disconnected{"the other node connected anew"});
  }
  stream_.emplace(std::move(stream));
  log_('I', "rfsplug", "replication connected with " + to_string(stream_->remote()));
  stream_->start([this](Bytes&& b) { frame(std::move(b)); },
                 [this](const std::string& reason) {
                   loop_.post([this, reason] { close_connection(reason); });
                 });
  step(in::Connected{});
}

void MirrorHost::frame(Bytes&& bytes) {
  auto owner = std::make_shared<Bytes>(std::move(bytes));
  std::size_t used = 0;
  auto decoded = decode_frame(owner->data(), owner->size(), used);
  if (!decoded) return loop_.post([this] { close_connection("a frame of the other node cannot be decoded"); });
  Payload payload;
  if (used < owner->size())
    payload = payloads_.add(Buffer{owner, std::span<const std::uint8_t>(owner->data() + used, owner->size() - used)});
  step(in::FromPeer{std::move(*decoded), payload});
}

void MirrorHost::close_connection(const std::string& why) {
  if (!stream_) return;
  stream_.reset();
  log_('I', "rfsplug", "replication connection closed: " + why);
  step(in::Disconnected{why});
  if (dialer_) dialer_->dial();
}

void MirrorHost::watch_space() {
  TreeSpace space = tree_.space();
  post(in::Space{space.free_bytes, space.free_inodes});
  if (PendingSet marks = tree_.take_minted(); !marks.empty()) post(in::Differs{std::move(marks)}); // data T16
  space_timer_.after(space_interval, [this] { watch_space(); });
}

} // namespace lockstep
