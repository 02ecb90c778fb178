// Carries out operations on a model file system, with the meaning core/mirror/op.hpp gives them. The same code executes on
// PRIM, applies on SECOND and drains on a resync target, as in the real executor.
#pragma once
#include "core/mirror/io.hpp"
#include "sim/tree.hpp"

namespace lockstep::sim {

// What stands behind a payload handle: versions for file data, bytes for everything else.
struct Content {
  std::vector<std::uint64_t> units;
  Bytes bytes;
  std::uint64_t size() const { return units.empty() ? bytes.size() : units.size() * unit_size; }
};

struct Result {
  std::int32_t error = 0; // errno
  std::uint64_t amount = 0;
  bool partial = false;
  std::uint64_t need = 0;
  std::vector<Key> lacks;
};

// errno values of Linux, by number: the model is the same everywhere.
namespace err {
inline constexpr std::int32_t noent = 2, io = 5, exist = 17, notdir = 20, inval = 22, nospc = 28, notempty = 39, loop = 40, nodata = 61;
}

// How an injected disk error meets this operation: nothing done, the first part of it and so it is told (data operations), or nobody
// knows (data:D9): all of it, a part or nothing.
struct Injected {
  std::int32_t error = 0;
  std::uint64_t part = 0; // units written before the error
  bool unknown = false, done = false; // done: what is not data was carried out nevertheless
};

Result carry_out(FileSystem&, const Op&, const Content*, bool may_be_done, const Injected&);

DirState read_directory(const Tree&, Key);
FileState read_attributes(const Object&);
// Digests of the digest_blocks of [offset, offset + length), as the bytes that travel.
Bytes read_digests(const Tree&, Key file, std::uint64_t offset, std::uint64_t length);
Content read_data(const Tree&, Key file, std::uint64_t offset, std::uint64_t length);
// Answers of the reads that a drain asks for; what they read stands in the last argument, and is nothing for a hole.
in::ItemRead read_item(const Tree&, const fx::ReadItem&, Content& digests);
in::DataRead read_extent(const Tree&, const fx::ReadData&, Content& data);
void purge_staging(FileSystem&);

} // namespace lockstep::sim
