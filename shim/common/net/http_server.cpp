#include "shim/common/net/http_server.hpp"
#include "shim/common/net/asio_endpoint.hpp"
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace lockstep {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

const char* reason_phrase(int status) {
  switch (status) {
  case 200: return "OK";
  case 204: return "No Content";
  case 400: return "Bad Request";
  case 401: return "Unauthorized";
  case 403: return "Forbidden";
  case 404: return "NOT FOUND"; // as SafeKit's ready.txt says it
  case 405: return "Method Not Allowed";
  case 413: return "Content Too Large";
  case 431: return "Request Header Fields Too Large";
  case 500: return "Internal Server Error";
  case 501: return "Not Implemented";
  case 503: return "Service Unavailable";
  case 505: return "HTTP Version Not Supported";
  default: return "Status";
  }
}

std::string encode(const HttpResponse& r, bool keep_alive, bool with_body) {
  std::string out = "HTTP/1.1 " + std::to_string(r.status) + " " + reason_phrase(r.status) +
                    "\r\nContent-Type: " + r.content_type + "\r\nContent-Length: " + std::to_string(r.body.size()) +
                    "\r\nConnection: " + (keep_alive ? "keep-alive" : "close") + "\r\n";
  for (auto& [name, value] : r.headers) out += name + ": " + value + "\r\n";
  out += "\r\n";
  if (with_body) out += r.body;
  return out;
}

HttpResponse plain(int status, std::string sentence) { return {status, std::move(sentence) + "\n"}; }

std::chrono::nanoseconds chrono(Duration d) { return std::chrono::nanoseconds(d.ns); }

// A route that throws is a bug of ours; the client hears of it, the listener lives on.
std::optional<HttpResponse> call(const HttpServer::OptionalRoute& route, const HttpRequest& request) {
  try {
    return route ? route(request) : std::nullopt;
  } catch (const std::exception& e) {
    return plain(500, std::string("internal error: ") + e.what());
  }
}

// Slow routes, one after the other, on a thread of their own.
class Worker {
 public:
  using Job = std::function<void()>;
  explicit Worker(std::size_t max) : max_(max), thread_([this] { run(); }) {}
  ~Worker() {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  bool add(Job job) {
    {
      std::lock_guard lock(mutex_);
      if (jobs_.size() >= max_) return false;
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return over_ || !jobs_.empty(); });
      if (over_) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }
  std::size_t max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool over_ = false;
  std::thread thread_;
};

// One client. `since` and `deadline` belong to the phase it is in.
struct Client {
  enum class Phase : std::uint8_t { receiving, working, answering, lingering };
  Client(tcp::socket&& s, HttpLimits limits) : socket(std::move(s)), parser(limits) {}
  tcp::socket socket;
  HttpParser parser;
  std::string unread; // bytes of a next request that came with this one
  std::string out;
  std::size_t out_at = 0;
  bool keep_alive = false, head_only = false;
  Phase phase = Phase::receiving;
  Clock::time_point since, deadline;
};

} // namespace

struct HttpServer::Impl {
  using Id = std::uint64_t;
  Impl(OptionalRoute q, OptionalRoute s, HttpServerOptions o)
      : quick(std::move(q)), slow(std::move(s)), options(std::move(o)), acceptor(io), sweeper(io), retry(io),
        buffer(16384) {}
  ~Impl() {
    worker.reset(); // before the loop it answers to
    io.stop();
    if (thread.joinable()) thread.join();
  }

  error_code listen(const Endpoint& local) { return listen_on(acceptor, local, 1024); }
  void run() {
    if (slow) worker.emplace(options.max_slow_waiting);
    accept();
    sweep();
    thread = std::thread([this] { io.run(); });
  }

