#include "shim/common/control.hpp"
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace lockstep {
namespace asio = boost::asio;
using local = asio::local::stream_protocol;
using nlohmann::json;

namespace {
constexpr std::size_t line_max = 4u << 20;

struct Client : std::enable_shared_from_this<Client> {
  Client(local::socket s, ControlServer::Handler h) : socket(std::move(s)), buffer(line_max), handler(std::move(h)) {}
  local::socket socket;
  asio::streambuf buffer;
  ControlServer::Handler handler;
  std::string out;

  void read() {
    asio::async_read_until(socket, buffer, '\n', [self = shared_from_this()](auto ec, std::size_t n) {
      if (ec) return;
      std::string line(asio::buffers_begin(self->buffer.data()), asio::buffers_begin(self->buffer.data()) + static_cast<long>(n));
      self->buffer.consume(n);
      self->request(line);
    });
  }
  void request(const std::string& line) {
    json request = json::parse(line, nullptr, false);
    auto done = std::make_shared<bool>(false);
    auto respond = [self = shared_from_this(), done](const json& answer) {
      asio::post(self->socket.get_executor(), [self, done, text = answer.dump(-1, ' ', false, json::error_handler_t::replace)] {
        if (std::exchange(*done, true)) return;
        self->out = text + "\n";
        asio::async_write(self->socket, asio::buffer(self->out), [self](auto ec, std::size_t) {
          if (!ec) self->read();
        });
      });
    };
    if (!request.is_object()) return respond(json{{"ok", false}, {"error", "the request is not a JSON object"}});
    handler(request, respond);
  }
};
} // namespace

struct ControlServer::Impl : std::enable_shared_from_this<ControlServer::Impl> {
  Impl(asio::io_context& io, std::string p, Handler h) : acceptor(io), path(std::move(p)), handler(std::move(h)) {}
  local::acceptor acceptor;
  std::string path;
  Handler handler;
  void accept() {
    acceptor.async_accept([self = shared_from_this()](auto ec, local::socket s) {
      if (ec) return;
      std::make_shared<Client>(std::move(s), self->handler)->read();
      self->accept();
    });
  }
};

Result<std::unique_ptr<ControlServer>> ControlServer::open(Loop& loop, const std::string& path, Handler handler) {
  if (path.size() >= sizeof(sockaddr_un{}.sun_path))
    return Error{"the path of the control socket is too long: " + path + " (choose a shorter --root)"};
  ::unlink(path.c_str()); // the caller holds the lock of this directory: a leftover belongs to nobody
  auto impl = std::make_shared<Impl>(loop.context(), path, std::move(handler));
  boost::system::error_code ec;
  impl->acceptor.open(local(), ec);
  mode_t old = ::umask(0077);
  if (!ec) impl->acceptor.bind(local::endpoint(path), ec);
  ::umask(old);
  if (!ec) impl->acceptor.listen(64, ec);
  if (ec) return Error{"cannot listen on " + path + ": " + ec.message()};
  impl->accept();
  return std::unique_ptr<ControlServer>(new ControlServer(impl));
}
ControlServer::ControlServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlServer::~ControlServer() {
  boost::system::error_code ec;
  impl_->acceptor.close(ec);
  ::unlink(impl_->path.c_str());
}

namespace {
// A connected socket, or a sentence.
Result<int> dial(const std::string& path) {
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Error{std::string("cannot make a socket: ") + std::strerror(errno)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  Status s;
  if (path.size() >= sizeof address.sun_path) s = Error{"the path of the control socket is too long: " + path};
  else std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (s && ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    s = Error{"nobody answers on " + path + " (" + std::strerror(errno) + ")"};
  if (s) return fd;
  ::close(fd);
  return Error{s.error()};
}
} // namespace

bool control_listens(const std::string& path) {
  auto fd = dial(path);
  if (fd) ::close(*fd);
  return fd.ok();
}

Result<json> control_call(const std::string& path, const json& request, Duration deadline) {
  auto dialed = dial(path);
  if (!dialed) return Error{dialed.error()};
  int fd = *dialed;
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } closer{fd};
  std::string line = request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  for (std::size_t done = 0; done < line.size();) {
    ssize_t n = ::send(fd, line.data() + done, line.size() - done, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error{"the connection to " + path + " broke: " + std::strerror(errno)};
    done += static_cast<std::size_t>(n);
  }
  timespec start{};
  ::clock_gettime(CLOCK_BOOTTIME, &start);
  std::string answer;
  char buffer[65536];
  while (answer.find('\n') == std::string::npos) {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    auto passed = (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1'000'000;
    auto left = deadline.in_ms() - passed;
    pollfd p{fd, POLLIN, 0};
    if (left <= 0 || ::poll(&p, 1, static_cast<int>(left)) == 0) return Error{"no answer on " + path + " in time"};
    ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Error{"the process behind " + path + " closed the connection without an answer"};
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  json parsed = json::parse(answer, nullptr, false);
  if (!parsed.is_object()) return Error{"the answer on " + path + " is not understood"};
  return parsed;
}

} // namespace lockstep
