#include "core/wire/frame.hpp"

namespace lockstep {
namespace {
constexpr std::size_t sentence_max = 1024, notes_max = 1u << 20, keys_max = 16u << 20;

enum class Tag : std::uint8_t { hello = 1, op, watermark, receipt, checkpoint, set, lacks, need, failed };
constexpr std::uint8_t last_tag = 9;

void put(Writer& w, const Position& p) { w.u64(p.generation), w.u64(p.seq); }
Position get_position(Reader& r) {
  Position p;
  p.generation = r.u64(), p.seq = r.u64();
  return p;
}

struct Encoder {
  Writer w;
  void tag(Tag t) { w.u8(static_cast<std::uint8_t>(t)); }
  void operator()(const HelloFrame& f) {
    tag(Tag::hello), w.u16(protocol_version), put(w, f.node_uid), w.u64(f.incarnation.value), w.u64(f.generation), w.u64(f.session);
    w.flag(f.is_source), put(w, f.received), put(w, f.applied);
  }
  void operator()(const OpFrame& f) { tag(Tag::op), put(w, f.at), w.u64(f.watermark), put(w, f.op); }
  void operator()(const WatermarkFrame& f) {
    tag(Tag::watermark), put(w, f.through), w.u32(static_cast<std::uint32_t>(f.exceptions.size()));
    for (auto& n : f.exceptions) w.u64(n.seq), w.u8(static_cast<std::uint8_t>(n.outcome)), w.u64(n.amount);
  }
  void operator()(const ReceiptFrame& f) { tag(Tag::receipt), put(w, f.received), put(w, f.applied), w.u64(f.outcomes); }
  void operator()(const CheckpointFrame& f) { tag(Tag::checkpoint), put(w, f.at); }
  void operator()(const SetFrame& f) { tag(Tag::set), w.u64(f.session), w.flag(f.last), put(w, f.items); }
  void operator()(const LacksFrame& f) {
    tag(Tag::lacks), put(w, f.at), w.u32(static_cast<std::uint32_t>(f.keys.size()));
    for (auto& k : f.keys) put(w, k);
  }
  void operator()(const NeedFrame& f) { tag(Tag::need), put(w, f.at), w.u64(f.blocks); }
  void operator()(const FailedFrame& f) { tag(Tag::failed), w.u32(static_cast<std::uint32_t>(f.error)), w.text(f.sentence.substr(0, sentence_max)); }
};

HelloFrame get_hello(Reader& r) {
  HelloFrame f;
  if (r.u16() != protocol_version) r.fail();
  get(r, f.node_uid), f.incarnation.value = r.u64(), f.generation = r.u64(), f.session = r.u64();
  f.is_source = r.flag(), f.received = get_position(r), f.applied = get_position(r);
  return f;
}
OpFrame get_op(Reader& r) {
  OpFrame f;
  f.at = get_position(r), f.watermark = r.u64();
  get(r, f.op);
  return f;
}
WatermarkFrame get_watermark(Reader& r) {
  WatermarkFrame f;
  f.through = get_position(r);
  for (auto n = r.count(notes_max, 17); n > 0 && r.ok(); --n) {
    OutcomeNote note;
    note.seq = r.u64(), note.outcome = static_cast<Outcome>(r.bounded(2)), note.amount = r.u64();
    f.exceptions.push_back(note);
  }
  return f;
}
ReceiptFrame get_receipt(Reader& r) {
  ReceiptFrame f;
  f.received = get_position(r), f.applied = get_position(r), f.outcomes = r.u64();
  return f;
}
SetFrame get_set(Reader& r) {
  SetFrame f;
  f.session = r.u64(), f.last = r.flag();
  get(r, f.items);
  return f;
}
LacksFrame get_lacks(Reader& r) {
  LacksFrame f;
  f.at = get_position(r);
  for (auto n = r.count(keys_max, 16); n > 0 && r.ok(); --n) f.keys.push_back(get_key(r));
  return f;
}
NeedFrame get_need(Reader& r) {
  NeedFrame f;
  f.at = get_position(r), f.blocks = r.u64();
  return f;
}
FailedFrame get_failed(Reader& r) {
  FailedFrame f;
  f.error = static_cast<std::int32_t>(r.u32()), f.sentence = r.text(sentence_max);
  return f;
}
Frame get_body(Reader& r, Tag t) {
  switch (t) {
    case Tag::hello: return get_hello(r);
    case Tag::op: return get_op(r);
    case Tag::watermark: return get_watermark(r);
    case Tag::receipt: return get_receipt(r);
    case Tag::checkpoint: return CheckpointFrame{get_position(r)};
    case Tag::set: return get_set(r);
    case Tag::lacks: return get_lacks(r);
    case Tag::need: return get_need(r);
    case Tag::failed: return get_failed(r);
  }
  r.fail();
  return CheckpointFrame{};
}
} // namespace

Bytes encode(const Frame& f) {
  Encoder e;
  std::visit([&](const auto& x) { e(x); }, f);
  return e.w.take();
}

std::optional<Frame> decode_frame(const std::uint8_t* p, std::size_t n, std::size_t& used) {
  Reader r(p, n);
  auto t = r.bounded(last_tag);
  if (!r.ok() || t == 0) return std::nullopt;
  auto frame = get_body(r, static_cast<Tag>(t));
  if (!r.ok()) return std::nullopt;
  used = n - r.left();
  if (static_cast<Tag>(t) != Tag::op && r.left() != 0) return std::nullopt; // only an operation carries a payload
  return frame;
}

} // namespace lockstep
