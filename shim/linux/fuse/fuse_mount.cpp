#include "shim/linux/fuse/fuse_mount.hpp"
#include "shim/linux/fuse/session.hpp"
#include "shim/linux/mounts.hpp"
#include <cerrno>
#include <cstring>
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
  set_read_ahead(st);
  return mount;
}

FuseMount::~FuseMount() { abort(); }

Status FuseMount::unmount() {
  if (!mounted_) return {};
  if (auto s = lockstep::unmount(session_->path(), Unmount::plain); !s) return s;
  mounted_ = false;
  session_->join();
  return {};
}

// A forced unmount ends the connection to the kernel at once, whether or not somebody keeps the mount busy.
void FuseMount::abort() {
  if (!mounted_) return;
  mounted_ = false;
  umount2(session_->path().c_str(), MNT_FORCE);
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
