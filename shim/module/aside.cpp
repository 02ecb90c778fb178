#include "shim/module/aside.hpp"
#include "shim/common/paths.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/tree/object.hpp"
#include "shim/linux/tree/tree.hpp"
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lockstep {
namespace {

Error failed(const std::string& what, const std::string& path) {
  return Error{"cannot keep a copy of the files this node will lose: " + what + " " + path + ": " + std::strerror(errno) +
               "; free space there, or move the files yourself and start the module again"};
}

Status copy_content(int in, int out, const std::string& path) {
  if (::ioctl(out, FICLONE, in) == 0) return {};
  std::vector<char> buffer(1u << 20);
  for (;;) {
    ssize_t n = ::read(in, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("reading", path);
    if (n == 0) return {};
    for (ssize_t done = 0; done < n;) {
      ssize_t m = ::write(out, buffer.data() + done, static_cast<std::size_t>(n - done));
      if (m < 0 && errno == EINTR) continue;
      if (m < 0) return failed("writing the copy of", path);
      done += m;
    }
  }
}

class Copier {
 public:
  Copier(const PendingSet& set) : set_(set) {}
  std::uint64_t files = 0;

  Status directory(const std::string& from, const std::string& to, bool top) {
    Fd dir(::open(from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir) return failed("reading", from);
    DIR* d = ::fdopendir(::dup(dir.get()));
    if (!d) return failed("reading", from);
    Status status;
    while (dirent* e = status ? ::readdir(d) : nullptr) {
      std::string name = e->d_name;
      if (name == "." || name == ".." || (top && name == own_directory)) continue;
      status = entry(dir.get(), name, from + "/" + name, to);
    }
    ::closedir(d);
    return status;
  }

 private:
  Status entry(int dirfd, const std::string& name, const std::string& from, const std::string& to) {
    Found found;
    if (find_object(dirfd, name, found) != 0) return {}; // gone meanwhile: nobody writes here, so it never counted
    if (S_ISDIR(found.st.st_mode)) return directory(from, to + "/" + name, false);
    bool lost = set_.everything || found.key.none() || set_.files.contains(found.key);
    if (!lost) return {};
    if (Status s = make_open_directories(to); !s) return s;
    std::string target = to + "/" + name;
    if (S_ISREG(found.st.st_mode)) {
      if (Status s = regular(from, target, found.st); !s) return s;
    } else if (S_ISLNK(found.st.st_mode)) {
      char link[4097];
      ssize_t n = ::readlinkat(dirfd, name.c_str(), link, sizeof link - 1);
      if (n < 0) return failed("reading", from);
      link[n] = 0;
      if (::symlink(link, target.c_str()) != 0 && errno != EEXIST) return failed("writing", target);
    } else {
      return {}; // a fifo, socket or device has no content to lose
    }
    ++files;
    return {};
  }

  Status regular(const std::string& from, const std::string& target, const struct stat& st) {
    Fd in(::open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!in) return failed("reading", from);
    Fd out(::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!out) return failed("writing", target);
    if (Status s = copy_content(in.get(), out.get(), from); !s) return s;
    timespec times[2] = {st.st_atim, st.st_mtim};
    if (::fchown(out.get(), st.st_uid, st.st_gid) != 0 || ::fchmod(out.get(), st.st_mode & 07777) != 0 ||
        ::futimens(out.get(), times) != 0)
      return failed("setting the owner and mode of", target);
    return {};
  }
  const PendingSet& set_;
};

} // namespace

Result<std::uint64_t> set_aside(const std::vector<std::string>& directories, const PendingSet& set, const std::string& to) {
  struct stat st{};
  if (::stat(to.c_str(), &st) == 0) return std::uint64_t{0}; // complete: it got its name only then
  std::string partial = to + ".partial";
  // Private to root, whatever the folders allowed that the files come from.
  if (Status s = make_durable_directories(to.substr(0, to.rfind('/'))); !s) return Error{s.error()};
  if (Status s = make_open_directories(partial); !s) return Error{s.error()};
  Copier copier(set);
  for (std::size_t i = 0; i < directories.size(); ++i)
    if (Status s = copier.directory(directories[i], partial + "/" + std::to_string(i), true); !s) return Error{s.error()};
  Fd dir(::open(partial.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir || ::syncfs(dir.get()) != 0) return failed("flushing", partial);
  if (::rename(partial.c_str(), to.c_str()) != 0) return failed("naming", to);
  Fd parent(::open(to.substr(0, to.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent || ::fsync(parent.get()) != 0) return failed("flushing", to);
  return copier.files;
}

} // namespace lockstep
