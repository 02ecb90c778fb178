#include "shim/common/crypto/cluster_key.hpp"
#include <cstdio>
#include <cstdlib>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace lockstep {
namespace {

constexpr std::string_view magic = "lockstep-cluster-key";

[[noreturn]] void crypto_broken(const char* what) {
  std::fprintf(stderr, "lockstep: the system's cryptographic library failed (%s); cannot continue\n", what);
  std::abort();
}

std::string hex(const std::uint8_t* p, std::size_t n) {
  static const char digits[] = "0123456789abcdef";
  std::string s;
  for (std::size_t i = 0; i < n; ++i) s += digits[p[i] >> 4], s += digits[p[i] & 15];
  return s;
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool unhex(std::string_view s, std::uint8_t* out) {
  for (std::size_t i = 0; i + 1 < s.size(); i += 2) {
    int hi = nibble(s[i]), lo = nibble(s[i + 1]);
    if (hi < 0 || lo < 0) return false;
    out[i / 2] = static_cast<std::uint8_t>(hi << 4 | lo);
  }
  return true;
}

// Four bytes that tell a mistyped key from a good one; derived, so that they say nothing about the key.
std::string check_digits(const ClusterKey& key) { return hex(key.derive("lockstep file check").data(), 4); }

std::uint64_t public_id(const ClusterKey& key) {
  auto d = key.derive("lockstep key id");
  std::uint64_t id = 0;
  for (int i = 0; i < 8; ++i) id = id << 8 | d[i];
  return id;
}

} // namespace

void random_bytes(std::uint8_t* out, std::size_t n) {
  if (RAND_bytes(out, static_cast<int>(n)) != 1) crypto_broken("random numbers");
}

std::uint64_t random_u64() {
  std::uint64_t v;
  random_bytes(reinterpret_cast<std::uint8_t*>(&v), sizeof v);
  return v;
}

ClusterKey::Secret hkdf_sha256(const std::uint8_t* secret, std::size_t n, std::string_view label) {
  ClusterKey::Secret out;
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  EVP_KDF_CTX* ctx = kdf ? EVP_KDF_CTX_new(kdf) : nullptr;
  char digest[] = "SHA256";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<std::uint8_t*>(secret), n),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<char*>(label.data()), label.size()),
      OSSL_PARAM_construct_end()};
  if (!ctx || EVP_KDF_derive(ctx, out.data(), out.size(), params) != 1) crypto_broken("HKDF");
  EVP_KDF_CTX_free(ctx);
  EVP_KDF_free(kdf);
  return out;
}

ClusterKey::ClusterKey(const Secret& s) : secret_(s), id_(public_id(*this)) {}

ClusterKey ClusterKey::generate() {
  Secret s;
  random_bytes(s.data(), s.size());
  return ClusterKey(s);
}

ClusterKey::Secret ClusterKey::derive(std::string_view label) const {
  return hkdf_sha256(secret_.data(), secret_.size(), label);
}

std::string ClusterKey::id_text() const {
  char b[17];
  std::snprintf(b, sizeof b, "%016llx", static_cast<unsigned long long>(id_));
  return b;
}

std::string ClusterKey::text() const {
  return std::string(magic) + " 1 " + hex(secret_.data(), secret_.size()) + " " + check_digits(*this) + "\n";
}

Result<ClusterKey> ClusterKey::parse(std::string_view text, const std::string& where) {
  const std::string again = "; copy the cluster configuration again from a node that works, or make a new key with "
                            "'lockstep cluster genkey' and distribute it";
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  if (text.size() < magic.size() + 2 || text.substr(0, magic.size()) != magic || text[magic.size()] != ' ')
    return Error{where + " is not a cluster key" + again};
  text.remove_prefix(magic.size() + 1);
  if (text.substr(0, 2) != "1 ")
    return Error{where + " is a cluster key of a format this program does not know (" +
                 std::string(text.substr(0, std::min(text.find(' '), std::size_t{8}))) +
                 ", it knows 1); use the version of Lockstep that wrote it"};
  text.remove_prefix(2);
  if (text.size() != 64 + 1 + 8 || text[64] != ' ')
    return Error{where + " is damaged: a cluster key has 64 and 8 hexadecimal digits" + again};
  Secret s;
  if (!unhex(text.substr(0, 64), s.data())) return Error{where + " is damaged: not hexadecimal digits" + again};
  ClusterKey key(s);
  if (check_digits(key) != text.substr(65)) return Error{where + " is damaged: its checksum does not match" + again};
  return key;
}

} // namespace lockstep
