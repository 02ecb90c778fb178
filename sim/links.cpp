#include "sim/links.hpp"

namespace lockstep::sim {
namespace {
constexpr Duration watch_interval = ms(200);
Class class_of(std::uint32_t network) { return network == 0 ? Class::beat0 : Class::beat1; }
} // namespace

Links::Links(const Plan& p, Queue& q, const Weather& w) : plan_(p), queue_(q), weather_(w) {
  patience_ = ms(pick(hash_of(p.seed, 5), 2000, 15000));
  queue_.at(Instant{0}, 2, [this] { tick(); });
}

Instant Links::arrival(NodeIndex from, Class c, std::uint64_t packet, Instant t) const {
  NodeIndex to = 1 - from;
  auto h = hash_of(plan_.seed, from, static_cast<int>(c), packet);
  Instant at = t + us(pick(h, 100, 400));
  if (auto e = weather_.on_link(What::delay, from, to, c, t)) at = at + Duration{pick(hash_of(h, 1), e->by.ns / 2, e->by.ns)};
  return at;
}

void Links::send_beat(NodeIndex from, std::uint32_t network, std::shared_ptr<const Beat> beat) {
  NodeIndex to = 1 - from;
  auto c = class_of(network);
  auto now = queue_.now();
  auto packet = ++packets_[from][network ? 1 : 0];
  auto h = hash_of(plan_.seed, from, network, packet, 9);
  if (!weather_.open(from, to, c, now)) return;
  auto hit = [&](What w, int salt) {
    auto e = weather_.on_link(w, from, to, c, now);
    return e && percent(hash_of(h, salt), static_cast<std::uint64_t>(e->number));
  };
  if (hit(What::loss, 1)) return;
  auto at = arrival(from, c, packet, now);
  if (auto e = weather_.on_link(What::clog, from, to, c, now)) at = later(at, weather_.end_of(*e));
  if (hit(What::reorder, 2)) at = at + ms(pick(hash_of(h, 3), 1, 1500));
  if (hit(What::corrupt, 6)) return damage(encode(*beat), h); // its seal is broken: refused unread
  auto deliver = [this, to, network, beat = std::move(beat)] { ends_[to].beat(network, beat); };
  queue_.at(at, to, deliver);
  if (hit(What::duplicate, 4)) queue_.at(at + ms(pick(hash_of(h, 5), 0, 3000)), to, deliver);
}

// Whatever arrives instead, reading it does no harm.
void Links::damage(Bytes bytes, std::uint64_t h) {
  if (bytes.empty()) return;
  if (h % 3 == 0) bytes.resize(mix64(h) % bytes.size());
  else bytes[mix64(h) % bytes.size()] ^= static_cast<std::uint8_t>(1u << (h % 8));
  (void)decode_beat(bytes.data(), bytes.size());
  std::size_t used = 0;
  (void)decode_frame(bytes.data(), bytes.size(), used);
}

void Links::send_frame(NodeIndex from, const Frame& frame, std::shared_ptr<const Content> content) {
  auto& side = sides_[from];
  if (side.connection == 0) return;
  NodeIndex to = 1 - from;
  auto at = arrival(from, Class::stream, ++packets_[from][2], queue_.now());
  auto open = weather_.open_at(from, to, Class::stream, queue_.now());
  if (open > queue_.now()) at = later(at, open + ms(pick(hash_of(plan_.seed, packets_[from][2], 3), 1, 400))); // retransmitted
  side.fifo = at = later(at, side.fifo + ns(1));
  auto h = hash_of(plan_.seed, from, packets_[from][2], 15);
  if (auto e = weather_.on_link(What::corrupt, from, to, Class::stream, queue_.now()); e && percent(h, static_cast<std::uint64_t>(e->number))) {
    damage(encode(frame), h); // its checksum is wrong: the connection is dropped, and nothing behind it is read (data T38)
    return queue_.at(at, to, [this, to, id = side.connection] {
      if (sides_[to].connection == id) lose(to, "a frame with a wrong checksum");
    });
  }
  queue_.at(at, to, [this, to, id = side.connection, frame = Frame(frame), content = std::move(content)]() mutable {
    if (sides_[to].connection == id) ends_[to].frame(std::move(frame), std::move(content));
  });
}

bool Links::path_open(NodeIndex from) const {
  NodeIndex to = 1 - from;
  return weather_.open(from, to, Class::stream, queue_.now()) && !weather_.on_link(What::clog, from, to, Class::stream, queue_.now());
}

void Links::lose(NodeIndex n, const std::string& why) {
  if (sides_[n].connection == 0) return;
  sides_[n].connection = 0;
  ends_[n].disconnected(why);
}

void Links::close(NodeIndex from, const std::string& why) {
  lose(from, why);
}

void Links::reset() {
  for (NodeIndex n = 0; n < 2; ++n) {
    auto id = sides_[n].connection;
    queue_.at(queue_.now() + us(pick(hash_of(plan_.seed, id, n, 11), 0, 3000)), n, [this, n, id] {
      if (id != 0 && sides_[n].connection == id) lose(n, "connection reset");
    });
  }
}

// A side whose partner is gone learns it by a reset as soon as packets pass, else when its patience ends.
void Links::watch(NodeIndex n) {
  auto& side = sides_[n];
  if (side.connection == 0) return;
  NodeIndex other = 1 - n;
  if (path_open(n) && path_open(other) && ends_[other].powered()) {
    if (sides_[other].connection != side.connection) return lose(n, "connection reset by the other node");
    side.last_ok = queue_.now();
  } else if (queue_.now() - side.last_ok > patience_) {
    lose(n, "no answer on the connection");
  }
}

void Links::dial() {
  bool wanted = sides_[0].connection == 0 || sides_[1].connection == 0;
  if (!wanted || dialling_ || !path_open(0) || !path_open(1) || !ends_[0].listening() || !ends_[1].listening()) return;
  dialling_ = true;
  auto id = ++connections_;
  queue_.at(queue_.now() + ms(pick(hash_of(plan_.seed, id, 21), 1, 300)), 2, [this, id] {
    dialling_ = false;
    if (!path_open(0) || !path_open(1) || !ends_[0].listening() || !ends_[1].listening()) return;
    for (NodeIndex n = 0; n < 2; ++n) lose(n, "replaced by a new connection");
    for (NodeIndex n = 0; n < 2; ++n) sides_[n] = {id, queue_.now(), queue_.now() + us(600)};
    for (NodeIndex n = 0; n < 2; ++n) {
      queue_.at(queue_.now() + us(pick(hash_of(plan_.seed, id, n, 22), 0, 500)), n, [this, n, id] {
        if (sides_[n].connection == id) ends_[n].connected();
      });
    }
  });
}

void Links::tick() {
  watch(0), watch(1), dial();
  queue_.at(queue_.now() + watch_interval, 2, [this] { tick(); });
}

bool Links::witness_reachable(NodeIndex n) const {
  auto now = queue_.now();
  return weather_.open(n, 2, Class::all, now) && weather_.open(2, n, Class::all, now) && !weather_.anywhere(What::witness_down, now);
}

} // namespace lockstep::sim
