#include "shim/common/crypto/access_key.hpp"
#include <openssl/evp.h>

namespace lockstep {

Result<ClusterKey> access_key_from_password(const std::string& password) {
  static constexpr unsigned char salt[] = "lockstep access key 1"; // fixed: two nodes must agree without having met
  ClusterKey::Secret secret{};
  constexpr std::uint64_t n = 1u << 15, r = 8, p = 1, memory = 64u << 20;
  if (EVP_PBE_scrypt(password.data(), password.size(), salt, sizeof salt - 1, n, r, p, memory, secret.data(), secret.size()) != 1)
    return Error{"the password could not be turned into a key: is there less than 64 MiB of free memory?"};
  return ClusterKey::from_secret(secret);
}

} // namespace lockstep
