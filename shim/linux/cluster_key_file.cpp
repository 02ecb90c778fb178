// The cluster key's file: read only when nobody else can read it, replaced atomically.
#include "shim/common/crypto/cluster_key.hpp"
#include "shim/common/storage/files.hpp"
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lockstep {
namespace {

struct Fd {
  int fd;
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
};

Status write_all(int fd, const std::string& text, const std::string& path) {
  for (std::size_t at = 0; at < text.size();) {
    auto n = ::write(fd, text.data() + at, text.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("write", path, errno);
    at += static_cast<std::size_t>(n);
  }
  if (::fsync(fd) != 0) return file_error("flush", path, errno);
  return {};
}

} // namespace

Result<ClusterKey> ClusterKey::load(const std::string& path) {
  Fd f{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (f.fd < 0 && errno == ENOENT)
    return Error{"the cluster key " + path +
                 " is missing; make it with 'lockstep cluster genkey' on one node and copy it "
                 "to the others with 'lockstep cluster config -G', or restore it from another node"};
  if (f.fd < 0) return file_error("open", path, errno);
  struct stat st;
  if (::fstat(f.fd, &st) != 0) return file_error("look at", path, errno);
  if (!S_ISREG(st.st_mode))
    return Error{"the cluster key " + path + " is not a regular file; restore it from another node"};
  if (st.st_uid != 0 && st.st_uid != ::geteuid())
    return Error{"the cluster key " + path + " belongs to user " + std::to_string(st.st_uid) +
                 ", who could replace it; if its content can still be trusted: chown root " + path};
  if (st.st_mode & 077) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", st.st_mode & 07777u);
    return Error{"the cluster key " + path + " may be read by other users (mode " + mode +
                 "); if nobody has: chmod 600 " + path + ", else make a new key with 'lockstep cluster genkey'"};
  }
  char text[512];
  ssize_t n = ::read(f.fd, text, sizeof text);
  if (n < 0) return file_error("read", path, errno);
  return parse({text, static_cast<std::size_t>(n)}, "the cluster key " + path);
}

Status ClusterKey::save(const std::string& path) const {
  std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  {
    Fd f{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (f.fd < 0) return file_error("create", fresh, errno);
    if (auto s = write_all(f.fd, text(), fresh); !s) return s;
  }
  if (auto s = rename_file(fresh, path); !s) return s;
  auto slash = path.rfind('/');
  return flush_directory(slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash));
}

} // namespace lockstep
