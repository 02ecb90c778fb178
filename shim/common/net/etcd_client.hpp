// Asks an etcd over its JSON gateway: reads one key, or swaps it in one transaction (design 6). Blocks; used by one
// thread, cancelled from any.
//
// Several endpoints are tried in turn, first the one that gave the last proof, each with its own time limits. A request
// that was sent and not answered may have been carried out, or may be later. Asking the next endpoint the same is
// harmless nevertheless: of two copies of a swap the second finds `put` in the key, or what replaced it since, not
// `expected` (only if somebody wrote `expected` again in between is it made twice, with the same result). Therefore an
// answer that shows the key holding `put` is `put`, whichever copy did it: it is never reported as a refusal. Without
// any proof the outcome is `silent`, and a copy that is carried out after we gave up is a late request like any other
// (control:H4, H5).
#pragma once
#include "core/base/time.hpp"
#include "core/config/http_endpoint.hpp"
#include "shim/common/result.hpp"
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

struct EtcdOptions {
  std::vector<HttpEndpoint> endpoints; // at least one
  std::string cafile;             // https: PEM of the authority that signed their certificates; empty: the system's
  std::string user, passwordfile; // both or none; the password is read again at every login
  Duration connect_timeout = seconds(1), answer_timeout = seconds(2); // of one request to one endpoint
  Duration question_timeout = seconds(6); // no further endpoint is tried after it
};

struct SplitbrainConfig;
EtcdOptions etcd_options(const SplitbrainConfig& config); // of exec="etcd"

struct EtcdAnswer {
  enum class Says : std::uint8_t {
    value,  // the key holds `value`, and `put` was not made
    absent, // there is no key, and `put` was not made
    put,    // the key holds what was put
    silent, // nothing is proven
  };
  Says says = Says::silent;
  std::string value;
  std::uint64_t revision = 0; // of the store; 0 when silent
  std::string problem;        // of silent: a sentence that names every endpoint that was tried and what to do
};

class EtcdClient {
 public:
  explicit EtcdClient(EtcdOptions options);
  ~EtcdClient();
  EtcdAnswer read(const std::string& key);
  EtcdAnswer swap(const std::string& key, const std::optional<std::string>& expected, const std::string& put);
  // From any thread, at once: what is being asked ends soon, and is silent; after cancel() so is all that is asked
  // later.
  void interrupt();
  void cancel();
  // A question that takes longer hangs (in the system's resolver, or at an endpoint that answers byte by byte): time to
  // interrupt it and to take it for silent.
  Duration limit() const { return options_.question_timeout + options_.connect_timeout + options_.answer_timeout; }

 private:
  struct Question;
  struct Attempt;
  EtcdAnswer ask(const Question& question);
  Attempt ask_endpoint(const HttpEndpoint& endpoint, const Question& question);
  Attempt login(const HttpEndpoint& endpoint); // without a problem: token_ is set
  Attempt post(const HttpEndpoint& endpoint, const char* path, const std::string& body);
  void hold_socket(int fd); // our own descriptor of the connection in use, for interrupt(); -1: none
  std::string describe(int error, long verified) const;

  EtcdOptions options_;
  std::size_t first_ = 0; // of the endpoints: the next question begins here
  std::string token_;     // of the last login
  std::mutex mutex_;      // guards socket_
  int socket_ = -1;
  std::atomic<bool> cancelled_{false};
};

// What a question would stumble over on this machine: an unreadable CA or password file. A sentence without its place.
Status check_etcd_files(const EtcdOptions& options);

} // namespace lockstep
