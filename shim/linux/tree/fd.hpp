// An owned file descriptor, and the two ways to speak about what it refers to when the system call wants a path.
#pragma once
#include <string>
#include <unistd.h>
#include <utility>

namespace lockstep {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  Fd& operator=(Fd&& o) noexcept {
    if (this != &o) close(), fd_ = std::exchange(o.fd_, -1);
    return *this;
  }
  ~Fd() { close(); }
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

// A path of the kernel's that leads to the object itself, a symlink included, whatever is mounted over it.
inline std::string path_of(int fd) { return "/proc/self/fd/" + std::to_string(fd); }
inline std::string path_of(int dirfd, const std::string& name) { return path_of(dirfd) + '/' + name; }

} // namespace lockstep
