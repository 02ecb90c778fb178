#include "shim/common/net/node_api.hpp"
#include "tests/shim/net_support.hpp"
#include "tests/shim/raw_socket.hpp"
#include <atomic>
#include <thread>

using namespace lockstep;
using test::contains;
using test::key_of;

namespace {

struct Api {
  Loop loop;
  std::vector<std::string> reports;
  std::optional<NodeApiServer> server;
  std::thread thread;
  Endpoint where;
  std::vector<NodeApiServer::Respond> kept;

  void start(NodeApiServer::Handler handler) {
    auto made = NodeApiServer::open(loop, Endpoint::loopback(0), key_of(1), std::move(handler),
                                    [this](const std::string& s) { reports.push_back(s); });
    BOOST_REQUIRE_MESSAGE(made.ok(), made.error());
    server.emplace(std::move(*made));
    where = server->local();
    thread = std::thread([this] { loop.run(); });
  }
  void stop() {
    if (!thread.joinable()) return;
    loop.stop();
    thread.join();
  }
  ~Api() { stop(); }
};

void echo(std::string request, const Endpoint&, NodeApiServer::Respond respond) { respond("you said " + request); }

} // namespace

BOOST_FIXTURE_TEST_SUITE(node_api, Api)

BOOST_AUTO_TEST_CASE(ask_and_answer) {
  start(echo);
  auto a = node_api_call(key_of(1), where, R"({"command":"state"})", seconds(10));
  BOOST_REQUIRE_MESSAGE(a.ok(), a.error());
  BOOST_TEST(*a == R"(you said {"command":"state"})");
}

BOOST_AUTO_TEST_CASE(large_requests_and_answers) {
  start(echo);
  std::string big(10 << 20, 'j');
  auto a = node_api_call(key_of(1), where, big, seconds(10));
  BOOST_REQUIRE_MESSAGE(a.ok(), a.error());
  BOOST_TEST((*a == "you said " + big));
}

BOOST_AUTO_TEST_CASE(many_at_once) {
  start(echo);
  std::vector<std::thread> callers;
  std::atomic<int> good{0};
  for (int i = 0; i < 12; ++i)
    callers.emplace_back([&, i] {
      auto a = node_api_call(key_of(1), where, std::to_string(i), seconds(10));
      good += a.ok() && *a == "you said " + std::to_string(i);
    });
  for (auto& t : callers) t.join();
  BOOST_TEST(good == 12);
}

BOOST_AUTO_TEST_CASE(an_answer_may_come_later_from_another_thread_and_counts_once) {
  std::vector<std::thread> workers;
  start([&](std::string, const Endpoint&, NodeApiServer::Respond respond) {
    workers.emplace_back([respond] {
      respond("first");
      respond("second");
    });
  });
  auto a = node_api_call(key_of(1), where, "x", seconds(10));
  stop();
  for (auto& t : workers) t.join();
  BOOST_REQUIRE_MESSAGE(a.ok(), a.error());
  BOOST_TEST(*a == "first");
}

BOOST_AUTO_TEST_CASE(another_key_is_refused_with_sentences_on_both_sides) {
  start(echo);
  auto a = node_api_call(key_of(2), where, "x", seconds(10));
  BOOST_TEST(!a.ok());
  BOOST_TEST(contains(a.error(), to_string(where)));
  stop();
  BOOST_REQUIRE(reports.size() == 1u);
  BOOST_TEST(contains(reports[0], key_of(2).id_text()));
}

BOOST_AUTO_TEST_CASE(nobody_there) {
  start(echo);
  stop();
  server.reset();
  auto a = node_api_call(key_of(1), where, "x", seconds(10));
  BOOST_TEST(contains(a.error(), "refused"));
}

BOOST_AUTO_TEST_CASE(no_answer_before_the_deadline) {
  start([&](std::string, const Endpoint&, NodeApiServer::Respond respond) { kept.push_back(std::move(respond)); });
  auto a = node_api_call(key_of(1), where, "x", ms(300));
  BOOST_TEST(contains(a.error(), "took the request and did not answer"));
  kept.at(0)("too late"); // nobody waits any more: no harm
}

BOOST_AUTO_TEST_CASE(a_server_that_goes_away_is_named) {
  start([&](std::string, const Endpoint&, NodeApiServer::Respond) { server.reset(); });
  auto a = node_api_call(key_of(1), where, "x", seconds(10));
  BOOST_TEST(contains(a.error(), "took the request and did not answer"));
}

BOOST_AUTO_TEST_SUITE_END()
