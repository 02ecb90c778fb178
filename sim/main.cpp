// lockstep-sim: runs plans against the real cores in a simulated world.
#include "sim/bench.hpp"
#include "sim/campaign.hpp"
#include "sim/explore.hpp"
#include "sim/picture/page.hpp"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace {
using namespace lockstep;
using namespace lockstep::sim;

constexpr const char* usage =
    "usage: lockstep-sim run --seeds N | --cpu-minutes M [--seed FIRST] [--mode none|ping|etcd] [--check-determinism PERCENT]\n"
    "                        [--shrink SECONDS] [--save DIR] [--keep-going] [--quiet] [--progress] [--coverage] [--require-coverage]\n"
    "       lockstep-sim plan FILE... [--verbose] [--html OUT]   runs plans and checks what they expect; draws one as a page\n"
    "       lockstep-sim show --seed S --mode none|ping|etcd   prints the plan of a seed\n"
    "       lockstep-sim hashes [--seeds N] [--wall SECONDS] [FILE...]   effect hashes, to compare two builds or two wall clocks\n"
    "       lockstep-sim bench [--seeds N] [--json]    how fast the simulator is\n"
    "       lockstep-sim mutants [--help]              plants bugs in the core and says who noticed\n"
    "       lockstep-sim explore [--help]              every order of a few faults, exhaustively\n";

struct Options {
  CampaignOptions campaign;
  bool verbose = false, json = false;
  std::int64_t wall_s = 0; // not 0: wall clocks begin here, and jump
  std::string html;
  std::vector<std::string> files;
};

int complain(const std::string& sentence) {
  std::fprintf(stderr, "lockstep-sim: %s\n%s", sentence.c_str(), usage);
  return 2;
}

// Empty: fine. Otherwise what is wrong with the command line.
std::string parse(int argc, char** argv, Options& o) {
  auto number = [](const char* s, std::uint64_t& v) {
    char* end = nullptr;
    v = std::strtoull(s, &end, 10);
    return *s >= '0' && *s <= '9' && *end == 0;
  };
  auto& c = o.campaign;
  std::map<std::string, bool*> switches{{"--keep-going", &c.keep_going}, {"--quiet", &c.quiet}, {"--progress", &c.progress},
                                        {"--verbose", &o.verbose}, {"--json", &o.json},
                                        {"--coverage", &c.coverage}, {"--require-coverage", &c.require_coverage}};
  std::map<std::string, std::string*> names{{"--save", &c.save}, {"--html", &o.html}};
  for (int i = 2; i < argc; ++i) {
    std::string a = argv[i];
    auto value = [&]() -> const char* { return i + 1 < argc ? argv[++i] : ""; };
    std::uint64_t n = 0;
    if (a == "--seeds" || a == "--seed" || a == "--check-determinism" || a == "--shrink" || a == "--cpu-minutes" || a == "--wall") {
      if (!number(value(), n)) return a + " needs a number";
      if (a == "--seeds") c.seeds = n;
      else if (a == "--seed") c.first = n;
      else if (a == "--shrink") c.shrink_seconds = double(n);
      else if (a == "--wall") o.wall_s = static_cast<std::int64_t>(n);
      else if (a == "--cpu-minutes") c.cpu_seconds = double(n) * 60;
      else c.determinism = n;
    } else if (a == "--mode") {
      std::string m = value();
      c.mode = mode_of(m);
      if (!c.mode) return "--mode is none, ping or etcd, not \"" + m + "\"";
    } else if (auto s = switches.find(a); s != switches.end()) *s->second = true;
    else if (auto t = names.find(a); t != names.end()) {
      if ((*t->second = value()).empty()) return a + " needs a name";
    } else if (a[0] == '-') return "unknown option " + a;
    else o.files.push_back(a);
  }
  return {};
}

// Nothing: said why.
std::optional<Plan> read_plan(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  auto parsed = parse_plan(text.str(), path);
  if (!in) parsed.plan.reset(), parsed.error = "lockstep-sim: " + path + " cannot be read";
  if (!parsed.plan) std::fprintf(stderr, "%s\n", parsed.error.c_str());
  else if (parsed.plan->name.empty()) parsed.plan->name = path.substr(path.rfind('/') + 1);
  return parsed.plan;
}

int run_file(const std::string& path, bool verbose, const std::string& html) {
  auto read = read_plan(path);
  if (!read) return 2;
  auto& plan = *read;
  if (!html.empty()) {
    if (!write_file(html, page_of(tell(plan)))) return 2;
    std::printf("drawn as %s\n", html.c_str());
  }
  auto o = run_plan(plan, verbose);
  if (!o.violation) {
    std::printf("%s: ok%s, effect hash %016llx\n", path.c_str(), o.waited.empty() ? "" : (", ended waiting: " + o.waited).c_str(),
                static_cast<unsigned long long>(o.hash));
    return 0;
  }
  std::printf("%s: ", path.c_str());
  std::printf("%s", failed_as(*o.violation).c_str());
  std::printf("repeat: lockstep-sim plan %s --verbose\n", path.c_str());
  return 1;
}

int print_hashes(const Options& o) {
  std::vector<Plan> plans;
  for (auto& f : o.files) {
    auto read = read_plan(f);
    if (!read) return 2;
    plans.push_back(std::move(*read));
  }
  for (std::uint64_t i = 0; i < o.campaign.seeds; ++i) {
    auto seed = o.campaign.first + i;
    plans.push_back(make_plan(seed, o.campaign.mode.value_or(mode_in_turn(seed))));
    plans.back().name = "seed-" + std::to_string(seed) + "-" + mode_name(plans.back().mode);
  }
  for (auto& p : plans) {
    if (o.wall_s) p.wall_s = o.wall_s, p.wall_jumps = true;
    std::printf("%016llx %s\n", static_cast<unsigned long long>(run_plan(p).hash), p.name.c_str());
  }
  return 0;
}
} // namespace

// The planted bugs are in a build of their own, beside this program.
int hand_over_to_mutants(int argc, char** argv) {
  auto program = std::filesystem::path(argv[0]).parent_path() / "lockstep-sim-mutants";
  if (!std::filesystem::exists(program)) return complain(program.string() + " is not built");
  std::string command = "\"" + program.string() + "\"";
  for (int i = 2; i < argc; ++i) {
    std::string word = argv[i];
    if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") != std::string::npos)
      return complain("\"" + word + "\" is not an option of mutants");
    command += " " + word;
  }
  return std::system(command.c_str()) == 0 ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc < 2) return complain("what to do is missing");
  std::string verb = argv[1];
  if (verb == "mutants") return hand_over_to_mutants(argc, argv);
  if (verb == "explore") return explore::command(argc - 2, argv + 2);
  Options o;
  if (auto wrong = parse(argc, argv, o); !wrong.empty()) return complain(wrong);
  if (verb == "run") return Campaign(o.campaign).run();
  if (verb == "bench") return bench({o.campaign.seeds, o.json});
  if (verb == "show") {
    std::printf("%s", print(make_plan(o.campaign.first, o.campaign.mode.value_or(Mode::none))).c_str());
    return 0;
  }
  if (verb == "hashes") return print_hashes(o);
  if (verb != "plan") return complain("\"" + verb + "\" is not a command");
  if (o.files.empty()) return complain("plan needs a FILE");
  if (!o.html.empty() && o.files.size() > 1) return complain("--html draws one plan");
  int worst = 0;
  for (auto& f : o.files) worst = std::max(worst, run_file(f, o.verbose, o.html));
  return worst;
}
