// How a simulated machine carries out what Mirror orders: one executor that keeps its order, the set log, flushes, the wire.
// (`e = e` in a capture: a copy that can be moved; plain `e` would stay const and be copied at every hand.)
#include "sim/host.hpp"
#include "sim/oracles.hpp"

namespace lockstep::sim {

Payload Host::keep(Content c) { return keep(std::make_shared<const Content>(std::move(c))); }
Payload Host::keep(std::shared_ptr<const Content> c) {
  Payload p{++handles_, c->size()};
  payloads_.emplace(p.handle, std::move(c));
  return p;
}
std::shared_ptr<const Content> Host::content_of(Payload p) const {
  auto i = payloads_.find(p.handle);
  return i == payloads_.end() ? nullptr : i->second;
}

template <class F>
void Host::on_executor(F work) {
  auto start = disk_start(executor_free_);
  executor_free_ = start + disk_time(start, 15, 120);
  later_here(executor_free_ - queue_.now(), std::move(work));
}

Injected Host::injected_for(std::uint64_t units) {
  for (auto [w, error] : {std::pair{What::eio, err::io}, std::pair{What::enospc, err::nospc}}) {
    auto e = weather_.on_node(w, index_, queue_.now());
    auto h = chance(11);
    if (!e || !percent(h, static_cast<std::uint64_t>(e->number))) continue;
    auto how = mix64(h ^ 2);
    return {error, units ? mix64(h ^ 1) % units : 0, w == What::eio && how % 3 == 0, (how >> 8) % 2 == 0};
  }
  return {};
}

void Host::carry(const fx::Execute& e) {
  on_executor([this, e = e] {
    if (clock() > e.not_after) {
      in::Executed r{e.ticket};
      r.expired = true;
      return to_mirror(r);
    }
    oracles_.executing(*this, e.op);
    auto content = content_of(e.payload);
    if (e.op.kind == OpKind::sync && sabotage_ == Sabotage::flush_lies) return to_mirror(in::Executed{e.ticket});
    auto r = carry_out(disk_.files, e.op, content.get(), false, injected_for(content ? content->units.size() : 0));
    oracles_.executed(*this, e.op, r.error, r.amount);
    to_mirror(in::Executed{e.ticket, r.error, r.amount, r.partial, false});
  });
}

void Host::carry(const fx::Complete& e) {
  if (sabotage_ == Sabotage::answer_lost && ++lies_ % 100 == 0) return;
  bool late = e.error == 0 && clock() > e.not_after;
  auto error = late ? err::io : e.error;
  if (!open_.erase(e.token)) return; // the mount was aborted meanwhile
  oracles_.completing(*this, e.token, error, e.amount);
  if (on_complete) on_complete(e.token, error);
}

void Host::carry(const fx::Apply& e) {
  oracles_.applying(*this, e.op);
  on_executor([this, e = e] {
    auto content = content_of(e.payload);
    bool forget = sabotage_ == Sabotage::apply_forgets && e.op.kind == OpKind::write && ++lies_ % 20 == 0;
    if (forget) return to_mirror(in::Applied{e.ticket});
    auto r = carry_out(disk_.files, e.op, content.get(), e.may_be_done, injected_for(content ? content->units.size() : 0));
    trace_.line(queue_.now(), index_, [&] {
      return "      applied " + to_string(e.op) + (r.error ? ": error " + std::to_string(r.error) : std::string{});
    });
    to_mirror(in::Applied{e.ticket, r.error, r.need, r.lacks});
  });
}

void Host::carry(const fx::ReadItem& e) {
  on_executor([this, e = e] {
    Content digests;
    auto r = read_item(disk_.files.now(), e, digests);
    if (!r.error && injected_for(0).error) r = {.ticket = e.ticket, .error = err::io}, digests = {};
    if (digests.size()) r.digests = keep(std::move(digests));
    to_mirror(std::move(r));
  });
}

void Host::carry(const fx::ReadData& e) {
  on_executor([this, e = e] {
    Content data;
    auto r = read_extent(disk_.files.now(), e, data);
    if (!r.error && injected_for(0).error) r = {.ticket = e.ticket, .error = err::io}, data = {};
    if (data.size()) r.data = keep(std::move(data));
    to_mirror(std::move(r));
  });
}

void Host::carry(const fx::Send& e) {
  auto content = content_of(e.payload);
  if (!content && !e.bytes.empty()) content = std::make_shared<Content>(Content{{}, e.bytes});
  oracles_.frame_sent(*this, e.frame);
  links_.send_frame(index_, e.frame, std::move(content));
}

void Host::carry(const fx::Release& e) { payloads_.erase(e.handle); }

void Host::carry(const fx::Flush& e) {
  auto start = disk_start(flush_free_);
  auto flushed = start + disk_time(start, 2000, 40'000);
  auto noted = flushed + us(pick(hash_of(plan_.seed, index_, e.ticket.value, 12), 20, 500));
  flush_free_ = noted; // one after the other, with their notes: none overtakes another, however long the machine stands still
  bool fails = weather_.on_node(What::flush_error, index_, queue_.now()) != nullptr;
  later_here(start - queue_.now(), [this, e = e, fails, flushed, noted] {
    // Carried out at its beginning: a crash halfway leaves no more than a crash before or after it does.
    if (!fails && sabotage_ != Sabotage::flush_lies) disk_.files.flush();
    later_here(later(flushed, queue_.now()) - queue_.now(), [this, e = e, fails, noted] {
      if (!fails && e.checkpoint.generation != 0) disk_.state.checkpoint_file = e.checkpoint;
      // Beside the record first, then on the data root: a crash in between leaves two that disagree (data T2).
      later_here(later(noted, queue_.now()) - queue_.now(), [this, e, fails] {
        if (!fails && e.checkpoint.generation != 0) disk_.state.checkpoint_root = e.checkpoint;
        to_mirror(in::Flushed{e.ticket, fails ? err::io : 0});
      });
    });
  });
}

void Host::carry(const fx::AppendSet& e) {
  bool fails = weather_.on_node(What::log_error, index_, queue_.now()) != nullptr;
  auto start = disk_start(log_free_);
  log_free_ = start + disk_time(start, 300, 3000);
  if (!fails) log_in_flight_.push_back({false, e.marks});
  later_here(log_free_ - queue_.now(), [this, ticket = e.ticket, fails] {
    if (!fails) {
      if (sabotage_ != Sabotage::set_log_lies) disk_.state.set.add(log_in_flight_.front().second);
      log_in_flight_.pop_front();
      if (disk_.state.set.contains(disk_.state.stray)) disk_.state.stray = {};
    }
    to_mirror(in::SetDurable{ticket, fails ? err::nospc : 0});
  });
}

void Host::carry(const fx::RewriteSet& e) {
  bool fails = weather_.on_node(What::log_error, index_, queue_.now()) != nullptr;
  auto start = disk_start(log_free_);
  log_free_ = start + disk_time(start, 300, 3000);
  if (!fails) log_in_flight_.push_back({true, e.set});
  later_here(log_free_ - queue_.now(), [this, ticket = e.ticket, fails] {
    if (!fails) disk_.state.set = log_in_flight_.front().second, disk_.state.set_readable = true, log_in_flight_.pop_front();
    to_mirror(in::SetDurable{ticket, fails ? err::nospc : 0});
  });
}

void Host::carry(const fx::CloseConnection& e) { links_.close(index_, e.why); }
void Host::carry(const fx::PurgeStaging&) {
  auto purge = [this] { purge_staging(disk_.files); };
  bool after_copy = mirror_ && mirror_->role() == MirrorRole::second;
  if (after_copy) on_executor(purge);
  else later_here(later(executor_free_, queue_.now()) - queue_.now(), purge); // there is seldom something left to remove, and nothing takes no time
}
void Host::carry(const fx::Say& e) {
  if (std::holds_alternative<said::SelfFailed>(e.what)) oracles_.disk_failed(*this);
  later_here(us(20), [this, what = e.what] { to_node(nin::Mirror{what}); });
}
void Host::carry(const fx::Tell& e) {
  ++trace_.counts.rules[e.note.rule];
  oracles_.told(*this, e.note);
}

} // namespace lockstep::sim
