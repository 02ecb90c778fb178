// userconfig.xml that is right: the seed's own, one with every part, the defaults, what leniency accepts.
#include "tests/unit/config_support.hpp"

using namespace lockstep;

BOOST_AUTO_TEST_SUITE(config_userconfig)

BOOST_AUTO_TEST_CASE(the_seeds_file_as_printed_loads_unchanged) {
  auto r = parse_module_config(fixture("seed_userconfig.xml"));
  BOOST_TEST(lines_of(r.diagnostics) == "userconfig.xml:7: warning: the value of the attribute \"name\" of <heartbeat> "
                                        "is in typographic quotes, which are "
                                        "read as plain ones: write name=\"default\"\n"
                                        "userconfig.xml:7: warning: the value of the attribute \"ident\" of "
                                        "<heartbeat> is in typographic quotes, which are "
                                        "read as plain ones: write ident=\"flow\"\n"
                                        "userconfig.xml:17: warning: <rfs mountover=\"off\"> has no meaning here and "
                                        "is ignored: a replicated directory is "
                                        "covered where it is, nothing is renamed\n");
  BOOST_REQUIRE(r.value.has_value());
  const auto& c = *r.value;
  BOOST_TEST(c.service.failover);
  BOOST_TEST(c.service.maxloop == 3u);
  BOOST_TEST((c.service.loop_interval == seconds(24 * 3600)));
  BOOST_TEST((c.service.defaultprim == DefaultPrim::alone));
  BOOST_TEST(c.heart.port == 8888);
  BOOST_REQUIRE_EQUAL(c.heart.heartbeats.size(), 1u);
  BOOST_TEST((c.heart.heartbeats[0] == HeartbeatConfig{"default", "flow", ms(700), ms(30000), true, 7}));
  BOOST_REQUIRE(c.rfs.has_value());
  BOOST_TEST((c.rfs->async == AsyncMode::second));
  BOOST_TEST(!c.rfs->acl);
  BOOST_TEST(c.rfs->nbrei == 3u);
  BOOST_REQUIRE_EQUAL(c.rfs->directories.size(), 2u);
  BOOST_TEST((c.rfs->directories[0] == ReplicatedDir{"/test1replicated", true, {}, 18}));
  BOOST_TEST((c.rfs->directories[1] == ReplicatedDir{"/test2replicated", true, {}, 19}));
  BOOST_REQUIRE(c.user.has_value());
  BOOST_TEST((c.user->nicestoptimeout == seconds(300)));
  BOOST_REQUIRE(c.errd.has_value());
  BOOST_TEST((c.errd->polltimer == seconds(10)));
  BOOST_REQUIRE_EQUAL(c.errd->procs.size(), 1u);
  const auto& p = c.errd->procs[0];
  BOOST_TEST(p.name == "PROCESS_NAME");
  BOOST_TEST((p.action == ProcAction::restart));
  BOOST_TEST((p.when == ProcClass::prim));
}

BOOST_AUTO_TEST_CASE(the_seeds_windows_file_is_refused_by_name) {
  auto r = parse_module_config(fixture("seed_userconfig_windows.xml"));
  BOOST_TEST(!r.value.has_value());
  BOOST_TEST(lines_of(r.diagnostics) == "userconfig.xml:18: <replicated dir=\"c:\\test1replicated\"> asks for a "
                                        "Windows node, which is not built yet: write an "
                                        "absolute Linux path, as \"/data\"\n"
                                        "userconfig.xml:19: <replicated dir=\"c:\\test2replicated\"> asks for a "
                                        "Windows node, which is not built yet: write an "
                                        "absolute Linux path, as \"/data\"\n");
}

