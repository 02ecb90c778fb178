#include "shim/common/net/etcd_client.hpp"
#include "core/config/module_config.hpp"
#include "shim/common/net/etcd_messages.hpp"
#include "shim/common/private_file.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/linux/clock.hpp"
#include <cerrno>
#include <fcntl.h>
#include <httplib.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lockstep {
namespace {

constexpr std::size_t longest_answer = 64 << 10, longest_password = 1024;

std::chrono::microseconds micros(Duration d) { return std::chrono::microseconds(d.ns / 1000); }
std::string seconds_text(Duration d) { return std::to_string(d.in_ms() / 1000) + " s"; }

Result<std::string> read_password(const std::string& path) {
  static const PrivateFile words{
      "the password file", "write etcd's password into it and make it readable by root only (chmod 600)",
      "write etcd's password into a plain file", "change the password in etcd and in the file"};
  auto text = read_private_file(path, words, longest_password + 1);
  if (!text) return text;
  if (text->size() > longest_password) return Error{"the password file " + path + " is longer than a password"};
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty()) return Error{"the password file " + path + " is empty: write etcd's password into it"};
  return text;
}

} // namespace

// What one endpoint said, or why it said nothing.
struct EtcdClient::Attempt {
  int status = 0; // HTTP; 0: no answer
  std::string body, problem;
  bool refused = false; // the login, by etcd or by the password file: no network and no member is to blame
};

struct EtcdClient::Question {
  const std::string& key;
  const char* path;
  std::string body;
  const std::string* put = nullptr;
  etcd::Answer parse(const Attempt& a) const {
    if (a.status == 0) return {.problem = a.problem};
    return put == nullptr ? etcd::read_range(a.status, a.body, key) : etcd::read_swap(a.status, a.body, key);
  }
};

EtcdOptions etcd_options(const SplitbrainConfig& config) {
  EtcdOptions options;
  for (const auto& text : config.args) options.endpoints.push_back(parse_http_endpoint(text).endpoint);
  options.cafile = config.cafile, options.user = config.user, options.passwordfile = config.passwordfile;
  return options;
}

EtcdClient::EtcdClient(EtcdOptions options) : options_(std::move(options)) {}
EtcdClient::~EtcdClient() { hold_socket(-1); }

EtcdAnswer EtcdClient::read(const std::string& key) { return ask({key, etcd::range_path, etcd::range_body(key)}); }

EtcdAnswer EtcdClient::swap(const std::string& key, const std::optional<std::string>& expected,
                            const std::string& put) {
  return ask({key, etcd::txn_path, etcd::swap_body(key, expected, put), &put});
}

void EtcdClient::interrupt() {
  std::lock_guard lock(mutex_);
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR); // whoever waits for it, for a connection too, wakes up
}

void EtcdClient::cancel() {
  cancelled_ = true;
  interrupt();
}

