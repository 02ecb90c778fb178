// lockstep-sim: runs plans against the real cores in a simulated world.
#include "sim/hash.hpp"
#include "sim/picture/page.hpp"
#include "sim/shrink.hpp"
#include "sim/world.hpp"
#include <chrono>
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
    "usage: lockstep-sim run --seeds N [--seed FIRST] [--mode none|ping] [--check-determinism PERCENT] [--shrink ATTEMPTS]\n"
    "                        [--save DIR] [--keep-going] [--quiet]\n"
    "       lockstep-sim plan FILE... [--verbose] [--html OUT]   runs plans and checks what they expect; draws one as a page\n"
    "       lockstep-sim show --seed S --mode none|ping   prints the plan of a seed\n"
    "       lockstep-sim mutants [--help]              plants bugs in the core and says who noticed\n";

struct Options {
  std::uint64_t seeds = 100, seed = 1;
  std::optional<Mode> mode;
  std::uint64_t determinism = 5;
  int shrink_attempts = 150;
  std::string save, html;
  bool keep_going = false, quiet = false, verbose = false;
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
  for (int i = 2; i < argc; ++i) {
    std::string a = argv[i];
    auto value = [&]() -> const char* { return i + 1 < argc ? argv[++i] : ""; };
    std::uint64_t n = 0;
    if (a == "--seeds" || a == "--seed" || a == "--check-determinism" || a == "--shrink") {
      if (!number(value(), n)) return a + " needs a number";
      if (a == "--seeds") o.seeds = n;
      else if (a == "--seed") o.seed = n;
      else if (a == "--shrink") o.shrink_attempts = static_cast<int>(std::min<std::uint64_t>(n, 100'000));
      else o.determinism = n;
    } else if (a == "--mode") {
      std::string m = value();
      if (m != "none" && m != "ping") return "--mode is none or ping, not \"" + m + "\"";
      o.mode = m == "none" ? Mode::none : Mode::ping;
    } else if (a == "--save") o.save = value();
    else if (a == "--html") {
      if ((o.html = value()).empty()) return "--html needs the name of the page to write";
    }
    else if (a == "--keep-going") o.keep_going = true;
    else if (a == "--quiet") o.quiet = true;
    else if (a == "--verbose") o.verbose = true;
    else if (a[0] == '-') return "unknown option " + a;
    else o.files.push_back(a);
  }
  return {};
}

void print_violation(const Violation& v) {
  std::printf("FAILED %s (%s)\n  at %.6f s: %s\n", v.oracle->name, v.oracle->sentence, double(v.at.ns) / 1e9, v.what.c_str());
}

class Campaign {
 public:
  explicit Campaign(const Options& o) : o_(o), began_(std::chrono::steady_clock::now()) {}
  int run() {
    for (std::uint64_t i = 0; i < o_.seeds; ++i) {
      auto seed = o_.seed + i;
      auto mode = o_.mode ? *o_.mode : seed % 2 ? Mode::none : Mode::ping;
      one(seed, mode);
      if (failures_ && !o_.keep_going) break;
      if (!o_.quiet && (i + 1) % 100 == 0) progress(i + 1);
    }
    summary();
    return failures_ ? 1 : 0;
  }

 private:
  void one(std::uint64_t seed, Mode mode) {
    auto plan = make_plan(seed, mode);
    auto outcome = run_plan(plan);
    ++done_;
    total_.add(outcome.counts);
    if (!outcome.waited.empty()) ++waits_[outcome.waited];
    if (!outcome.violation && hash_of(seed, 99) % 100 < o_.determinism && run_plan(plan).hash != outcome.hash) {
      outcome.violation = Violation{&oracle::determinism, {}, "two runs of one plan differ"};
    }
    if (outcome.violation) failed(seed, mode, plan, *outcome.violation);
  }
  void failed(std::uint64_t seed, Mode mode, const Plan& plan, const Violation& v) {
    ++failures_;
    ++failed_[v.oracle->name];
    if (o_.keep_going) {
      std::printf("seed %llu mode %s: %s: %s\n", static_cast<unsigned long long>(seed), mode_name(mode), v.oracle->name, v.what.c_str());
      std::fflush(stdout);
      return;
    }
    print_violation(v);
    auto small = o_.shrink_attempts ? shrink(plan, *v.oracle, o_.shrink_attempts) : plan;
    auto text = "# " + std::string(v.oracle->name) + ": " + v.what + "\n" + print(small);
    std::printf("%s", text.c_str());
    if (!o_.save.empty()) {
      auto path = o_.save + "/seed-" + std::to_string(seed) + "-" + mode_name(mode) + ".plan";
      std::ofstream(path) << text;
      std::printf("smaller plan saved as %s\n", path.c_str());
    }
    std::printf("repeat: lockstep-sim run --seeds 1 --seed %llu --mode %s\n", static_cast<unsigned long long>(seed), mode_name(mode));
  }
  double cpu() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }
  void progress(std::uint64_t n) const {
    std::fprintf(stderr, "%llu seeds, %.1f h simulated, %llu faults, %.1f seeds/s, %.2f simulated hours per second\n",
                 static_cast<unsigned long long>(n), double(total_.simulated_ns) / 3.6e12, static_cast<unsigned long long>(total_.faults),
                 double(n) / cpu(), double(total_.simulated_ns) / 3.6e12 / cpu());
  }
  void summary() const {
    std::printf("%llu seeds, %llu failed; %.1f h simulated in %.1f s; %llu operations, %llu acknowledged, %llu failed\n",
                static_cast<unsigned long long>(done_), static_cast<unsigned long long>(failures_), double(total_.simulated_ns) / 3.6e12, cpu(),
                static_cast<unsigned long long>(total_.operations), static_cast<unsigned long long>(total_.acknowledged),
                static_cast<unsigned long long>(total_.failed));
    std::printf("faults injected:");
    for (std::size_t i = 0; i < what_count; ++i) {
      if (total_.injected[i]) std::printf(" %s %llu", what_name(static_cast<What>(i)), static_cast<unsigned long long>(total_.injected[i]));
    }
    std::printf("\nrules fired:");
    for (auto& [r, n] : total_.rules) std::printf(" %s %llu", rule_name(r), static_cast<unsigned long long>(n));
    std::printf("\n");
    for (auto& [w, n] : waits_) std::printf("ended in a named wait: %s, %llu times\n", w.c_str(), static_cast<unsigned long long>(n));
    for (auto& [w, n] : failed_) std::printf("failed: %s, %llu times\n", w.c_str(), static_cast<unsigned long long>(n));
  }

  const Options& o_;
  std::chrono::steady_clock::time_point began_;
  Counts total_;
  std::uint64_t done_ = 0, failures_ = 0;
  std::map<std::string, std::uint64_t> waits_, failed_;
};

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) std::fprintf(stderr, "lockstep-sim: %s cannot be written\n", path.c_str());
  return bool(out);
}

