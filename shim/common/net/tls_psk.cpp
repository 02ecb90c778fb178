#include "shim/common/net/tls_psk.hpp"
#include "core/base/assert.hpp"
#include "core/wire/version.hpp"
#include <algorithm>
#include <cstring>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace lockstep {

namespace {
std::string identity_start() { return "lockstep " + std::to_string(protocol_version) + " "; }
} // namespace

// What OpenSSL calls back: our byte buffers as its transport, and the key.
struct TlsCallbacks {
  static TlsPsk& of(SSL* s) { return *static_cast<TlsPsk*>(SSL_get_app_data(s)); }

  static int bio_read(BIO* b, char* out, int n) {
    auto& t = *static_cast<TlsPsk*>(BIO_get_data(b));
    BIO_clear_retry_flags(b);
    std::size_t take = std::min(t.in_size_, static_cast<std::size_t>(n));
    if (take == 0) return BIO_set_retry_read(b), -1;
    std::memcpy(out, t.in_, take);
    t.in_ += take, t.in_size_ -= take;
    return static_cast<int>(take);
  }
  static int bio_write(BIO* b, const char* data, int n) {
    auto& t = *static_cast<TlsPsk*>(BIO_get_data(b));
    BIO_clear_retry_flags(b);
    t.out_.insert(t.out_.end(), data, data + n);
    return n;
  }
  static long bio_ctrl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH; }
  static BIO_METHOD* bio_method() {
    static BIO_METHOD* m = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lockstep buffers");
      BIO_meth_set_read(made, bio_read);
      BIO_meth_set_write(made, bio_write);
      BIO_meth_set_ctrl(made, bio_ctrl);
      return made;
    }();
    return m;
  }

  static SSL_SESSION* session(SSL* ssl, const TlsKeys& keys) {
    static const unsigned char aes_128_gcm_sha256[] = {0x13, 0x01};
    SSL_SESSION* s = SSL_SESSION_new();
    const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, aes_128_gcm_sha256);
    bool ok = s && cipher && SSL_SESSION_set1_master_key(s, keys.psk.data(), keys.psk.size()) == 1 &&
              SSL_SESSION_set_cipher(s, cipher) == 1 && SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) == 1;
    LOCKSTEP_ASSERT(ok);
    return s;
  }
  static int use_session(SSL* ssl, const EVP_MD*, const unsigned char** id, std::size_t* id_size, SSL_SESSION** out) {
    const TlsKeys& keys = *of(ssl).keys_;
    *id = reinterpret_cast<const unsigned char*>(keys.identity.data());
    *id_size = keys.identity.size();
    *out = session(ssl, keys);
    return 1;
  }
  // A client that names another identity finds no session; without a certificate the handshake then fails, and the log
  // can say what it asked for.
  static int find_session(SSL* ssl, const unsigned char* id, std::size_t id_size, SSL_SESSION** out) {
    TlsPsk& t = of(ssl);
    std::string theirs(reinterpret_cast<const char*>(id), id_size);
    const std::size_t key_at = identity_start().size(), label_at = key_at + 17;
    *out = nullptr;
    if (theirs == t.keys_->identity) {
      *out = session(ssl, *t.keys_);
    } else if (!theirs.starts_with("lockstep ") || theirs.size() < label_at) {
      t.reason_ = "it is not a node of a Lockstep cluster";
    } else if (!theirs.starts_with(identity_start())) {
      t.reason_ = "it speaks version " + printable(theirs.substr(9, theirs.find(' ', 9) - 9)) + " of the protocol, this node version " +
                  std::to_string(protocol_version) + "; install the same version of Lockstep on both nodes";
    } else if (theirs.substr(key_at, 16) != t.keys_->key_id) {
      t.reason_ = "it uses the cluster key " + printable(theirs.substr(key_at, 16)) + ", this node " + t.keys_->key_id +
                  "; give both nodes the same cluster configuration: run `lockstep -H \"*\" -G` on the node whose configuration is right";
    } else {
      t.reason_ = "it wanted '" + printable(theirs.substr(label_at)) + "', this port is for '" +
                  t.keys_->identity.substr(label_at) + "'; check that both nodes have the same configuration";
    }
    return 1;
  }
  static std::string printable(std::string s) {
    if (s.size() > 64) s.resize(64);
    for (char& c : s)
      if (c < ' ' || c > '~') c = '?';
    return s;
  }
};

