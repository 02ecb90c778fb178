// The words and numbers of attributes.
#include "core/config/nearest.hpp"
#include "core/config/values.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;

BOOST_AUTO_TEST_SUITE(config_values)

BOOST_AUTO_TEST_CASE(times_are_converted_to_the_implicit_unit_and_rounded) {
  auto good = [](std::string_view text, TimeUnit unit, Duration expected) {
    auto t = parse_time(text, unit);
    BOOST_TEST((t.error == TimeError::none), text);
    BOOST_TEST(t.value.ns == expected.ns, text);
  };
  good("30000", TimeUnit::ms, seconds(30));
  good("30", TimeUnit::s, seconds(30));
  good("30s", TimeUnit::ms, seconds(30));
  good("2 h", TimeUnit::s, seconds(7200));
  good("24", TimeUnit::h, seconds(86400));
  good("1d", TimeUnit::h, seconds(86400));
  good("3m", TimeUnit::s, seconds(180));
  good("600us", TimeUnit::ms, ms(1));
  good("1500ms", TimeUnit::s, seconds(1));
  good("1501ms", TimeUnit::s, seconds(2));
  good("0", TimeUnit::s, {});
  good("0s", TimeUnit::s, {});
  auto bad = [](std::string_view text, TimeUnit unit, TimeError expected) {
    BOOST_TEST((parse_time(text, unit).error == expected), text);
  };
  bad("500ms", TimeUnit::s, TimeError::rounds_to_zero);
  bad("0ms", TimeUnit::s, TimeError::rounds_to_zero);
  bad("500us", TimeUnit::ms, TimeError::rounds_to_zero);
  for (auto t : {"", "s", "x", "-1", "1.5", "1s1", "0x10", " 1"}) bad(t, TimeUnit::s, TimeError::not_a_time);
  bad("1sec", TimeUnit::s, TimeError::unknown_unit);
  bad("99999999999999999999", TimeUnit::s, TimeError::too_long);
  bad("999999999999999999", TimeUnit::us, TimeError::too_long);
  BOOST_TEST(parse_time("5 Minutes", TimeUnit::s).suggestion == "5m");
}

BOOST_AUTO_TEST_CASE(times_are_written_in_the_largest_exact_unit) {
  BOOST_TEST(time_text(ms(30000)) == "30s");
  BOOST_TEST(time_text(ms(700)) == "700ms");
  BOOST_TEST(time_text(seconds(86400)) == "1d");
  BOOST_TEST(time_text({}) == "0");
  BOOST_TEST(time_text(ns(5)) == "5ns");
}

BOOST_AUTO_TEST_CASE(integers) {
  BOOST_TEST((parse_integer("0") == 0));
  BOOST_TEST((parse_integer("-1") == -1));
  BOOST_TEST((parse_integer("999999999999999999") == 999999999999999999));
  for (auto t : {"", "-", "+1", "1 ", "0x1", "1e3", "9999999999999999999"})
    BOOST_TEST(!parse_integer(t).has_value(), t);
}

