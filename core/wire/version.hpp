// The versions that two nodes must agree on. They stand in an object file of their own, so that the tests can link a real
// daemon of another version (tests/lab/other_version.cpp).
#pragma once
#include <cstdint>

namespace lockstep {

// Of everything between two nodes: sealed datagrams and what is in them, the identity that opens a TLS connection, its frames.
// Raised whenever one of them changes. Nodes that differ refuse each other and say so; to the cores that is silence.
extern const std::uint8_t protocol_version;

// The newest version of the rejoin table (core/lineage/compare). Two nodes use the smaller of theirs; 0 is no table at all:
// nobody wins (control (iii) 28).
extern const std::uint16_t compare_version;

} // namespace lockstep