TlsKeys::TlsKeys(const ClusterKey& key, const std::string& label)
    : psk(key.derive("tls psk " + label)), identity(identity_start() + key.id_text() + " " + label), key_id(key.id_text()),
      context(SSL_CTX_new(TLS_method())) {
  // OpenSSL takes identities up to 256 bytes; labels are ours and short.
  bool ok = identity.size() <= 256 && context && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
            SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
            SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1 &&
            SSL_CTX_set_num_tickets(context, 0) == 1;
  LOCKSTEP_ASSERT(ok);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_psk_use_session_callback(context, TlsCallbacks::use_session);
  SSL_CTX_set_psk_find_session_callback(context, TlsCallbacks::find_session);
}
TlsKeys::~TlsKeys() { SSL_CTX_free(context); }

TlsPsk::TlsPsk(std::shared_ptr<const TlsKeys> keys, Side side) : keys_(std::move(keys)), ssl_(SSL_new(keys_->context)) {
  BIO* bio = BIO_new(TlsCallbacks::bio_method());
  LOCKSTEP_ASSERT(ssl_ && bio);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
  side == Side::server ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
  // No certificate is trusted by a client: without the PSK there is no session.
  if (side == Side::client) SSL_set_verify(ssl_, SSL_VERIFY_PEER, nullptr);
}
TlsPsk::~TlsPsk() { SSL_free(ssl_); }

void TlsPsk::feed(const std::uint8_t* data, std::size_t n) {
  LOCKSTEP_ASSERT(in_size_ == 0);
  in_ = data, in_size_ = n;
}

void TlsPsk::fail() {
  failed_ = true;
  auto code = ERR_peek_last_error();
  const char* text = code ? ERR_reason_error_string(code) : nullptr;
  bool refused = SSL_is_server(ssl_) == 0 && code && ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET;
  if (reason_.empty() && refused && !SSL_is_init_finished(ssl_))
    reason_ = "the other node refused it: it has another cluster key, version or configuration, and its log says which";
  if (reason_.empty()) reason_ = text ? text : "protocol error";
  ERR_clear_error();
}

TlsPsk::Step TlsPsk::handshake() {
  ERR_clear_error();
  int rc = SSL_do_handshake(ssl_);
  if (rc == 1 && SSL_session_reused(ssl_)) return Step::done; // by PSK: the only way, since there are no certificates
  if (rc != 1 && SSL_get_error(ssl_, rc) == SSL_ERROR_WANT_READ) return Step::wants_input;
  fail();
  return Step::failed;
}

std::size_t TlsPsk::read(std::uint8_t* out, std::size_t n) {
  if (failed_ || ended_) return 0;
  ERR_clear_error();
  std::size_t got = 0;
  int rc = SSL_read_ex(ssl_, out, n, &got);
  if (rc == 1) return got;
  int why = SSL_get_error(ssl_, rc);
  if (why == SSL_ERROR_ZERO_RETURN)
    ended_ = true;
  else if (why != SSL_ERROR_WANT_READ)
    fail();
  return 0;
}

bool TlsPsk::write(const std::uint8_t* data, std::size_t n) {
  if (failed_) return false;
  ERR_clear_error();
  std::size_t put = 0;
  if (SSL_write_ex(ssl_, data, n, &put) == 1 && put == n) return true;
  fail();
  return false;
}

void TlsPsk::say_goodbye() {
  ERR_clear_error();
  if (!failed_) SSL_shutdown(ssl_);
  ERR_clear_error();
}

void TlsPsk::output_sent(std::size_t n) {
  out_at_ += n;
  if (out_at_ == out_.size()) out_.clear(), out_at_ = 0;
}

} // namespace lockstep
