// The replication connection: which stream both sides are in, what a cut leaves behind, and who reads which frame.
#include "core/mirror/mirror.hpp"
#include "core/base/mutant.hpp"

namespace lockstep {

void Mirror::send(Frame f, Payload p, Bytes bytes) {
  out_->push_back(fx::Send{std::move(f), p, std::move(bytes)});
}

void Mirror::send_hello() {
  if (!connected_) return;
  HelloFrame h;
  h.node_uid = config_.node_uid, h.incarnation = config_.incarnation;
  if (stream_.open && !stream_.closed) {
    h.generation = stream_.generation, h.session = stream_.session, h.is_source = stream_.source;
    if (stream_.source) h.received = h.applied = at(tx_.base);
    else if (rx_.based) h.received = at(rx_.receipted), h.applied = at(rx_.applied);
  }
  send(h);
}

void Mirror::open_stream(const Session& s, bool as_source) {
  linked_ = false;
  stream_ = {};
  stream_.open = true, stream_.source = as_source;
  stream_.generation = s.source_gen.counter, stream_.session = stream_number(s);
  stream_.peer = as_source ? s.target_life.incarnation : s.source_life.incarnation;
  if (!as_source) stream_.peer_uid = s.source;
  peer_checkpoint_ = {};
  // What this node flushed of another stream with the same number (the other side of a fork, an interrupted copy) says nothing of this one.
  if (!as_source && ours(own_checkpoint_) && !mutated(Mutant::fork_checkpoint_counts)) own_checkpoint_ = at(0);
  if (as_source) {
    auto last = tx_.next_seq - 1;
    tx_ = SendSide{};
    tx_.next_seq = last + 1, tx_.base = tx_.received = tx_.applied = tx_.outcomes = last;
    tx_.executed = tx_.watermark = tx_.exceptions_told = last;
    tx_.progress_since = now_;
  } else {
    rx_ = ReceiveSide{};
  }
  send_hello();
  check_link();
}

void Mirror::close_stream() {
  unlink("this node left the stream");
  for (auto& [seq, s] : tx_.sent)
    if (s.holds) drop(s.payload);
  auto last = tx_.next_seq - 1;
  tx_ = SendSide{};
  tx_.next_seq = last + 1, tx_.executed = last;
  if (!stream_.open) return;
  stream_ = {};
  send_hello();
}

void Mirror::check_link() {
  if (linked_ || !connected_ || !peer_hello_ || !stream_.open || stream_.closed) return;
  auto& h = *peer_hello_;
  bool other = h.session != stream_.session || h.generation != stream_.generation || h.incarnation != stream_.peer;
  if (other) return;
  if (h.is_source == stream_.source || (!stream_.peer_uid.none() && h.node_uid != stream_.peer_uid)) return;
  linked_ = true;
  tx_.progress_since = now_, tx_.failed_said = false;
  say(said::PeerBack{});
  if (stream_.source) {
    auto received = ours(h.received) ? h.received.seq : tx_.base;
    if (received < tx_.received || received >= tx_.next_seq) return protocol_error("the other node lost its place in the stream");
    tell(Rule::stream_resumed, static_cast<std::int64_t>(received), static_cast<std::int64_t>(tx_.next_seq - 1));
    take_receipt(received, ours(h.applied) ? h.applied.seq : tx_.base, tx_.outcomes);
    resend();
  } else {
    if (!rx_.based) rx_.base = rx_.received = rx_.receipted = rx_.applied = h.received.seq, rx_.based = true;
    tell(Rule::stream_resumed, static_cast<std::int64_t>(rx_.received), static_cast<std::int64_t>(rx_.applied));
    rx_.receipt_owed = true; // what was said while the connection was down
    send_set();
  }
  announce_checkpoint();
}

void Mirror::unlink(const std::string& why) {
  if (!linked_) return;
  linked_ = false;
  tx_.progress_since = now_;
  tx_.watermark_due = Instant::never();
  abort_drains();
  if (receives()) say(said::Received{at(rx_.received)});
  say(said::PeerLost{why});
}

void Mirror::protocol_error(const char* what) {
  if (!connected_) return;
  tell(Rule::stream_resumed, -1, 0, what);
  out_->push_back(fx::CloseConnection{what});
  connected_ = false;
  peer_hello_.reset();
  unlink(what);
}

void Mirror::peer_failed(Rule rule, std::string why) {
  if (tx_.failed_said) return;
  tx_.failed_said = true;
  tell(rule, 0, 0, why);
  say(said::PeerFailed{rule, std::move(why)});
}

void Mirror::self_failed(Rule rule, std::int32_t error, std::string why) {
  if (unfit_) return;
  unfit_ = true;
  tell(rule, error, static_cast<std::int64_t>(rx_.applied), why);
  if (linked_) send(FailedFrame{error, why});
  say(said::SelfFailed{rule, std::move(why)});
}

void Mirror::handle(const in::FromPeer& f) {
  hold(f.payload);
  if (connected_) std::visit([&](const auto& frame) { read(frame, f.payload); }, f.frame);
  drop(f.payload);
}

void Mirror::read(const HelloFrame& h, Payload) {
  bool same = linked_ && peer_hello_ && h.session == peer_hello_->session && h.generation == peer_hello_->generation &&
              h.incarnation == peer_hello_->incarnation && h.is_source == peer_hello_->is_source;
  if (same) return;
  peer_hello_ = h;
  unlink("the other node left the stream");
  if (!stream_.open) say(said::PeerBack{});
  check_link();
}

void Mirror::read(const CheckpointFrame& f, Payload) {
  if (!linked_ || !ours(f.at)) return;
  peer_checkpoint_ = f.at;
  say(said::Checkpointed{own_checkpoint_, peer_checkpoint_, stream_.peer});
  release_sets();
}

void Mirror::read(const FailedFrame& f, Payload) {
  if (linked_) peer_failed(Rule::apply_failed, f.sentence);
}

} // namespace lockstep
