#include "shim/common/paths.hpp"
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lockstep {
namespace {
Error failed(const std::string& what, const std::string& path) {
  return Error{"cannot " + what + " " + path + ": " + std::strerror(errno)};
}
} // namespace

Paths Paths::from_environment(const std::string& option) {
  std::string root = option;
  if (root.empty()) {
    if (const char* env = std::getenv("LOCKSTEP_ROOT")) root = env;
  }
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  return Paths(root.empty() ? "/" : root);
}

Status ensure_directories(const std::string& path, bool is_private) {
  for (std::size_t at = 1; at != std::string::npos;) {
    at = path.find('/', at);
    std::string part = path.substr(0, at);
    if (at != std::string::npos) ++at;
    bool last = at == std::string::npos;
    if (::mkdir(part.c_str(), last && is_private ? 0700 : 0755) != 0 && errno != EEXIST) return failed("create the directory", part);
  }
  return {};
}

Result<std::string> read_text_file(const std::string& path, std::size_t max_bytes) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("read", path);
  std::string text;
  char buffer[65536];
  ssize_t n;
  while ((n = ::read(fd, buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > max_bytes) {
      ::close(fd);
      return Error{path + " is larger than " + std::to_string(max_bytes) + " bytes, which no file of its kind is"};
    }
  }
  int saved = errno;
  ::close(fd);
  errno = saved;
  if (n < 0) return failed("read", path);
  return text;
}

Status write_text_file(const std::string& path, const std::string& text, unsigned mode) {
  std::string temporary = path + ".new";
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return failed("write", temporary);
  std::size_t done = 0;
  while (done < text.size()) {
    ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    done += static_cast<std::size_t>(n);
  }
  bool ok = done == text.size() && ::fchmod(fd, mode) == 0 && ::fsync(fd) == 0;
  int saved = errno;
  ::close(fd);
  errno = saved;
  if (!ok || ::rename(temporary.c_str(), path.c_str()) != 0) {
    Status s = failed("write", path);
    ::unlink(temporary.c_str());
    return s;
  }
  return {};
}

} // namespace lockstep
