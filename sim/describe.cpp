#include "sim/describe.hpp"
#include "sim/hash.hpp"

namespace lockstep::sim {
namespace {
template <class... F>
struct Cases : F... {
  using F::operator()...;
};
template <class... F>
Cases(F...) -> Cases<F...>;

std::string num(std::uint64_t v) { return std::to_string(v); }
std::string ticket(Ticket t) { return "#" + num(t.value); }
const char* freshness(Freshness f) {
  static constexpr const char* names[] = {"own", "shared", "outdated", "inconsistent"};
  return names[static_cast<int>(f)];
}
std::string state(Role r, Sub s) { return std::string(role_name(r)) + " " + sub_name(s); }
std::string of(const PendingSet& s) {
  return (s.everything ? "everything " : "") + num(s.dirs.size()) + " dirs " + num(s.files.size()) + " files";
}
std::string problem(bool ok, const std::string& p) { return ok ? "" : " FAILED: " + p; }
std::string of(const Session& s) {
  return "session " + num(s.number) + (s.full ? " full" : " delta") + " from " + to_string(s.source_gen);
}

std::string of(const MirrorOrder& o) {
  return std::visit(Cases{
                        [](const order::LoadSet& x) { return "LoadSet " + of(x.pending); },
                        [](const order::PrepareAlone&) { return std::string("PrepareAlone"); },
                        [](const order::GoAlone& x) { return "GoAlone " + to_string(x.g) + (x.keeps_detached ? " keeps what is detached" : ""); },
                        [](const order::Unprepare&) { return std::string("Unprepare"); },
                        [](const order::ServeResync& x) { return "ServeResync " + of(x.session); },
                        [](const order::FollowResync& x) { return "FollowResync " + of(x.session); },
                        [](const order::Pair& x) { return "Pair " + to_string(x.g); },
                        [](const order::Ready& x) { return "Ready " + to_string(x.g); },
                        [](const order::Break& x) { return "Break " + x.why; },
                        [](const order::Permit& x) { return "Permit " + num(x.generation) + " until " + std::to_string(x.until.ns / 1'000'000) + "ms"; },
                        [](const order::Quiesce& x) { return std::string("Quiesce") + (x.fail_held ? " failing" : ""); },
                        [](const order::HandOver&) { return std::string("HandOver"); },
                    },
                    o);
}
std::string of(const MirrorSaid& s) {
  return std::visit(Cases{
                        [](const said::AloneReady& x) { return "AloneReady " + to_string(x.last) + (x.covers ? "" : " uncovered"); },
                        [](const said::SourceDrained& x) { return "SourceDrained " + to_string(x.at); },
                        [](const said::EqualAt& x) { return "EqualAt " + to_string(x.at); },
                        [](const said::Quiesced& x) { return "Quiesced " + to_string(x.last) + (x.complete ? "" : " and not complete"); },
                        [](const said::PeerLost& x) { return "PeerLost " + x.why; },
                        [](const said::PeerBack&) { return std::string("PeerBack"); },
                        [](const said::PeerFailed& x) { return "PeerFailed " + x.why; },
                        [](const said::SelfFailed& x) { return "SelfFailed " + x.why; },
                        [](const said::Held& x) { return std::string("Held ") + (x.holding ? "on" : "off"); },
                        [](const said::Progress& x) { return "Progress " + num(x.progress.dirs_done) + "/" + num(x.progress.dirs_total); },
                        [](const said::Checkpointed& x) { return "Checkpointed " + to_string(x.own) + " " + to_string(x.peer); },
                        [](const said::Received& x) { return "Received " + to_string(x.last); },
                    },
                    s);
}
} // namespace

std::string describe(const Record& r) {
  return std::string(freshness(r.state)) + " " + to_string(r.g) + " rev " + num(r.rev) + " inc " + num(r.incarnation.value) +
         (r.complete ? " complete" : "") + (r.covers ? " covers" : "") + (r.must_full ? " must_full" : "") +
         (r.base.none() ? "" : " base " + to_string(r.base));
}

std::string describe(const Beat& b) {
  return state(b.role, b.sub) + " seq " + num(b.seq) + (b.serving ? " serving" : "") + (b.live ? " live" : "") +
         (b.goodbye != Goodbye::none ? " goodbye last " + to_string(b.last) : "") + (b.consent ? " consent" : "") +
         (b.resync_active ? " " + of(b.session) : "") + (b.equal ? " equal" : "") + (b.ready_for ? " READY" : "") + " [" +
         (b.record_state == RecordState::present ? describe(b.record) : b.record_state == RecordState::blank ? "blank" : "lost") + "]";
}

std::string describe(const Frame& f) {
  return std::visit(Cases{
                        [](const HelloFrame& x) { return "Hello gen " + num(x.generation) + " session " + num(x.session) + " received " + to_string(x.received); },
                        [](const OpFrame& x) { return "Op " + to_string(x.at) + " " + to_string(x.op); },
                        [](const WatermarkFrame& x) { return "Watermark " + to_string(x.through) + " exceptions " + num(x.exceptions.size()); },
                        [](const ReceiptFrame& x) { return "Receipt " + to_string(x.received) + " applied " + to_string(x.applied); },
                        [](const CheckpointFrame& x) { return "Checkpoint " + to_string(x.at); },
                        [](const SetFrame& x) { return "Set " + of(x.items) + (x.last ? " last" : ""); },
                        [](const LacksFrame& x) { return "Lacks " + to_string(x.at) + " " + num(x.keys.size()); },
                        [](const NeedFrame& x) { return "Need " + to_string(x.at) + " " + num(x.blocks); },
                        [](const FailedFrame& x) { return "Failed " + x.sentence; },
                    },
                    f);
}

std::string describe(const NodeInput& i) {
  return std::visit(Cases{
                        [](const nin::Wake&) { return std::string("Wake"); },
                        [](const nin::BeatIn& x) { return "Beat on " + num(x.network) + ": " + describe(x.beat); },
                        [](const nin::Persisted& x) { return "Persisted " + ticket(x.ticket) + problem(x.ok, x.problem); },
                        [](const nin::ScriptDone& x) { return "ScriptDone " + ticket(x.ticket) + " exit " + std::to_string(x.exit_code); },
                        [](const nin::WitnessAnswer& x) { return std::string("Witness ") + (x.reachable ? "answers" : "is silent"); },
                        [](const nin::ArbiterAnswer& x) {
                          static const char* const says[] = {"holds ", "is absent", "swapped", "is silent"};
                          auto which = static_cast<std::size_t>(x.says);
                          return std::string("Arbiter ") + says[which] + (x.says == nin::ArbiterSays::holds ? to_string(x.value) : std::string());
                        },
                        [](const nin::MountDone& x) { return "MountDone " + ticket(x.ticket) + problem(x.ok, x.problem); },
                        [](const nin::AsideDone& x) { return "AsideDone " + ticket(x.ticket) + problem(x.ok, x.problem); },
                        [](const nin::VipDone& x) { return "VipDone " + ticket(x.ticket) + problem(x.ok, x.problem); },
                        [](const nin::Mirror& x) { return "Mirror: " + of(x.what); },
                        [](const nin::Operator& x) { return std::string("Operator ") + verb_name(x.command.verb) + " by " + x.command.who; },
                        [](const nin::PeerRejected& x) { return "PeerRejected " + x.why; },
                        [](const auto&) { return std::string("other"); },
                    },
                    i.what);
}

std::string describe(const NodeEffect& e) {
  return std::visit(Cases{
                        [](const nfx::SendBeat& x) { return "SendBeat " + num(x.network) + ": " + describe(x.beat); },
                        [](const nfx::Persist& x) { return "Persist " + ticket(x.ticket) + " " + describe(x.record); },
                        [](const nfx::MarkDirs& x) { return "MarkDirs " + ticket(x.ticket); },
                        [](const nfx::SetAside& x) { return "SetAside " + ticket(x.ticket) + " " + x.name; },
                        [](const nfx::RunScript& x) { return "RunScript " + ticket(x.ticket) + " " + x.name + (x.args.empty() ? "" : " " + x.args[0]); },
                        [](const nfx::KillScript& x) { return "KillScript " + ticket(x.ticket); },
                        [](const nfx::AskWitness& x) { return "AskWitness " + ticket(x.ticket); },
                        [](const nfx::AskArbiter& x) {
                          auto expects = x.expected ? " from " + to_string(*x.expected) : std::string(" from nothing");
                          return "AskArbiter " + ticket(x.ticket) + (x.put ? expects + " to " + to_string(*x.put) : std::string(" reads"));
                        },
                        [](const nfx::MountFor& x) {
                          return "MountFor " + ticket(x.ticket) + (x.kind == MountKind::plain ? " plain" : x.kind == MountKind::read_only ? " read_only" : " replicate") + (x.force ? " force" : "");
                        },
                        [](const nfx::RaiseVip& x) { return "RaiseVip until " + std::to_string(x.until.ns / 1'000'000) + "ms"; },
                        [](const nfx::DropVip&) { return std::string("DropVip"); },
                        [](const nfx::ToMirror& x) { return "ToMirror " + of(x.order); },
                        [](const nfx::WatchProcesses& x) { return std::string("WatchProcesses ") + (x.on ? "on" : "off"); },
                        [](const nfx::Answer& x) { return std::string("Answer ") + (x.ok ? "ok " : "REFUSED ") + x.sentence; },
                        [](const nfx::Log& x) { return std::string("Log ") + x.level + " " + x.origin + " " + x.message; },
                        [](const nfx::Tell& x) { return std::string("Tell ") + rule_name(x.note.rule) + " " + x.note.text; },
                        [](const nfx::Exit& x) { return std::string("Exit ") + (x.restart ? "and restart " : "") + x.reason; },
                    },
                    e);
}

std::string describe(const MirrorInput& i) {
  return std::visit(Cases{
                        [](const in::Order& x) { return "Order " + of(x.order); },
                        [](const in::Submit& x) { return "Submit " + num(x.token) + " " + to_string(x.op); },
                        [](const in::Executed& x) { return "Executed " + ticket(x.ticket) + " error " + std::to_string(x.error) + (x.partial ? " partial" : "") + (x.expired ? " expired" : ""); },
                        [](const in::Applied& x) { return "Applied " + ticket(x.ticket) + " error " + std::to_string(x.error) + " lacks " + num(x.lacks.size()); },
                        [](const in::ItemRead& x) { return "ItemRead " + ticket(x.ticket) + " error " + std::to_string(x.error); },
                        [](const in::DataRead& x) { return "DataRead " + ticket(x.ticket) + " error " + std::to_string(x.error); },
                        [](const in::Connected&) { return std::string("Connected"); },
                        [](const in::Disconnected& x) { return "Disconnected " + x.why; },
                        [](const in::FromPeer& x) { return "FromPeer " + describe(x.frame); },
                        [](const in::Flushed& x) { return "Flushed " + ticket(x.ticket) + " error " + std::to_string(x.error); },
                        [](const in::SetDurable& x) { return "SetDurable " + ticket(x.ticket) + " error " + std::to_string(x.error); },
                        [](const in::Wake&) { return std::string("Wake"); },
                        [](const auto&) { return std::string("other"); },
                    },
                    i.what);
}

std::string describe(const MirrorEffect& e) {
  return std::visit(Cases{
                        [](const fx::Execute& x) { return "Execute " + ticket(x.ticket) + " " + to_string(x.op); },
                        [](const fx::Complete& x) { return "Complete " + num(x.token) + " error " + std::to_string(x.error); },
                        [](const fx::Apply& x) { return "Apply " + ticket(x.ticket) + " " + to_string(x.op); },
                        [](const fx::ReadItem& x) { return "ReadItem " + ticket(x.ticket) + " " + to_string(x.object) + (x.directory ? " directory" : x.attrs ? " attrs" : " block " + num(x.block)); },
                        [](const fx::ReadData& x) { return "ReadData " + ticket(x.ticket) + " " + to_string(x.object) + " " + num(x.offset) + "+" + num(x.length); },
                        [](const fx::Send& x) { return "Send " + describe(x.frame); },
                        [](const fx::Release&) { return std::string("Release"); },
                        [](const fx::Flush& x) { return "Flush " + ticket(x.ticket) + " checkpoint " + to_string(x.checkpoint); },
                        [](const fx::AppendSet& x) { return "AppendSet " + ticket(x.ticket) + " " + of(x.marks); },
                        [](const fx::RewriteSet& x) { return "RewriteSet " + ticket(x.ticket) + " " + of(x.set); },
                        [](const fx::CloseConnection& x) { return "CloseConnection " + x.why; },
                        [](const fx::PurgeStaging&) { return std::string("PurgeStaging"); },
                        [](const fx::Say& x) { return "Say " + of(x.what); },
                        [](const fx::Tell& x) { return std::string("Tell ") + rule_name(x.note.rule) + " " + x.note.text; },
                    },
                    e);
}

std::uint64_t summary(const NodeEffect& e) {
  return std::visit(Cases{
                        [](const nfx::SendBeat& x) { return hash_of(x.network, x.beat.seq, static_cast<int>(x.beat.role), x.beat.record.rev); },
                        [](const nfx::Persist& x) { return hash_of(x.ticket.value, x.record.rev, x.record.g.nonce, static_cast<int>(x.record.state)); },
                        [](const nfx::RaiseVip& x) { return hash_of(static_cast<std::uint64_t>(x.until.ns)); },
                        [](const nfx::ToMirror& x) { return static_cast<std::uint64_t>(x.order.index()); },
                        [](const nfx::Tell& x) { return hash_of(static_cast<std::uint64_t>(x.note.rule), x.note.x, x.note.y); },
                        [](const auto&) { return std::uint64_t{0}; },
                    },
                    e);
}
std::uint64_t summary(const MirrorEffect& e) {
  return std::visit(Cases{
                        [](const fx::Execute& x) { return hash_of(x.ticket.value, x.op.object.counter, static_cast<int>(x.op.kind)); },
                        [](const fx::Apply& x) { return hash_of(x.ticket.value, x.op.object.counter, static_cast<int>(x.op.kind)); },
                        [](const fx::Complete& x) { return hash_of(x.token, x.error); },
                        [](const fx::Send& x) { return hash_of(x.frame.index(), x.payload.size); },
                        [](const fx::AppendSet& x) { return hash_of(x.ticket.value, x.marks.size()); },
                        [](const fx::Flush& x) { return hash_of(x.ticket.value, x.checkpoint.seq); },
                        [](const fx::Say& x) { return static_cast<std::uint64_t>(x.what.index()); },
                        [](const auto&) { return std::uint64_t{0}; },
                    },
                    e);
}

} // namespace lockstep::sim
