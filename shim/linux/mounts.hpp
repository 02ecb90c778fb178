// Mounts and what stands in their way (design 7): the covered tree's descriptor, the read-only bind mount of a
// directory onto itself, what is mounted where, and who still holds files under a directory (data:T22).
#pragma once
#include "shim/common/result.hpp"
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

struct Mount {
  int id = 0, parent = 0;
  unsigned major = 0, minor = 0;
  std::string root;        // the directory of the file system that is mounted
  std::string mount_point; // absolute, unescaped
  std::string options;     // of this mount: "ro,relatime"
  std::string type;        // "ext4", "fuse.lockstep"
  std::string source;
  bool shared = false;   // mounts made beneath it propagate
  bool receives = false; // mounts made beneath its peers or its master appear here too
};

// Of this process's mount namespace, in mount order (a later one covers an earlier one at the same place).
Result<std::vector<Mount>> list_mounts();
std::vector<Mount> parse_mountinfo(const std::string& text); // lines that make no sense are left out
// `path` is the directory or lies below it. Both absolute and clean.
bool is_under(const std::string& path, const std::string& directory);
// The mount through which `path` is reached; nullptr: none.
const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path);
// Where `path`, reached through `m`, lies inside the file system.
std::string path_in_file_system(const Mount& m, const std::string& path);
// Absolute, without links, dots and double slashes. The last component may be a dead FUSE mount; it is not looked into.
Result<std::string> clean_path(const std::string& path);
// The topmost mount exactly at `path` (made absolute and free of links first); nullopt: not a mount point.
Result<std::optional<Mount>> mounted_at(const std::string& path);
// Mount points strictly under `path`: a replicated directory must have none (data:T3).
Result<std::vector<Mount>> mounts_under(const std::string& path);

// A descriptor of the directory as it is now: it keeps reaching this tree when something is mounted over it. The caller
// closes it.
Result<int> open_tree_before_mount(const std::string& path);

// Covers `path` with itself, read-only and private, in one step: it is never writable through the cover, in no mount
// namespace.
Status bind_read_only(const std::string& path);
// The topmost mount at `path` is the same file system's same directory, read-only: a cover of ours, left by a crash
// perhaps.
Result<bool> is_read_only_bind(const std::string& path);
enum class Unmount { plain, lazy };
// plain fails when busy (the sentence says who, when it can be seen). Not mounted: success.
Status unmount(const std::string& path, Unmount how);

// Who has something open under `path`, or works in it, or has it mapped, through the mount that is there now.
struct Holder {
  int pid = 0;
  std::string name; // command name
  std::string what; // "open for writing", "open", "working directory", "root directory", "mapped", "mounted elsewhere"
  std::string path; // the file
  bool can_write = false;
};
// One per process (the worst reason). Ourselves are left out. Costs a walk over /proc: some milliseconds per thousand
// open files.
Result<std::vector<Holder>> holders_of(const std::string& path);
// "postgres (pid 12, open for writing: /data/base/1), bash (pid 7, working directory: /data) and 3 more"
std::string describe(const std::vector<Holder>& holders, std::size_t at_most = 5);

} // namespace lockstep
