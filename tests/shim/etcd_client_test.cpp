// The client of the arbiter against a real etcd, and against servers that misbehave.
#include "shim/common/net/etcd_client.hpp"
#include "tests/shim/fake_gateway.hpp"
#include "tests/shim/net_support.hpp"
#include "tests/shim/real_etcd.hpp"
#include <future>
#include <sys/stat.h>

using namespace lockstep;
using namespace lockstep::test;
using Says = EtcdAnswer::Says;

namespace {

const std::string key = "/lockstep/m/x";

void expect(const EtcdAnswer& a, Says says, const std::string& value = "") {
  BOOST_TEST((a.says == says), a.problem);
  if (says == Says::value) BOOST_TEST(a.value == value);
  BOOST_TEST((says == Says::silent) == !a.problem.empty());
}

void says(const std::string& problem, const std::string& part) { BOOST_TEST(contains(problem, part), problem); }

EtcdOptions options_for(std::vector<HttpEndpoint> endpoints) {
  EtcdOptions o;
  o.endpoints = std::move(endpoints);
  return o;
}

const std::string header = R"("header":{"revision":"7"})";
const std::string made = "{" + header + R"(,"succeeded":true,"responses":[{"response_put":{}}]})";
const std::string holds_two =
    "{" + header + R"(,"responses":[{"response_range":{"kvs":[{"key":"L2xvY2tzdGVwL20veA==","value":"dHdv"}]}}]})";

// An authority and a certificate for 127.0.0.1 and localhost signed by it.
struct Certificates : TemporaryDirectory {
  Certificates() {
    std::string make = "cd " + path + R"( && exec >/dev/null 2>&1
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem &&
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=etcd -keyout key.pem -out request.pem &&
      printf 'subjectAltName=IP:127.0.0.1\n' > names &&
      openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem)";
    BOOST_REQUIRE_MESSAGE(::system(make.c_str()) == 0, "openssl does not make certificates");
  }
};

std::string password_file(const TemporaryDirectory& d, const std::string& text, unsigned mode = 0600) {
  std::string path = d / "password";
  std::ofstream(path) << text;
  ::chmod(path.c_str(), mode);
  return path;
}

} // namespace

BOOST_AUTO_TEST_SUITE(etcd_client)

BOOST_AUTO_TEST_CASE(a_real_etcd_is_read_and_swapped_and_refuses_what_it_does_not_hold) {
  RealEtcd etcd;
  EtcdClient client(options_for({etcd.endpoint}));
  expect(client.read(key), Says::absent);
  expect(client.swap(key, "one", "two"), Says::absent); // expected a value: an absent key is a refusal
  auto first = client.swap(key, std::nullopt, "one");
  expect(first, Says::put);
  expect(client.swap(key, std::nullopt, "two"), Says::value, "one");
  expect(client.swap(key, "other", "two"), Says::value, "one");
  expect(client.read(key), Says::value, "one");
  auto second = client.swap(key, "one", "two");
  expect(second, Says::put);
  BOOST_TEST(second.revision == first.revision + 1);
  expect(client.swap(key, "one", "two"), Says::put); // the same again, as after a lost answer: granted, not refused
  BOOST_TEST(client.read(key).revision == second.revision);
  etcd.etcdctl("del --prefix /lockstep/");
  expect(client.swap(key, "two", "three"), Says::absent);
  expect(client.read(key + "y"), Says::absent);
}

BOOST_AUTO_TEST_CASE(a_real_etcd_over_ipv6) {
  RealEtcd etcd("::1");
  EtcdClient client(options_for({etcd.endpoint}));
  expect(client.swap(key, std::nullopt, "one"), Says::put);
  expect(client.read(key), Says::value, "one");
}

