// Stories of two Nodes, told by commands and checked against everything they did: tests/transcripts/node/*.txt.
// A block is commands, "----", what happened, an empty line. LOCKSTEP_REWRITE=1 writes what happens now; review the
// difference.
//   config none|ping|etcd|lastprim|prefer-node1    before anything else
//   pair                                     first start, not told: node 1 PRIM, node 2 SECOND
//   N start|prim|stop|swap|... [by who]      a command on node N        N crash        N pause 5s
//   run 3s | run 200ms    cut 1 2 (what node 1 sends is lost)    isolate    heal    mute goodbye    unmute
//   N witness up|down     N arbiter up|down    arbiter emptied|deleted|save|restore|drop|answer
//   N disk full|ok      N mirror peer-failed|self-failed      N script start_prim 5s
//   N record blank|lost|save|restore          N files    N unmounted    N aside full|ok    state
#include "tests/unit/node_world.cpp" // one helper for three programs
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace lockstep;
using namespace lockstep::test;
BOOST_AUTO_TEST_SUITE(node_transcripts)

namespace {
Duration duration(const std::string& s) {
  auto n = std::stoll(s);
  return s.find("ms") != std::string::npos ? ms(n) : seconds(n);
}
std::optional<Verb> verb(const std::string& s) {
  for (int v = 0; v <= static_cast<int>(Verb::errd_off); ++v)
    if (s == verb_name(static_cast<Verb>(v))) return static_cast<Verb>(v);
  return std::nullopt;
}

struct Teller {
  std::unique_ptr<World> w;
  std::string config;
  std::optional<Record> saved[2];
  std::size_t told = 0;

  void tune(NodeConfig& c) const {
    auto on = [&](const char* word) { return config.find(word) != std::string::npos; };
    auto& service = c.module.service;
    if (on("ping")) c.module.check.splitbrain = {.mode = ArbiterMode::ping, .ident = "witness", .args = {"10.0.0.1"}};
    if (on("etcd")) c.module.check.splitbrain = {.mode = ArbiterMode::etcd, .ident = "arbiter", .args = {"http://10.0.0.1:2379"}};
    if (on("lastprim")) service.defaultprim = DefaultPrim::lastprim;
    if (on("prefer-node1")) service.defaultprim = DefaultPrim::server, service.defaultprim_server = "node1";
  }
  World& world() {
    if (!w) w = std::make_unique<World>([this](NodeConfig& c) { tune(c); });
    return *w;
  }
  void record(int i, const std::string& what) {
    auto& h = world().hosts[i];
    if (what == "save") return void(saved[i] = h.record);
    if (what == "restore")
      h.record = saved[i];
    else
      h.record.reset();
    if (what == "blank") h.dirs_uid = {};
    world().boot(i);
  }
  void on_node(int i, const std::string& rest) {
    std::istringstream in(rest);
    std::string word, arg, arg2;
    in >> word >> arg >> arg2;
    auto& h = world().hosts[i];
    auto by = rest.find(" by ");
    auto who = by == std::string::npos ? std::string() : rest.substr(by + 4);
    if (auto v = verb(rest.substr(0, by))) return world().command(i, *v, who.empty() ? "root" : who, who);
    if (word == "crash") return world().crash(i);
    if (word == "pause") return world().pause(i, duration(arg));
    if (word == "witness") return void(h.witness = arg == "up");
    if (word == "arbiter") return void(h.arbiter = arg == "up");
    if (word == "disk") return void(h.persist_fails = arg == "full");
    if (word == "aside") return void(h.aside_fails = arg == "full");
    if (word == "files") return void(h.dirs_empty = false);
    if (word == "unmounted") return h.dirs_uid = {}, world().boot(i);
    if (word == "script") return void(h.script_time[arg] = duration(arg2));
    if (word == "mirror" && arg == "peer-failed")
      return world().tell(i, nin::Mirror{said::PeerFailed{Rule::peer_too_slow, "no answer in time"}});
    if (word == "mirror")
      return world().tell(i, nin::Mirror{said::SelfFailed{Rule::apply_failed, "no space left on device"}});
    if (word == "record") return record(i, arg);
    BOOST_FAIL("unknown command: " + rest);
  }
  decltype(World::arbiter) saved_store;
  void store(const std::string& what) {
    auto& s = world().arbiter;
    if (what == "emptied") s = {};
    if (what == "deleted") s.key.reset(), ++s.revision;
    if (what == "save") saved_store = s;
    if (what == "restore") s = saved_store;
    if (what == "drop" || what == "answer") s.answers_lost = what == "drop";
  }
  void command(const std::string& line) {
    std::istringstream in(line);
    std::string word, a, b;
    in >> word >> a >> b;
    if (word == "config") return void(config += line.substr(6));
    if (word == "1" || word == "2") return on_node(word[0] - '1', line.substr(2));
    auto& x = world();
    if (word == "run") return x.run(duration(a));
    if (word == "cut") return x.cut(a[0] - '1', b[0] - '1');
    if (word == "isolate") return x.isolate();
    if (word == "heal") return x.isolate(false);
    if (word == "arbiter") return store(a);
    if (word == "mute") return void(x.mute_goodbye = true);
    if (word == "unmute") return void(x.mute_goodbye = false);
    if (word == "pair") return x.pair(), void(told = x.trace.size());
    if (word == "state") return x.trace.push_back("node1 " + x.state(0) + ", node2 " + x.state(1));
    BOOST_FAIL("unknown command: " + line);
  }
  std::string news() {
    std::string out;
    for (; told < world().trace.size(); ++told) out += world().trace[told] + "\n";
    return out.empty() ? "ok\n" : out;
  }
};

void tell_story(const std::filesystem::path& path) {
  bool rewrite = std::getenv("LOCKSTEP_REWRITE") != nullptr, result = false, any = false;
  std::ifstream in(path);
  Teller t;
  std::string rewritten, expected, line;
  auto finish = [&] {
    auto got = t.news();
    rewritten += got + "\n";
    if (!rewrite)
      BOOST_TEST(got == expected, path.filename().string() << "\n-- expected\n" << expected << "-- got\n" << got);
    expected.clear(), result = false, any = true;
  };
  while (std::getline(in, line)) {
    if (result && line.empty())
      finish();
    else if (result)
      expected += line + "\n";
    if (result || line.empty()) continue;
    rewritten += line + "\n";
    if (line == "----")
      result = true;
    else if (line[0] != '#')
      t.command(line);
  }
  if (result) finish();
  BOOST_TEST(any, path.string() << " tells nothing");
  if (rewrite) std::ofstream(path) << rewritten;
}
} // namespace

BOOST_AUTO_TEST_CASE(stories) {
  std::vector<std::filesystem::path> files;
  for (auto& f : std::filesystem::directory_iterator(std::string(LOCKSTEP_SOURCE_DIR) + "/tests/transcripts/node"))
    if (f.path().extension() == ".txt") files.push_back(f.path());
  std::sort(files.begin(), files.end());
  BOOST_REQUIRE(files.size() > 5u);
  for (auto& f : files) tell_story(f);
}

BOOST_AUTO_TEST_SUITE_END()
