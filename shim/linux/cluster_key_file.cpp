// The cluster key's file: read only when nobody else can read it, replaced atomically.
#include "shim/common/crypto/cluster_key.hpp"
#include "shim/common/private_file.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/tree/fd.hpp"
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace lockstep {
namespace {

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
  static const PrivateFile words{"the cluster key",
                                 "run `lockstep -H \"*\" -G` on a node that has it, or make a new one with "
                                 "`lockstep cluster genkey` and hand it over the same way",
                                 "restore it from another node", "make a new key with 'lockstep cluster genkey'"};
  auto text = read_private_file(path, words, 512);
  if (!text) return Error{text.error()};
  return parse(*text, "the cluster key " + path);
}

Status ClusterKey::save(const std::string& path) const {
  std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  {
    Fd f{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!f) return file_error("create", fresh, errno);
    if (auto s = write_all(f.get(), text(), fresh); !s) return s;
  }
  if (auto s = rename_file(fresh, path); !s) return s;
  auto slash = path.rfind('/');
  return flush_directory(slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash));
}

} // namespace lockstep
