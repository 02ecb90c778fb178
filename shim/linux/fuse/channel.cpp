#include "shim/linux/fuse/channel.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mount.h>

namespace lockstep {

std::shared_ptr<std::uint8_t[]> RequestBuffers::take() {
  std::unique_ptr<std::uint8_t[]> p;
  {
    std::lock_guard lock(mutex_);
    if (!free_.empty()) p = std::move(free_.back()), free_.pop_back();
  }
  if (!p) p.reset(new std::uint8_t[size]);
  return {p.release(), [self = shared_from_this()](std::uint8_t* used) { self->give_back(used); }};
}

void RequestBuffers::give_back(std::uint8_t* p) {
  std::unique_ptr<std::uint8_t[]> own(p);
  std::lock_guard lock(mutex_);
  if (free_.size() < kept_max) free_.push_back(std::move(own));
}

bool FuseRequest::take(std::string& out) {
  auto end = static_cast<const std::uint8_t*>(std::memchr(body.data(), 0, body.size()));
  if (!end) return false;
  out.assign(reinterpret_cast<const char*>(body.data()), static_cast<std::size_t>(end - body.data()));
  body = body.subspan(out.size() + 1);
  return true;
}

Result<std::unique_ptr<FuseChannel>> FuseChannel::mount(const std::string& path) {
  auto channel = std::make_unique<FuseChannel>();
  channel->device_ = Fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!channel->device_)
    return Error{std::string("cannot open /dev/fuse: ") + std::strerror(errno) + "; load the fuse module"};
  auto options = "fd=" + std::to_string(channel->device_.get()) +
                 ",rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other";
  if (::mount("lockstep", path.c_str(), "fuse.lockstep", MS_NOATIME, options.c_str()))
    return Error{"cannot mount over " + path + ": " + std::strerror(errno)};
  return channel;
}

bool FuseChannel::receive(FuseRequest& out) {
  if (!out.buffer) out.buffer = buffers_->take();
  while (true) {
    auto n = ::read(device_.get(), out.buffer.get(), RequestBuffers::size);
    // ENOENT: the request was taken back while it was read.
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) continue;
    if (n < static_cast<ssize_t>(sizeof out.in)) return false; // ENODEV: unmounted or aborted
    std::memcpy(&out.in, out.buffer.get(), sizeof out.in);
    out.body = {out.buffer.get() + sizeof out.in, static_cast<std::size_t>(n) - sizeof out.in};
    return true;
  }
}

bool FuseChannel::reply(std::uint64_t unique, std::span<const iovec> parts) {
  fuse_out_header header{};
  iovec all[4] = {{&header, sizeof header}};
  std::size_t count = 1, size = sizeof header;
  for (auto& p : parts) all[count++] = p, size += p.iov_len;
  header.len = static_cast<std::uint32_t>(size), header.unique = unique;
  return ::writev(device_.get(), all, static_cast<int>(count)) >= 0;
}

bool FuseChannel::fail(std::uint64_t unique, int error) {
  fuse_out_header header{sizeof header, -error, unique};
  return ::write(device_.get(), &header, sizeof header) >= 0;
}

void FuseChannel::invalidate_attributes(std::uint64_t nodeid) {
  fuse_notify_inval_inode_out body{nodeid, -1, 0};
  fuse_out_header header{sizeof header + sizeof body, FUSE_NOTIFY_INVAL_INODE, 0};
  iovec parts[] = {{&header, sizeof header}, {&body, sizeof body}};
  (void)!::writev(device_.get(), parts, 2);
}

} // namespace lockstep
