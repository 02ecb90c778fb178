// The secret all nodes of a cluster share (design 9, Security): 32 random bytes, made by `cluster config` and carried
// with the cluster configuration. Everything that leaves a node is sealed under subkeys of it; the key itself is never
// used. On disk: one line of text, versioned and checksummed, mode 0600:
//   lockstep-cluster-key 1 <64 hex digits> <8 hex digits: checksum>
#pragma once
#include "shim/common/result.hpp"
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep {

class ClusterKey {
 public:
  using Secret = std::array<std::uint8_t, 32>;

  static ClusterKey generate();
  // For tests and tools that made the bytes themselves.
  static ClusterKey from_secret(const Secret& s) { return ClusterKey(s); }
  // `where` names the source in the sentence of an error.
  static Result<ClusterKey> parse(std::string_view text, const std::string& where);
  std::string text() const;

  // Files. load() refuses what others may read; save() replaces atomically and flushes before it returns.
  static Result<ClusterKey> load(const std::string& path);
  Status save(const std::string& path) const;

  // HKDF-SHA256; two labels never give related keys. The label's text is part of the wire protocol.
  Secret derive(std::string_view label) const;
  // Names the key in clear on the wire and in logs; says nothing about its bytes.
  std::uint64_t id() const { return id_; }
  std::string id_text() const;

  bool operator==(const ClusterKey&) const = default;

 private:
  explicit ClusterKey(const Secret& s);
  Secret secret_;
  std::uint64_t id_;
};

// What HKDF expands from other secrets than the cluster key (a datagram session's key).
ClusterKey::Secret hkdf_sha256(const std::uint8_t* secret, std::size_t n, std::string_view label);
// The system's cryptographic random source. It does not fail on a running system; if it does the process aborts.
void random_bytes(std::uint8_t* out, std::size_t n);
std::uint64_t random_u64();

} // namespace lockstep
