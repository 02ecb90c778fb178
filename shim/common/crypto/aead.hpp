// ChaCha20-Poly1305 under one key, with a 64-bit number as nonce: the caller never seals twice with the same number.
#pragma once
#include "shim/common/crypto/cluster_key.hpp"
#include <cstddef>
#include <cstdint>
#include <memory>

struct evp_cipher_ctx_st;

namespace lockstep {

class Aead {
 public:
  static constexpr std::size_t tag_size = 16;
  explicit Aead(const ClusterKey::Secret& key);
  ~Aead();
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;

  // `out` has room for n + tag_size. `aad` is authenticated and not sent.
  void seal(std::uint64_t number, const std::uint8_t* aad, std::size_t aad_n, const std::uint8_t* in, std::size_t n,
            std::uint8_t* out);
  // n counts the tag; `out` has room for n - tag_size. False: not authentic, `out` is to be ignored.
  bool open(std::uint64_t number, const std::uint8_t* aad, std::size_t aad_n, const std::uint8_t* in, std::size_t n,
            std::uint8_t* out);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st*) const;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> seal_, open_;
};

} // namespace lockstep
