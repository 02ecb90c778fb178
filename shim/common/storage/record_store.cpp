#include "shim/common/storage/record_store.hpp"
#include "core/wire/record_file.hpp"
#include "shim/common/storage/files.hpp"
#include <algorithm>
#include <array>

namespace lockstep {
namespace {

// What is wrong with one copy, for a note; empty when it is good.
std::string complaint(const RecordCopy& copy, const std::string& path, const std::string& io_error) {
  if (!io_error.empty()) return io_error;
  if (copy.state == CopyState::absent) return path + " is missing";
  if (copy.state == CopyState::damaged) return path + " is damaged";
  return "";
}

std::string note_for(const RecordChoice& choice, const std::array<std::string, 2>& bad, const std::string& directory) {
  std::string reasons = bad[0] + (bad[0].empty() || bad[1].empty() ? "" : ", ") + bad[1];
  switch (choice.state) {
  case CopyState::newer:
    return "the durable record in " + directory +
           " was written by a newer version of this program: install that version";
  case CopyState::damaged:
    return "both copies of the durable record in " + directory + " are lost (" +
           (reasons.empty() ? "they contradict each other" : reasons) +
           "): this node no longer knows what its data is worth";
  case CopyState::ok:
    if (!choice.other_copy_bad) return "";
    if (reasons.empty())
      return "one copy of the durable record in " + directory + " is older than the other, as after a crash";
    return "one copy of the durable record is lost (" + reasons + "); the other is good and the next write repairs it";
  case CopyState::absent: return "";
  }
  return "";
}

} // namespace

RecordStore::RecordStore(std::string directory) : directory_(std::move(directory)) {}

std::string RecordStore::copy_path(int copy) const { return directory_ + (copy == 0 ? "/record.a" : "/record.b"); }

RecordRead RecordStore::read() {
  std::array<RecordCopy, 2> copies;
  std::array<std::string, 2> bad;
  for (int i = 0; i < 2; ++i) {
    auto& copy = copies[static_cast<std::size_t>(i)];
    auto file = read_file(copy_path(i), 2 * record_file_size);
    if (!file)
      copy.state = CopyState::damaged;
    else if (*file)
      copy = decode_record_file((*file)->data(), (*file)->size());
    bad[static_cast<std::size_t>(i)] = complaint(copy, copy_path(i), file.error());
    sequence_ = std::max(sequence_, copy.sequence);
  }
  auto choice = choose_record(copies[0], copies[1]);
  was_read_ = true;
  newer_ = choice.state == CopyState::newer;
  RecordRead out;
  out.note = note_for(choice, bad, directory_);
  switch (choice.state) {
  case CopyState::absent: out.state = RecordRead::State::none; break;
  case CopyState::damaged: out.state = RecordRead::State::damaged; break;
  case CopyState::newer: out.state = RecordRead::State::newer; break;
  case CopyState::ok: {
    auto& chosen = copies[static_cast<std::size_t>(choice.chosen)];
    out.state = RecordRead::State::ok;
    out.sequence = chosen.sequence;
    out.bytes = std::move(chosen.payload);
  }
  }
  return out;
}

Status RecordStore::write_spare(const std::string& path, const Bytes& image) {
  auto file = File::open_or_create(path);
  if (!file) return Error{file.error()};
  if (auto s = file->reserve(0, record_file_size); !s) return s;
  if (auto s = file->write_at(0, image.data(), image.size()); !s) return s;
  return file->flush();
}

// After the first write there are none yet. Best effort: without them the next write needs disk space, no more.
void RecordStore::reserve_spares() {
  spares_reserved_ = true;
  for (int i = 0; i < 2; ++i) {
    auto file = File::open_or_create(copy_path(i) + ".spare");
    if (!file || !file->reserve(0, record_file_size) || !file->flush()) spares_reserved_ = false;
  }
  if (!flush_directory(directory_)) spares_reserved_ = false;
}

Status RecordStore::write(const Bytes& record) {
  if (record.size() > record_max_payload) return Error{"the durable record is larger than its file can hold"};
  if (!was_read_) read();
  if (newer_)
    return Error{"the durable record in " + directory_ + " belongs to a newer version: it is not overwritten"};
  if (auto s = make_durable_directories(directory_); !s) return s;
  auto image = encode_record_file(++sequence_, record);
  for (int i = 0; i < 2; ++i)
    if (auto s = write_spare(copy_path(i) + ".spare", image); !s)
      return Error{s.error() + "; the old record is unchanged"};
  // From here on no space is needed. Both must be in place before anything is promised (control (iii) 26).
  Status outcome;
  for (int i = 0; i < 2 && outcome; ++i) outcome = exchange_files(copy_path(i) + ".spare", copy_path(i));
  if (outcome) outcome = flush_directory(directory_);
  if (!outcome) return Error{outcome.error() + "; the record may be the old or the new one after a crash"};
  if (!spares_reserved_) reserve_spares();
  return {};
}

} // namespace lockstep