BOOST_AUTO_TEST_CASE(every_part_is_read) {
  ModuleParseOptions options;
  options.environment["HOME"] = "/root";
  auto r = parse_module_config(fixture("full_userconfig.xml"), options);
  BOOST_TEST(errors_of(r.diagnostics) == "");
  BOOST_REQUIRE(r.value.has_value());
  const auto& c = *r.value;
  BOOST_TEST((c.service == ServiceConfig{ModuleMode::mirror, BootMode::automatic, seconds(120), false,
                                         DefaultPrim::server, "node1", 5, seconds(2 * 86400), false, 7}));
  BOOST_TEST(c.heart.port == 9999);
  BOOST_REQUIRE_EQUAL(c.heart.heartbeats.size(), 2u);
  BOOST_TEST((c.heart.heartbeats[0] == HeartbeatConfig{"default", "default", ms(200), seconds(2), false, 40}));
  BOOST_TEST((c.heart.heartbeats[1] == HeartbeatConfig{"private", "flow", seconds(1), seconds(10), true, 41}));
  VipInterface eth0{"eth0",      false,        true,
                    seconds(30), seconds(600), {{"10.0.0.200", VipWhere::one_side, false, true, "255.255.255.0", 33}},
                    31};
  BOOST_TEST((c.vip == VipConfig{false, {eth0}}));
  RfsConfig rfs{AsyncMode::none, true, true, 4, seconds(200), seconds(45), seconds(180), {}, 15};
  rfs.directories = {{"/srv/data/base", true, {"PG_VERSION"}, 17}, {"/root/log", false, {}, 20}};
  BOOST_REQUIRE(c.rfs.has_value());
  BOOST_TEST((*c.rfs == rfs));
  UserConfig user{seconds(60),
                  seconds(60),
                  ScriptLogging::none,
                  100,
                  {{"SERVICES", "postgresql, \"nginx\""}, {"PERCENT", "100% or 5 %"}},
                  22};
  BOOST_REQUIRE(c.user.has_value());
  BOOST_TEST((*c.user == user));
  ErrdConfig errd{seconds(5),
                  {{"postgres", "", "^/usr/lib/.*(main|base)", 2, 9, ProcAction::stopstart, ProcClass::both, 3, 27}},
                  26};
  BOOST_REQUIRE(c.errd.has_value());
  BOOST_TEST((*c.errd == errd));
  BOOST_TEST((c.check.splitbrain == SplitbrainConfig{ArbiterMode::ping, "witness", {"10.0.0.1", "fd00::1"}, 10}));
  BOOST_TEST((c.check.intf == std::vector<IntfChecker>{{"public", "10.0.0.107", 12}}));
  BOOST_TEST((c.check.ip == std::vector<IpChecker>{{"vip", "10.0.0.200", seconds(20), IpCheckerWhen::both, 13}}));
}

BOOST_AUTO_TEST_CASE(the_smallest_file_has_the_documented_defaults) {
  ModuleParseOptions options;
  options.module_id = 3;
  auto r = parse_module_config(
      "<safe><service mode='mirror'><heart><heartbeat name='default'/></heart><user/></service></safe>", options);
  BOOST_TEST(lines_of(r.diagnostics) == "");
  BOOST_REQUIRE(r.value.has_value());
  const auto& c = *r.value;
  BOOST_TEST(
      (c.service ==
       ServiceConfig{
           ModuleMode::mirror, BootMode::ignore, {}, true, DefaultPrim::alone, "", 3, seconds(86400), false, 1}));
  BOOST_TEST(c.heart.port == 8890);
  BOOST_TEST((c.heart.heartbeats.at(0) == HeartbeatConfig{"default", "default", ms(700), ms(30000), true, 1}));
  BOOST_TEST(!c.rfs.has_value());
  BOOST_TEST(!c.errd.has_value());
  BOOST_TEST(c.vip.interfaces.empty());
  BOOST_TEST((c.check == CheckConfig{}));
}

BOOST_AUTO_TEST_CASE(ports_follow_the_module_id) {
  BOOST_TEST((module_ports(1) == ModulePorts{8888, 5600}));
  BOOST_TEST((module_ports(2) == ModulePorts{8889, 5604}));
  BOOST_TEST((module_ports(max_module_id) == ModulePorts{9887, 9596}));
}

