// cluster.xml, right and wrong; modules held against it and against each other.
#include "tests/unit/config_support.hpp"

using namespace lockstep;

namespace {

const std::string good = R"(<cluster>
<lans>
<lan name="default">
<node name="node1" addr="10.0.0.1"/>
<node name="node2" addr="10.0.0.2"/>
</lan>
<lan name="private">
<node name="node1" addr="10.1.0.1"/>
<node name="node2" addr="10.1.0.2"/>
</lan>
</lans>
</cluster>
)";

struct Row {
  const char *what, *by, *says;
};

ClusterConfig cluster(const std::string& text = good) {
  auto r = parse_cluster_config(text);
  BOOST_REQUIRE_MESSAGE(r.value.has_value(), lines_of(r.diagnostics));
  return *r.value;
}

ModuleConfig module(const std::string& inside, const std::string& heartbeats = "<heartbeat name='default'/>",
                    const std::string& service = "", std::uint32_t id = 1) {
  ModuleParseOptions options;
  options.module_id = id;
  auto r = parse_module_config("<safe>\n<service mode='mirror' " + service + ">\n<heart>" + heartbeats + "</heart>\n" +
                                   inside + "</service></safe>",
                               options);
  BOOST_REQUIRE_MESSAGE(r.value.has_value(), lines_of(r.diagnostics));
  return *r.value;
}

std::string against(const ModuleConfig& m, const std::string& text = good) {
  return lines_of(check_module_against_cluster(m, cluster(text)));
}

std::string vip(const std::string& addr) {
  return "<vip><interface_list><interface><real_interface><virtual_addr addr='" + addr +
         "'/></real_interface></interface></interface_list></vip>";
}

} // namespace

BOOST_AUTO_TEST_SUITE(config_cluster)

BOOST_AUTO_TEST_CASE(the_fixture_is_read_whole) {
  auto c = cluster(fixture("cluster.xml"));
  BOOST_TEST(c.port == 4800);
  BOOST_TEST((c.pulse == ms(100)));
  BOOST_TEST(c.mlost_count == 20u);
  BOOST_TEST(c.slost_count == 10u);
  BOOST_REQUIRE_EQUAL(c.lans.size(), 2u);
  BOOST_TEST(
      (c.lans[0] == ClusterLan{"default", false, {{"node1", "10.0.0.107", "", 5}, {"node2", "10.0.0.108", "", 6}}, 4}));
  BOOST_TEST(
      (c.lans[1] ==
       ClusterLan{"private", false, {{"node1", "10.1.0.107", "192.168.0.7", 9}, {"node2", "fd00::2", "", 10}}, 8}));
  BOOST_TEST(command_lan(c).name == "default");
  BOOST_TEST((node_names(c) == std::vector<std::string>{"node1", "node2"}));
  BOOST_TEST(find_lan(c, "private") == &c.lans[1]);
  BOOST_TEST(find_lan(c, "publc") == nullptr);
  BOOST_TEST(find_node(c.lans[0], "node2") == &c.lans[0].nodes[1]);
}

BOOST_AUTO_TEST_CASE(attributes_are_read) {
  auto c = cluster(replaced(replaced(good, "<lans>", "<lans port='4900' pulse='1s' mlost_count='5' slost_count='3'>"),
                            "\"private\"", "\"private\" command=\"on\""));
  BOOST_TEST(c.port == 4900);
  BOOST_TEST((c.pulse == seconds(1)));
  BOOST_TEST(c.mlost_count == 5u);
  BOOST_TEST(c.slost_count == 3u);
  BOOST_TEST(command_lan(c).name == "private");
}

