// Reads a directory entry by entry, from its beginning or from an offset that an entry gave. "." and ".." are left out
// unless asked for.
#pragma once
#include "shim/linux/tree/fd.hpp"
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <sys/syscall.h>
#include <vector>

namespace lockstep {

struct Listed {
  std::string name;
  std::uint64_t inode = 0;
  std::int64_t next = 0;  // the offset behind it
  unsigned char type = 0; // DT_REG ...
};

// An own open file description of the same directory, so that offsets do not mix.
inline Fd reopen_directory(int fd) { return Fd(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME)); }

class DirectoryReader {
 public:
  explicit DirectoryReader(Fd fd, bool dots = false) : fd_(std::move(fd)), dots_(dots), buffer_(32768) {}
  bool valid() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }
  int seek(std::int64_t offset) {
    used_ = at_ = 0;
    return ::lseek(fd_.get(), offset, SEEK_SET) < 0 ? errno : 0;
  }
  // false: at the end, or an error (then error() is not 0).
  bool next(Listed& out) {
    while (true) {
      if (at_ >= used_ && !fill()) return false;
      auto p = buffer_.data() + at_;
      std::uint16_t size;
      std::memcpy(&out.inode, p, 8), std::memcpy(&out.next, p + 8, 8), std::memcpy(&size, p + 16, 2);
      out.type = p[18];
      const char* name = reinterpret_cast<const char*>(p + 19);
      at_ += size;
      if (!dots_ && name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0))) continue;
      out.name = name;
      return true;
    }
  }
  int error() const { return error_; }

 private:
  bool fill() {
    auto n = ::syscall(SYS_getdents64, fd_.get(), buffer_.data(), buffer_.size());
    if (n < 0) error_ = errno;
    at_ = 0, used_ = n > 0 ? static_cast<std::size_t>(n) : 0;
    return n > 0;
  }
  Fd fd_;
  bool dots_;
  std::vector<unsigned char> buffer_;
  std::size_t at_ = 0, used_ = 0;
  int error_ = 0;
};

} // namespace lockstep
