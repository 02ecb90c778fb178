// The durable record on disk (control (i), (iii) 26 and 27): one copy is a 40-byte header and the caller's opaque
// bytes.
//
//   magic "LSRECORD" | u32 format | u32 length | u64 sequence | u64 zero | u32 crc of the payload | u32 crc of these 36
//
// The header, its checksum included, keeps this shape in every format to come, so that an older program can tell
// "newer format" from "damaged" (control (iii) 27). Pure: no I/O here (shim/common/storage/record_store does it).
#pragma once
#include "core/base/bytes.hpp"

namespace lockstep {

constexpr std::uint32_t record_file_format = 1;
constexpr std::size_t record_max_payload = 65535;
constexpr std::size_t record_header_size = 40;
constexpr std::size_t record_file_size = record_header_size + record_max_payload; // what is preallocated for a copy

enum class CopyState : std::uint8_t { absent, ok, damaged, newer };

struct RecordCopy {
  CopyState state = CopyState::absent;
  std::uint64_t sequence = 0; // of a write; the higher valid copy is the record
  Bytes payload;
};

// `payload` has at most record_max_payload bytes. The rest of the file up to record_file_size may hold anything.
Bytes encode_record_file(std::uint64_t sequence, const Bytes& payload);
// Total: any bytes give ok, damaged or newer; an empty file is damaged (a copy is never left empty by us).
RecordCopy decode_record_file(const std::uint8_t* data, std::size_t size);

// Which of the two copies is the record. `chosen` is 0 or 1 when state is ok.
struct RecordChoice {
  CopyState state = CopyState::absent; // absent: blank node; newer: refuse; damaged: neither copy can be trusted
  int chosen = -1;
  bool other_copy_bad = false; // ok, but the other copy is absent, damaged or older: repaired by the next write
};
RecordChoice choose_record(const RecordCopy& a, const RecordCopy& b);

} // namespace lockstep
