#include "shim/linux/mounts.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/proc.hpp"
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lockstep {
namespace {

Error mount_error(const char* what, const std::string& path, int error) {
  std::string text = std::string("cannot ") + what + " " + path + ": " + std::strerror(error);
  if (error == EPERM) text += "; run as root";
  if (error == ENOSYS) text += "; Linux 5.12 or later is needed";
  return {text};
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

// The topmost mount at exactly `path` and what it covers; both nullptr when it is no mount point.
struct Cover {
  const Mount *top = nullptr, *below = nullptr;
};
Cover cover_of(const std::vector<Mount>& mounts, const std::string& path) {
  Cover c;
  for (const auto& m : mounts)
    if (m.mount_point == path) c.top = &m;
  for (const auto& m : mounts)
    if (c.top != nullptr && m.id == c.top->parent) c.below = &m;
  return c;
}

} // namespace

Result<std::string> clean_path(const std::string& path) {
  char real[PATH_MAX];
  if (::realpath(path.c_str(), real) != nullptr) return std::string(real);
  int error = errno;
  auto trimmed = path.substr(0, path.find_last_not_of('/') + 1);
  auto slash = trimmed.find_last_of('/');
  bool dead = error == ENOTCONN || error == EIO || error == EACCES || error == ETIMEDOUT;
  if (!dead || slash == std::string::npos) return file_error("find", path, error);
  if (::realpath(slash == 0 ? "/" : trimmed.substr(0, slash).c_str(), real) == nullptr)
    return file_error("find", path, errno);
  return (std::strcmp(real, "/") == 0 ? "" : std::string(real)) + trimmed.substr(slash);
}

Result<std::vector<Mount>> list_mounts() {
  auto text = proc::read_own_text("mountinfo");
  if (text.empty()) return Error{"cannot read /proc/self/mountinfo; is /proc mounted?"};
  return parse_mountinfo(text);
}

Result<std::optional<Mount>> mounted_at(const std::string& path) {
  auto clean = clean_path(path);
  if (!clean) return Error{clean.error()};
  auto mounts = list_mounts();
  if (!mounts) return Error{mounts.error()};
  auto top = cover_of(*mounts, *clean).top;
  return top == nullptr ? std::optional<Mount>{} : std::optional<Mount>{*top};
}

Result<std::vector<Mount>> mounts_under(const std::string& path) {
  auto clean = clean_path(path);
  if (!clean) return Error{clean.error()};
  auto mounts = list_mounts();
  if (!mounts) return Error{mounts.error()};
  std::erase_if(*mounts, [&](const Mount& m) { return m.mount_point == *clean || !is_under(m.mount_point, *clean); });
  return mounts;
}

Result<int> open_tree_before_mount(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return file_error("open", path, errno);
  return fd;
}

Status bind_read_only(const std::string& path) {
  // A copy of the mount is made read-only before it is attached: where the mount propagates to, it arrives read-only
  // too.
  Descriptor tree{::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};
  if (tree.fd < 0) return mount_error("cover read-only", path, errno);
  struct mount_attr read_only {};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  read_only.propagation = MS_PRIVATE;
  if (::mount_setattr(tree.fd, "", AT_EMPTY_PATH, &read_only, sizeof read_only) != 0 ||
      ::move_mount(tree.fd, "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return mount_error("cover read-only", path, errno);
  struct mount_attr private_again {}; // attached below a shared mount it became shared
  private_again.propagation = MS_PRIVATE;
  if (::mount_setattr(AT_FDCWD, path.c_str(), 0, &private_again, sizeof private_again) != 0)
    return mount_error("make private the cover of", path, errno);
  return {};
}

Result<bool> is_read_only_bind(const std::string& path) {
  auto clean = clean_path(path);
  if (!clean) return Error{clean.error()};
  auto mounts = list_mounts();
  if (!mounts) return Error{mounts.error()};
  auto [top, below] = cover_of(*mounts, *clean);
  if (top == nullptr || below == nullptr) return false;
  bool read_only = top->options == "ro" || top->options.rfind("ro,", 0) == 0;
  return read_only && top->major == below->major && top->minor == below->minor &&
         top->root == path_in_file_system(*below, *clean);
}

Status unmount(const std::string& path, Unmount how) {
  auto there = mounted_at(path);
  if (!there) return Error{there.error()};
  if (!*there) return {};
  const auto& point = (*there)->mount_point;
  int flags = UMOUNT_NOFOLLOW | (how == Unmount::lazy ? MNT_DETACH : 0);
  if (::umount2(point.c_str(), flags) == 0) return {};
  int error = errno;
  if (error != EBUSY) return mount_error("unmount", point, error);
  auto holders = holders_of(point);
  return Error{"cannot unmount " + point + ": it is in use" +
               (holders && !holders->empty() ? " by " + describe(*holders) : std::string()) + "; stop what uses it"};
}

} // namespace lockstep
