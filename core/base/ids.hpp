// The names of things: nodes, incarnations, generations, objects, tickets. Strong types, no arithmetic by accident.
#pragma once
#include <compare>
#include <cstdint>
#include <string>

namespace lockstep {

// A 128-bit random identity; all zero means "none".
template <class Tag>
struct Uid128 {
  std::uint64_t hi = 0, lo = 0;
  constexpr auto operator<=>(const Uid128&) const = default;
  constexpr bool none() const { return hi == 0 && lo == 0; }
};
using NodeUid = Uid128<struct NodeTag>; // minted once per module and node, kept in the durable record
using DirUid = Uid128<struct DirTag>;   // the data set: minted at the first `prim`, a marker on every replicated root

// Counts the starts of a module on one node; durable before anything of the incarnation leaves the node.
struct Incarnation {
  std::uint64_t value = 0;
  constexpr auto operator<=>(const Incarnation&) const = default;
};

// One run of a node's process. A restored node begins an incarnation again that it had before: the nonce, drawn at every start, tells the
// two apart, to the node itself and to whoever heard both (control:T1).
struct LifeId {
  Incarnation incarnation;
  std::uint64_t nonce = 0;
  constexpr auto operator<=>(const LifeId&) const = default;
};

// Quotes the effect that an asynchronous result belongs to. Unique within an incarnation; 0 is "none".
struct Ticket {
  std::uint64_t value = 0;
  constexpr auto operator<=>(const Ticket&) const = default;
};

// Which role the minter of a generation had. The order is the rank of a fork (control F2): OPERATOR > PRIM > SECOND.
enum class MintedAs : std::uint8_t { second = 0, prim = 1, op = 2 };

// A generation has exactly one writer: minted_by (design 4). Identity is the nonce; the counter orders within a lineage.
struct Generation {
  std::uint64_t counter = 0; // 0: no generation yet
  std::uint64_t nonce = 0;   // random; two mints never share it
  NodeUid minted_by;
  MintedAs minted_as = MintedAs::second;
  constexpr auto operator<=>(const Generation&) const = default;
  constexpr bool none() const { return counter == 0; }
};

// A position in the op stream. Another generation's position is never compared by seq (data T5).
struct Position {
  std::uint64_t generation = 0; // Generation::counter
  std::uint64_t seq = 0;
  constexpr auto operator<=>(const Position&) const = default;
};

// Persistent key of a replicated object, never reused, equal on both nodes (design 7): (minting node, incarnation, counter).
struct Key {
  std::uint64_t minter = 0;  // key_minter(); 0 for the fixed keys below
  std::uint64_t counter = 0;
  constexpr auto operator<=>(const Key&) const = default;
  constexpr bool none() const { return minter == 0 && counter == 0; }
};
// Fixed keys: the root of replicated directory i, and its hidden directory for open-unlinked files (data T12).
constexpr Key root_key(std::uint32_t dir_index) { return {0, 2u * dir_index + 2u}; }
constexpr Key orphans_key(std::uint32_t dir_index) { return {0, 2u * dir_index + 3u}; }
constexpr bool is_orphans(Key k) { return k.minter == 0 && k.counter >= 3 && (k.counter & 1u); }
// `life` is random for every start of the process: a node that is restored twice lives the same incarnation twice, and its keys must not
// meet those of the other time.
constexpr std::uint64_t key_minter(NodeUid n, Incarnation i, std::uint64_t life) {
  return ((n.lo ^ life) << 24) | (i.value & 0xffffffu);
}

std::string to_string(const Key&);
std::string to_string(const Generation&);
std::string to_string(const Position&);
template <class Tag>
std::string to_string(const Uid128<Tag>&);
extern template std::string to_string(const NodeUid&);
extern template std::string to_string(const DirUid&);

} // namespace lockstep