BOOST_AUTO_TEST_CASE(each_mistake_draws_its_sentence) {
  const std::vector<Row> rows = {
      {"<lans>", "<lans prot=\"4800\">", R"(2: <lans> has no attribute "prot": did you mean "port"?)"},
      {"<lans>", "<lans port=\"0\">", R"(2: <lans port="0"> is out of range: write a number from 1 to 65535)"},
      {"<lans>", "<lans pulse=\"1min\">",
       R"(2: <lans pulse="1min"> is not a time: write a number of ms or use d h m s ms us: did you mean "1m"?)"},
      {"<lan name=\"private\">", "<lan name=\"private\" console=\"on\">",
       R"(7: warning: <lan console="on"> has no meaning here and is ignored: it is obsolete since version 8.2)"},
      {"<lan name=\"private\">", "<lan name=\"private\" command=\"yes\">",
       R"(7: <lan command="yes"> is not one of on, off)"},
      {"<lan name=\"private\">", "<lan>", R"(7: <lan> needs the attribute name)"},
      {"<lan name=\"private\">", "<lan name=\"my lan\">",
       R"(7: <lan name="my lan"> is not a name: write letters, digits, "." "-" "_" (at most 64))"},
      {"<lan name=\"private\">", "<lan name=\"default\">",
       R"(7: <lan name="default"> is already the name of the lan in line 3: choose another)"},
      {"<node name=\"node1\" addr=\"10.0.0.1\"/>", "",
       R"(3: <lan name="default"> needs at least two <node name="NAME" addr="ADDRESS"/>)"},
      {"<node name=\"node1\" addr=\"10.0.0.1\"/>", "<node name=\"node1\"/>",
       R"(4: <node name="node1"> needs the attribute addr: its address on this lan)"},
      {"<node name=\"node1\" addr=\"10.0.0.1\"/>", "<nod name=\"node1\"/>",
       R"(4: <nod> is not known inside <lan>: did you mean <node>?)"},
      {"\"10.0.0.1\"", "\"10.0.0.1.\"",
       R"(4: <node addr="10.0.0.1."> is not an address: write IPv4 (10.0.0.1), IPv6 ([fd00::1]) or a DNS name)"},
      {"\"10.0.0.1\"", "\"[10.0.0.1]\"",
       R"(4: <node addr="[10.0.0.1]"> is not an address: write IPv4 (10.0.0.1), IPv6 ([fd00::1]) or a DNS name)"},
      {"\"10.0.0.1\"", "\"10.0.0.1\" laddr=\"x y\"",
       R"(4: <node laddr="x y"> is not an address: write IPv4 (10.0.0.1), IPv6 ([fd00::1]) or a DNS name)"},
      {"\"10.0.0.2\"", "\"10.0.0.1\"",
       R"(5: <node addr="10.0.0.1"> is already the address of the node in line 4: every node needs its own)"},
      {"\"node2\" addr=\"10.0", "\"node1\" addr=\"10.0",
       R"(5: <node name="node1"> is already the name of the node in line 4: every node needs its own)"},
      {"\"node2\" addr=\"10.1", "\"nod2\" addr=\"10.1",
       R"(9: <node name="nod2"> is not on the lan "default", and no other lan holds all nodes either: a node has the same name on all lans: did you mean "node2"?)"},
      {"\"10.1.0.1\"", "\"10.0.0.1\"",
       R"(8: warning: <node name="node1" addr="10.0.0.1"> has the same address as on lan "default": two lans on one network fail together)"},
      {"\"10.1.0.1\"", "\"10.0.0.2\"",
       R"(8: <node name="node1" addr="10.0.0.2"> has the address of node "node2" (line 5))"},
      {"\"node1\"", "\"alone\"", R"(4: <node name="alone"> is a word of <service defaultprim>: choose another name)"},
  };
  for (const auto& row : rows) {
    auto r = parse_cluster_config(replaced(good, row.what, row.by));
    BOOST_TEST(lines_of(r.diagnostics) == std::string("cluster.xml:") + row.says + "\n");
    BOOST_TEST(r.value.has_value() != has_error(r.diagnostics));
  }
  auto says = [](const std::string& text) { return lines_of(parse_cluster_config(text).diagnostics); };
  BOOST_TEST(says("<cluster/>") == "cluster.xml:1: <cluster> needs <lans> with at least one <lan name=\"NAME\">\n");
  BOOST_TEST(says("<cluster><lans/></cluster>") == "cluster.xml:1: <lans> needs at least one <lan name=\"NAME\">\n");
  auto on = replaced(replaced(good, "\"default\"", "\"default\" command=\"on\""), "\"private\"",
                     "\"private\" command=\"on\"");
  BOOST_TEST(says(on) == "cluster.xml:7: <lan name=\"private\" command=\"on\"> is the second one (first in line 3): "
                         "only one lan carries the commands\n");
  auto partial = replaced(replaced(good, "</lan>", "<node name=\"node3\" addr=\"10.0.0.3\"/></lan>"), "\"private\"",
                          "\"private\" command=\"on\"");
  BOOST_TEST(says(partial) ==
             "cluster.xml:7: <lan name=\"private\" command=\"on\"> must hold all 3 nodes of the cluster\n");
}

BOOST_AUTO_TEST_CASE(a_module_that_fits_its_cluster_draws_nothing) {
  BOOST_TEST(against(module("<user/>" + vip("10.0.0.200"), "<heartbeat name='default'/><heartbeat name='private'/>",
                            "defaultprim='node2'")) == "");
}

