// The few file operations that the programs are made of, each with an error sentence that names the file and what to do.
// What a promise rests on is made with File and flushed by its owner. Implemented per system: shim/linux/files.cpp.
#pragma once
#include "core/base/bytes.hpp"
#include "shim/common/result.hpp"
#include <optional>

namespace lockstep {

// An open file; closes itself.
class File {
 public:
  File() = default;
  File(File&& o) noexcept;
  File& operator=(File&& o) noexcept;
  ~File() { close(); }
  static Result<File> open_or_create(const std::string& path); // read and write, not truncated
  static Result<File> create_empty(const std::string& path);   // read and write, truncated
  bool valid() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  const std::string& path() const { return path_; }
  void close();
  void renamed_to(std::string path) { path_ = std::move(path); } // for its error sentences
  Result<std::uint64_t> size() const;
  Status write_at(std::uint64_t offset, const void* data, std::size_t size);
  // Reserves disk space from `offset`, read as zeros. A file system that cannot reserve is no error; a full disk is.
  Status reserve(std::uint64_t offset, std::uint64_t size);
  Status truncate(std::uint64_t size);
  Status flush(); // data and the size needed to read it

 private:
  File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  std::string path_;
};

// The whole file, at most `max` bytes of it; nullopt when it does not exist.
Result<std::optional<Bytes>> read_file(const std::string& path, std::size_t max);
// A text that must be there and no longer than `max`: configuration, keys, what the kernel says of itself.
Result<std::string> read_text_file(const std::string& path, std::size_t max = 4u << 20);
// Puts a text in the file's place, whole or not at all, and durably: a checkpoint is announced after it (data:D2).
Status write_text_file(const std::string& path, std::string_view text, unsigned mode = 0644);

// Both like mkdir -p. For durable state: private to root, each level flushed. For what people read and restore from elsewhere
// (configuration, logs, programs): open to all, not flushed.
Status make_durable_directories(const std::string& path);
Status make_open_directories(const std::string& path);
Status flush_directory(const std::string& path);
Status rename_file(const std::string& from, const std::string& to);
// Puts `a` in the place of `b` and `b` in the place of `a`, atomically; when `b` does not exist or the file system
// cannot, a plain rename.
Status exchange_files(const std::string& a, const std::string& b);
Status remove_file(const std::string& path); // a missing file is no error

// "cannot WHAT PATH: REASON; ADVICE" for an errno value.
Error file_error(const char* what, const std::string& path, int error);

} // namespace lockstep
