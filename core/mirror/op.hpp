// One mutation of a replicated tree, named by keys. It carries results, not intentions (data T34): resolved offsets, times,
// ids and modes, so that SECOND decides nothing. The same Op is executed on PRIM and applied on SECOND.
#pragma once
#include "core/base/bytes.hpp"
#include "core/base/ids.hpp"
#include <string>
#include <vector>

namespace lockstep {

enum class FileType : std::uint8_t { regular, directory, symlink, fifo, socket, char_device, block_device };

enum class OpKind : std::uint8_t {
  create,      // object (any type) appears as dir/name; mode, uid, gid, rdev, text = symlink target; time = its mtime and dir's
  link,        // object gets the further name dir/name
  unlink,      // dir/name (which is object) goes; type directory = rmdir
  rename,      // object moves from dir/name to dir2/name2; `replaced` (none if none) goes, or changes places with flag exchange
  write,       // payload at offset; length = payload size; time = mtime
  truncate,    // size = length
  setattr,     // mask says which of mode, uid, gid, atime, mtime
  fallocate,   // flags = mode bits of fallocate(2), offset, length
  setxattr,    // text = name, payload = value, flags
  removexattr, // text = name
  sync,        // fsync of object; only sent with async="none"
  // resynchronisation, from source to target only
  drain_dir,   // object = directory; payload = encoded DirState (final entries)
  drain_query, // object, offset, length; payload = digests of its digest_blocks: which do you need?
  drain_data,  // object, offset; payload = data (or, with flag drain_hole, `length` bytes of hole)
  drain_attrs, // object, type, length (of the file); payload = encoded FileState (size, mode, owner, times, xattrs)
  drained,     // everything is drained: apply all before, flush, then say "equal at this position"
};
inline constexpr OpKind last_op_kind = OpKind::drained;

namespace setattr_mask {
inline constexpr std::uint32_t mode = 1, uid = 2, gid = 4, atime = 8, mtime = 16;
}
inline constexpr std::uint32_t rename_exchange = 1; // Op::flags of rename (NOREPLACE is decided before: `replaced` is none)
inline constexpr std::uint32_t drain_hole = 1;

struct Op {
  OpKind kind = OpKind::write;
  Key object;
  Key dir, dir2;
  std::string name, name2;
  Key replaced;
  FileType type = FileType::regular; // of `object`, for every kind (a directory's attributes are part of its directory mark)
  FileType replaced_type = FileType::regular;
  std::uint64_t offset = 0, length = 0;
  std::uint32_t mode = 0, uid = 0, gid = 0;
  std::uint64_t rdev = 0;
  std::uint32_t flags = 0, mask = 0;
  std::int64_t atime_ns = 0, mtime_ns = 0;
  std::int64_t time_ns = 0; // mtime given to every object the op touches, on both nodes
  std::string text;
  // Known to PRIM only, not on the wire: a directory that holds a name of the object now (data:D8). none = not known.
  Key parent, replaced_parent;
};

// Bytes never pass through decisions: the host owns them; the core hands the handle on untouched and says when it is done.
struct Payload {
  std::uint64_t handle = 0; // 0: none
  std::uint64_t size = 0;
};

// One name in a directory, with what the target needs to create a missing object (data part (ii) D6, D8).
struct DirEntry {
  std::string name;
  Key key;
  FileType type = FileType::regular;
  std::uint32_t mode = 0, uid = 0, gid = 0;
  std::uint64_t rdev = 0, size = 0;
  std::int64_t mtime_ns = 0;
  std::string target;           // symlink
  bool content_follows = false; // its content (file) or entries (directory) will be drained in this session
};
struct FileState { // attributes of an object; also of the directory in a DirState
  FileType type = FileType::regular;
  std::uint32_t mode = 0, uid = 0, gid = 0;
  std::uint64_t size = 0;
  std::int64_t atime_ns = 0, mtime_ns = 0;
  std::vector<std::pair<std::string, std::string>> xattrs; // without our own, sorted
};
struct DirState {
  FileState self;
  std::vector<DirEntry> entries; // sorted by name
};

inline constexpr std::size_t entry_name_max = 255, link_target_max = 4096, xattr_value_max = 65536;
inline constexpr std::uint64_t block_size = 1u << 20;     // unit of range marks and of one drain step
inline constexpr std::uint64_t digest_block = 64u * 1024; // unit of comparison inside a drain step

const char* op_name(OpKind);
bool is_drain(OpKind); // of a resynchronisation: a fact of the source, applied without a watermark of its own
std::string to_string(const Op&); // for transcripts and logs, one line

void put(Writer&, const Key&);
Key get_key(Reader&);
void put(Writer&, const Op&); // without the parent hints
bool get(Reader&, Op&);       // false: not a valid op (bounds; names that are empty, ".", "..", or hold '/' or NUL)
Bytes encode(const DirState&);
bool decode(const std::uint8_t* p, std::size_t n, DirState&);
Bytes encode(const FileState&);
bool decode(const std::uint8_t* p, std::size_t n, FileState&);

} // namespace lockstep
