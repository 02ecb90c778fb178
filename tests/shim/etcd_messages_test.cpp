// What etcd's gateway is sent, and what its answers prove: only what is complete and about our key.
#include "shim/common/net/etcd_messages.hpp"
#include "tests/shim/temporary.hpp"
#include <nlohmann/json.hpp>

using namespace lockstep;
using nlohmann::json;
using Says = etcd::Answer::Says;

namespace {
const std::string key = "/lockstep/m/x",
                  header = R"("header":{"cluster_id":"2037","member_id":"13","revision":"7","raft_term":"2"})";
const std::string key64 = "L2xvY2tzdGVwL20veA==", value64 = "b25l"; // "one"
const std::string kvs = R"("kvs":[{"key":")" + key64 +
                        R"(","create_revision":"2","mod_revision":"2","version":"1","value":")" + value64 +
                        R"("}],"count":"1")";

etcd::Answer range(const std::string& body, int status = 200) { return etcd::read_range(status, body, key); }
etcd::Answer swap(const std::string& body, int status = 200) { return etcd::read_swap(status, body, key); }
void expect(const etcd::Answer& a, Says says, const std::string& value = "") {
  BOOST_TEST((a.says == says), a.problem);
  BOOST_TEST(a.value == value);
  BOOST_TEST(a.revision == (says == Says::error ? 0u : 7u));
  BOOST_TEST(a.problem.empty() == (says != Says::error));
}
} // namespace

BOOST_AUTO_TEST_SUITE(etcd_messages)

BOOST_AUTO_TEST_CASE(a_swap_is_one_transaction_that_compares_the_value_or_the_absence) {
  auto with = json::parse(etcd::swap_body(key, "one", "two")),
       without = json::parse(etcd::swap_body(key, std::nullopt, "two"));
  BOOST_TEST(with["compare"] ==
             json::parse(R"([{"key":")" + key64 + R"(","result":"EQUAL","target":"VALUE","value":"b25l"}])"));
  BOOST_TEST(without["compare"] ==
             json::parse(R"([{"key":")" + key64 + R"(","result":"EQUAL","target":"CREATE","create_revision":"0"}])"));
  for (const auto& t : {with, without}) {
    BOOST_TEST(t["success"] == json::parse(R"([{"request_put":{"key":")" + key64 + R"(","value":"dHdv"}}])"));
    BOOST_TEST(t["failure"] == json::parse(R"([{"request_range":{"key":")" + key64 + R"("}}])"));
  }
  BOOST_TEST(etcd::range_body(key) == R"({"key":")" + key64 + R"("})"); // no "serializable": linearizable
}

BOOST_AUTO_TEST_CASE(answers_as_etcd_3_4_writes_them) {
  expect(range("{" + header + "}"), Says::absent);
  expect(range("{" + header + "," + kvs + "}"), Says::value, "one");
  expect(swap("{" + header + R"(,"succeeded":true,"responses":[{"response_put":{"header":{"revision":"7"}}}]})"),
         Says::put);
  expect(swap("{" + header + R"(,"responses":[{"response_range":{"header":{"revision":"7"}}}]})"), Says::absent);
  expect(swap("{" + header + R"(,"responses":[{"response_range":{"header":{"revision":"7"},)" + kvs + "}}]}"),
         Says::value, "one");
}

BOOST_AUTO_TEST_CASE(numbers_and_what_is_false_may_be_written_out) {
  const std::string h = R"("header":{"revision":7})";
  expect(range("{" + h + R"(,"kvs":[{"key":")" + key64 + R"(","value":"b25l"}],"count":1,"more":false})"), Says::value,
         "one");
  expect(swap("{" + h + R"(,"succeeded":false,"responses":[{"response_range":{"count":0}}]})"), Says::absent);
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_not_whole_proves_nothing) {
  for (const std::string& body :
       {std::string(), std::string("null"), std::string("[]"), std::string("{}"), "{" + header, header,
        "{" + header + "," + kvs.substr(0, 70), R"({"header":{"revision":"-1"}})" + std::string(),
        std::string(R"({"header":{}})"), "{" + header + R"(,"kvs":[],"count":"1"})", "{" + header + R"(,"count":"1"})",
        "{" + header + R"(,"kvs":[{"key":"L290aGVy","value":"b25l"}],"count":"1"})",
        "{" + header + R"(,"kvs":[{"key":")" + key64 + R"(","value":"b25"}]})",
        "{" + header + R"(,"kvs":[{"key":")" + key64 + R"(","value":7}]})"})
    expect(range(body), Says::error);
  for (const std::string& body : {std::string("{}"), "{" + header + "}", "{" + header + R"(,"succeeded":true})",
                                  "{" + header + R"(,"succeeded":true,"responses":[]})",
                                  "{" + header + R"(,"succeeded":true,"responses":[{"response_range":{}}]})",
                                  "{" + header + R"(,"responses":[{"response_put":{}}]})",
                                  "{" + header + R"(,"succeeded":"true","responses":[{"response_put":{}}]})",
                                  "{" + header + R"(,"responses":[{"response_range":7}]})",
                                  std::string(R"({"succeeded":true,"responses":[{"response_put":{}}]})")})
    expect(swap(body), Says::error);
}

BOOST_AUTO_TEST_CASE(every_prefix_of_an_answer_proves_nothing) {
  const std::string whole =
      "{" + header + R"(,"succeeded":true,"responses":[{"response_put":{"header":{"revision":"7"}}}]})";
  for (std::size_t n = 0; n < whole.size(); ++n) expect(swap(whole.substr(0, n)), Says::error);
}

BOOST_AUTO_TEST_CASE(a_refusal_is_quoted_and_what_is_not_etcd_is_said) {
  auto timed_out =
      swap(R"({"error":"etcdserver: request timed out","message":"etcdserver: request timed out","code":14})", 503);
  BOOST_TEST(timed_out.problem == "answers \"etcdserver: request timed out\"");
  BOOST_TEST(timed_out.code == 14u);
  BOOST_TEST(range(R"({"error":"etcdserver: invalid auth token","code":16})", 401).code == etcd::unauthenticated);
  BOOST_TEST(range("Not Found\nand more", 404).problem ==
             "answers 404 \"Not Found\": is that etcd's client address, and http or https right?");
  // Good text with a bad status is no proof either.
  expect(swap("{" + header + R"(,"succeeded":true,"responses":[{"response_put":{}}]})", 500), Says::error);
  BOOST_TEST(range("\x1b[31m" + std::string(500, 'x'), 500).problem.size() < 300u);
}

BOOST_AUTO_TEST_CASE(a_login_is_a_token_that_fits_into_a_header_line) {
  BOOST_TEST(etcd::read_login(200, "{" + header + R"(,"token":"abc.18"})").token == "abc.18");
  for (const char* body : {"{}", R"({"token":""})", R"({"token":7})", R"({"token":"a\r\nX: y"})", "x"}) {
    auto login = etcd::read_login(200, body);
    BOOST_TEST((login.token.empty() && !login.problem.empty()), body);
  }
  BOOST_TEST(
      etcd::read_login(400, R"({"message":"etcdserver: authentication failed, invalid user ID or password","code":3})")
          .problem == "answers \"etcdserver: authentication failed, invalid user ID or password\"");
}

BOOST_AUTO_TEST_SUITE_END()
