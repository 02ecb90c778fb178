#include "shim/module/arbiter_host.hpp"
#include "core/wire/arbiter_value.hpp"
#include "shim/linux/name_lookup.hpp"

namespace lockstep {
namespace {

// Only an answer whose value is a generation of ours, to the letter, proves anything.
nin::ArbiterAnswer translate(const EtcdAnswer& said, const std::string& key) {
  nin::ArbiterAnswer answer;
  answer.revision = said.revision, answer.problem = said.problem;
  switch (said.says) {
  case EtcdAnswer::Says::put: answer.says = nin::ArbiterSays::swapped; break;
  case EtcdAnswer::Says::absent: answer.says = nin::ArbiterSays::absent; break;
  case EtcdAnswer::Says::silent: answer.says = nin::ArbiterSays::silent; break;
  case EtcdAnswer::Says::value: {
    auto kind = parse_arbiter_text(said.value, answer.value);
    if (kind == ArbiterText::ok) {
      answer.says = nin::ArbiterSays::holds;
      break;
    }
    answer.says = nin::ArbiterSays::silent, answer.revision = 0;
    answer.problem = "the key " + key + " in etcd " +
                     (kind == ArbiterText::newer
                          ? "was written by a newer version of Lockstep: install that version here too"
                          : "does not hold what Lockstep writes there: find out who else writes it; then delete it "
                            "(etcdctl del " +
                                key + "), and the node that serves writes it again");
  }
  }
  return answer;
}

} // namespace

ArbiterHost::ArbiterHost(Loop& loop, std::string module, EtcdOptions options, Answered answered)
    : loop_(loop), module_(std::move(module)), answered_(std::move(answered)), client_(std::move(options)) {}

ArbiterHost::~ArbiterHost() {
  *alive_ = false;
  client_.cancel();
}

// The answer and the time limit race on the loop: the first one counts.
void ArbiterHost::ask(const nfx::AskArbiter& question) {
  const std::uint64_t number = ++last_;
  auto given_up = std::make_shared<std::atomic<bool>>(false);
  auto& waiting = waiting_.emplace(number, Waiting{question.ticket, Timer(loop_), given_up}).first->second;
  waiting.limit.after(client_.limit(), [this, number] {
    client_.interrupt(); // it runs this question, or one before it whose time is over too
    nin::ArbiterAnswer late;
    late.problem = "etcd was not heard in time: does the name server answer that knows its endpoints?";
    deliver(number, std::move(late));
  });
  thread_.post([this, number, question, given_up, alive = std::weak_ptr(alive_)] {
    if (*given_up) return;
    loop_.post([this, number, alive, answer = carry(question)]() mutable {
      if (auto a = alive.lock(); a && *a) deliver(number, std::move(answer));
    });
  });
}

void ArbiterHost::deliver(std::uint64_t number, nin::ArbiterAnswer answer) {
  auto waiting = waiting_.find(number);
  if (waiting == waiting_.end()) return;
  *waiting->second.given_up = true;
  answer.ticket = waiting->second.ticket;
  waiting_.erase(waiting);
  answered_(std::move(answer));
}

nin::ArbiterAnswer ArbiterHost::carry(const nfx::AskArbiter& question) {
  bound_name_lookups();
  std::string key = arbiter_key(module_, question.data_set);
  if (!question.put) return translate(client_.read(key), key);
  std::optional<std::string> expected;
  if (question.expected) expected = arbiter_text(*question.expected);
  return translate(client_.swap(key, expected, arbiter_text(*question.put)), key);
}

} // namespace lockstep
