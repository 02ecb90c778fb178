#include "shim/common/crypto/sealed_datagram.hpp"
#include "core/base/assert.hpp"
#include "core/wire/version.hpp"
#include "shim/common/crypto/aead.hpp"
#include "shim/common/crypto/replay_window.hpp"
#include "shim/common/crypto/stranger_report.hpp"
#include <algorithm>
#include <cstdio>
#include <optional>

namespace lockstep {
namespace {

// In clear, authenticated: magic, version, key id, session, number. Sealed: kind, echo, message.
constexpr std::uint8_t magic[3] = {'L', 'K', 'S'};
constexpr std::size_t header_size = 4 + 8 + 8 + 8;
constexpr std::size_t prefix_size = 1 + 8;
static_assert(header_size + prefix_size + Aead::tag_size == SealedDatagram::overhead);
constexpr std::uint8_t kind_message = 0, kind_greeting = 1;
// After so many lives of the peer within one of ours, we change our own session instead of remembering more.
constexpr std::size_t max_retired = 64;

Aead session_cipher(const ClusterKey::Secret& base, std::uint64_t session) {
  std::string label = "session ";
  for (int i = 0; i < 8; ++i) label += static_cast<char>(session >> (8 * i));
  return Aead(hkdf_sha256(base.data(), base.size(), label));
}

std::uint64_t fresh_session() {
  for (;;)
    if (auto v = random_u64()) return v; // 0 means "I know no session of yours"
}

std::string hex64(std::uint64_t v) {
  char b[17];
  std::snprintf(b, sizeof b, "%016llx", static_cast<unsigned long long>(v));
  return b;
}

struct Header {
  std::uint64_t key_id, session, number;
};

} // namespace

const char* to_string(SealOutcome o) {
  switch (o) {
  case SealOutcome::ok: return "ok";
  case SealOutcome::greeting: return "greeting";
  case SealOutcome::unproven: return "unproven";
  case SealOutcome::not_ours: return "not ours";
  case SealOutcome::other_version: return "other version";
  case SealOutcome::wrong_key: return "wrong key";
  case SealOutcome::forged: return "forged";
  case SealOutcome::replayed: return "replayed";
  }
  return "?";
}

struct SealedDatagram::Impl {
  Impl(const ClusterKey& key, std::string purpose, const std::string& me, const std::string& peer, Report report)
      : key_id(key.id()), purpose(std::move(purpose)), send_base(base(key, me, peer)),
        receive_base(base(key, peer, me)), strangers(std::move(report)) {
    new_session();
  }

  ClusterKey::Secret base(const ClusterKey& key, const std::string& from, const std::string& to) const {
    return key.derive("datagram " + purpose + "|" + from + ">" + to);
  }
  void new_session() {
    session = fresh_session();
    number = 0;
    cipher = session_cipher(send_base, session);
  }

  Bytes seal(std::uint8_t kind, std::uint64_t echo, const Bytes& message) {
    LOCKSTEP_ASSERT(message.size() <= max_plaintext);
    Writer w;
    w.raw(magic, sizeof magic);
    w.u8(protocol_version);
    w.u64(key_id);
    w.u64(session);
    w.u64(++number);
    Bytes out = w.take();
    Writer plain;
    plain.u8(kind);
    plain.u64(echo);
    plain.raw(message.data(), message.size());
    out.resize(header_size + plain.bytes().size() + Aead::tag_size);
    cipher->seal(number, out.data(), header_size, plain.bytes().data(), plain.bytes().size(), out.data() + header_size);
    return out;
  }
  Bytes greet(std::uint64_t echo) { return seal(kind_greeting, echo, {}); }

  bool retired_session(std::uint64_t s) const { return std::find(retired.begin(), retired.end(), s) != retired.end(); }

  // The peer quoted our session, so it lives now; what it was before is over.
  void accept(std::uint64_t s, Aead c) {
    if (peer) retired.push_back(peer->session);
    if (retired.size() >= max_retired) retired.clear(), new_session();
    peer.emplace(Peer{s, std::move(c), {}});
  }

  Opened open(const std::uint8_t* data, std::size_t n);
  Opened open_sealed(const Header& h, const std::uint8_t* data, std::size_t n);
  std::string sentence(const Opened& o, const std::uint8_t* data, std::size_t n, const std::string& from) const;