BOOST_AUTO_TEST_CASE(a_module_that_does_not_fit_its_cluster) {
  BOOST_TEST(against(module("<user/>", "<heartbeat name='defalt'/>")) ==
             "userconfig.xml:3: <heartbeat name=\"defalt\"> names a lan that cluster.xml does not have: did you mean "
             "\"default\"?\n");
  BOOST_TEST(against(module("<user/>", "<heartbeat name='lan7'/>")) ==
             "userconfig.xml:3: <heartbeat name=\"lan7\"> names a lan that cluster.xml does not have: it has default, "
             "private\n");
  auto three = replaced(good, "</lan>", "<node name=\"node3\" addr=\"10.0.0.3\"/></lan>");
  BOOST_TEST(against(module("<user/>"), three) ==
             "userconfig.xml:3: <heartbeat name=\"default\">: a mirror runs on exactly two nodes, and the lan has 3 "
             "(cluster.xml line 3): write a lan with the two\n");
  BOOST_TEST(against(module("<user/>", "<heartbeat name='private'/>"), three) == "");
  auto other = replaced(three, "</lans>",
                        "<lan name=\"third\"><node name=\"node1\" addr=\"10.2.0.1\"/><node name=\"node3\" "
                        "addr=\"10.2.0.3\"/></lan></lans>");
  BOOST_TEST(against(module("<user/>", "<heartbeat name='private'/><heartbeat name='third'/>"), other) ==
             "userconfig.xml:3: <heartbeat name=\"third\"> joins node1 and node3, but lan \"private\" joins node1 and "
             "node2: all heartbeats of a mirror join the same two nodes\n");
  BOOST_TEST(against(module("<user/>", "<heartbeat name='default'/>", "defaultprim='nod1'")) ==
             "userconfig.xml:2: <service defaultprim=\"nod1\"> is not alone, lastprim or a node of cluster.xml: did "
             "you mean \"node1\"?\n");
  BOOST_TEST(against(module("<user/>", "<heartbeat name='default'/>", "defaultprim='alonee'")) ==
             "userconfig.xml:2: <service defaultprim=\"alonee\"> is not alone, lastprim or a node of cluster.xml: did "
             "you mean \"alone\"?\n");
  BOOST_TEST(against(module("<user/>", "<heartbeat name='default'/>", "defaultprim='db.example.com'")) ==
             "userconfig.xml:2: warning: <service defaultprim=\"db.example.com\"> is not alone, lastprim or a node of "
             "cluster.xml: it is taken for the host name of a server\n");
  BOOST_TEST(against(module("<user/><check><splitbrain ident='w' exec='ping' arg='10.0.0.254 10.1.0.2'/></check>")) ==
             "userconfig.xml:4: <splitbrain arg=\"10.1.0.2\"> is node node2 itself: a witness must be a third machine, "
             "as a router\n");
  auto etcd = [](const std::string& arg) { return module("<user/><check><splitbrain ident='w' exec='etcd' arg='" + arg + "'/></check>"); };
  BOOST_TEST(against(etcd("http://10.0.0.1 http://10.1.0.2 http://10.0.0.9")) == ""); // two members on the nodes, one elsewhere
  BOOST_TEST(against(etcd("http://10.0.0.1 http://10.0.0.2")) ==
             "userconfig.xml:4: <splitbrain exec=\"etcd\"> has endpoints on the two nodes only: when one is lost the other finds no "
             "majority; a member must run on a third machine, and be in arg\n");
  BOOST_TEST(against(module("<user/>" + vip("10.0.0.1"))) ==
             "userconfig.xml:4: <virtual_addr addr=\"10.0.0.1\"> is the address of node node1: a virtual address "
             "belongs to no node\n");
  BOOST_TEST(against(module("<user/>"), replaced(good, "<lans>", "<lans port=\"8888\">")) ==
             "userconfig.xml:3: <heart port=\"8888\"> is the port of the cluster's membership (cluster.xml): choose "
             "another\n");
}

BOOST_AUTO_TEST_CASE(two_modules_share_nothing) {
  const std::string data = "<rfs><replicated dir='/data'/></rfs><user/>";
  auto a = module(data + vip("10.0.0.200"));
  auto says = [&](const ModuleConfig& m) { return lines_of(check_module_against_module(m, a, "first")); };
  BOOST_TEST(says(module("<rfs><replicated dir='/data2'/></rfs><user/>" + vip("10.0.0.201"),
                         "<heartbeat name='default'/>", "", 2)) == "");
  BOOST_TEST(says(module("<user/>")) ==
             "userconfig.xml:3: <heart port=\"8888\"> is also the heartbeat port of module first: choose another\n");
  BOOST_TEST(says(module("<rfs><replicated dir='/data/x'/></rfs><user/>", "<heartbeat name='default'/>", "", 2)) ==
             "userconfig.xml:4: <replicated dir=\"/data/x\"> overlaps the directory \"/data\" of module first: a "
             "directory belongs to one module\n");
  BOOST_TEST(says(module("<user/>" + vip("10.0.0.200"), "<heartbeat name='default'/>", "", 2)) ==
             "userconfig.xml:4: <virtual_addr addr=\"10.0.0.200\"> is also the virtual address of module first: every "
             "module needs its own\n");
}

BOOST_AUTO_TEST_SUITE_END()
