#include "shim/common/net/node_api.hpp"
#include "shim/common/net/loop.hpp"
#include <atomic>
#include <map>
#include <optional>

namespace lockstep {
namespace {

constexpr std::size_t max_clients = 64;
constexpr char label[] = "api";

Bytes bytes_of(const std::string& s) { return Bytes(s.begin(), s.end()); }
std::string text_of(const Bytes& b) { return std::string(b.begin(), b.end()); }

} // namespace

struct NodeApiServer::Impl : std::enable_shared_from_this<NodeApiServer::Impl> {
  struct Client {
    SecureStream stream;
    Timer idle;
    std::size_t unanswered = 0;
  };
  explicit Impl(Loop& l, Handler h, Report r) : loop(l), handler(std::move(h)), report(std::move(r)) {}

  void welcome(SecureStream&& stream) {
    if (clients.size() >= max_clients) {
      if (report)
        report("the request of " + to_string(stream.remote()) + " was refused: " + std::to_string(max_clients) +
               " other connections of nodes are open");
      return;
    }
    std::uint64_t id = ++next_id;
    auto& c = clients.emplace(id, Client{std::move(stream), Timer(loop)}).first->second;
    auto weak = weak_from_this();
    rest(id, c);
    c.stream.start(
        [weak, id](Bytes&& request) {
          if (auto me = weak.lock()) me->serve(id, text_of(request));
        },
        [weak, id](const std::string&) {
          if (auto me = weak.lock()) me->clients.erase(id);
        });
  }
  void rest(std::uint64_t id, Client& c) {
    c.idle.after(seconds(60), [weak = weak_from_this(), id] {
      auto me = weak.lock();
      auto found = me ? me->clients.find(id) : decltype(clients)::iterator{};
      if (!me || found == me->clients.end()) return;
      if (found->second.stream.queued() > 0) return me->rest(id, found->second); // a long answer on a slow network
      me->clients.erase(found);
    });
  }

  void serve(std::uint64_t id, std::string request) {
    auto found = clients.find(id);
    if (found == clients.end()) return;
    auto& c = found->second;
    c.idle.cancel();
    ++c.unanswered;
    auto once = std::make_shared<std::atomic<bool>>(false);
    // The handler may keep `respond` and answer later, from any thread.
    handler(std::move(request), c.stream.remote(), [weak = weak_from_this(), l = &loop, id, once](std::string json) {
      if (once->exchange(true)) return;
      l->post([weak, id, json = std::move(json)] {
        if (auto me = weak.lock()) me->answer(id, json);
      });
    });
  }
  void answer(std::uint64_t id, const std::string& json) {
    auto found = clients.find(id);
    if (found == clients.end()) return;
    found->second.stream.send(bytes_of(json));
    if (--found->second.unanswered == 0) rest(id, found->second);
  }

  Loop& loop;
  Handler handler;
  Report report;
  std::optional<StreamListener> listener;
  std::map<std::uint64_t, Client> clients;
  std::uint64_t next_id = 0;
};

Result<NodeApiServer> NodeApiServer::open(Loop& loop, const Endpoint& local, const ClusterKey& key, Handler handler,
                                          Report report) {
  auto impl = std::make_shared<Impl>(loop, std::move(handler), report);
  auto listener = StreamListener::open(
      loop, local, key, label,
      [weak = std::weak_ptr(impl)](SecureStream&& s) {
        if (auto me = weak.lock()) me->welcome(std::move(s));
      },
      report);
  if (!listener) return Error{listener.error()};
  impl->listener.emplace(std::move(*listener));
  return NodeApiServer(std::move(impl));
}

NodeApiServer::NodeApiServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
NodeApiServer::~NodeApiServer() = default;
NodeApiServer::NodeApiServer(NodeApiServer&&) noexcept = default;
NodeApiServer& NodeApiServer::operator=(NodeApiServer&&) noexcept = default;
Endpoint NodeApiServer::local() const { return impl_->listener->local(); }

Result<std::string> node_api_call(const ClusterKey& key, const Endpoint& server, std::string request,
                                  Duration deadline) {
  Loop loop;
  std::optional<SecureStream> stream;
  std::optional<std::string> answer;
  std::string trouble;
  DialerOptions options;
  options.connect_timeout = deadline;
  Endpoint any;
  any.v6 = server.v6;
  StreamDialer dialer(
      loop, any, server, key, label,
      [&](SecureStream&& s) {
        stream.emplace(std::move(s));
        stream->start([&](Bytes&& b) { answer = text_of(b), loop.stop(); },
                      [&](const std::string& reason) { trouble = reason, loop.stop(); });
        stream->send(bytes_of(request));
      },
      [&](const std::string& sentence) { trouble = sentence, loop.stop(); }, options);
  dialer.dial();
  loop.run_for(deadline);
  if (answer) return std::move(*answer);
  if (!stream)
    return Error{trouble.empty() ? "cannot connect to " + to_string(server) + ": no answer in time" : trouble};
  if (!trouble.empty()) return Error{"node " + to_string(server) + " took the request and did not answer: " + trouble};
  return Error{"node " + to_string(server) + " took the request and did not answer within " +
               std::to_string(deadline.in_ms() / 1000) + " s; what was asked may still happen there"};
}

} // namespace lockstep
