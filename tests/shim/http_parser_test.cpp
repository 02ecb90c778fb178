#include "shim/common/net/http_parser.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;
using State = HttpParser::State;

namespace {

struct Parsed {
  State state;
  int status;
  HttpRequest request;
  std::size_t used;
};

Parsed parse(const std::string& text, HttpLimits limits = {}) {
  HttpParser p(limits);
  std::size_t used = p.feed(text.data(), text.size());
  Parsed r{p.state(), p.error_status(), {}, used};
  if (r.state == State::done) r.request = p.take();
  return r;
}
int status_of(const std::string& text, HttpLimits limits = {}) { return parse(text, limits).status; }
std::string get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: n\r\n\r\n"; }

} // namespace

BOOST_AUTO_TEST_SUITE(http_parser)

BOOST_AUTO_TEST_CASE(a_request_as_haproxy_and_browsers_send_it) {
  auto r = parse("GET /var/modules/mirror/ready.txt HTTP/1.0\r\n\r\n");
  BOOST_REQUIRE((r.state == State::done));
  BOOST_TEST(r.request.method == "GET");
  BOOST_TEST(r.request.path == "/var/modules/mirror/ready.txt");
  BOOST_TEST(!r.request.keep_alive());
  r = parse("GET /a%20b?x=1&y=a+b%2B&z HTTP/1.1\r\nHost:  node1 \r\nX-A:1\r\n\r\n");
  BOOST_REQUIRE((r.state == State::done));
  BOOST_TEST(r.request.path == "/a b");
  BOOST_TEST(*r.request.query_value("x") == "1");
  BOOST_TEST(*r.request.query_value("y") == "a b+");
  BOOST_TEST(*r.request.query_value("z") == "");
  BOOST_TEST(!r.request.query_value("w"));
  BOOST_TEST(*r.request.header("host") == "node1");
  BOOST_TEST(*r.request.header("x-a") == "1");
  BOOST_TEST(r.request.keep_alive());
}

BOOST_AUTO_TEST_CASE(bodies_and_what_follows_them) {
  std::string text = "POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n\r\n";
  auto r = parse(text);
  BOOST_REQUIRE((r.state == State::done));
  BOOST_TEST(r.request.body == "hello");
  BOOST_TEST(text.substr(r.used) == "GET / HTTP/1.1\r\n\r\n");
  BOOST_TEST((parse("POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel").state == State::body));
  BOOST_TEST((parse("POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n").state == State::done));
}

BOOST_AUTO_TEST_CASE(cutting_a_request_anywhere_changes_nothing) {
  std::string text = "\r\nPOST /x?a=b HTTP/1.1\r\nA: b\r\nContent-Length: 3\r\n\r\nabc";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    HttpParser p;
    p.feed(text.data(), cut);
    p.feed(text.data() + cut, text.size() - cut);
    BOOST_REQUIRE((p.state() == State::done));
    auto r = p.take();
    BOOST_TEST(r.body == "abc");
    BOOST_TEST(p.idle());
  }
}

BOOST_AUTO_TEST_CASE(line_feeds_alone_are_accepted) {
  BOOST_TEST((parse("GET / HTTP/1.1\nHost: x\n\n").state == State::done));
  BOOST_TEST((parse("\n\r\nGET / HTTP/1.0\n\n").state == State::done));
}

BOOST_AUTO_TEST_CASE(limits) {
  HttpLimits small{100, 10};
  BOOST_TEST(status_of(get("/" + std::string(200, 'a')), small) == 431);
  BOOST_TEST(status_of(std::string(101, 'a'), small) == 431);
  BOOST_TEST(status_of("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", small) == 413);
  BOOST_TEST(status_of("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999999\r\n\r\n", small) == 413);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 101; ++i) many += "a: b\r\n";
  BOOST_TEST(status_of(many + "\r\n") == 431);
}

BOOST_AUTO_TEST_CASE(malformed_requests_are_refused) {
  const char* bad[] = {"GET /\r\n\r\n",
                       "GET  / HTTP/1.1\r\n\r\n",
                       " GET / HTTP/1.1\r\n\r\n",
                       "GET / HTTP/1.1 \r\n\r\n",
                       "G(T / HTTP/1.1\r\n\r\n",
                       "GET x HTTP/1.1\r\n\r\n",
                       "GET /\x01 HTTP/1.1\r\n\r\n",
                       "GET /\xff HTTP/1.1\r\n\r\n",
                       "GET /%4 HTTP/1.1\r\n\r\n",
                       "GET /%zz HTTP/1.1\r\n\r\n",
                       "GET /%00 HTTP/1.1\r\n\r\n",
                       "GET / HTTP/1.1\r\nno colon\r\n\r\n",
                       "GET / HTTP/1.1\r\n: x\r\n\r\n",
                       "GET / HTTP/1.1\r\na : x\r\n\r\n",
                       "GET / HTTP/1.1\r\na: x\r\n folded\r\n\r\n",
                       "GET / HTTP/1.1\r\na: x\x07\r\n\r\n",
                       "GET / HTTP/1.1\r\na: x\ry: z\r\n\r\n",
                       "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                       "POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n",
                       "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
                       "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"};
  for (auto text : bad) BOOST_TEST(status_of(text) == 400, text);
  BOOST_TEST(status_of("GET / HTTP/2.0\r\n\r\n") == 505);
  BOOST_TEST(status_of("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n") == 501);
}

BOOST_AUTO_TEST_CASE(proxy_form_names_the_path) {
  BOOST_TEST(parse(get("http://node1:9010/x?y")).request.path == "/x");
  BOOST_TEST(parse(get("http://node1")).request.path == "/");
}

BOOST_AUTO_TEST_CASE(expect_continue) {
  std::string text = "POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n";
  HttpParser p;
  p.feed(text.data(), text.size());
  BOOST_TEST(p.expects_continue());
}

BOOST_AUTO_TEST_CASE(connection_header) {
  auto keeps = [](const std::string& v, const std::string& c) {
    return parse("GET / HTTP/" + v + "\r\nConnection: " + c + "\r\n\r\n").request.keep_alive();
  };
  BOOST_TEST(keeps("1.1", "keep-alive"));
  BOOST_TEST(!keeps("1.1", "Close"));
  BOOST_TEST(!keeps("1.1", "upgrade, close"));
  BOOST_TEST(keeps("1.0", "Keep-Alive"));
  BOOST_TEST(!keeps("1.0", "upgrade"));
}

BOOST_AUTO_TEST_SUITE_END()