  void accept() {
    acceptor.async_accept([this](const error_code& ec, tcp::socket socket) {
      if (ec == asio::error::operation_aborted) return;
      if (!ec)
        welcome(std::move(socket));
      else if (ec != asio::error::connection_aborted)
        make_room(); // out of descriptors
      accept();
    });
  }
  void welcome(tcp::socket&& socket) {
    if (clients.size() >= options.max_connections && !make_room()) return;
    error_code ec;
    socket.non_blocking(true, ec);
    if (!ec) socket.set_option(tcp::no_delay(true), ec);
    if (ec) return;
    Id id = ++next_id;
    auto& c = clients.try_emplace(id, std::move(socket), options.limits).first->second;
    enter(c, Client::Phase::receiving, options.head_timeout);
    count = clients.size();
    receive(id, c);
  }
  // The client that has kept us waiting the longest goes.
  bool make_room() {
    auto victim = clients.end();
    for (auto c = clients.begin(); c != clients.end(); ++c)
      if (c->second.phase != Client::Phase::working &&
          (victim == clients.end() || c->second.since < victim->second.since))
        victim = c;
    if (victim == clients.end()) return false;
    drop(victim->first);
    return true;
  }
  void drop(Id id) {
    clients.erase(id);
    count = clients.size();
  }
  void enter(Client& c, Client::Phase phase, Duration timeout) {
    c.phase = phase;
    c.since = Clock::now();
    c.deadline = c.since + chrono(timeout);
  }
  void sweep() {
    sweeper.expires_after(std::chrono::milliseconds(250));
    sweeper.async_wait([this](const error_code& ec) {
      if (ec) return;
      auto now = Clock::now();
      for (auto c = clients.begin(); c != clients.end();)
        if (c->second.phase != Client::Phase::working && c->second.deadline <= now)
          c = clients.erase(c);
        else
          ++c;
      count = clients.size();
      sweep();
    });
  }

  void receive(Id id, Client& c) {
    wait(id, c, tcp::socket::wait_read, [this](Id i, Client& client) { on_readable(i, client); });
  }
  template <class Fn>
  void wait(Id id, Client& c, tcp::socket::wait_type what, Fn fn) {
    c.socket.async_wait(what, [this, id, fn](const error_code& ec) {
      if (ec == asio::error::operation_aborted) return; // the client is gone
      if (auto found = clients.find(id); found != clients.end()) fn(id, found->second);
    });
  }

