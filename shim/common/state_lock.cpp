#include "shim/common/state_lock.hpp"
#include "shim/common/storage/files.hpp"
#include <cerrno>
#include <sys/file.h>
#include <unistd.h>

namespace lockstep {

Result<StateLock> StateLock::acquire(const std::string& directory) {
  if (auto s = make_durable_directories(directory); !s) return s;
  auto path = directory + "/lock";
  auto file = File::open_or_create(path);
  if (!file) return Error{file.error()};
  if (::flock(file->fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return file_error("lock", path, errno);
    auto holder = read_file(path, 20);
    std::string pid = holder && *holder ? std::string((*holder)->begin(), (*holder)->end()) : "";
    pid = pid.substr(0, pid.find_first_not_of("0123456789"));
    return Error{"another daemon (pid " + (pid.empty() ? "unknown" : pid) + ") uses " + directory +
                 ": stop it first, or give this one a directory of its own"};
  }
  // For the sentence above only, written over the last one: a full disk must not keep a node from starting.
  auto pid = std::to_string(::getpid());
  pid.resize(20, '\n');
  (void)file->write_at(0, pid.data(), pid.size());
  return StateLock(std::move(*file));
}

} // namespace lockstep
