// The kernel's side of a FUSE mount: /dev/fuse, the mount itself, requests in, replies out. Any thread may receive and
// reply.
#pragma once
#include "shim/common/payload_store.hpp"
#include "shim/common/result.hpp"
#include "shim/linux/tree/fd.hpp"
#include <linux/fuse.h>
#include <span>
#include <sys/uio.h>
#include <vector>

namespace lockstep {

inline constexpr std::uint32_t fuse_max_write = 1u << 20;

// Memory for one request. Large ones are handed on with the data in them, so they come from a pool and go back to it.
class RequestBuffers : public std::enable_shared_from_this<RequestBuffers> {
 public:
  static constexpr std::size_t size = fuse_max_write + 8192;
  std::shared_ptr<std::uint8_t[]> take();

 private:
  void give_back(std::uint8_t* p);
  static constexpr std::size_t kept_max = 64;
  std::mutex mutex_;
  std::vector<std::unique_ptr<std::uint8_t[]>> free_;
};

struct FuseRequest {
  fuse_in_header in{};
  std::span<const std::uint8_t> body;     // behind the header
  std::shared_ptr<std::uint8_t[]> buffer; // what body points into; a handler may take it away
  // The next fixed-size argument; false: the kernel speaks another protocol.
  template <class T>
  bool take(T& out) {
    if (body.size() < sizeof(T)) return false;
    __builtin_memcpy(&out, body.data(), sizeof(T));
    body = body.subspan(sizeof(T));
    return true;
  }
  // The next name, ended by NUL.
  bool take(std::string& out);
};

class FuseChannel {
 public:
  // Mounts over `path`. The kernel's first request (INIT) waits in it then.
  static Result<std::unique_ptr<FuseChannel>> mount(const std::string& path);
  // False: the mount is gone.
  bool receive(FuseRequest& out);
  // False: nobody waits for the answer any more (interrupted, aborted).
  bool reply(std::uint64_t unique, std::span<const iovec> parts);
  template <class T>
  bool reply(std::uint64_t unique, const T& body) {
    iovec part{const_cast<T*>(&body), sizeof body};
    return reply(unique, {&part, 1});
  }
  bool fail(std::uint64_t unique, int error); // error 0: success without a body
  void invalidate_attributes(std::uint64_t nodeid);

 private:
  Fd device_;
  std::shared_ptr<RequestBuffers> buffers_ = std::make_shared<RequestBuffers>();
};

} // namespace lockstep