BOOST_AUTO_TEST_CASE(https_is_trusted_by_the_authority_of_the_ca_file_only) {
  Certificates mine, others;
  RealEtcd etcd("127.0.0.1", mine.path);
  auto options = options_for({etcd.endpoint});
  options.cafile = mine / "ca.pem";
  BOOST_TEST(check_etcd_files(options).ok());
  expect(EtcdClient(options).swap(key, std::nullopt, "one"), Says::put);
  options.cafile = others / "ca.pem";
  auto stranger = EtcdClient(options).read(key);
  expect(stranger, Says::silent);
  says(stranger.problem, "is not trusted: ");
  says(stranger.problem, others / "ca.pem");
  options.cafile = "";
  says(EtcdClient(options).read(key).problem, "authorities of the system");
  options.cafile = mine / "ca.pem", options.endpoints[0].host = "localhost"; // not a name of the certificate
  says(EtcdClient(options).read(key).problem, "is not trusted: ");
  options.endpoints[0] = etcd.endpoint, options.endpoints[0].tls = false;
  says(EtcdClient(options).read(key).problem, "hangs up without an answer: is http or https right?");
}

BOOST_AUTO_TEST_CASE(a_user_logs_in_with_the_password_of_a_private_file) {
  RealEtcd etcd;
  TemporaryDirectory d;
  auto options = options_for({etcd.endpoint});
  options.user = "lockstep", options.passwordfile = password_file(d, "sesame\n");
  says(EtcdClient(options).read(key).problem, "authentication is not enabled");
  etcd.etcdctl("user add root:r");
  etcd.etcdctl("role add root");
  etcd.etcdctl("user grant-role root root");
  etcd.etcdctl("user add lockstep:sesame");
  etcd.etcdctl("role add lockstep");
  etcd.etcdctl("role grant-permission lockstep --prefix=true readwrite /lockstep/");
  etcd.etcdctl("user grant-role lockstep lockstep");
  etcd.etcdctl("auth enable");
  EtcdClient client(options);
  expect(client.swap(key, std::nullopt, "one"), Says::put);
  etcd.stop(); // tokens are lost with the member
  etcd.start();
  expect(client.swap(key, "one", "two"), Says::put);
  says(client.read("/other").problem, "permission denied");
  says(EtcdClient(options_for({etcd.endpoint})).read(key).problem, "user name is empty");
  password_file(d, "wrong-secret");
  auto refused = EtcdClient(options).read(key);
  expect(refused, Says::silent);
  BOOST_TEST(
      refused.problem ==
      "etcd does not settle it: " + to_string(etcd.endpoint) +
          " refuses the user lockstep: it answers \"etcdserver: authentication failed, invalid user ID or password\"");
  BOOST_TEST(!contains(refused.problem, "wrong-secret"));
}

BOOST_AUTO_TEST_CASE(the_password_file_must_be_private_and_not_empty) {
  TemporaryDirectory d;
  auto options = options_for({{false, "127.0.0.1", 1}});
  options.user = "lockstep", options.passwordfile = password_file(d, "sesame", 0640);
  auto problem = [&] { return check_etcd_files(options).error(); };
  BOOST_TEST(contains(problem(), "may be read by other users (mode 0640)"));
  says(EtcdClient(options).read(key).problem, "may be read by other users");
  password_file(d, "\n");
  BOOST_TEST(contains(problem(), "is empty"));
  password_file(d, std::string(2000, 'x'));
  BOOST_TEST(contains(problem(), "longer than a password"));
  std::filesystem::remove(options.passwordfile);
  BOOST_TEST(contains(problem(), "is missing"));
  options.user = "", options.cafile = d / "ca.pem";
  BOOST_TEST(contains(problem(), "cannot read the CA file " + (d / "ca.pem")));
  std::ofstream(d / "ca.pem") << "no certificate";
  BOOST_TEST(contains(problem(), "holds no certificate in PEM form"));
}

