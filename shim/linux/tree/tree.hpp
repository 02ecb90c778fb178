// The replicated directories of one module, by key. The same code carries out an operation on PRIM and on SECOND, so
// that both trees end equal: names, types, bytes, modes, owners, links, xattrs and mtimes to the nanosecond (data:T34).
// Everything goes through descriptors opened before any mount covered the directories, never through the public path.
// Thread-safe as follows: execute, apply, read_item, read_data, purge_staging from one thread (the Executor's); flush
// from another; open, key lookups and minting from any.
#pragma once
#include "core/base/ids.hpp"
#include "core/mirror/io.hpp"
#include "shim/common/result.hpp"
#include "shim/linux/tree/index.hpp"
#include "shim/linux/tree/object.hpp"
#include "shim/linux/tree/open_objects.hpp"
#include <atomic>
#include <cerrno>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace lockstep {

// What an operation did. `error` is an errno of the world, never an exception.
struct OpResult {
  std::int32_t error = 0;
  std::uint64_t amount = 0; // bytes written; less than asked with error 0: a short write
  bool partial = false;     // error or short, and something reached the tree (data:D9)
  std::uint64_t need = 0;   // drain_query: bit i = digest block i differs
  std::vector<Key> lacks;   // drain_dir: nothing was changed, these are missing here
};
// How a failed operation is told (data:D9). `changed`: something of it is in the tree. `refused`: nothing is, unless the
// disk failed: then nobody knows.
inline OpResult changed(int error) { return {error, 0, error != 0}; }
inline OpResult refused(int error) { return {error, 0, error == EIO}; }

// Recorded on the data root itself, durably, beside the record (data T2).
struct RootCheckpoint {
  Position position;
  std::int64_t token_ns = 0; // the file system's own time when the flush began (data:T21)
};

struct ScanReport {
  PendingSet changed; // may differ from what the checkpoint vouches for; `everything` when that cannot be known
  std::string why_everything;
  std::uint64_t objects = 0, keyless = 0, void_keys = 0, duplicates = 0;
  std::vector<std::string> examples; // paths of void and duplicate keys, a few
};

struct TreeSpace {
  std::uint64_t free_bytes = 0, free_inodes = 0;
};

class Tree {
 public:
  struct Options {
    NodeUid node_uid;
    Incarnation incarnation;
    std::size_t open_objects = 4096; // descriptors kept open
    unsigned scan_threads = 2;
  };
  // Before anything is mounted over `directories` (absolute paths). Refuses with one sentence: missing directory, a
  // file system without trusted xattrs or file handles (data T19), something mounted inside.
  static Result<std::unique_ptr<Tree>> open(const std::vector<std::string>& directories, Options options);
  ~Tree();

  // Reads every object once: fills the index, gives keys to what has none, says what changed since the checkpoint's
  // time.
  Result<ScanReport> scan();

  // The data set's marker (control:K2L, K3); none: never part of one.
  Result<DirUid> marker(std::uint32_t root) const;
  Status set_marker(std::uint32_t root, DirUid uid);
  // nullopt: none recorded, or not readable.
  std::optional<RootCheckpoint> checkpoint(std::uint32_t root) const;

  OpResult execute(const Op& op, std::span<const std::uint8_t> payload);
  // SECOND or target. may_be_done: an outcome that is already there, or was there and has gone on, is success.
  OpResult apply(const Op& op, std::span<const std::uint8_t> payload, bool may_be_done);
  // Source side of a drain. `digests`: 16 bytes per digest_block. The ticket and the payload handle are the caller's to
  // fill.
  in::ItemRead read_item(const fx::ReadItem& order, Bytes& digests);
  in::DataRead read_data(const fx::ReadData& order, Bytes& data);
  Status purge_staging();
  // syncfs of each file system, then the checkpoint on each data root, durable (position.generation 0: flush only). An
  // errno.
  std::int32_t flush(Position checkpoint);
  TreeSpace space() const; // the smallest of all roots

  // ---- for the FUSE side and tests
  std::uint32_t roots() const { return static_cast<std::uint32_t>(roots_.size()); }
  const std::string& root_path(std::uint32_t root) const { return roots_[root]->path; }
  Key mint();
  // The open object behind a key; nullptr: `error` says why (ENOENT: not known).
  std::shared_ptr<OpenObject> open(Key key, int& error);
  // What `name` in directory `dir` is; mints a key when it has none (and notes it: take_minted).
  int lookup(Key dir, const std::string& name, Found& out);
  PendingSet
  take_minted(); // objects that got a key outside a scan, and their directories: they may differ from the peer's
  std::size_t indexed() const { return index_.size(); }