BOOST_AUTO_TEST_CASE(addresses) {
  for (auto t : {"0.0.0.0", "10.0.0.1", "255.255.255.255"}) BOOST_TEST(is_ipv4(t), t);
  for (auto t : {"", "10.0.0", "10.0.0.1.2", "10.0.0.256", "10.0.0.01", "10.0.0.", ".10.0.0", "a.b.c.d", "10.0.0.-1",
                 "1000.0.0.1"})
    BOOST_TEST(!is_ipv4(t), t);
  for (auto t : {"::", "::1", "fd00::1", "1:2:3:4:5:6:7:8", "1::8", "::ffff:10.0.0.1", "1:2:3:4:5:6:10.0.0.1",
                 "fe80::1%eth0", "FD00::A"})
    BOOST_TEST(is_ipv6(t), t);
  for (auto t : {"", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "::10.0.0.256",
                 "1:2:3:4:5:6:7::8:", "fe80::1%", "10.0.0.1", "10.0.0.1::"})
    BOOST_TEST(!is_ipv6(t), t);
  for (auto t : {"node1", "db.example.com", "a-b.c_d", "db.example.com.", "1and1.com", "x"})
    BOOST_TEST(is_dns_name(t), t);
  for (auto t : {"", ".", "a..b", "-a", "a-", "a b", "10.0.0", "10.0.0.256", "a.1", "node!"})
    BOOST_TEST(!is_dns_name(t), t);
  BOOST_TEST((parse_address("[fd00::1]") == "fd00::1"));
  BOOST_TEST((parse_address("fd00::1") == "fd00::1"));
  for (auto t : {"[10.0.0.1]", "[fd00::1", "fd00::1]", "[]", "", "a b"}) BOOST_TEST(!parse_address(t).has_value(), t);
  for (auto t : {"255.255.255.0", "255.255.255.255", "128.0.0.0", "255.254.0.0"}) BOOST_TEST(is_netmask(t), t);
  for (auto t : {"0.0.0.0", "255.0.255.0", "24", "0.0.0.255"}) BOOST_TEST(!is_netmask(t), t);
}

BOOST_AUTO_TEST_CASE(paths) {
  BOOST_TEST((normal_absolute_path("/a//b/") == "/a/b"));
  BOOST_TEST((normal_absolute_path("///") == "/"));
  BOOST_TEST((normal_absolute_path("/a/...") == "/a/..."));
  for (auto t : {"", "a", "/a/../b", "/./a", "/a/.."}) BOOST_TEST(!normal_absolute_path(t).has_value(), t);
  BOOST_TEST((normal_relative_path("a//b/") == "a/b"));
  for (auto t : {"", "/a", "..", "a/../b", "."}) BOOST_TEST(!normal_relative_path(t).has_value(), t);
  BOOST_TEST(lies_in("/a/b", "/a"));
  BOOST_TEST(lies_in("/a", "/a"));
  BOOST_TEST(lies_in("/a", "/"));
  BOOST_TEST(!lies_in("/ab", "/a"));
  BOOST_TEST(!lies_in("/a", "/a/b"));
}

BOOST_AUTO_TEST_CASE(regular_expressions_are_checked_for_what_shows) {
  for (auto t : {"", "a", "^a.*b$", "(a|b)+", "[]a]", "[^]]x", "\\(", "a{2,3}", "[(]", "(a)(b)"})
    BOOST_TEST(regex_fault(t) == "", t);
  BOOST_TEST(regex_fault("(a") == "a \"(\" has no \")\"");
  BOOST_TEST(regex_fault("a)") == "a \")\" has no \"(\"");
  BOOST_TEST(regex_fault("[a") == "a \"[\" has no \"]\"");
  BOOST_TEST(regex_fault("[]") == "a \"[\" has no \"]\"");
  BOOST_TEST(regex_fault("a\\") == "it ends in a single \"\\\"");
  BOOST_TEST(regex_fault("*a") == "a \"*\" has nothing to repeat");
  BOOST_TEST(regex_fault("(+a)") == "a \"+\" has nothing to repeat");
}

BOOST_AUTO_TEST_CASE(the_nearest_word) {
  const std::vector<std::string_view> words = {"timeout", "pulse", "port", "on", "off"};
  BOOST_TEST(nearest("time_out", words) == "timeout");
  BOOST_TEST(nearest("TIMEOUT", words) == "timeout");
  BOOST_TEST(nearest("puls", words) == "pulse");
  BOOST_TEST(nearest("prot", words) == "port");
  BOOST_TEST(nearest("no", words) == "on");
  BOOST_TEST(nearest("of", words) == "off");
  BOOST_TEST(nearest("bananas", words) == "");
  BOOST_TEST(nearest("x", {"y"}) == "");
  BOOST_TEST(nearest(std::string(100000, 'a'), words) == "");
}

BOOST_AUTO_TEST_SUITE_END()
