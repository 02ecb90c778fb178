// One member of a real etcd (Debian's) on the loopback, with its data in a temporary directory; gone with the object.
#pragma once
#include "core/config/http_endpoint.hpp"
#include "tests/shim/network_lab.hpp"
#include "tests/shim/temporary.hpp"
#include <arpa/inet.h>
#include <csignal>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <vector>

namespace lockstep::test {

inline std::uint16_t free_port() {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET, a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t n = sizeof a;
  BOOST_REQUIRE((::bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0 &&
                 ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &n) == 0));
  ::close(fd);
  return ntohs(a.sin_port);
}

class RealEtcd {
 public:
  // With TLS: `host` is one of the certificate's names; files cert.pem and key.pem in `tls_directory`.
  explicit RealEtcd(std::string host = "127.0.0.1", std::string tls_directory = "") : tls_(std::move(tls_directory)) {
    endpoint = {!tls_.empty(), std::move(host), free_port()};
    peer_ = "http://127.0.0.1:" + std::to_string(free_port());
    start();
  }
  ~RealEtcd() { stop(); }
  void start() {
    std::string clients = to_string(endpoint);
    std::vector<std::string> words{"etcd",
                                   "--name",
                                   "a",
                                   "--data-dir",
                                   directory_ / "data",
                                   "--listen-client-urls",
                                   clients,
                                   "--advertise-client-urls",
                                   clients,
                                   "--listen-peer-urls",
                                   peer_,
                                   "--initial-advertise-peer-urls",
                                   peer_,
                                   "--initial-cluster",
                                   "a=" + peer_,
                                   "--unsafe-no-fsync"};
    if (endpoint.tls) words.insert(words.end(), {"--cert-file", tls_ + "/cert.pem", "--key-file", tls_ + "/key.pem"});
    std::vector<char*> argv;
    for (auto& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    std::string log = directory_ / "log";
    pid_ = ::fork();
    BOOST_REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(out, 1), ::dup2(out, 2);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    BOOST_REQUIRE_MESSAGE(
        eventually([&] { return log_text().find("ready to serve client requests") != std::string::npos; }),
        "etcd (package etcd-server) does not start: " + log_text());
  }
  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
    std::filesystem::remove(directory_ / "log");
  }
  // What a user types: etcdctl with our endpoint.
  void etcdctl(const std::string& arguments) const {
    std::string command = "ETCDCTL_API=3 etcdctl --endpoints " + to_string(endpoint) +
                          (endpoint.tls ? " --cacert " + tls_ + "/ca.pem" : "") + " " + arguments + " >/dev/null 2>&1";
    BOOST_REQUIRE_MESSAGE(::system(command.c_str()) == 0, command);
  }
  HttpEndpoint endpoint;

 private:
  std::string log_text() const {
    std::ostringstream all;
    all << std::ifstream(directory_ / "log").rdbuf();
    return all.str();
  }
  TemporaryDirectory directory_;
  std::string tls_, peer_;
  int pid_ = 0;
};

} // namespace lockstep::test
