#include "shim/common/private_file.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/tree/fd.hpp"
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lockstep {
Result<std::string> read_private_file(const std::string& path, const PrivateFile& words, std::size_t max) {
  const std::string name = words.what + " " + path;
  Fd f{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!f && errno == ENOENT) return Error{name + " is missing; " + words.if_missing};
  if (!f) return file_error("open", path, errno);
  struct stat st;
  if (::fstat(f.get(), &st) != 0) return file_error("look at", path, errno);
  if (!S_ISREG(st.st_mode)) return Error{name + " is not a regular file; " + words.if_damaged};
  if (st.st_uid != 0 && st.st_uid != ::geteuid())
    return Error{name + " belongs to user " + std::to_string(st.st_uid) +
                 ", who could replace it; if its content can still be trusted: chown root " + path};
  if (st.st_mode & 077) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", st.st_mode & 07777u);
    return Error{name + " may be read by other users (mode " + mode + "); if nobody has: chmod 600 " + path +
                 ", else " + words.if_leaked};
  }
  std::string text(max, '\0');
  std::size_t size = 0;
  for (ssize_t n; size < text.size(); size += static_cast<std::size_t>(n)) {
    n = ::read(f.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR)
      n = 0;
    else if (n < 0)
      return file_error("read", path, errno);
    else if (n == 0)
      break;
  }
  text.resize(size);
  return text;
}

} // namespace lockstep
