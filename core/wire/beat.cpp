#include "core/wire/beat.hpp"
#include <algorithm>

namespace lockstep {
namespace {
constexpr std::size_t max_name = 256, max_resources = 128, max_resource_text = 256;

void put_position(Writer& w, Position p) { w.u64(p.generation), w.u64(p.seq); }
Position get_position(Reader& r) {
  Position p;
  p.generation = r.u64(), p.seq = r.u64();
  return p;
}

void put_claim(Writer& w, const Beat& b) {
  w.text(b.node_name);
  w.u64(b.config_digest), w.u8(static_cast<std::uint8_t>(b.record_state));
  put(w, b.record);
  w.flag(b.dirs_empty), w.flag(b.went_back), put_position(w, b.checkpoint), w.flag(b.live);
  w.u8(static_cast<std::uint8_t>(b.role)), w.u8(static_cast<std::uint8_t>(b.sub));
  w.flag(b.serving), w.flag(b.failover), w.flag(b.checkers_up);
}

void get_claim(Reader& r, Beat& b) {
  b.node_name = r.text(max_name);
  b.config_digest = r.u64(),
  b.record_state = static_cast<RecordState>(r.bounded(static_cast<std::uint8_t>(RecordState::lost)));
  if (!get(r, b.record)) r.fail();
  b.dirs_empty = r.flag(), b.went_back = r.flag(), b.checkpoint = get_position(r), b.live = r.flag();
  b.role = static_cast<Role>(r.bounded(static_cast<std::uint8_t>(Role::second)));
  b.sub = static_cast<Sub>(r.bounded(static_cast<std::uint8_t>(Sub::ready)));
  b.serving = r.flag(), b.failover = r.flag(), b.checkers_up = r.flag();
}

// Resources are for show: what does not fit into a datagram is left out, claims never are.
void put_resources(Writer& w, const Beat& b) {
  std::size_t room = beat_max_bytes - w.bytes().size() - 4, n = 0;
  for (const auto& [name, value] : b.resources) {
    auto size = 8 + std::min(name.size(), max_resource_text) + std::min(value.size(), max_resource_text);
    if (n == max_resources || size > room) break;
    room -= size, ++n;
  }
  w.u32(static_cast<std::uint32_t>(n));
  for (std::size_t i = 0; i < n; ++i) {
    w.text(std::string_view(b.resources[i].first).substr(0, max_resource_text));
    w.text(std::string_view(b.resources[i].second).substr(0, max_resource_text));
  }
}
} // namespace

const char* role_name(Role r) {
  switch (r) {
  case Role::stop: return "STOP";
  case Role::wait: return "WAIT";
  case Role::alone: return "ALONE";
  case Role::prim: return "PRIM";
  case Role::second: return "SECOND";
  }
  return "?";
}

const char* sub_name(Sub s) {
  switch (s) {
  case Sub::not_ready: return "NotReady";
  case Sub::transient: return "Transient";
  case Sub::ready: return "Ready";
  }
  return "?";
}

static void put(Writer& w, const LifeId& l) { w.u64(l.incarnation.value), w.u64(l.nonce); }
static void get(Reader& r, LifeId& l) { l.incarnation.value = r.u64(), l.nonce = r.u64(); }

void put(Writer& w, const Session& s) {
  put(w, s.source_gen), put(w, s.source);
  put(w, s.source_life), put(w, s.target_life);
  w.flag(s.full), w.u64(s.number);
}

bool get(Reader& r, Session& s) {
  s.source_gen = get_generation(r);
  get(r, s.source);
  get(r, s.source_life), get(r, s.target_life);
  s.full = r.flag(), s.number = r.u64();
  return r.ok();
}

Bytes encode(const Beat& b) {
  Writer w;
  w.u16(protocol_version), w.u16(b.compare_version);
  put(w, b.node_uid);
  w.u64(b.incarnation.value), w.u64(b.nonce), w.u64(b.seq), w.i64(b.sent_ns), w.i64(b.timeout.ns), w.i64(b.pulse.ns);
  put(w, b.echo), w.u64(b.echo_seq), w.i64(b.echo_sent_ns);
  put_claim(w, b);
  w.u8(static_cast<std::uint8_t>(b.goodbye));
  put_position(w, b.last);
  w.flag(b.consent), w.flag(b.asks_consent), w.flag(b.swap_ready), w.flag(b.wants_swap), w.u64(b.quotes_rev);
  w.flag(b.resync_active);
  put(w, b.session);
  w.flag(b.equal), w.flag(b.ready_for);
  put_resources(w, b);
  return w.take();
}

std::optional<Beat> decode_beat(const std::uint8_t* p, std::size_t n) {
  if (n > beat_max_bytes) return std::nullopt;
  Reader r(p, n);
  Beat b;
  if (r.u16() != protocol_version) return std::nullopt;
  b.compare_version = r.u16();
  get(r, b.node_uid);
  b.incarnation.value = r.u64(), b.nonce = r.u64(), b.seq = r.u64(), b.sent_ns = r.i64(), b.timeout.ns = r.i64(), b.pulse.ns = r.i64();
  get(r, b.echo), b.echo_seq = r.u64(), b.echo_sent_ns = r.i64();
  // A negative or absurd (over 30 days) timeout is no beat of ours; arithmetic on the rest cannot overflow.
  if (b.timeout.ns < 0 || b.timeout > seconds(30 * 86400) || b.pulse.ns < 0 || b.pulse > b.timeout) return std::nullopt;
  get_claim(r, b);
  b.goodbye = static_cast<Goodbye>(r.bounded(static_cast<std::uint8_t>(Goodbye::failover_off)));
  b.last = get_position(r);
  b.consent = r.flag(), b.asks_consent = r.flag(), b.swap_ready = r.flag(), b.wants_swap = r.flag(),
  b.quotes_rev = r.u64();
  b.resync_active = r.flag();
  if (!get(r, b.session)) return std::nullopt;
  b.equal = r.flag(), b.ready_for = r.flag();
  auto count = r.count(max_resources, 8);
  for (std::uint32_t i = 0; i < count && r.ok(); ++i) {
    auto name = r.text(max_resource_text);
    b.resources.emplace_back(std::move(name), r.text(max_resource_text));
  }
  if (!r.done()) return std::nullopt;
  return b;
}

} // namespace lockstep
