// HTTP/1.0 and 1.1 requests from bytes; pure, bounded, total (fuzz/http_request.cpp). Bodies need Content-Length;
// chunked requests are refused with 501.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lockstep {

struct HttpRequest {
  std::string method;                                       // as sent: "GET"
  std::string target;                                       // as sent: "/a%20b?x=1"
  std::string path;                                         // decoded, before '?': "/a b"
  std::vector<std::pair<std::string, std::string>> query;   // decoded, in order
  int minor = 1;                                            // HTTP/1.minor
  std::vector<std::pair<std::string, std::string>> headers; // names in lower case, in order
  std::string body;
  // The first header of that (lower-case) name, or nothing.
  std::optional<std::string_view> header(std::string_view name) const;
  std::optional<std::string_view> query_value(std::string_view name) const;
  bool keep_alive() const;
};

struct HttpLimits {
  std::size_t head = 8 * 1024; // request line and headers
  std::size_t body = 1024 * 1024;
};

class HttpParser {
 public:
  enum class State : std::uint8_t { head, body, done, bad };
  explicit HttpParser(HttpLimits limits = {}) : limits_(limits) {}

  // Takes bytes up to the end of one request and returns how many it took; what is left belongs to the next request.
  std::size_t feed(const char* data, std::size_t n);
  State state() const { return state_; }
  // Nothing of a request has arrived yet: the connection is idle.
  bool idle() const { return state_ == State::head && head_.empty(); }
  // The client waits for "100 Continue" before it sends the body.
  bool expects_continue() const { return state_ == State::body && expects_continue_; }
  // When done(): the request; the parser starts over.
  HttpRequest take();
  // When bad: the status to answer (400, 413, 431, 501, 505) and one sentence.
  int error_status() const { return error_status_; }
  const std::string& error() const { return error_; }

 private:
  void bad(int status, std::string sentence);
  void parse_head();
  bool parse_request_line(std::string_view line);
  bool parse_header(std::string_view line);
  bool settle_body();

  HttpLimits limits_;
  State state_ = State::head;
  std::string head_;
  std::size_t body_size_ = 0;
  bool expects_continue_ = false;
  HttpRequest request_;
  int error_status_ = 0;
  std::string error_;
};

// "%41" -> "A"; nothing if an escape is broken or gives a NUL. `plus` turns '+' into a space (queries).
std::optional<std::string> percent_decode(std::string_view s, bool plus);

} // namespace lockstep
