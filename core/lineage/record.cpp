#include "core/lineage/record.hpp"

namespace lockstep {

void put(Writer& w, const Generation& g) {
  w.u64(g.counter), w.u64(g.nonce);
  put(w, g.minted_by);
  w.u8(static_cast<std::uint8_t>(g.minted_as));
}

Generation get_generation(Reader& r) {
  Generation g;
  g.counter = r.u64(), g.nonce = r.u64();
  get(r, g.minted_by);
  g.minted_as = static_cast<MintedAs>(r.bounded(static_cast<std::uint8_t>(MintedAs::op)));
  return g;
}

namespace {
constexpr std::size_t generation_bytes = 33, uid_bytes = 16;

void put_list(Writer& w, const std::vector<Generation>& list) {
  w.u32(static_cast<std::uint32_t>(list.size()));
  for (const auto& g : list) put(w, g);
}

void get_list(Reader& r, std::vector<Generation>& list) {
  list.clear();
  auto n = r.count(history_hard_limit, generation_bytes);
  for (std::uint32_t i = 0; i < n && r.ok(); ++i) list.push_back(get_generation(r));
}
} // namespace

void put(Writer& w, const Record& x) {
  put(w, x.node_uid), put(w, x.dir_uid);
  w.u64(x.rev), w.u64(x.incarnation.value);
  put(w, x.g);
  put_list(w, x.history);
  w.u8(static_cast<std::uint8_t>(x.state)), w.flag(x.complete), w.u8(static_cast<std::uint8_t>(x.why));
  w.flag(x.candidate.has_value());
  if (x.candidate) put(w, *x.candidate);
  put_list(w, x.voided);
  put(w, x.base);
  w.flag(x.covers), w.flag(x.offered);
  put(w, x.src_gen);
  w.flag(x.must_full);
  put(w, x.peer_uid);
  w.u64(x.peer_rev_seen), w.u64(x.peer_incarnation_seen.value), w.u64(x.peer_checkpoint_seen), w.u64(x.own_checkpoint), w.u64(x.boot_rev);
  w.u8(static_cast<std::uint8_t>(x.arbiter)), w.u64(x.arbiter_revision);
  w.flag(x.was_prim), w.flag(x.failover), w.flag(x.errd);
  w.u32(x.loop_count), w.i64(x.loop_started_s);
  w.u32(static_cast<std::uint32_t>(x.former_peers.size()));
  for (const auto& u : x.former_peers) put(w, u);
}

bool get(Reader& r, Record& x) {
  get(r, x.node_uid), get(r, x.dir_uid);
  x.rev = r.u64(), x.incarnation.value = r.u64();
  x.g = get_generation(r);
  get_list(r, x.history);
  x.state = static_cast<Freshness>(r.bounded(static_cast<std::uint8_t>(Freshness::inconsistent)));
  x.complete = r.flag();
  x.why = static_cast<Why>(r.bounded(static_cast<std::uint8_t>(Why::operator_said)));
  x.candidate.reset();
  if (r.flag()) x.candidate = get_generation(r);
  get_list(r, x.voided);
  x.base = get_generation(r);
  x.covers = r.flag(), x.offered = r.flag();
  x.src_gen = get_generation(r);
  x.must_full = r.flag();
  get(r, x.peer_uid);
  x.peer_rev_seen = r.u64(), x.peer_incarnation_seen.value = r.u64(), x.peer_checkpoint_seen = r.u64(), x.own_checkpoint = r.u64(), x.boot_rev = r.u64();
  x.arbiter = static_cast<ArbiterMode>(r.bounded(static_cast<std::uint8_t>(ArbiterMode::etcd)));
  x.arbiter_revision = r.u64();
  x.was_prim = r.flag(), x.failover = r.flag(), x.errd = r.flag();
  x.loop_count = r.u32(), x.loop_started_s = r.i64();
  x.former_peers.clear();
  auto former = r.count(former_limit, uid_bytes);
  for (std::uint32_t i = 0; i < former && r.ok(); ++i) get(r, x.former_peers.emplace_back());
  return r.ok();
}

Bytes encode(const Record& x) {
  Writer w;
  put(w, x);
  return w.take();
}

std::optional<Record> decode_record(const std::uint8_t* p, std::size_t n) {
  Reader r(p, n);
  Record x;
  if (!get(r, x) || !r.done()) return std::nullopt;
  return x;
}

} // namespace lockstep