BOOST_AUTO_TEST_CASE(an_endpoint_that_is_down_is_passed_over_and_the_one_that_answered_is_asked_first) {
  FakeGateway good([](auto&, auto&, httplib::Response& a) { a.set_content(made, "application/json"); });
  FakeGateway bad([](auto&, auto&, httplib::Response& a) {
    a.status = 503, a.set_content(R"({"message":"no leader","code":14})", "application/json");
  });
  EtcdClient client(options_for({{false, "127.0.0.1", free_port()}, bad.endpoint, good.endpoint}));
  expect(client.swap(key, "one", "two"), Says::put);
  expect(client.swap(key, "one", "two"), Says::put);
  BOOST_TEST(bad.asked == 1);
  BOOST_TEST(good.asked == 2);
}

BOOST_AUTO_TEST_CASE(without_any_proof_every_endpoint_is_named_with_its_reason) {
  FakeGateway bad([](auto&, auto&, httplib::Response& a) {
    a.status = 503, a.set_content(R"({"message":"no leader","code":14})", "application/json");
  });
  HttpEndpoint closed{false, "127.0.0.1", free_port()};
  auto a = EtcdClient(options_for({bad.endpoint, closed})).swap(key, "one", "two");
  expect(a, Says::silent);
  BOOST_TEST(a.problem ==
             "etcd does not settle it: " + to_string(bad.endpoint) + " answers \"no leader\"; " + to_string(closed) +
                 " cannot be connected to: start a majority of its members, or repair the network to them");
}

BOOST_AUTO_TEST_CASE(a_swap_that_was_made_while_its_answer_got_lost_is_not_a_refusal) {
  FakeGateway hung(never_answers);
  FakeGateway later([](auto&, auto&, httplib::Response& a) { a.set_content(holds_two, "application/json"); });
  auto options = options_for({hung.endpoint, later.endpoint});
  options.answer_timeout = ms(300);
  expect(EtcdClient(options).swap(key, "one", "two"), Says::put);
  expect(EtcdClient(options).swap(key, "one", "three"), Says::value, "two"); // somebody else's
  options.endpoints = {hung.endpoint};
  auto a = EtcdClient(options).swap(key, "one", "two");
  expect(a, Says::silent);
  says(a.problem, "does not answer within");
}

BOOST_AUTO_TEST_CASE(no_endpoint_is_tried_after_the_time_of_a_question_and_the_next_question_begins_where_it_ended) {
  FakeGateway first(never_answers), second(never_answers), third(never_answers);
  auto options = options_for({first.endpoint, second.endpoint, third.endpoint});
  options.answer_timeout = ms(300), options.question_timeout = ms(500);
  EtcdClient client(options);
  expect(client.read(key), Says::silent);
  BOOST_TEST((first.asked == 1 && second.asked == 1 && third.asked == 0));
  expect(client.read(key), Says::silent);
  BOOST_TEST((third.asked == 1 && first.asked == 2));
}

BOOST_AUTO_TEST_CASE(a_question_that_hangs_ends_when_it_is_cancelled_and_no_other_is_asked) {
  FakeGateway hung(never_answers);
  auto options = options_for({hung.endpoint, hung.endpoint});
  options.answer_timeout = seconds(100);
  EtcdClient client(options);
  auto answer = std::async(std::launch::async, [&] { return client.swap(key, "one", "two"); });
  BOOST_REQUIRE(eventually([&] { return hung.asked == 1; }));
  client.cancel();
  BOOST_REQUIRE((answer.wait_for(std::chrono::seconds(20)) == std::future_status::ready));
  BOOST_TEST(answer.get().problem == "the question to etcd was given up: the module ends");
  expect(client.read(key), Says::silent);
  BOOST_TEST(hung.asked == 1);
}

BOOST_AUTO_TEST_CASE(an_answer_without_end_is_given_up) {
  FakeGateway endless(
      [](auto&, auto&, httplib::Response& a) { a.set_content(std::string(1 << 20, 'x'), "application/json"); });
  auto a = EtcdClient(options_for({endless.endpoint})).read(key);
  expect(a, Says::silent);
  says(a.problem, "answers too much");
}

BOOST_AUTO_TEST_SUITE_END()
