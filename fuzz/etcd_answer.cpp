// Any bytes as an answer of the arbiter: never a crash; a proof names a revision, and what proves nothing says why.
#include "core/base/assert.hpp"
#include "core/wire/arbiter_value.hpp"
#include "shim/common/net/etcd_messages.hpp"

namespace {
using namespace lockstep;

void judge(const etcd::Answer& a) {
  LOCKSTEP_ASSERT((a.says == etcd::Answer::Says::error) == !a.problem.empty());
  if (a.says == etcd::Answer::Says::error) LOCKSTEP_ASSERT(a.revision == 0 && a.value.empty());
  for (char c : a.problem) LOCKSTEP_ASSERT(c >= ' ' && c < 0x7f); // it goes into a log
  Generation g;
  if (a.says == etcd::Answer::Says::value && parse_arbiter_text(a.value, g) == ArbiterText::ok) LOCKSTEP_ASSERT(arbiter_text(g) == a.value);
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  for (int status : {200, 503}) {
    judge(etcd::read_range(status, body, "/lockstep/m/x"));
    judge(etcd::read_swap(status, body, "/lockstep/m/x"));
    auto login = etcd::read_login(status, body);
    LOCKSTEP_ASSERT(login.token.empty() == !login.problem.empty());
  }
  LOCKSTEP_ASSERT(etcd::read_swap(503, body, "k").says == etcd::Answer::Says::error);
  return 0;
}