void EtcdClient::hold_socket(int fd) {
  std::lock_guard lock(mutex_);
  if (socket_ >= 0) ::close(socket_);
  socket_ = fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

EtcdAnswer EtcdClient::ask(const Question& question) {
  const Instant give_up = boot_now() + options_.question_timeout;
  std::string problems;
  bool unreachable = false;
  for (std::size_t tried = 0; tried < options_.endpoints.size(); ++tried) {
    if (cancelled_ || (tried > 0 && boot_now() >= give_up)) break;
    const HttpEndpoint& endpoint = options_.endpoints[first_];
    Attempt attempt = ask_endpoint(endpoint, question);
    etcd::Answer said = question.parse(attempt);
    bool mine = question.put != nullptr && said.value == *question.put;
    switch (said.says) {
    case etcd::Answer::Says::put: return {EtcdAnswer::Says::put, "", said.revision, ""};
    case etcd::Answer::Says::absent: return {EtcdAnswer::Says::absent, "", said.revision, ""};
    case etcd::Answer::Says::value:
      return {mine ? EtcdAnswer::Says::put : EtcdAnswer::Says::value, std::move(said.value), said.revision, ""};
    case etcd::Answer::Says::error: break;
    }
    problems += (problems.empty() ? "etcd does not settle it: " : "; ") + to_string(endpoint) + " " + said.problem;
    unreachable |= !attempt.refused && (said.code == 0 || said.code == etcd::unavailable);
    first_ = (first_ + 1) % options_.endpoints.size();
  }
  if (cancelled_)
    problems = "the question to etcd was given up: the module ends";
  else if (unreachable)
    problems += ": start a majority of its members, or repair the network to them";
  return {EtcdAnswer::Says::silent, "", 0, std::move(problems)};
}

EtcdClient::Attempt EtcdClient::ask_endpoint(const HttpEndpoint& endpoint, const Question& question) {
  for (bool fresh = false;; fresh = true) {
    if (!options_.user.empty() && (token_.empty() || fresh))
      if (Attempt in = login(endpoint); !in.problem.empty()) return in;
    Attempt a = post(endpoint, question.path, question.body);
    // A token ends when its member restarts, or unused. Such a request was not carried out.
    bool expired = a.status != 0 && question.parse(a).code == etcd::unauthenticated;
    if (!expired || options_.user.empty() || fresh || cancelled_) return a;
  }
}

EtcdClient::Attempt EtcdClient::login(const HttpEndpoint& endpoint) {
  token_.clear();
  auto password = read_password(options_.passwordfile);
  if (!password) return {0, "", "was not asked: " + password.error(), true};
  Attempt a = post(endpoint, etcd::login_path, etcd::login_body(options_.user, *password));
  if (a.status == 0) return a;
  auto said = etcd::read_login(a.status, a.body);
  token_ = said.token;
  if (!token_.empty()) return {};
  if (said.code == 0 || said.code == etcd::unavailable) return {0, "", said.problem};
  return {0, "", "refuses the user " + options_.user + ": it " + said.problem, true};
}

EtcdClient::Attempt EtcdClient::post(const HttpEndpoint& endpoint, const char* path, const std::string& body) {
  if (cancelled_) return {0, "", "was not asked"};
  std::unique_ptr<httplib::ClientImpl> client;
  httplib::SSLClient* tls = nullptr;
  if (endpoint.tls)
    client.reset(tls = new httplib::SSLClient(endpoint.host, endpoint.port));
  else
    client = std::make_unique<httplib::ClientImpl>(endpoint.host, endpoint.port);
  client->set_connection_timeout(micros(options_.connect_timeout));
  client->set_read_timeout(micros(options_.answer_timeout));
  client->set_write_timeout(micros(options_.answer_timeout));
  client->set_socket_options([this](socket_t s) { hold_socket(s); });
  client->enable_server_certificate_verification(true);
  if (!options_.cafile.empty()) client->set_ca_cert_path(options_.cafile);
  httplib::Request request;
  request.method = "POST", request.path = path, request.body = body;
  request.set_header("Content-Type", "application/json");
  if (path != std::string_view(etcd::login_path) && !token_.empty()) request.set_header("Authorization", token_);
  Attempt a;
  request.content_receiver = [&](const char* data, std::size_t n, std::uint64_t, std::uint64_t) {
    if (a.body.size() + n > longest_answer || cancelled_) return false;
    a.body.append(data, n);
    return true;
  };
  httplib::Response response;
  auto error = httplib::Error::Success;
  const Instant begin = boot_now();
  bool whole = client->send(request, response, error);
  bool late = boot_now() - begin >= options_.answer_timeout;
  hold_socket(-1);
  // A refusal of etcd ends with a trailer, which cpp-httplib 0.11 takes for a broken answer. Its text has arrived, and
  // it proves nothing either way.
  if (whole || (response.status > 0 && response.status != 200 && !a.body.empty()))
    a.status = response.status;
  else if ((error == httplib::Error::Read || error == httplib::Error::Write) && !late)
    a.problem = "hangs up without an answer: is http or https right?";
  else
    a.problem = describe(static_cast<int>(error), tls == nullptr ? 0 : tls->get_openssl_verify_result());
  return a;
}

std::string EtcdClient::describe(int error, long verified) const {
  switch (static_cast<httplib::Error>(error)) {
  case httplib::Error::Connection: return "cannot be connected to";
  case httplib::Error::ConnectionTimeout: return "takes no connection within " + seconds_text(options_.connect_timeout);
  case httplib::Error::Read: return "does not answer within " + seconds_text(options_.answer_timeout);
  case httplib::Error::Canceled: return "answers too much";
  case httplib::Error::SSLConnection: return "does not speak TLS: is https right?";
  case httplib::Error::SSLLoadingCerts: return "was not asked: the CA file " + options_.cafile + " cannot be used";
  case httplib::Error::SSLServerVerification:
    return std::string("is not trusted: ") + X509_verify_cert_error_string(verified) +
           " (trusted are the authorities of " + (options_.cafile.empty() ? "the system" : options_.cafile) + ")";
  default: return "cannot be asked: " + httplib::to_string(static_cast<httplib::Error>(error));
  }
}

Status check_etcd_files(const EtcdOptions& options) {
  if (!options.cafile.empty()) {
    int fd = ::open(options.cafile.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return file_error("read the CA file", options.cafile, errno);
    ::close(fd);
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    if (SSL_CTX_load_verify_locations(context.get(), options.cafile.c_str(), nullptr) != 1)
      return Error{"the CA file " + options.cafile + " holds no certificate in PEM form"};
  }
  if (options.user.empty()) return {};
  auto password = read_password(options.passwordfile);
  return password ? Status{} : Status{Error{password.error()}};
}

} // namespace lockstep
