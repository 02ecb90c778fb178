#include "sim/arbiter.hpp"
#include <memory>
#include <utility>

namespace lockstep::sim {

Arbiter::Arbiter(const Plan& p, Queue& q, const Weather& w) : plan_(p), queue_(q), weather_(w) {}

// When what is sent now arrives; never if it is lost. What a cut holds up may be sent again by TCP when it ends.
std::optional<Instant> Arbiter::passes(NodeIndex from, NodeIndex to, std::uint64_t salt) const {
  auto now = queue_.now();
  auto h = hash_of(plan_.seed, from, to, salt, 81);
  if (auto e = weather_.on_link(What::loss, from, to, Class::arbiter, now); e && percent(hash_of(h, 1), static_cast<std::uint64_t>(e->number)))
    return std::nullopt;
  bool open = weather_.open(from, to, Class::arbiter, now);
  if (!open && h % 2) return std::nullopt;
  Instant at = now + us(pick(hash_of(h, 2), 200, 3000));
  if (auto e = weather_.on_link(What::delay, from, to, Class::arbiter, now)) at = at + Duration{pick(hash_of(h, 3), e->by.ns / 2, e->by.ns)};
  auto passable = weather_.open_at(from, to, Class::arbiter, now); // cuts and clogs
  return later(at, passable > now ? passable + ms(pick(hash_of(h, 4), 1, 500)) : at);
}

void Arbiter::ask(NodeIndex from, const nfx::AskArbiter& question, Answer answer) {
  auto packet = ++packets_[from];
  auto h = hash_of(plan_.seed, from, packet, 82);
  auto answered = std::make_shared<bool>(false);
  auto reply = [answered, answer = std::move(answer)](const nin::ArbiterAnswer& a) {
    if (!std::exchange(*answered, true)) answer(a);
  };
  nin::ArbiterAnswer silence;
  silence.ticket = question.ticket, silence.problem = "no endpoint answers";
  queue_.at(queue_.now() + ms(pick(h, 2000, 4000)), from, [reply, silence] { reply(silence); });
  auto there = passes(from, 2, packet);
  if (!there) return;
  auto at_the_store = [this, from, question, reply, packet] {
    if (weather_.anywhere(What::arbiter_down, queue_.now())) return;
    auto e = weather_.anywhere(What::arbiter_slow, queue_.now());
    auto takes = e ? Duration{pick(hash_of(plan_.seed, from, packet, 83), 0, e->by.ns)} : us(50);
    queue_.at(queue_.now() + takes, 2, [this, from, question, reply, packet] {
      auto a = carry_out(from, question);
      if (auto back = passes(2, from, packet)) queue_.at(*back, from, [reply, a] { reply(a); });
    });
  };
  queue_.at(*there, 2, at_the_store);
  auto again = weather_.on_link(What::duplicate, from, 2, Class::arbiter, queue_.now()); // sent to another endpoint too
  if (again && percent(hash_of(h, 5), static_cast<std::uint64_t>(again->number))) queue_.at(*there + ms(pick(hash_of(h, 6), 0, 5000)), 2, at_the_store);
}

nin::ArbiterAnswer Arbiter::carry_out(NodeIndex from, const nfx::AskArbiter& q) {
  nin::ArbiterAnswer a;
  a.ticket = q.ticket;
  auto key = store_.keys.find(q.data_set);
  auto holds = key == store_.keys.end() ? std::nullopt : std::optional(key->second);
  if (q.put && holds == q.expected) {
    store_.keys[q.data_set] = *q.put;
    ++store_.revision, ++changes_;
    if (on_change) on_change({from, holds, *q.put});
    held_.insert(q.put->nonce);
    a.says = nin::ArbiterSays::swapped;
  } else if (holds) {
    a.says = nin::ArbiterSays::holds, a.value = *holds;
  } else {
    a.says = nin::ArbiterSays::absent;
  }
  a.revision = store_.revision;
  return a;
}

void Arbiter::emptied() { store_ = {}, lost_state_ = true; }
void Arbiter::deleted() { store_.keys.clear(), ++store_.revision, lost_state_ = true; }
void Arbiter::saved() { saved_ = store_; }
void Arbiter::restored() {
  if (!saved_) return;
  went_back_ = went_back_ || saved_->keys != store_.keys;
  store_ = *saved_, lost_state_ = true;
}

} // namespace lockstep::sim
