#include "shim/linux/fuse/fuse_mount.hpp"
#include "shim/linux/fuse/session.hpp"
#include "shim/linux/mounts.hpp"
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

namespace lockstep {
namespace {

// Sequential reads in pieces as large as the writes. Only a matter of speed.
void set_read_ahead(const struct stat& st) {
  std::ofstream("/sys/class/bdi/" + std::to_string(major(st.st_dev)) + ":" + std::to_string(minor(st.st_dev)) +
                "/read_ahead_kb")
      << fuse_max_write / 1024;
}

// The kernel's list of FUSE connections, whether or not it is mounted anywhere: it reaches a mount that lives on in
// another namespace.
bool abort_connection(unsigned number) {
  Fd context(fsopen("fusectl", FSOPEN_CLOEXEC));
  if (!context || fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)) return false;
  Fd list(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  Fd file(openat(list.get(), (std::to_string(number) + "/abort").c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), "1", 1) == 1;
}

// Starts to write back what is dirty. It does not wait for a FUSE mount: that is what the unmount is for.
void start_writeback(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) syncfs(fd.get());
}

} // namespace

FuseMount::FuseMount(std::shared_ptr<FuseSession> session) : session_(std::move(session)) {}

Result<std::unique_ptr<FuseMount>> FuseMount::mount(Tree& tree, PayloadStore& payloads, Submit submit,
                                                    Options options) {
  auto path = tree.root_path(options.root);
  auto channel = FuseChannel::mount(path);
  if (!channel.ok()) return Error{channel.error()};
  auto session = std::make_shared<FuseSession>(tree, payloads, std::move(submit), options, std::move(*channel));
  session->start();
  std::unique_ptr<FuseMount> mount(new FuseMount(session));
  struct stat st {};
  if (stat(path.c_str(), &st)) return Error{"the mount over " + path + " does not answer: " + std::strerror(errno)};
  mount->connection_ = minor(st.st_dev);
  set_read_ahead(st);
  return mount;
}

FuseMount::~FuseMount() { abort(); }

Status FuseMount::unmount() {
  if (!mounted_) return {};
  start_writeback(session_->path());
  if (auto s = lockstep::unmount(session_->path(), Unmount::plain); !s) return s;
  mounted_ = false;
  // The last user is gone with the mount, unless another mount namespace has a copy of it: then what is dirty is handed
  // over in a moment, and the copy ends here.
  using namespace std::chrono_literals;
  if (!session_->ended_within(500ms)) {
    session_->wait_until_quiet(200ms, 5s);
    abort_connection(connection_);
  }
  session_->join();
  return {};
}

// Ends the connection to the kernel at once, whether or not somebody keeps the mount busy.
void FuseMount::abort() {
  if (!mounted_) return;
  mounted_ = false;
  if (!abort_connection(connection_)) umount2(session_->path().c_str(), MNT_FORCE);
  umount2(session_->path().c_str(), MNT_DETACH);
  session_->join();
}

std::uint64_t FuseMount::requests_waiting() const { return session_->waiting(); }

// The kernel still knows the root's attributes; only a question that it passes on shows that nobody answers.
Status FuseMount::remove_dead(const std::string& path) {
  struct statfs fs {};
  for (int layers = 0; statfs(path.c_str(), &fs) && (errno == ENOTCONN || errno == ECONNABORTED); ++layers)
    if (layers > 8 || umount2(path.c_str(), MNT_DETACH))
      return Error{"cannot remove the dead mount over " + path + ": " + std::strerror(errno) +
                   "; unmount it by hand (umount -l)"};
  return {};
}

} // namespace lockstep
