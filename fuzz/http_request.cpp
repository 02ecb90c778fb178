// Requests from anywhere, cut anywhere: the parser never crashes, keeps its bounds, and cutting changes nothing.
#include "core/base/assert.hpp"
#include "shim/common/net/http_parser.hpp"
#include <algorithm>

using namespace lockstep;

namespace {

struct Outcome {
  HttpParser::State state;
  std::size_t used = 0;
  std::string method, path, body;
  std::size_t headers = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome parse(const char* data, std::size_t n, std::size_t step) {
  HttpLimits limits{512, 1024};
  HttpParser p(limits);
  Outcome o{HttpParser::State::head};
  while (o.used < n && p.state() != HttpParser::State::done && p.state() != HttpParser::State::bad) {
    std::size_t chunk = std::min(step, n - o.used), took = p.feed(data + o.used, chunk);
    LOCKSTEP_ASSERT(took <= chunk && took > 0);
    o.used += took;
  }
  o.state = p.state();
  if (p.state() == HttpParser::State::bad) LOCKSTEP_ASSERT(p.error_status() >= 400 && !p.error().empty());
  if (p.state() != HttpParser::State::done) return o;
  HttpRequest r = p.take();
  LOCKSTEP_ASSERT(r.path.starts_with('/') && r.path.find('\0') == std::string::npos && r.body.size() <= limits.body);
  r.keep_alive();
  return {o.state, o.used, r.method, r.path, r.body, r.headers.size()};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = reinterpret_cast<const char*>(data);
  Outcome whole = parse(text, size, size + 1);
  LOCKSTEP_ASSERT(whole == parse(text, size, 1));
  LOCKSTEP_ASSERT(whole == parse(text, size, 7));
  return 0;
}
