// Node's questions to the arbiter: every one is answered once, on the loop and in time, and only our own text is a
// proof.
#include "core/wire/arbiter_value.hpp"
#include "shim/module/arbiter_host.hpp"
#include "tests/shim/fake_gateway.hpp"
#include "tests/shim/net_support.hpp"
#include "tests/shim/real_etcd.hpp"

using namespace lockstep;
using namespace lockstep::test;
using Says = nin::ArbiterSays;

namespace {

const DirUid data_set{1, 2};
const Generation one{1, 11, {5, 6}, MintedAs::op}, two{2, 22, {7, 8}, MintedAs::second};

struct Asker {
  Loop loop;
  Timer open{loop}; // a loop without anything to wait for ends
  std::vector<nin::ArbiterAnswer> answers;
  std::optional<ArbiterHost> host;
  std::uint64_t tickets = 0;
  explicit Asker(const HttpEndpoint& endpoint, Duration answer_timeout = seconds(2),
                 Duration question_timeout = seconds(10)) {
    EtcdOptions options;
    options.endpoints = {endpoint}, options.answer_timeout = answer_timeout,
    options.question_timeout = question_timeout;
    open.after(seconds(1000), [] {});
    host.emplace(loop, "mirror", options, [this](nin::ArbiterAnswer a) { answers.push_back(std::move(a)); });
  }
  void ask(std::optional<Generation> expected, std::optional<Generation> put) {
    nfx::AskArbiter q;
    q.ticket = Ticket{++tickets}, q.data_set = data_set, q.expected = expected, q.put = put;
    host->ask(q);
  }
  nin::ArbiterAnswer answer(std::optional<Generation> expected, std::optional<Generation> put) {
    answers.clear();
    ask(expected, put);
    BOOST_REQUIRE(run_until(loop, [&] { return !answers.empty(); }));
    BOOST_TEST(answers[0].ticket.value == tickets);
    return answers[0];
  }
};

void expect(const nin::ArbiterAnswer& a, Says says, const Generation& value = {}) {
  BOOST_TEST((a.says == says), a.problem);
  BOOST_TEST((a.value == value));
  BOOST_TEST((a.says == Says::silent) == (a.revision == 0));
  BOOST_TEST((a.says == Says::silent) == !a.problem.empty());
}

} // namespace

BOOST_AUTO_TEST_SUITE(arbiter_host)

BOOST_AUTO_TEST_CASE(generations_go_through_a_real_etcd_under_the_key_of_module_and_data_set) {
  RealEtcd etcd;
  Asker node(etcd.endpoint);
  expect(node.answer(std::nullopt, std::nullopt), Says::absent);
  expect(node.answer(one, two), Says::absent);
  expect(node.answer(std::nullopt, one), Says::swapped);
  expect(node.answer(std::nullopt, two), Says::holds, one);
  expect(node.answer(std::nullopt, std::nullopt), Says::holds, one);
  expect(node.answer(one, two), Says::swapped);
  expect(node.answer(one, two), Says::swapped); // asked again after a lost answer (control:E2)
  expect(node.answer(std::nullopt, std::nullopt), Says::holds, two);
  const std::string key = "/lockstep/mirror/00000000000000010000000000000002";
  etcd.etcdctl("get " + key + " | grep -qx '" + arbiter_text(two) + "'");
  for (const char* text : {"node2", "'lockstep 2 x'", "''"}) {
    etcd.etcdctl("put " + key + " -- " + text);
    auto a = node.answer(two, one);
    expect(a, Says::silent);
    BOOST_TEST(contains(a.problem, "the key " + key + " in etcd "), a.problem);
    BOOST_TEST(contains(a.problem, text[1] == 'l' ? "newer version" : "find out who else writes it"), a.problem);
  }
}

BOOST_AUTO_TEST_CASE(several_questions_are_answered_in_order) {
  FakeGateway etcd([](FakeGateway& g, auto&, httplib::Response& a) {
    g.gate.wait();
    a.set_content(R"({"header":{"revision":"7"}})", "application/json");
  });
  Asker node(etcd.endpoint);
  for (int i = 0; i < 3; ++i) node.ask(std::nullopt, std::nullopt);
  run_on(node.loop);
  BOOST_TEST(node.answers.empty());
  etcd.open_gate.set_value();
  BOOST_REQUIRE(run_until(node.loop, [&] { return node.answers.size() == 3; }));
  for (std::uint64_t i = 0; i < 3; ++i) BOOST_TEST(node.answers[i].ticket.value == i + 1);
}

BOOST_AUTO_TEST_CASE(a_question_that_hangs_is_silent_in_time_once_and_what_waited_behind_it_is_not_sent) {
  FakeGateway hung(never_answers);
  Asker node(hung.endpoint, seconds(100), ms(200) - seconds(101)); // the limit is 200 ms, the endpoint's own 100 s
  node.ask(std::nullopt, one), node.ask(one, two);
  BOOST_REQUIRE(run_until(node.loop, [&] { return node.answers.size() == 2; }));
  for (auto& a : node.answers) expect(a, Says::silent);
  run_on(node.loop, ms(300));
  BOOST_TEST(node.answers.size() == 2u);
  BOOST_TEST(hung.asked <= 1);
}

BOOST_AUTO_TEST_CASE(a_life_that_ends_does_not_wait_for_an_answer) {
  FakeGateway hung(never_answers);
  Asker node(hung.endpoint, seconds(100));
  node.ask(one, two);
  BOOST_REQUIRE(eventually([&] { return hung.asked == 1; }));
  auto begin = boot_now();
  node.host.reset();
  BOOST_TEST((boot_now() - begin < seconds(20)));
  run_on(node.loop);
  BOOST_TEST(node.answers.empty());
}

BOOST_AUTO_TEST_SUITE_END()