 private:
  struct Root {
    std::string path;
    Fd dir, own, staging, orphans, token; // dir: the replicated directory; own: .lockstep inside it
    dev_t device = 0;
  };
  // A directory drained except for these: each is an ancestor of it until another directory is drained (a/b <-> b/a).
  struct Blocked {
    Key dir;
    DirEntry child;
  };
  Tree(Options options) : options_(options), open_(options.open_objects) {}
  friend class TreeScan;

  Status open_root(const std::string& path);
  std::shared_ptr<OpenObject> open_unchecked(Key key, const ObjectHandle& handle, int& error);
  int directory(Key key, std::shared_ptr<OpenObject>& out);
  void remember(Key key, const ObjectHandle& handle);
  void forget(Key key);
  void note_minted(Key dir, Key object, FileType type);
  int name_is(int dirfd, const std::string& name, Key key, Found& found);

  OpResult dispatch(const Op& op, std::span<const std::uint8_t> payload);
  OpResult create(const Op& op);
  int create_regular(const Op& op, const Root& root, std::uint8_t index, int dirfd, const std::string& name);
  int create_named(const Op& op, const Root& root, std::uint8_t index, int dirfd, const std::string& name);
  int create_at(const Op& op, std::uint8_t root, int dirfd, const std::string& name);
  OpResult link(const Op& op);
  OpResult unlink(const Op& op);
  OpResult rename(const Op& op);
  OpResult write(const Op& op, std::span<const std::uint8_t> payload);
  OpResult truncate(const Op& op);
  OpResult setattr(const Op& op);
  OpResult fallocate(const Op& op);
  int setxattr(const Op& op, std::span<const std::uint8_t> payload);
  int removexattr(const Op& op);
  int sync(const Op& op);

  OpResult drain_dir(const Op& op, std::span<const std::uint8_t> payload);
  int settle(Key key, const DirState& state);
  int settle_placed();
  int end_of_drain();
  int detach_vanished(std::uint8_t root, int dirfd, const DirState& state);
  int detach(std::uint8_t root, int dirfd, const std::string& name, const Found& found);
  int attach_all(Key dir, std::uint8_t root, int dirfd, const DirState& state);
  int attach(std::uint8_t root, int dirfd, const DirEntry& entry);
  int attach_file(std::uint8_t root, int dirfd, const DirEntry& entry);
  int attach_directory(std::uint8_t root, int dirfd, const DirEntry& entry);
  int locate_directory(const OpenObject& dir, Key key, Fd& parent, std::string& name);
  int staged_directory(Key key, std::uint8_t root);
  int retry_blocked();
  int create_missing(const DirEntry& entry, std::uint8_t root, int dirfd, const std::string& name);
  int detach_all_under(std::uint8_t root, const std::string& staged);
  OpResult drain_query(const Op& op, std::span<const std::uint8_t> payload);
  OpResult drain_data(const Op& op, std::span<const std::uint8_t> payload);
  int drain_attrs(const Op& op, std::span<const std::uint8_t> payload);
  int read_directory(const OpenObject& dir, Key key, DirState& out);

  Options options_;
  std::vector<std::unique_ptr<Root>> roots_;
  ObjectIndex index_;
  OpenObjects open_;
  const std::uint64_t life_ = std::random_device{}(); // of the keys minted here
  std::atomic<std::uint64_t> minted_{0};
  std::mutex minted_mutex_;
  PendingSet minted_marks_;
  std::vector<Blocked> blocked_;
  std::map<Key, DirState> unplaced_; // drained, and no directory that was drained holds them yet (several roots only)
};

// Attributes of any open object as they go on the wire; 0 or an errno. Our own xattrs are left out.
int read_state(int fd, FileState& out);
int apply_state(int fd, const FileState& state);
bool hidden_xattr(const std::string& name); // ours: invisible through the mount and on the wire
inline constexpr const char* own_directory =
    ".lockstep"; // inside each replicated directory; invisible through the mount

} // namespace lockstep