  struct Peer {
    std::uint64_t session;
    Aead cipher;
    ReplayWindow window;
  };
  std::uint64_t key_id;
  std::string purpose;
  ClusterKey::Secret send_base, receive_base;
  std::uint64_t session = 0, number = 0;
  std::optional<Aead> cipher;
  std::optional<Peer> peer;
  std::vector<std::uint64_t> retired;
  StrangerReport strangers;
};

Opened SealedDatagram::Impl::open(const std::uint8_t* data, std::size_t n) {
  if (n < sizeof magic + 1 || !std::equal(magic, magic + sizeof magic, data)) return {SealOutcome::not_ours};
  if (data[sizeof magic] != protocol_version) return {SealOutcome::other_version};
  if (n < overhead) return {SealOutcome::not_ours};
  Reader r(data + 4, header_size - 4);
  Header h{r.u64(), r.u64(), r.u64()};
  if (h.key_id != key_id) return {SealOutcome::wrong_key};
  return open_sealed(h, data, n);
}

Opened SealedDatagram::Impl::open_sealed(const Header& h, const std::uint8_t* data, std::size_t n) {
  bool known = peer && peer->session == h.session;
  if (known ? !peer->window.fresh(h.number) : retired_session(h.session)) return {SealOutcome::replayed};
  std::optional<Aead> other;
  if (!known) other = session_cipher(receive_base, h.session);
  Aead& c = known ? peer->cipher : *other;
  Bytes plain(n - header_size - Aead::tag_size);
  if (!c.open(h.number, data, header_size, data + header_size, n - header_size, plain.data()))
    return {SealOutcome::forged};
  Reader r(plain);
  std::uint8_t kind = r.bounded(kind_greeting);
  std::uint64_t echo = r.u64();
  if (!r.ok()) return {SealOutcome::forged};
  if (!known && echo != session) return {SealOutcome::unproven, {}, greet(h.session)};
  if (!known) accept(h.session, std::move(*other));
  peer->window.mark(h.number);
  if (kind == kind_greeting) return {SealOutcome::greeting, {}, known ? Bytes{} : greet(h.session)};
  plain.erase(plain.begin(), plain.begin() + prefix_size);
  return {SealOutcome::ok, std::move(plain), {}};
}

std::string SealedDatagram::Impl::sentence(const Opened& o, const std::uint8_t* data, std::size_t n,
                                           const std::string& from) const {
  std::string what = "a datagram from " + from + " for " + purpose + " was refused: ";
  switch (o.outcome) {
  case SealOutcome::not_ours: return what + "it is not of Lockstep; find out what sends it, or filter it";
  case SealOutcome::other_version:
    return what + "it speaks version " + std::to_string(data[sizeof magic]) + " of the protocol, this node version " +
           std::to_string(protocol_version) + "; install the same version of Lockstep on both nodes";
  case SealOutcome::wrong_key: {
    Reader r(data + 4, n - 4);
    return what + "its sender uses the cluster key " + hex64(r.u64()) + ", this node " + hex64(key_id) +
           "; give both nodes the same cluster configuration: run `lockstep -H \"*\" -G` on the node whose configuration is right";
  }
  case SealOutcome::forged:
    return what +
           "it is damaged or forged, or meant for another module, network or node; check that both nodes have the "
           "same configuration";
  case SealOutcome::replayed:
    return what + "it repeats an earlier one; the network duplicates packets, or somebody replays them";
  case SealOutcome::ok:
  case SealOutcome::greeting:
  case SealOutcome::unproven: break;
  }
  return what;
}

SealedDatagram::SealedDatagram(const ClusterKey& key, std::string purpose, std::string me, std::string peer,
                               Report report)
    : impl_(std::make_unique<Impl>(key, std::move(purpose), me, peer, std::move(report))) {}
SealedDatagram::~SealedDatagram() = default;
SealedDatagram::SealedDatagram(SealedDatagram&&) noexcept = default;
SealedDatagram& SealedDatagram::operator=(SealedDatagram&&) noexcept = default;

Bytes SealedDatagram::seal(const Bytes& plaintext) {
  return impl_->seal(kind_message, impl_->peer ? impl_->peer->session : 0, plaintext);
}

Opened SealedDatagram::open(const std::uint8_t* data, std::size_t n, const std::string& from, Instant now) {
  Opened o = impl_->open(data, n);
  if (o.outcome >= SealOutcome::not_ours) impl_->strangers.note(now, [&] { return impl_->sentence(o, data, n, from); });
  return o;
}

std::uint64_t SealedDatagram::refused() const { return impl_->strangers.total(); }

} // namespace lockstep
