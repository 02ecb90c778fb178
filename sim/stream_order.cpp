#include "sim/stream_order.hpp"

namespace lockstep::sim {
namespace {
std::uint64_t of_text(const std::string& s) {
  std::uint64_t h = s.size();
  for (char c : s) h = h * 1099511628211u ^ static_cast<unsigned char>(c);
  return h;
}
std::uint64_t digest_of(const Op& o) { // without the length, which an amendment changes
  auto key = [](Key k) { return k.minter ^ (k.counter << 1); };
  return hash_of(static_cast<std::uint64_t>(o.kind), key(o.object), key(o.dir), key(o.dir2), key(o.replaced), of_text(o.name),
                 of_text(o.name2), of_text(o.text), o.offset, o.flags, o.mask, o.mode);
}
} // namespace

StreamOrder::Finding StreamOrder::sent(NodeUid from, Incarnation by, const Frame& frame) {
  auto stream = [&](std::uint64_t generation) -> Stream& { return streams_[{from, epochs_[from], by.value, generation}]; };
  if (auto* h = std::get_if<HelloFrame>(&frame)) {
    if (h->is_source && h->generation) stream(h->generation).begins[h->session] = h->received.seq;
  } else if (auto* o = std::get_if<OpFrame>(&frame)) {
    auto [it, fresh] = stream(o->at.generation).ops.try_emplace(o->at.seq, Sent{digest_of(o->op), o->op.length, o->op.kind, {o->op.object, o->op.dir, o->op.dir2, o->op.replaced}});
    if (!fresh && it->second.digest != digest_of(o->op))
      return {{&oracle::S9, "two operations are sent as number " + to_string(o->at) + ", the second is " + to_string(o->op)}};
  } else if (auto* w = std::get_if<WatermarkFrame>(&frame)) {
    auto& s = stream(w->through.generation);
    for (auto& e : w->exceptions) {
      auto it = s.ops.find(e.seq);
      if (it == s.ops.end()) continue;
      it->second.cancelled = e.outcome == Outcome::cancelled;
      if (e.outcome == Outcome::amended) it->second.amended = true, it->second.length = e.amount;
    }
  }
  return {};
}

std::optional<Position> StreamOrder::position_of(NodeUid from, Incarnation by, std::uint64_t generation, const Op& op) const {
  auto epoch = epochs_.find(from);
  auto s = streams_.find({from, epoch == epochs_.end() ? 0 : epoch->second, by.value, generation});
  if (s == streams_.end()) return std::nullopt;
  auto digest = digest_of(op);
  for (auto it = s->second.ops.rbegin(); it != s->second.ops.rend(); ++it) {
    if (it->second.digest == digest) return Position{generation, it->first};
  }
  return std::nullopt;
}

const StreamOrder::Stream* StreamOrder::stream_of(const Follower& f) const {
  auto s = streams_.find({f.session.source, f.epoch, f.session.source_life.incarnation.value, f.session.source_gen.counter});
  return s == streams_.end() ? nullptr : &s->second;
}

std::set<Key> StreamOrder::on_the_way(NodeIndex n) const {
  std::set<Key> keys;
  auto& f = followers_[n];
  auto s = f.active && !f.at.empty() ? stream_of(f) : nullptr;
  for (auto it = s ? s->ops.upper_bound(*f.at.begin()) : decltype(s->ops.begin()){}; s && it != s->ops.end(); ++it)
    keys.insert(it->second.keys.begin(), it->second.keys.end());
  return keys;
}

StreamOrder::Finding StreamOrder::applies(NodeIndex n, const Op& op) {
  auto& f = followers_[n];
  if (!f.active) return {{&oracle::S8, "applies " + to_string(op) + " and follows nobody"}};
  auto s = stream_of(f);
  if (!s) return {{&oracle::S8, "applies " + to_string(op) + ", and the source it follows sent nothing"}};
  auto& stream = *s;
  if (f.at.empty()) {
    auto b = stream.begins.find(stream_number(f.session));
    if (b == stream.begins.end()) return {{&oracle::S8, "applies " + to_string(op) + " of a session that its source never opened"}};
    f.at.insert(b->second);
  }
  auto digest = digest_of(op);
  auto is = [&](const Sent& s) { return s.digest == digest && (s.length == op.length || s.amended); };
  std::set<std::uint64_t> now;
  for (auto at : f.at) {
    auto it = stream.ops.upper_bound(at);
    for (; it != stream.ops.end() && it->first == at + 1; ++it, ++at) {
      if (is(it->second)) now.insert(it->first);
      if (!it->second.cancelled && it->second.kind != OpKind::drained) break;
    }
  }
  if (now.empty()) return {{&oracle::S9, "applies " + to_string(op) + ", which is not what comes after number " + std::to_string(*f.at.begin())}};
  f.at = std::move(now);
  return {};
}

} // namespace lockstep::sim
