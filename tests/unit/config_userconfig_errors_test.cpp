// userconfig.xml that is wrong: each mistake in one line of a good file, and the one sentence it must draw.
#include "tests/unit/config_support.hpp"

using namespace lockstep;

namespace {

// Line numbers matter: what a row replaces stands alone on its line.
const std::string good = R"(<safe>
<service mode="mirror">
<heart pulse="700" timeout="30000">
<heartbeat name="default" ident="flow"/>
</heart>
<vip><interface_list><interface><real_interface>
<virtual_addr addr="10.0.0.200"/>
</real_interface></interface></interface_list></vip>
<rfs async="second">
<replicated dir="/data" mode="read_only"/>
</rfs>
<user/>
<errd>
<proc name="postgres" class="prim"/>
</errd>
<check></check>
</service>
</safe>
)";

struct Row {
  const char* what; // in `good`
  const char* by;
  const char* says; // after "userconfig.xml:"
};

std::string said(const std::string& text) { return lines_of(parse_module_config(text).diagnostics); }

void check_rows(std::initializer_list<Row> rows) {
  for (const auto& row : rows) {
    auto text = replaced(good, row.what, row.by);
    auto r = parse_module_config(text);
    BOOST_TEST(lines_of(r.diagnostics) == std::string("userconfig.xml:") + row.says + "\n");
    BOOST_TEST(r.value.has_value() != has_error(r.diagnostics));
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(config_userconfig_errors)

BOOST_AUTO_TEST_CASE(the_good_file_draws_nothing) { BOOST_TEST(said(good) == ""); }

BOOST_AUTO_TEST_CASE(a_misspelt_name_draws_the_nearest_right_one) {
  check_rows({
      {"<heart pulse=", "<heart pulze=", R"(3: <heart> has no attribute "pulze": did you mean "pulse"?)"},
      {"<heart pulse=", "<heart Pulse=", R"(3: <heart> has no attribute "Pulse": did you mean "pulse"?)"},
      {"<user/>", "<user nicestop=\"1\"/>",
       R"(12: <user> has no attribute "nicestop": it has nicestoptimeout, forcestoptimeout, logging, userlogsize)"},
      {"<user/>", "<user nicestoptimout=\"1\"/>",
       R"(12: <user> has no attribute "nicestoptimout": did you mean "nicestoptimeout"?)"},
      {"<rfs async=", "<rfs asinc=", R"(9: <rfs> has no attribute "asinc": did you mean "async"?)"},
      {"<rfs async=", "<rfs mountovr=\"off\" async=",
       R"(9: <rfs> has no attribute "mountovr": did you mean "mountover"?)"},
      {"<rfs async=", "<rfs bananas=\"off\" async=",
       R"(9: <rfs> has no attribute "bananas": it has async, cache, acl, nbrei, locktimeout, sendtimeout, reitimeout, scripts, syncdelta, syncat, reiallowedbw, mountover, mountoversuffix, packetsize, reipacketsize, ruzone_blocksize, iotimeout, roflags, namespacepolicy, reicommit, reidetail, allocthreshold, nbremconn, checktime, checkintv, nfsbox_options)"},
      {"<replicated dir=\"/data\" mode=\"read_only\"/>", "<replicatd dir=\"/data\"/><replicated dir=\"/d2\"/>",
       R"(10: <replicatd> is not known inside <rfs>: did you mean <replicated>?)"},
      {"<check></check>", "<chek></chek>", R"(16: <chek> is not known inside <service>: did you mean <check>?)"},
      {"<check></check>", "<check><bananas/></check>",
       R"(16: <bananas> is not known inside <check>: <check>, <splitbrain>, <intf>, <ip>, <tcp>, <ping>, <custom>, <module> belong there)"},
      {"<check></check>", "<proc/>", R"(16: <proc> is not known inside <service>: it belongs inside <errd>)"},
      {"<check></check>", "<check>on</check>",
       R"(16: <check> has text between its tags, which means nothing: remove it)"},
      {"<user/>", "<user><user/></user>", R"(12: <user> is not known inside <user>: it belongs inside <service>)"},
  });
  BOOST_TEST(said("<saef></saef>") == "userconfig.xml:1: the root element is <saef>: did you mean <safe>?\n");
  BOOST_TEST(said("<cluster/>") == "userconfig.xml:1: the root element is <cluster>: it must be <safe>\n");
  BOOST_TEST(said("<safe></safe>") == "userconfig.xml:1: <safe> needs <service mode=\"mirror\">\n");
}

BOOST_AUTO_TEST_CASE(a_wrong_value_draws_what_would_be_right) {
  check_rows({
      {"mode=\"mirror\"", "mode=\"miror\"",
       R"(2: <service mode="miror"> is not one of mirror: did you mean "mirror"?)"},
      {"<service mode=\"mirror\"", "<service", "2: <service> needs the attribute mode: write mode=\"mirror\""},
      {"mode=\"mirror\"", "mode=\"mirror\" failover=\"onn\"",
       R"(2: <service failover="onn"> is not one of on, off: did you mean "on"?)"},
      {"mode=\"mirror\"", "mode=\"mirror\" failover=\"ON\"",
       R"(2: <service failover="ON"> is not one of on, off: did you mean "on"?)"},
      {"mode=\"mirror\"", "mode=\"mirror\" boot=\"automatic\"",
       R"(2: <service boot="automatic"> is not one of on, off, auto, ignore)"},
      {"mode=\"mirror\"", "mode=\"mirror\" maxloop=\"many\"",
       R"(2: <service maxloop="many"> is not a whole number: write a number from 0 to 1000)"},
      {"mode=\"mirror\"", "mode=\"mirror\" maxloop=\"1001\"",
       R"(2: <service maxloop="1001"> is out of range: write a number from 0 to 1000)"},
      {"mode=\"mirror\"", "mode=\"mirror\" maxloop=\"-1\"",
       R"(2: <service maxloop="-1"> is out of range: write a number from 0 to 1000)"},
      {"mode=\"mirror\"", "mode=\"mirror\" maxloop=\"99999999999999999999\"",
       R"(2: <service maxloop="99999999999999999999"> is out of range: write a number from 0 to 1000)"},
      {"mode=\"mirror\"", "mode=\"mirror\" defaultprim=\"no de\"",
       R"(2: <service defaultprim="no de"> is not alone, lastprim or the name of a server)"},
      {"async=\"second\"", "async=\"secnd\"",
       R"(9: <rfs async="secnd"> is not one of second, none: did you mean "second"?)"},
      {"async=\"second\"", "cache=\"write-back\"",
       R"(9: <rfs cache="write-back"> is not one of writeback, writethrough: did you mean "writeback"?)"},
      {"async=\"second\"", "nbrei=\"0\"", R"(9: <rfs nbrei="0"> is out of range: write a number from 1 to 64)"},
      {"mode=\"read_only\"", "mode=\"readonly\"",
       R"(10: <replicated mode="readonly"> is not one of read_only: did you mean "read_only"?)"},
      {"class=\"prim\"", "class=\"primary\"",
       R"(14: <proc class="primary"> is not one of prim, both, pre, second, sec, other: did you mean "prim"?)"},
      {"class=\"prim\"", "class=\"prim\" action=\"stopp\"",
       R"(14: <proc action="stopp"> is not one of restart, stopstart, stop, noaction: did you mean "stop"?)"},
      {"addr=\"10.0.0.200\"", "addr=\"10.0.0.256\"",
       R"(7: <virtual_addr addr="10.0.0.256"> is not an address: write IPv4 (10.0.0.1), IPv6 ([fd00::1]) or a DNS name)"},
      {"addr=\"10.0.0.200\"", "addr=\"10.0.0.200\" netmask=\"255.0.255.0\"",
       R"(7: <virtual_addr netmask="255.0.255.0"> is not a netmask: write one as 255.255.255.0)"},
      {"<virtual_addr addr=\"10.0.0.200\"/>", "<virtual_addr/>", R"(7: <virtual_addr> needs the attribute addr)"},
      {"<interface>", "<interface name=\"a name too long\">",
       R"(6: <interface name="a name too long"> is not the name of a network interface: write one as eth0 (at most 15 characters))"},
      {"<heart pulse", "<heart port=\"70000\" pulse",
       R"(3: <heart port="70000"> is out of range: write a number from 1 to 65535)"},
  });
}

BOOST_AUTO_TEST_CASE(a_wrong_time_says_what_a_time_is) {
  check_rows({
      {"30000", "30000x", R"(3: <heart timeout="30000x"> is not a time: write a number of ms or use d h m s ms us)"},
      {"30000", "", R"(3: <heart timeout=""> is not a time: write a number of ms or use d h m s ms us)"},
      {"30000", "-5", R"(3: <heart timeout="-5"> is not a time: write a number of ms or use d h m s ms us)"},
      {"30000", "1.5s", R"(3: <heart timeout="1.5s"> is not a time: write a number of ms or use d h m s ms us)"},
      {"30000", "30sec",
       R"(3: <heart timeout="30sec"> is not a time: write a number of ms or use d h m s ms us: did you mean "30s"?)"},
      {"30000", "30000MS",
       R"(3: <heart timeout="30000MS"> is not a time: write a number of ms or use d h m s ms us: did you mean "30000ms"?)"},
      {"30000", "2h",
       R"(3: <heart timeout="2h"> is out of range: write a time from 50ms to 1h (a number alone counts ms))"},
      {"30000", "999999999999999999d",
       R"(3: <heart timeout="999999999999999999d"> is out of range: write a time from 50ms to 1h (a number alone counts ms))"},
      {"30000", "1400",
       R"(4: <heartbeat> has timeout 1400ms with pulse 700ms: the timeout must be longer than two pulses)"},
      {"mode=\"mirror\"", "mode=\"mirror\" boot_delay=\"500ms\"",
       R"(2: <service boot_delay="500ms">: invalid value '500ms' for the attribute boot_delay (expected time unit: 's'))"},
      {"mode=\"mirror\"", "mode=\"mirror\" boot_delay=\"0ms\"",
       R"(2: <service boot_delay="0ms">: invalid value '0ms' for the attribute boot_delay (expected time unit: 's'))"},
      {"mode=\"mirror\"", "mode=\"mirror\" loop_interval=\"20m\"",
       R"(2: <service loop_interval="20m">: invalid value '20m' for the attribute loop_interval (expected time unit: 'h'))"},
  });
}

BOOST_AUTO_TEST_CASE(tuning_without_meaning_is_accepted_with_a_warning) {
  for (std::string name : {"mountover", "mountoversuffix", "packetsize", "reipacketsize", "ruzone_blocksize",
                           "iotimeout", "roflags", "namespacepolicy", "reicommit", "reidetail", "allocthreshold",
                           "nbremconn", "checktime", "checkintv", "nfsbox_options"}) {
    auto r = parse_module_config(replaced(good, "<rfs ", "<rfs " + name + "=\"4\" "));
    BOOST_TEST(r.value.has_value(), name);
    BOOST_TEST(
        lines_of(r.diagnostics)
            .starts_with("userconfig.xml:9: warning: <rfs " + name + "=\"4\"> has no meaning here and is ignored: "),
        name);
  }
  check_rows(
      {{"<heart pulse", "<heart permanent_arp=\"on\" pulse",
        R"(3: warning: <heart permanent_arp="on"> has no meaning here and is ignored: the system resolves the peer's address by itself)"}});
}

BOOST_AUTO_TEST_CASE(a_function_that_is_not_built_is_refused_by_name) {
  check_rows({
      {"mode=\"mirror\"", "mode=\"farm\"",
       R"(2: <service mode="farm"> asks for a farm module (load balancing), which is not built yet: only mode="mirror" can run)"},
      {"mode=\"mirror\"", "mode=\"light\"",
       R"(2: <service mode="light"> asks for a light module (one server), which is not built yet: only mode="mirror" can run)"},
      {"mode=\"mirror\"", "mode=\"mirror\" automatic_reboot=\"on\"",
       R"(2: <service automatic_reboot="on"> asks for the reboot of the server on stopstart, which is not built yet: write "off")"},
      {"<check></check>", "<vhost><virtualhostname name=\"v\"/></vhost>",
       R"(16: <vhost> asks for the virtual host name, which is not built yet: remove it)"},
      {"<check></check>", "<farm><lan name=\"default\"/></farm>",
       R"(16: <farm> asks for load balancing, which is not built yet: remove it)"},
      {"<check></check>", "<failover><![CDATA[ a: if (ping.a == down) then stop(); ]]></failover>",
       R"(16: <failover> asks for the failover machine (rules of your own), which is not built yet: remove it; the default rules apply)"},
      {"<heartbeat name=\"default\" ident=\"flow\"/>", "<heartbeat><server addr=\"10.0.0.1\"/></heartbeat>",
       R"(4: <server> asks for server addresses in userconfig.xml (the syntax before 7.2), which is not built yet: write <heartbeat name="LAN"/> with a lan of cluster.xml)"},
      {"<vip>", "<vip scriptcontrol=\"on\">",
       R"(6: <vip scriptcontrol="on"> asks for load balancing of a farm, which is not built yet: write "off")"},
      {"<interface>", "<interface><virtual_interface type=\"vmac_directed\"/>",
       R"(6: <virtual_interface> asks for a virtual MAC address, which is not built yet: write <real_interface> instead)"},
      {"<rfs ", "<rfs scripts=\"on\" ",
       R"(9: <rfs scripts="on"> asks for the callback scripts of replication (_rfs_*), which is not built yet: write "off")"},
      {"<rfs ", "<rfs syncat=\"01 0 * * *\" ",
       R"(9: <rfs syncat="01 0 * * *"> asks for scheduled synchronisation, which is not built yet: remove it; replication is continuous)"},
      {"<rfs ", "<rfs syncdelta=\"10\" ",
       R"(9: <rfs syncdelta="10"> asks for the start of a node that is not up to date, which is not built yet: write "0")"},
      {"<rfs ", "<rfs reiallowedbw=\"20000\" ",
       R"(9: <rfs reiallowedbw="20000"> asks for a limit for the bandwidth of resynchronisation, which is not built yet: remove it)"},
      {"mode=\"read_only\"/>", "mode=\"read_only\"><notreplicated path=\"tmp\"/></replicated>",
       R"(10: <notreplicated> asks for the exclusion of files from replication, which is not built yet: remove it, or replicate the sub-directories you need)"},
      {"class=\"prim\"", "class=\"prim\" service=\"yes\"",
       R"(14: <proc service="yes"> asks for the watching of a systemd unit, which is not built yet: watch its process by name)"},
      {"class=\"prim\"", "class=\"prim\" action=\"repair_database\"",
       R"(14: <proc action="repair_database"> asks for a handler of your own as action of errd, which is not built yet: write restart, stopstart, stop or noaction)"},
      {"class=\"prim\"", "class=\"prim\" restart_services=\"a,b\"",
       R"(14: <proc restart_services="a,b"> asks for the restart of single services, which is not built yet: remove it; action="restart" restarts all)"},
      {"<check></check>", "<check><tcp ident=\"a\" when=\"prim\"/></check>",
       R"(16: <tcp> asks for the tcp checker, which is not built yet: remove it, or watch the process with <errd>)"},
      {"<check></check>", "<check><check><ping ident=\"a\"/></check></check>",
       R"(16: <ping> asks for the ping checker, which is not built yet: remove it)"},
      {"<check></check>", "<check><custom ident=\"a\"/></check>",
       R"(16: <custom> asks for the custom checker, which is not built yet: remove it)"},
      {"<check></check>", "<check><module name=\"a\"/></check>",
       R"(16: <module> asks for the module checker, which is not built yet: remove it)"},
  });
  // Their off switches are understood.
  for (const char* off : {"scripts=\"off\"", "syncdelta=\"0\"", "syncdelta=\"60s\"", "syncat=\"\""})
    BOOST_TEST(said(replaced(good, "<rfs ", std::string("<rfs ") + off + " ")) == "");
  BOOST_TEST(said(replaced(good, "class=\"prim\"", "class=\"prim\" service=\"no\" restart_services=\"\"")) == "");
  check_rows(
      {{"<rfs ", "<rfs scripts=\"onn\" ", R"(9: <rfs scripts="onn"> is not one of on, off: did you mean "on"?)"}});
}

BOOST_AUTO_TEST_CASE(directories_must_be_fit_for_replication) {
  check_rows({
      {"/data", "data",
       R"(10: <replicated dir="data"> is not an absolute path: write it from "/" on, without "." and "..")"},
      {"/data", "/data/../etc",
       R"(10: <replicated dir="/data/../etc"> is not an absolute path: write it from "/" on, without "." and "..")"},
      {"/data", "/",
       R"(10: <replicated dir="/"> is the whole system: name the directory that holds the application's data)"},
      {"/data", "/var",
       R"(10: <replicated dir="/var"> cannot be replicated because of "/var/lib/lockstep", which belongs to this node alone: name the directory that holds the application's data)"},
      {"/data", "/proc/1",
       R"(10: <replicated dir="/proc/1"> cannot be replicated because of "/proc", which belongs to this node alone: name the directory that holds the application's data)"},
      {"/data", "/data/.lockstep/x",
       R"(10: <replicated dir="/data/.lockstep/x"> has a component ".lockstep", a name that replication keeps for itself: choose another)"},
      {"</rfs>", "<replicated dir=\"/data/\"/></rfs>",
       R"(11: <replicated dir="/data"> is already the replicated directory of line 10: remove one)"},
      {"</rfs>", "<replicated dir=\"/data/log\"/></rfs>",
       R"(11: <replicated dir="/data/log"> lies inside the replicated directory "/data" of line 10, which has it already: remove one)"},
      {"\"/data\"", "\"/data/log\"/><replicated dir=\"/data\"",
       R"(10: <replicated dir="/data"> contains the replicated directory "/data/log" of line 10: remove one)"},
      {"mode=\"read_only\"/>", "><tocheck path=\"/etc\"/></replicated>",
       R"(10: <tocheck path="/etc"> is not a path below the replicated directory: write it without a leading "/" and without "..")"},
      {"<replicated dir=\"/data\" mode=\"read_only\"/>", "<replicated/>",
       R"(10: <replicated> needs the attribute dir)"},
      {"/data", "\\\\server\\share",
       R"(10: <replicated dir="\\server\share"> asks for a Windows node, which is not built yet: write an absolute Linux path, as "/data")"},
  });
  BOOST_TEST(said(replaced(good, "</rfs>", "<replicated dir=\"/data2\"/></rfs>")) == "");
  ModuleParseOptions options;
  options.root = "/tmp/node1/";
  BOOST_TEST(parse_module_config(replaced(good, "/data", "/var"), options).value.has_value());
  BOOST_TEST(!parse_module_config(replaced(good, "/data", "/tmp"), options).value.has_value());
}

BOOST_AUTO_TEST_CASE(heartbeats_and_flow) {
  const std::string flow = "<heartbeat name=\"default\" ident=\"flow\"/>";
  check_rows({
      {flow.c_str(), "<!-- none -->", R"(3: <heart> needs at least one <heartbeat name="LAN"/>)"},
      {flow.c_str(), "<heartbeat ident=\"flow\"/>", R"(4: <heartbeat> needs the attribute name)"},
      {flow.c_str(), "<heartbeat name=\"a\"/><heartbeat name=\"a\" ident=\"b\"/>",
       R"(4: <heartbeat name="a"> is already used by the heartbeat in line 4: write one heartbeat per lan)"},
      {flow.c_str(), "<heartbeat name=\"a\" ident=\"flow\"/><heartbeat name=\"b\" ident=\"flow\"/>",
       R"(4: <heartbeat ident="flow"> is already used by the heartbeat in line 4: only one lan carries the replication)"},
      {"<rfs async=\"second\">", "<rfs><flow name=\"other\"/>",
       R"(9: <flow name="other"> names a lan that has no <heartbeat name="other"/>: write one inside <heart>)"},
      {"</heart>", "</heart><heart><heartbeat name=\"x\"/></heart>",
       R"(5: <heart> is there twice (first in line 3): write it once)"},
  });
  auto without_rfs = good.substr(0, good.find("<rfs")) + good.substr(good.find("<user"));
  BOOST_TEST(said(without_rfs) == "userconfig.xml:4: warning: <heartbeat ident=\"flow\"> carries a replication that "
                                  "<rfs> does not configure: a start would be "
                                  "blocked in WAIT; add <rfs>, or remove ident=\"flow\"\n");
}

BOOST_AUTO_TEST_CASE(errd) {
  check_rows({
      {"<user/>", "", "13: <errd> needs <user/>: without it no script runs, so nothing could be restarted"},
      {" class=\"prim\"", "",
       R"(14: <proc name="postgres"> needs the attribute class: write class="prim" for a process of the primary)"},
      {"name=\"postgres\" ", "", R"(14: <proc> needs the attribute name)"},
      {"\"postgres\"", "\"a_very_long_process\"",
       R"(14: <proc name="a_very_long_process"> is longer than the 15 characters that Linux keeps of a command name and would never be found: write "a_very_long_pro")"},
      {"\"postgres\"", "\"/bin/pg\"",
       R"(14: <proc name="/bin/pg"> is a path: write the command name alone, as ps -e shows it)"},
      {"class=", "argregex=\"a(b\" class=",
       R"~(14: <proc argregex="a(b"> is not a regular expression: a "(" has no ")")~"},
      {"class=", "atleast=\"3\" atmax=\"2\" class=",
       R"(14: <proc atmax="2"> is below atleast (3): the condition could never hold)"},
      {"class=", "atmax=\"0\" class=",
       R"(14: <proc atmax="0"> is below atleast (1): the condition could never hold; write atleast="-1" if only atmax counts)"},
      {"</errd>", "<proc name=\"postgres\" argregex=\"x\" class=\"prim\"/></errd>",
       R"(15: warning: <proc name="postgres"> is also the name of the process in line 14: both set the one resource proc.postgres)"},
  });
  BOOST_TEST(said(replaced(good, "\"postgres\"", "\"a_very_long_process\" nameregex=\"^a_very\"")) == "");
}

BOOST_AUTO_TEST_CASE(the_arbiter) {
  const std::string best_effort = "userconfig.xml:16: warning: <splitbrain exec=\"ping\"> is best effort: when both "
                                  "nodes reach the witness but not each other, "
                                  "both serve; take a router that every path between the nodes passes\n";
  auto with = [&](const std::string& s) { return replaced(good, "<check></check>", "<check>" + s + "</check>"); };
  BOOST_TEST(said(with("<splitbrain ident=\"w\" exec=\"ping\" arg=\"10.0.0.1\"/>")) == best_effort);
  BOOST_TEST(said(with("<splitbrain exec=\"none\"/>")) == "");
  BOOST_TEST(said(with("<splitbrain ident=\"w\" exec=\"ping\"/>")) ==
             "userconfig.xml:16: <splitbrain exec=\"ping\"> needs arg with the address of a witness, as a router: "
             "write arg=\"10.0.0.1\"\n");
  BOOST_TEST(said(with("<splitbrain ident=\"w\" exec=\"pnig\" arg=\"10.0.0.1\"/>")) ==
             "userconfig.xml:16: <splitbrain exec=\"pnig\"> is not one of none, ping, etcd: did you mean \"ping\"?\n");
  BOOST_TEST(said(with("<splitbrain ident=\"w\" arg=\"10.0.0.1\"/>")) ==
             "userconfig.xml:16: <splitbrain> needs the attribute exec: write exec=\"ping\"\n");
  BOOST_TEST(said(with("<splitbrain exec=\"ping\" arg=\"10.0.0.1\"/>")) ==
             "userconfig.xml:16: <splitbrain> needs the attribute ident\n" + best_effort);
  BOOST_TEST(
      errors_of(parse_module_config(with("<splitbrain ident=\"w\" exec=\"ping\" arg=\"10.0.0\"/>")).diagnostics) ==
      "userconfig.xml:16: <splitbrain arg=\"10.0.0\"> is not an address: write IPv4 (10.0.0.1), IPv6 ([fd00::1]) or "
      "a DNS name, several separated by blanks\n");
  BOOST_TEST(
      errors_of(parse_module_config(with("<splitbrain ident=\"w\" exec=\"ping\" arg=\"10.0.0.200\"/>")).diagnostics) ==
      "userconfig.xml:16: <splitbrain arg=\"10.0.0.200\"> is the virtual address of line 7: a witness must be a "
      "machine of its own, as a router\n");
  BOOST_TEST(said(with("<splitbrain exec=\"none\"/><splitbrain exec=\"none\"/>")) ==
             "userconfig.xml:16: <splitbrain> is there twice (first in line 16): a module has one arbiter; several "
             "witnesses go into its arg\n");
  BOOST_TEST(said(with("<intf ident=\"a\"/>")) == "userconfig.xml:16: <intf> needs <to> with an address\n");
  BOOST_TEST(said(with("<ip ident=\"a\"><to/></ip>")) ==
             "userconfig.xml:16: <to> needs the attribute addr with an address\n");
}

BOOST_AUTO_TEST_CASE(the_etcd_arbiter) {
  const std::string three = "http://10.0.0.1:2379 http://10.0.0.2:2379 http://10.0.0.3:2379";
  auto with = [&](const std::string& attributes) {
    return replaced(good, "<check></check>", "<check><splitbrain ident=\"w\" exec=\"etcd\" " + attributes + "/></check>");
  };
  auto arg = [&](const std::string& endpoints, const std::string& more = "") {
    auto all = said(with("arg=\"" + endpoints + "\" " + more));
    const std::string place = "userconfig.xml:16: ";
    BOOST_TEST((all.empty() || all.starts_with(place)), all);
    return all.empty() ? all : all.substr(place.size(), all.find('\n') - place.size());
  };
  auto config = parse_module_config(with("arg=\"HTTP://10.0.0.1:2379/ http://[FD00::2] http://10.0.0.3:2379\"")).value;
  BOOST_REQUIRE(config);
  const SplitbrainConfig& s = config->check.splitbrain;
  BOOST_TEST((s.args == std::vector<std::string>{"http://10.0.0.1:2379", "http://[fd00::2]:2379", "http://10.0.0.3:2379"}));
  BOOST_TEST((arbiter_hosts(s) == std::vector<std::string>{"10.0.0.1", "fd00::2", "10.0.0.3"}));
  BOOST_TEST(arg(three) == "");
  BOOST_TEST(arg("https://10.0.0.1 https://10.0.0.2 https://10.0.0.3", R"(cafile="/etc/ssl/etcd.pem" user="u" passwordfile="/root/p")") == "");

  BOOST_TEST(arg("") == R"(<splitbrain exec="etcd"> needs arg with the endpoints of an etcd, separated by blanks: write )"
                        R"(arg="http://10.0.0.1:2379 http://10.0.0.2:2379 http://10.0.0.3:2379")");
  for (auto& [endpoint, rest] : std::vector<std::pair<std::string, std::string>>{
           {"10.0.0.1:2379", " is not a URL: write http://10.0.0.1:2379"},
           {"etcd://10.0.0.1", " is not a URL of http or https: write http://10.0.0.1:2379"},
           {"http://u:p@10.0.0.1", " has a user in it: write the attributes user and passwordfile"},
           {"http://10.0.0.1:2379/v3", " has a path: an endpoint ends with its port, as http://10.0.0.1:2379"},
           {"http://", " names no host: write an IPv4, an IPv6 in brackets ([fd00::1]) or a DNS name after //"},
           {"http://fd00::1", " names no host: write an IPv4, an IPv6 in brackets ([fd00::1]) or a DNS name after //"},
           {"http://10.0.0", " names no host: write an IPv4, an IPv6 in brackets ([fd00::1]) or a DNS name after //"},
           {"http://10.0.0.1:", " has no port number after its host: write one from 1 to 65535, etcd's is 2379"},
           {"http://[fd00::1]2379", " has no port number after its host: write one from 1 to 65535, etcd's is 2379"},
           {"http://10.0.0.1:70000", " has no port number after its host: write one from 1 to 65535, etcd's is 2379"}})
    BOOST_TEST(arg(three + " " + endpoint) == "<splitbrain arg=\"" + endpoint + "\">" + rest);
  BOOST_TEST(arg("http://10.0.0.1 https://10.0.0.2") == "<splitbrain arg> mixes http and https: write https for all endpoints, or http for all");
  BOOST_TEST(arg(three + " http://10.0.0.3:2379/") == R"(warning: <splitbrain arg="http://10.0.0.3:2379/"> is there twice)");
  BOOST_TEST(arg(three + " http://etcd4") == R"(warning: <splitbrain arg="http://etcd4"> is a name: it needs a name server that answers )"
                                             "at once when a node is lost; write the address");
  BOOST_TEST(arg("http://10.0.0.1").starts_with("warning: <splitbrain exec=\"etcd\"> has one endpoint, a single point of failure: "));
  BOOST_TEST(arg("http://10.0.0.1 http://10.0.0.2").starts_with("warning: <splitbrain exec=\"etcd\"> has two endpoints: "));
  BOOST_TEST(arg("https://10.0.0.1 https://10.0.0.2 https://10.0.0.3").starts_with("warning: <splitbrain> has https endpoints and no cafile: "));
  BOOST_TEST(arg(three, "cafile=\"/ca.pem\"") ==
             R"(<splitbrain cafile="/ca.pem"> says whom to trust over https, but the endpoints in arg are http: write https)");
  BOOST_TEST(arg(three, "cafile=\"ca.pem\"") ==
             R"(<splitbrain cafile="ca.pem"> is not an absolute path: write it from "/" on, without "." and "..")");
  BOOST_TEST(arg(three, "user=\"u\"").starts_with("<splitbrain user> needs the attribute passwordfile: "));
  BOOST_TEST(arg(three, "passwordfile=\"/p\"") == "<splitbrain passwordfile> needs the attribute user");
  BOOST_TEST(arg(three, "user=\"u\" passwordfile=\"/p\"") ==
             "warning: <splitbrain user=\"u\"> sends its password over http, readable on the network: write https endpoints");
  auto password = arg(three, "password=\"secret\""); // not in this file, and not in the sentence
  BOOST_TEST((password.find("passwordfile") != std::string::npos && password.find("secret") == std::string::npos), password);
  BOOST_TEST(arg("http://10.0.0.200:2379 http://10.0.0.2 http://10.0.0.3") ==
             "<splitbrain arg=\"10.0.0.200\"> is the virtual address of line 7: a witness must be a machine of its own, as a router");
  BOOST_TEST(said(replaced(good, "<check></check>", "<check><splitbrain exec=\"none\" user=\"u\"/></check>")) ==
             "userconfig.xml:16: <splitbrain> has cafile, user or passwordfile, which belong to exec=\"etcd\": remove them\n");
}

BOOST_AUTO_TEST_CASE(macros_and_variables) {
  const std::string macro = "<safe><macro name=\"DATA\" value=\"/data\"/>";
  BOOST_TEST(said(replaced(replaced(good, "<safe>", macro), "\"/data\"", "\"/data\"")) == "");
  check_rows({
      {"/data", "%DATA%",
       R"(10: <replicated dir="%DATA%"> uses %DATA%, which nothing defines: write <macro name="DATA" value="..."/> before <service>)"},
      {"<safe>", "<safe><macro name=\"A B\" value=\"\"/>",
       R"(1: <macro name="A B"> is not a name: write letters, digits and "_", no digit first)"},
      {"<safe>", "<safe><macro name=\"A\" value=\"1\"/><macro name=\"A\" value=\"2\"/>",
       R"(1: <macro name="A"> is defined twice: remove one)"},
      {"<safe>", "<safe><macro name=\"A\"/>", R"(1: <macro name="A"> needs the attribute value)"},
      {"<user/>", "<user><var name=\"A\" value=\"1\"/><var name=\"A\" value=\"2\"/></user>",
       R"(12: <var name="A"> is there twice: remove one)"},
      {"<user/>", "<user><var name=\"1A\" value=\"1\"/></user>",
       R"(12: <var name="1A"> is not a name of a variable: write letters, digits and "_", no digit first)"},
      {"<user/>", "<user><var name=\"A\"/></user>", R"(12: <var name="A"> needs the attribute value)"},
  });
  auto typo = replaced(replaced(good, "<safe>", macro), "dir=\"/data\"", "dir=\"%DTAA%\"");
  BOOST_TEST(
      said(typo) ==
      "userconfig.xml:10: <replicated dir=\"%DTAA%\"> uses %DTAA%, which nothing defines: did you mean %DATA%?\n");
  ModuleParseOptions options;
  options.environment = {{"DATA", "/from/environment"}, {"OTHER", "/o"}};
  auto both = replaced(replaced(good, "<safe>", macro), "dir=\"/data\"", "dir=\"%DATA%%OTHER%\"");
  auto r = parse_module_config(both, options);
  BOOST_REQUIRE(r.value.has_value());
  BOOST_TEST(r.value->rfs->directories[0].dir == "/data/o"); // the macro wins over the environment
}

BOOST_AUTO_TEST_CASE(a_module_without_scripts_is_said) {
  auto text = good.substr(0, good.find("<user/>")) + good.substr(good.find("<check>"));
  BOOST_TEST(said(text) == "userconfig.xml:2: warning: <service> has no <user/>: no script of the module will run\n");
}

BOOST_AUTO_TEST_CASE(many_mistakes_are_cut_off) {
  std::string text = "<safe><service mode=\"mirror\">";
  for (int i = 0; i < 500; ++i) text += "<x/>\n";
  auto r = parse_module_config(text + "</service></safe>");
  BOOST_TEST(r.diagnostics.size() == 100u);
  BOOST_TEST(r.diagnostics.back().sentence == "there is more to say; correct these first");
}

BOOST_AUTO_TEST_SUITE_END()
