#include "core/cluster/membership.hpp"
#include <boost/test/unit_test.hpp>

using namespace lockstep;

BOOST_AUTO_TEST_SUITE(membership)

namespace {
MembershipBeat beat(const std::string& node, std::uint64_t cluster, std::vector<ModuleSignature> modules = {}) {
  return {node, cluster, std::move(modules)};
}
bool any_has(const std::vector<std::string>& all, const std::string& part) {
  for (const auto& s : all)
    if (s.find(part) != std::string::npos) return true;
  return false;
}
} // namespace

BOOST_AUTO_TEST_CASE(a_node_is_online_until_lost_count_pulses_are_missed) {
  Membership m(beat("node1", 7), {"node2"}, ms(100), 10);
  Instant t{0};
  BOOST_TEST(!m.members(t)[1].online);
  BOOST_TEST(m.heard(beat("node2", 7), t));
  BOOST_TEST(m.members(t + ms(999))[1].online);
  BOOST_TEST(!m.members(t + ms(1000))[1].online);
}

BOOST_AUTO_TEST_CASE(a_node_that_is_not_in_cluster_xml_is_ignored) {
  Membership m(beat("node1", 7), {"node2"}, ms(100), 10);
  BOOST_TEST(!m.heard(beat("node3", 7), Instant{0}));
}

BOOST_AUTO_TEST_CASE(differing_configurations_are_said_by_name_once) {
  Membership m(beat("node1", 7, {{"mirror", 1, 11, 1}}), {"node2"}, ms(100), 10);
  m.heard(beat("node2", 8, {{"mirror", 1, 12, 1}}), Instant{0});
  auto said = m.changes(Instant{0});
  BOOST_TEST(any_has(said, "cluster.xml differs between node1 and node2"));
  BOOST_TEST(any_has(said, "the configuration of module mirror differs between node1 and node2"));
  BOOST_TEST(m.changes(Instant{0}).empty());
  m.heard(beat("node2", 7, {{"mirror", 1, 11, 1}}), Instant{1});
  BOOST_TEST(m.differences(Instant{1}).empty());
}

BOOST_AUTO_TEST_CASE(what_was_refused_of_a_node_is_shown_until_it_is_heard) {
  Membership m(beat("node1", 7), {"node2"}, ms(100), 10);
  m.refused("node3", "no node of ours");
  BOOST_TEST(m.refusals().empty());
  m.refused("node2", "it speaks another version");
  BOOST_TEST(m.refusals() == std::vector<std::string>{"it speaks another version"}, boost::test_tools::per_element());
  BOOST_TEST(!m.members(Instant{0})[1].online);
  m.heard(beat("node2", 7), Instant{0});
  BOOST_TEST(m.refusals().empty());
}

BOOST_AUTO_TEST_CASE(a_beat_survives_the_wire_and_every_truncation_is_refused) {
  MembershipBeat b = beat("node1", 7, {{"mirror", 1, 11, 12}, {"other", 2, 21, 22}});
  Bytes wire = encode(b);
  auto back = decode_membership(wire.data(), wire.size());
  BOOST_REQUIRE(back);
  BOOST_TEST((*back == b));
  for (std::size_t n = 0; n < wire.size(); ++n) BOOST_TEST(!decode_membership(wire.data(), n));
}

BOOST_AUTO_TEST_SUITE_END()
