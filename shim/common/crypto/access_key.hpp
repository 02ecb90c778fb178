// The key that a console password stands for: the same password gives the same key on every node, so that a node which was
// never configured can be handed the cluster's configuration and key. Made with scrypt, to make guessing expensive.
#pragma once
#include "shim/common/crypto/cluster_key.hpp"

namespace lockstep {
Result<ClusterKey> access_key_from_password(const std::string& password);
} // namespace lockstep
