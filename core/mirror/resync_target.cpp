// The target of a resynchronisation: tells its set, applies what is drained like any operation, and says when it is equal and
// flushed (data:D13 step 1, D15).
#include "core/mirror/mirror.hpp"
#include "core/base/mutant.hpp"

namespace lockstep {
namespace {
constexpr std::size_t items_per_frame = 2000;
}

// As long as nothing of the stream has come, the source may not have it: again on every link.
void Mirror::send_set() {
  if (!linked_ || !target_.active || target_.mark.value != 0 || rx_.received != rx_.base) return;
  SetFrame f;
  f.session = stream_.session;
  f.items.everything = durable_.everything || target_.everything;
  auto flush_full = [&] {
    if (f.items.size() < items_per_frame) return;
    send(f);
    f.items = {};
  };
  if (!f.items.everything) {
    for (auto* set : {&durable_, &differs_}) {
      for (auto& k : set->dirs) f.items.dirs.insert(k), flush_full();
      for (auto& [k, m] : set->files) f.items.files[k].add(m), flush_full();
    }
  }
  f.last = true;
  send(f);
  tell(Rule::D4, static_cast<std::int64_t>(durable_.size()), durable_.everything);
}

void Mirror::drained_reached(std::uint64_t seq) {
  if (!target_.active) return;
  target_.drained = seq;
  target_.flush = new_ticket();
  recent_.cut();
  if (mutated(Mutant::equal_before_flush)) target_.equal = true, say(said::EqualAt{target_.session, at(seq)});
  out_->push_back(fx::Flush{target_.flush, at(seq)});
}

} // namespace lockstep