  void on_readable(Id id, Client& c) {
    error_code ec;
    std::size_t n = c.socket.read_some(asio::buffer(buffer), ec);
    if (ec == asio::error::would_block || ec == asio::error::try_again) return receive(id, c);
    if (ec) return drop(id);
    if (c.phase == Client::Phase::lingering) return receive(id, c);
    consume(id, c, {buffer.data(), n});
  }
  void consume(Id id, Client& c, std::string_view data) {
    bool was_idle = c.parser.idle(), in_body = c.parser.state() == HttpParser::State::body;
    std::size_t used = c.parser.feed(data.data(), data.size());
    c.unread.assign(data.substr(used));
    if (c.parser.state() == HttpParser::State::bad) {
      c.keep_alive = c.head_only = false;
      c.unread.clear();
      return answer(id, c, plain(c.parser.error_status(), c.parser.error()));
    }
    if (c.parser.state() == HttpParser::State::done) return serve(id, c);
    if (was_idle && !c.parser.idle()) enter(c, Client::Phase::receiving, options.head_timeout);
    if (!in_body && c.parser.state() == HttpParser::State::body) enter_body(c);
    receive(id, c);
  }
  void enter_body(Client& c) {
    enter(c, Client::Phase::receiving, options.body_timeout);
    error_code ignored; // a client that does not hear it sends the body after a moment anyway
    if (c.parser.expects_continue()) c.socket.write_some(asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25), ignored);
  }

  void serve(Id id, Client& c) {
    HttpRequest request = c.parser.take();
    c.keep_alive = request.keep_alive();
    c.head_only = request.method == "HEAD";
    if (c.head_only) request.method = "GET";
    if (request.method != "GET" && request.method != "POST")
      return answer(id, c,
                    {405, "use GET, HEAD or POST\n", "text/plain; charset=utf-8", {{"Allow", "GET, HEAD, POST"}}});
    if (auto r = call(quick, request)) return answer(id, c, *r);
    if (!worker) return answer(id, c, plain(404, "NOT FOUND"));
    enter(c, Client::Phase::working, seconds(0));
    bool taken = worker->add([this, id, request = std::move(request)] {
      auto r = call(slow, request);
      asio::post(io, [this, id, r = std::move(r)] {
        if (auto found = clients.find(id); found != clients.end())
          answer(id, found->second, r ? *r : plain(404, "NOT FOUND"));
      });
    });
    if (!taken) answer(id, c, plain(503, "too many requests are waiting; try again in a moment"));
  }

  void answer(Id id, Client& c, const HttpResponse& r) {
    c.out = encode(r, c.keep_alive, !c.head_only);
    c.out_at = 0;
    enter(c, Client::Phase::answering, options.body_timeout);
    on_writable(id, c);
  }
  void on_writable(Id id, Client& c) {
    while (c.out_at < c.out.size()) {
      error_code ec;
      c.out_at += c.socket.write_some(asio::buffer(c.out.data() + c.out_at, c.out.size() - c.out_at), ec);
      if (ec == asio::error::would_block || ec == asio::error::try_again)
        return wait(id, c, tcp::socket::wait_write, [this](Id i, Client& client) { on_writable(i, client); });
      if (ec) return drop(id);
    }
    c.out.clear();
    c.out.shrink_to_fit();
    if (!c.keep_alive) return linger(id, c);
    enter(c, Client::Phase::receiving, options.idle_timeout);
    if (c.unread.empty()) return receive(id, c);
    // In a turn of its own: a client that sends many requests at once waits its turn like the others.
    asio::post(io, [this, id] {
      auto found = clients.find(id);
      if (found == clients.end()) return;
      std::string data = std::move(found->second.unread);
      consume(id, found->second, data);
    });
  }
  // Closing with unread bytes would reset the connection and take the answer away from the client.
  void linger(Id id, Client& c) {
    error_code ignored;
    c.socket.shutdown(tcp::socket::shutdown_send, ignored);
    enter(c, Client::Phase::lingering, seconds(2));
    receive(id, c);
  }

  OptionalRoute quick, slow;
  HttpServerOptions options;
  asio::io_context io{1};
  tcp::acceptor acceptor;
  asio::steady_timer sweeper, retry;
  std::vector<char> buffer;
  std::map<Id, Client> clients;
  std::atomic<std::size_t> count{0};
  Id next_id = 0;
  std::optional<Worker> worker;
  std::thread thread;
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(const Endpoint& local, OptionalRoute quick, OptionalRoute slow,
                                                      HttpServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(quick), std::move(slow), std::move(options));
  if (auto ec = impl->listen(local)) return bind_error("TCP", local, "the web service", ec);
  impl->run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;
Endpoint HttpServer::local() const {
  error_code ignored;
  return from_asio(impl_->acceptor.local_endpoint(ignored));
}
std::size_t HttpServer::connections() const { return impl_->count; }

std::optional<HttpResponse> ready_route(const HttpRequest& request,
                                        const std::function<bool(const std::string& module)>& ready) {
  constexpr std::string_view before = "/var/modules/", after = "/ready.txt";
  const std::string& path = request.path;
  if (request.method != "GET" || !path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
  if (path.size() <= before.size() + after.size()) return std::nullopt;
  std::string module = path.substr(before.size(), path.size() - before.size() - after.size());
  if (module.find('/') != std::string::npos) return std::nullopt;
  bool ok = ready(module);
  return HttpResponse{
      ok ? 200 : 404, ok ? "OK" : "NOT FOUND", "text/plain; charset=utf-8", {{"Cache-Control", "no-store"}}};
}

} // namespace lockstep