int run_file(const std::string& path, bool verbose, const std::string& html) {
  std::ifstream in(path);
  if (!in) return complain(path + " cannot be read");
  std::stringstream text;
  text << in.rdbuf();
  auto parsed = parse_plan(text.str(), path);
  if (!parsed.plan) {
    std::fprintf(stderr, "%s\n", parsed.error.c_str());
    return 2;
  }
  auto& plan = *parsed.plan;
  if (plan.name.empty()) plan.name = path.substr(path.rfind('/') + 1);
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
  print_violation(*o.violation);
  std::printf("repeat: lockstep-sim plan %s --verbose\n", path.c_str());
  return 1;
}
} // namespace

// The planted bugs are in a build of their own, beside this program.
int hand_over_to_mutants(int argc, char** argv) {
  auto program = std::filesystem::path(argv[0]).parent_path() / "lockstep-sim-mutants";
  if (!std::filesystem::exists(program)) return complain(program.string() + " is not built");
  std::string command = "\"" + program.string() + "\"";
  for (int i = 2; i < argc; ++i) {
    std::string word = argv[i];
    if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != std::string::npos)
      return complain("\"" + word + "\" is not an option of mutants");
    command += " " + word;
  }
  return std::system(command.c_str()) == 0 ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc < 2) return complain("what to do is missing");
  std::string verb = argv[1];
  if (verb == "mutants") return hand_over_to_mutants(argc, argv);
  Options o;
  if (auto wrong = parse(argc, argv, o); !wrong.empty()) return complain(wrong);
  if (verb == "run") return Campaign(o).run();
  if (verb == "show") {
    std::printf("%s", print(make_plan(o.seed, o.mode.value_or(Mode::none))).c_str());
    return 0;
  }
  if (verb != "plan") return complain("\"" + verb + "\" is not a command");
  if (o.files.empty()) return complain("plan needs a FILE");
  if (!o.html.empty() && o.files.size() > 1) return complain("--html draws one plan");
  int worst = 0;
  for (auto& f : o.files) worst = std::max(worst, run_file(f, o.verbose, o.html));
  return worst;
}
