#include "shim/common/storage/append_log.hpp"
#include "shim/common/storage/files.hpp"
#include <algorithm>
#include <random>

namespace lockstep {
namespace {

constexpr std::uint64_t chunk = 1u << 20;          // space is reserved in steps of this
constexpr std::uint64_t max_log_size = 1ull << 30; // beyond it the caller should have compacted long ago

std::uint64_t new_id() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

// The smallest legal size of a file whose frames end at `end`.
std::uint64_t padded(std::uint64_t end) {
  return (end + log_frame_header_size + log_block - 1) / log_block * log_block;
}

// Splits a batch into frames no larger than the format allows. nullopt: one record alone is too large.
std::optional<std::vector<Bytes>> frames_of(const std::vector<Bytes>& records, std::uint64_t id,
                                            std::uint64_t commits) {
  std::vector<Bytes> frames;
  for (std::size_t first = 0; first < records.size();) {
    std::size_t last = first, size = 0;
    for (; last < records.size() && size + 4 + records[last].size() <= log_max_frame_body; ++last)
      size += 4 + records[last].size();
    if (last == first) return std::nullopt;
    frames.push_back(encode_log_frame(id, ++commits, &records[first], last - first));
    first = last;
  }
  return frames;
}

const Error too_large{"a record is larger than a frame of the pending log can be"};

} // namespace

AppendLog::AppendLog(std::string directory, std::string name)
    : directory_(std::move(directory)), name_(std::move(name)) {}

std::string AppendLog::log_path() const { return directory_ + "/" + name_; }
std::string AppendLog::mark_path() const { return log_path() + ".everything"; }

LogRead AppendLog::read_log() {
  using State = LogRead::State;
  LogRead out;
  auto bytes = read_file(log_path(), max_log_size + chunk);
  if (!bytes) return out.state = State::damaged, out.note = bytes.error(), out;
  if (!*bytes) return out;
  auto image = decode_log((*bytes)->data(), (*bytes)->size());
  newer_ = image.state == LogState::newer;
  if (newer_)
    return out.state = State::newer, out.note = log_path() + " was written by a newer version: install that version",
           out;
  if (image.state != LogState::ok)
    return out.state = State::damaged, out.note = log_path() + " is damaged: everything counts as pending", out;
  if (image.torn_tail) out.note = "the unfinished end of " + log_path() + " was dropped, as after a crash";
  if (auto s = open_for_append(image); !s) broken_ = true, out.note = s.error();
  out.state = State::ok;
  out.records = std::move(image.records);
  return out;
}

LogRead AppendLog::read() {
  using State = LogRead::State;
  auto out = read_log();
  if (out.state == State::newer) return out;
  auto mark = read_file(mark_path(), 2 * everything_mark_size);
  bool mark_there = mark && *mark;
  bool set = !mark || (*mark && everything_is_set((*mark)->data(), (*mark)->size()));
  if (out.state == State::none && !mark_there && mark) return out;
  if (out.state == State::none)
    return out.state = State::damaged, out.note = log_path() + " is missing: everything counts as pending", out;
  if (out.state == State::ok && (set || !mark_there)) {
    out.state = State::everything;
    out.note = mark_there ? "the log could not be written once: everything counts as pending"
                          : mark_path() + " cannot be read: everything counts as pending";
  }
  return out;
}

Status AppendLog::open_for_append(const LogImage& image) {
  auto file = File::open_or_create(log_path());
  if (!file) return Error{file.error()};
  file_ = std::move(*file);
  id_ = image.id, commits_ = image.commits, end_ = image.end;
  auto size = file_.size();
  if (!size) return Error{size.error()};
  reserved_ = *size;
  if (!image.torn_tail) return {};
  // Zeros must follow the last good frame, durably, before the next one is written behind it.
  if (auto s = file_.truncate(end_); !s) return s;
  if (auto s = file_.reserve(0, reserved_); !s) return s;
  return file_.flush();
}

Status AppendLog::append_frame(const Bytes& frame) {
  std::uint64_t end = end_ + frame.size();
  if (padded(end) > reserved_) {
    // A whole chunk when the disk has it, else just what this frame needs. Nothing is broken when there is neither.
    std::uint64_t wanted = padded(end) + chunk;
    auto s = file_.reserve(reserved_, wanted - reserved_);
    if (!s) wanted = padded(end), s = file_.reserve(reserved_, wanted - reserved_);
    if (!s) {
      // A part may have been reserved: a size that is no multiple of log_block would read as damage.
      if (!file_.truncate(reserved_)) broken_ = true;
      return s;
    }
    if (s = file_.flush(); !s) return broken_ = true, s;
    reserved_ = wanted;
  }
  auto s = file_.write_at(end_, frame.data(), frame.size());
  if (s) s = file_.flush();
  if (!s) return broken_ = true, s;
  end_ = end, ++commits_;
  return {};
}

Status AppendLog::append(const std::vector<Bytes>& records) {
  if (!writable()) return Error{"the pending log " + log_path() + " is not writable: it must be rewritten first"};
  auto frames = frames_of(records, id_, commits_);
  if (!frames) return too_large;
  for (const auto& frame : *frames) {
    if (end_ + frame.size() > max_log_size)
      return Error{"the pending log " + log_path() + " is full: rewrite it shorter"};
    if (auto s = append_frame(frame); !s) return s;
  }
  return {};
}

Status AppendLog::rewrite(const std::vector<Bytes>& records) {
  if (newer_) return Error{log_path() + " belongs to a newer version: it is not overwritten"};
  if (auto s = make_durable_directories(directory_); !s) return s;
  auto mark = read_file(mark_path(), 1);
  if (mark && !*mark)
    if (auto s = write_mark(false); !s) return s;
  auto id = new_id();
  auto frames = frames_of(records, id, 0);
  if (!frames) return too_large;
  Bytes image = encode_log_header(id);
  for (const auto& f : *frames) image.insert(image.end(), f.begin(), f.end());
  auto next = log_path() + ".new";
  auto file = File::create_empty(next);
  if (!file) return Error{file.error()};
  std::uint64_t size = padded(image.size()) + chunk;
  auto s = file->reserve(0, size);
  if (!s) size = padded(image.size()), s = file->reserve(0, size);
  if (s) s = file->truncate(size);
  if (s) s = file->write_at(0, image.data(), image.size());
  if (s) s = file->flush();
  if (s) s = rename_file(next, log_path());
  if (!s) {
    (void)remove_file(next);
    return s;
  }
  if (s = flush_directory(directory_); !s) return broken_ = true, s;
  file_ = std::move(*file);
  file_.renamed_to(log_path());
  id_ = id, commits_ = frames->size(), end_ = image.size(), reserved_ = size;
  broken_ = false;
  return {};
}

Status AppendLog::write_mark(bool set) {
  auto file = File::open_or_create(mark_path());
  if (!file) return Error{file.error()};
  auto block = encode_everything_mark(set);
  // In place, over blocks that exist since the log was created: a full disk does not stop it.
  if (auto s = file->write_at(0, block.data(), block.size()); !s) return s;
  if (auto s = file->flush(); !s) return s;
  return flush_directory(directory_);
}

Status AppendLog::mark_everything() {
  if (auto s = make_durable_directories(directory_); !s) return s;
  return write_mark(true);
}
Status AppendLog::clear_everything() { return write_mark(false); }

} // namespace lockstep
