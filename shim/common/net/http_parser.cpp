#include "shim/common/net/http_parser.hpp"
#include <algorithm>

namespace lockstep {
namespace {

constexpr std::size_t max_headers = 100;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = lower(c);
  return out;
}

bool token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool token(std::string_view s) { return !s.empty() && std::all_of(s.begin(), s.end(), token_char); }

// No control character but tab: they have no place in a head, and would forge lines in a log.
bool clean(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) {
    auto u = static_cast<unsigned char>(c);
    return u == '\t' || (u >= 0x20 && u != 0x7f);
  });
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Cuts the part before `sep` off the front; all of it if there is none.
std::string_view cut(std::string_view& s, char sep) {
  auto at = s.find(sep);
  auto part = s.substr(0, at);
  s.remove_prefix(at == std::string_view::npos ? s.size() : at + 1);
  return part;
}

bool list_has(std::string_view list, std::string_view word) {
  while (!list.empty())
    if (lower(trim(cut(list, ','))) == word) return true;
  return false;
}

} // namespace

std::optional<std::string> percent_decode(std::string_view s, bool plus) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '+' && plus) {
      out += ' ';
    } else if (s[i] != '%') {
      out += s[i];
    } else {
      int hi = i + 2 < s.size() ? hex_digit(s[i + 1]) : -1, lo = i + 2 < s.size() ? hex_digit(s[i + 2]) : -1;
      if (hi < 0 || lo < 0 || (hi == 0 && lo == 0)) return std::nullopt;
      out += static_cast<char>(hi << 4 | lo);
      i += 2;
    }
  }
  return out;
}

std::optional<std::string_view> HttpRequest::header(std::string_view name) const {
  for (auto& [n, v] : headers)
    if (n == name) return v;
  return std::nullopt;
}

std::optional<std::string_view> HttpRequest::query_value(std::string_view name) const {
  for (auto& [n, v] : query)
    if (n == name) return v;
  return std::nullopt;
}

bool HttpRequest::keep_alive() const {
  auto c = header("connection");
  if (c && list_has(*c, "close")) return false;
  return minor >= 1 || (c && list_has(*c, "keep-alive"));
}

void HttpParser::bad(int status, std::string sentence) {
  if (state_ == State::bad) return;
  state_ = State::bad;
  error_status_ = status;
  error_ = std::move(sentence);
}

std::size_t HttpParser::feed(const char* data, std::size_t n) {
  std::size_t used = 0;
  while (state_ == State::head && used < n) {
    char c = data[used++];
    head_ += c;
    if (c == '\n' && (head_ == "\n" || head_ == "\r\n"))
      head_.clear(); // empty lines before a request are allowed
    else if (head_.size() > limits_.head)
      bad(431, "the request's head is longer than " + std::to_string(limits_.head) + " bytes");
    else if (c == '\n' && (head_.ends_with("\n\n") || head_.ends_with("\n\r\n")))
      parse_head();
  }
  if (state_ == State::body) {
    std::size_t take = std::min(n - used, body_size_ - request_.body.size());
    request_.body.append(data + used, take);
    used += take;
    if (request_.body.size() == body_size_) state_ = State::done;
  }
  return used;
}

HttpRequest HttpParser::take() {
  HttpRequest r = std::move(request_);
  *this = HttpParser(limits_);
  return r;
}

void HttpParser::parse_head() {
  std::string_view rest = head_;
  bool first = true;
  while (!rest.empty()) {
    auto line = cut(rest, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    if (!clean(line)) return bad(400, "the request's head has control characters");
    if (!(first ? parse_request_line(line) : parse_header(line))) return bad(400, "the request's head is malformed");
    first = false;
  }
  if (settle_body()) state_ = body_size_ == 0 ? State::done : State::body;
}

// False: malformed, unless bad() was called with a better reason.
bool HttpParser::parse_request_line(std::string_view line) {
  auto& r = request_;
  r.method = cut(line, ' ');
  r.target = cut(line, ' ');
  if (!token(r.method) || r.method.size() > 16) return false;
  if (!line.starts_with("HTTP/") || line.size() != 8 || line[6] != '.') return false;
  if (line != "HTTP/1.0" && line != "HTTP/1.1") return bad(505, "only HTTP/1.0 and HTTP/1.1 are spoken here"), false;
  r.minor = line.back() - '0';
  std::string_view target = r.target;
  for (std::string_view scheme : {"http://", "https://"})
    if (target.starts_with(scheme)) { // as sent to a proxy: the host part is ours
      auto slash = target.find('/', scheme.size());
      target = slash == std::string_view::npos ? "/" : target.substr(slash);
    }
  bool printable = std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!target.starts_with('/') || !printable) return false;
  target = cut(target, '#');
  auto path = percent_decode(cut(target, '?'), false);
  if (!path) return false;
  r.path = *path;
  while (!target.empty()) {
    auto pair = cut(target, '&');
    if (pair.empty()) continue;
    auto name = percent_decode(cut(pair, '='), true), value = percent_decode(pair, true);
    if (!name || !value) return false;
    r.query.emplace_back(*name, *value);
  }
  return true;
}

bool HttpParser::parse_header(std::string_view line) {
  auto colon = line.find(':');
  if (colon == std::string_view::npos || !token(line.substr(0, colon))) return false; // a folded line is one of these
  if (request_.headers.size() >= max_headers) return bad(431, "the request has more than 100 headers"), false;
  request_.headers.emplace_back(lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  return true;
}

bool HttpParser::settle_body() {
  if (request_.method.empty()) return bad(400, "the request's head is malformed"), false;
  if (request_.header("transfer-encoding"))
    return bad(501, "a body needs Content-Length; encodings are not taken"), false;
  std::optional<std::string_view> length;
  for (auto& [name, value] : request_.headers) {
    if (name != "content-length") continue;
    if (length && *length != value) return bad(400, "two different Content-Length headers"), false;
    length = value;
  }
  if (!length) return true;
  bool digits = !length->empty() && length->find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits) return bad(400, "Content-Length is not a number"), false;
  std::uint64_t size = 0;
  for (char c : *length)
    if ((size = size * 10 + static_cast<unsigned>(c - '0')) > limits_.body)
      return bad(413, "the request's body is longer than " + std::to_string(limits_.body) + " bytes"), false;
  body_size_ = static_cast<std::size_t>(size);
  auto expect = request_.header("expect");
  expects_continue_ = expect && lower(*expect) == "100-continue" && request_.minor >= 1;
  return true;
}

} // namespace lockstep