BOOST_AUTO_TEST_CASE(a_legacy_flow_element_names_the_replication_lan) {
  auto text = replaced(fixture("full_userconfig.xml"), "ident=\"flow\"", "ident=\"second\"");
  text = replaced(replaced(text, "%HOME%", "/root"), "scripts=\"off\">", "><flow name=\"private\"/>");
  auto r = parse_module_config(text);
  BOOST_TEST(errors_of(r.diagnostics) == "");
  BOOST_REQUIRE(r.value.has_value());
  BOOST_TEST(!r.value->heart.heartbeats[0].flow);
  BOOST_TEST(r.value->heart.heartbeats[1].flow);
}

BOOST_AUTO_TEST_CASE(an_empty_directory_is_accepted_and_said) {
  auto text = replaced(fixture("seed_userconfig.xml"), "/test2replicated", "");
  auto r = parse_module_config(text);
  BOOST_REQUIRE(r.value.has_value());
  BOOST_TEST(r.value->rfs->directories.size() == 1u);
  BOOST_TEST(lines_of(r.diagnostics)
                 .find("userconfig.xml:19: warning: <replicated dir=\"\"> names no directory and is ignored: fill it "
                       "in, or remove it\n") != std::string::npos);
  r = parse_module_config(replaced(text, "/test1replicated", ""));
  BOOST_REQUIRE(r.value.has_value());
  BOOST_TEST(!r.value->rfs.has_value());
}

BOOST_AUTO_TEST_CASE(the_pair_digest_is_of_directories_and_arbiter_alone) {
  auto seed = fixture("seed_userconfig.xml");
  auto digest = [](const std::string& text) {
    auto r = parse_module_config(text);
    BOOST_REQUIRE_MESSAGE(r.value.has_value(), lines_of(r.diagnostics));
    return pair_digest(*r.value);
  };
  const auto base = digest(seed);
  BOOST_TEST(base == 0xb0cd711dd50340d0u); // computed apart: a change here makes old and new nodes refuse each other
  BOOST_TEST(digest(replaced(seed, "30000", "10000")) == base);
  BOOST_TEST(digest(replaced(seed, "async=\"second\"", "async=\"none\"")) == base);
  BOOST_TEST(digest(replaced(seed, "/test1replicated", "/test1replicated/")) == base);
  BOOST_TEST(digest(replaced(seed, "/test2replicated", "/test3replicated")) != base);
  auto one = replaced(seed, "</service>",
                      "<check><splitbrain ident='w' exec='ping' arg='10.0.0.1 10.0.0.2'/></check></service>");
  auto two = replaced(one, "10.0.0.1 10.0.0.2", "10.0.0.2 10.0.0.1");
  BOOST_TEST(digest(one) != base);
  BOOST_TEST(digest(one) == digest(two));
  BOOST_TEST(digest(one) != digest(replaced(one, " 10.0.0.2", "")));
  auto etcd = replaced(one, "exec='ping' arg='10.0.0.1 10.0.0.2'", "exec='etcd' arg='https://10.0.0.1 https://10.0.0.2' cafile='/a.pem'");
  BOOST_TEST(digest(etcd) == digest(replaced(etcd, "https://10.0.0.1 https://10.0.0.2", "https://10.0.0.2:2379/ https://10.0.0.1")));
  BOOST_TEST(digest(etcd) == digest(replaced(etcd, "/a.pem", "/b.pem"))); // a file of the machine
  BOOST_TEST(digest(etcd) != digest(replaced(etcd, "https://10.0.0.1", "https://10.0.0.3")));
  BOOST_TEST(digest(etcd) != digest(one));
}

BOOST_AUTO_TEST_CASE(the_text_digest_is_of_every_byte) {
  auto seed = fixture("seed_userconfig.xml");
  auto a = parse_module_config(seed), b = parse_module_config(seed + "\n");
  BOOST_TEST(a.value->text_digest != b.value->text_digest);
  BOOST_TEST(a.value->text_digest == parse_module_config(seed).value->text_digest);
}

BOOST_AUTO_TEST_SUITE_END()
