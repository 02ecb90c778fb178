#include "shim/common/crypto/aead.hpp"
#include "core/base/assert.hpp"
#include <openssl/evp.h>

namespace lockstep {
namespace {

struct Nonce {
  std::uint8_t bytes[12] = {};
  explicit Nonce(std::uint64_t number) {
    for (int i = 0; i < 8; ++i) bytes[4 + i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
};

EVP_CIPHER_CTX* context(const ClusterKey::Secret& key, int encrypt) {
  EVP_CIPHER_CTX* c = EVP_CIPHER_CTX_new();
  LOCKSTEP_ASSERT(c && EVP_CipherInit_ex(c, EVP_chacha20_poly1305(), nullptr, key.data(), nullptr, encrypt) == 1);
  return c;
}

} // namespace

void Aead::Free::operator()(evp_cipher_ctx_st* c) const { EVP_CIPHER_CTX_free(c); }

Aead::Aead(const ClusterKey::Secret& key) : seal_(context(key, 1)), open_(context(key, 0)) {}
Aead::~Aead() = default;
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;

void Aead::seal(std::uint64_t number, const std::uint8_t* aad, std::size_t aad_n, const std::uint8_t* in, std::size_t n,
                std::uint8_t* out) {
  Nonce nonce(number);
  EVP_CIPHER_CTX* c = seal_.get();
  int len = 0, tail = 0;
  bool ok = EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, nonce.bytes, 1) == 1 &&
            EVP_CipherUpdate(c, nullptr, &len, aad, static_cast<int>(aad_n)) == 1 &&
            EVP_CipherUpdate(c, out, &len, in, static_cast<int>(n)) == 1 &&
            EVP_CipherFinal_ex(c, out + len, &tail) == 1 &&
            EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, tag_size, out + n) == 1;
  LOCKSTEP_ASSERT(ok);
}

bool Aead::open(std::uint64_t number, const std::uint8_t* aad, std::size_t aad_n, const std::uint8_t* in, std::size_t n,
                std::uint8_t* out) {
  if (n < tag_size) return false;
  n -= tag_size;
  Nonce nonce(number);
  EVP_CIPHER_CTX* c = open_.get();
  int len = 0, tail = 0;
  return EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, nonce.bytes, 0) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, tag_size, const_cast<std::uint8_t*>(in + n)) == 1 &&
         EVP_CipherUpdate(c, nullptr, &len, aad, static_cast<int>(aad_n)) == 1 &&
         EVP_CipherUpdate(c, out, &len, in, static_cast<int>(n)) == 1 && EVP_CipherFinal_ex(c, out + len, &tail) == 1;
}

} // namespace lockstep
