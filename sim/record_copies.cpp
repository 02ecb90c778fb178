#include "sim/record_copies.hpp"
#include "core/wire/record_file.hpp"
#include "sim/hash.hpp"
#include <algorithm>

namespace lockstep::sim {
namespace {
using Copies = std::array<Bytes, 2>;

Bytes file_of(const std::optional<Record>& r) { return r ? encode_record_file(r->rev, encode(*r)) : Bytes{}; }

std::optional<Record> read(const Copies& copies) {
  auto one = [](const Bytes& b) { return b.empty() ? RecordCopy{} : decode_record_file(b.data(), b.size()); };
  std::array<RecordCopy, 2> r{one(copies[0]), one(copies[1])};
  auto choice = choose_record(r[0], r[1]);
  if (choice.state != CopyState::ok) return {};
  auto& payload = r[static_cast<std::size_t>(choice.chosen)].payload;
  return decode_record(payload.data(), payload.size());
}
} // namespace

std::optional<Record> after_torn_write(const std::optional<Record>& before, const Record& written, std::uint64_t h, Oracles& oracles) {
  auto fresh = file_of(written), old = file_of(before);
  Copies copies{old, old};
  auto reached = mix64(h ^ 5) % (2 * fresh.size() + 2);
  for (auto& c : copies) {
    auto n = std::min<std::uint64_t>(reached, fresh.size());
    reached -= n;
    if (c.size() < n) c.resize(n);
    std::copy_n(fresh.begin(), n, c.begin());
  }
  auto record = read(copies);
  if (!record && before) oracles.violated(oracle::S6, "a torn write of the record leaves none that can be read");
  if (record && !(*record == written || (before && *record == *before))) oracles.violated(oracle::S6, "a torn write of the record leaves a third one");
  return record;
}

std::optional<Record> after_rot(const std::optional<Record>& stored, std::uint64_t h, Oracles& oracles) {
  if (!stored) return {};
  auto whole = file_of(stored);
  Copies copies{whole, whole};
  auto& rotten = copies[mix64(h ^ 6) % 2];
  auto at = mix64(h ^ 7) % whole.size();
  if (percent(h ^ 8, 20)) rotten.resize(at);
  else rotten[at] ^= static_cast<std::uint8_t>(1 + mix64(h ^ 9) % 255);
  auto record = read(copies);
  if (!record || !(*record == *stored)) oracles.violated(oracle::S6, "one rotten copy of the record hides the other");
  return record;
}

} // namespace lockstep::sim
