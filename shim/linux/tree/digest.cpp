#include "shim/linux/tree/digest.hpp"
#include "core/base/assert.hpp"
#include "core/mirror/op.hpp"
#include <algorithm>
#include <cerrno>
#include <openssl/evp.h>
#include <unistd.h>

namespace lockstep {

int digest_range(int fd, std::uint64_t offset, std::uint64_t length, Bytes& out) {
  Bytes block(digest_block);
  for (std::uint64_t at = 0; at < length; at += digest_block) {
    std::size_t want = static_cast<std::size_t>(std::min(digest_block, length - at)), done = 0;
    while (done < want) {
      auto n = pread(fd, block.data() + done, want - done, static_cast<off_t>(offset + at + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno;
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    std::uint8_t full[EVP_MAX_MD_SIZE];
    LOCKSTEP_ASSERT(EVP_Digest(block.data(), done, full, nullptr, EVP_sha256(), nullptr) == 1);
    out.insert(out.end(), full, full + digest_size);
  }
  return 0;
}

} // namespace lockstep
