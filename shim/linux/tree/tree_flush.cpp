// Flush and checkpoint on the data roots. Own syncfs per file system, never sync(2): a FUSE mount of ours must not be
// waited for (data T37).
#include "shim/linux/tree/tree.hpp"
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/xattr.h>

namespace lockstep {
namespace {

constexpr const char* checkpoint_xattr = "trusted.lockstep.checkpoint";

std::int64_t change_time(const struct stat& st) { return st.st_ctim.tv_sec * 1'000'000'000ll + st.st_ctim.tv_nsec; }

} // namespace

std::optional<RootCheckpoint> Tree::checkpoint(std::uint32_t root) const {
  std::uint8_t value[24];
  if (fgetxattr(roots_[root]->token.get(), checkpoint_xattr, value, sizeof value) != sizeof value) return std::nullopt;
  Reader r(value, sizeof value);
  RootCheckpoint c;
  c.position.generation = r.u64(), c.position.seq = r.u64(), c.token_ns = r.i64();
  return c;
}

std::int32_t Tree::flush(Position checkpoint) {
  // The file systems' own time when the flush starts: what changes later is looked at again by a scan (data:T21).
  std::vector<std::int64_t> started;
  for (auto& root : roots_) {
    struct stat st {};
    if (futimens(root->token.get(), nullptr) || fstat(root->token.get(), &st)) return errno;
    started.push_back(change_time(st));
  }
  std::vector<dev_t> done;
  for (auto& root : roots_) {
    if (std::find(done.begin(), done.end(), root->device) != done.end()) continue;
    if (syncfs(root->dir.get())) return errno;
    done.push_back(root->device);
  }
  if (checkpoint.generation == 0) return 0;
  for (std::size_t i = 0; i < roots_.size(); ++i) {
    Writer w;
    w.u64(checkpoint.generation), w.u64(checkpoint.seq), w.i64(started[i]);
    int token = roots_[i]->token.get();
    if (fsetxattr(token, checkpoint_xattr, w.bytes().data(), w.bytes().size(), 0) || fsync(token)) return errno;
  }
  return 0;
}

} // namespace lockstep
