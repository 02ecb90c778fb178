#include "shim/common/storage/files.hpp"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lockstep {
namespace {

const char* advice(int error) {
  switch (error) {
  case ENOSPC:
  case EDQUOT: return "free disk space there";
  case EIO: return "the disk reports a fault: look at the kernel's log, then check or replace the disk";
  case EROFS: return "the file system is read-only: check it, then mount it writable";
  case EACCES:
  case EPERM: return "run as root and check the owner and the mode";
  case EMFILE:
  case ENFILE: return "raise the limit of open files";
  case ENOTDIR:
  case ENOENT: return "create the directory above it, or correct the path";
  default: return "look at the kernel's log";
  }
}

std::string parent_of(const std::string& path) {
  auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

template <class Call>
auto retried(Call call) {
  decltype(call()) r;
  do r = call();
  while (r < 0 && errno == EINTR);
  return r;
}

} // namespace

Error file_error(const char* what, const std::string& path, int error) {
  return {std::string("cannot ") + what + " " + path + ": " + std::strerror(error) + "; " + advice(error)};
}

File::File(File&& o) noexcept : fd_(std::exchange(o.fd_, -1)), path_(std::move(o.path_)) {}
File& File::operator=(File&& o) noexcept {
  if (this != &o) close(), fd_ = std::exchange(o.fd_, -1), path_ = std::move(o.path_);
  return *this;
}
void File::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<File> File::open_or_create(const std::string& path) {
  int fd = retried([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); });
  if (fd < 0) return file_error("open", path, errno);
  return File(fd, path);
}
Result<File> File::create_empty(const std::string& path) {
  int fd = retried([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600); });
  if (fd < 0) return file_error("create", path, errno);
  return File(fd, path);
}

Result<std::uint64_t> File::size() const {
  struct stat st {};
  if (::fstat(fd_, &st) != 0) return file_error("examine", path_, errno);
  return static_cast<std::uint64_t>(st.st_size);
}

Status File::write_at(std::uint64_t offset, const void* data, std::size_t size) {
  auto p = static_cast<const char*>(data);
  while (size > 0) {
    auto n = retried([&] { return ::pwrite(fd_, p, size, static_cast<off_t>(offset)); });
    if (n <= 0) return file_error("write", path_, n < 0 ? errno : EIO);
    p += n, offset += static_cast<std::uint64_t>(n), size -= static_cast<std::size_t>(n);
  }
  return {};
}

Status File::reserve(std::uint64_t offset, std::uint64_t size) {
  int r = retried([&] { return ::fallocate(fd_, 0, static_cast<off_t>(offset), static_cast<off_t>(size)); });
  if (r == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS) return file_error("reserve space for", path_, errno);
  auto now = this->size();
  if (!now) return Error{now.error()};
  return *now < offset + size ? truncate(offset + size) : Status{};
}

Status File::truncate(std::uint64_t size) {
  if (retried([&] { return ::ftruncate(fd_, static_cast<off_t>(size)); }) != 0) return file_error("cut", path_, errno);
  return {};
}

Status File::flush() {
  if (retried([&] { return ::fdatasync(fd_); }) != 0) return file_error("flush", path_, errno);
  return {};
}

Result<std::optional<Bytes>> read_file(const std::string& path, std::size_t max) {
  int fd = retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (fd < 0 && errno == ENOENT) return std::optional<Bytes>{};
  if (fd < 0) return file_error("open", path, errno);
  Bytes bytes;
  constexpr std::size_t piece = 1u << 20;
  for (;;) {
    std::size_t have = bytes.size(), want = std::min(piece, max - have);
    bytes.resize(have + want);
    auto n = want == 0 ? 0 : retried([&] { return ::read(fd, bytes.data() + have, want); });
    int error = errno;
    bytes.resize(have + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n > 0) continue;
    ::close(fd);
    if (n < 0) return file_error("read", path, error);
    return std::optional<Bytes>(std::move(bytes));
  }
}

Result<std::string> read_text_file(const std::string& path, std::size_t max) {
  auto bytes = read_file(path, max + 1);
  if (!bytes) return Error{bytes.error()};
  if (!*bytes) return file_error("read", path, ENOENT);
  if ((*bytes)->size() > max) return Error{path + " is larger than " + std::to_string(max) + " bytes, which no file of its kind is"};
  return std::string((*bytes)->begin(), (*bytes)->end());
}

Status write_text_file(const std::string& path, std::string_view text, unsigned mode) {
  std::string temporary = path + ".new";
  auto file = File::create_empty(temporary);
  if (!file) return Error{file.error()};
  Status s = file->write_at(0, text.data(), text.size());
  if (s && ::fchmod(file->fd(), mode) != 0) s = file_error("set the mode of", path, errno);
  if (s) s = file->flush();
  if (s) s = rename_file(temporary, path);
  if (!s) (void)remove_file(temporary);
  return s ? flush_directory(parent_of(path)) : s;
}

Status flush_directory(const std::string& path) {
  int fd = retried([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (fd < 0) return file_error("open", path, errno);
  int r = retried([&] { return ::fsync(fd); });
  int error = errno;
  ::close(fd);
  return r == 0 ? Status{} : file_error("flush", path, error);
}

namespace {
Status make_directories(const std::string& path, unsigned mode, bool durable) {
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0)
    return S_ISDIR(st.st_mode) ? Status{} : Status{file_error("use as a directory", path, ENOTDIR)};
  auto parent = parent_of(path);
  if (parent != path)
    if (auto s = make_directories(parent, mode, durable); !s) return s;
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return file_error("create the directory", path, errno);
  return durable ? flush_directory(parent) : Status{};
}
} // namespace

Status make_durable_directories(const std::string& path) { return make_directories(path, 0700, true); }
Status make_open_directories(const std::string& path) { return make_directories(path, 0755, false); }

Status rename_file(const std::string& from, const std::string& to) {
  return ::rename(from.c_str(), to.c_str()) == 0 ? Status{} : Status{file_error("put in place", to, errno)};
}

Status exchange_files(const std::string& a, const std::string& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (errno != ENOENT && errno != EINVAL && errno != ENOSYS) return file_error("put in place", b, errno);
  return rename_file(a, b);
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return file_error("remove", path, errno);
}

} // namespace lockstep
