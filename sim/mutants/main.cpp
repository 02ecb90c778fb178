// lockstep-sim-mutants: started by `lockstep-sim mutants`. Plants one bug after the other and prints who noticed.
#include "sim/explore.hpp"
#include "sim/mutants/explored.hpp"
#include "sim/mutants/hunt.hpp"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace {
using namespace lockstep;
using namespace lockstep::sim;
using Clock = std::chrono::steady_clock;

constexpr const char* usage =
    "usage: lockstep-sim mutants [--only NAME]... [--seeds N] [--seed FIRST] [--jobs J] [--plans-only] [--save DIR] [--list] [--show]\n"
    "  --only NAME   this mutant only\n"
    "  --seeds N     so many random seeds per mutant that no plan kills (2000)\n"
    "  --jobs J      so many threads (all processors)\n"
    "  --plans-only  only the mutants that a plan of tests/plans names, by these plans\n"
    "  --shrink SECS the plan of the first random seed that kills --only NAME, made as small as so many CPU seconds allow\n"
    "  --all-plans   every mutant by every plan: which plan could name which mutant\n"
    "  --plans DIR   plans from there instead of tests/plans\n"
    "  --save DIR    a small plan of every kill by a seed, with its story as .txt and .html\n"
    "  --list        what each of them breaks\n"
    "  --show        what the oracle said about each\n"
    "  --explore     instead: those that the exhaustive search must find, within its own bounds\n"
    "       lockstep-sim mutants explore NAME ...    lockstep-sim explore with this bug planted; its options follow\n";
constexpr std::uint64_t clean_seeds = 100;
constexpr double kept_seconds = 60; // of CPU, to make a kept plan small

struct Options {
  Bounds bounds;
  std::vector<Mutant> only;
  std::string save, plans = LOCKSTEP_PLANS;
  bool list = false, show = false, explore = false;
  double shrink_seconds = 0;
};

int complain(const std::string& sentence) {
  std::fprintf(stderr, "lockstep-sim mutants: %s\n%s", sentence.c_str(), usage);
  return 2;
}

// Empty: fine.
std::string parse(int argc, char** argv, Options& o) {
  o.bounds.jobs = std::max(1u, std::thread::hardware_concurrency());
  for (int i = 1; i < argc; ++i) {
    std::string a = argv[i];
    std::string v = i + 1 < argc ? argv[i + 1] : "";
    if (a == "--seeds" || a == "--seed" || a == "--jobs" || a == "--shrink") {
      if (v.empty() || v.size() > 9 || v.find_first_not_of("0123456789") != std::string::npos) return a + " needs a number";
      auto n = std::stoull(v);
      if (a == "--shrink") o.shrink_seconds = double(n);
      else if (a == "--jobs") o.bounds.jobs = static_cast<unsigned>(std::clamp<std::uint64_t>(n, 1, 256));
      else (a == "--seed" ? o.bounds.first : o.bounds.seeds) = n;
      ++i;
    } else if (a == "--only") {
      auto m = mutant_named(v);
      if (!m) return "there is no mutant \"" + v + "\": see --list";
      o.only.push_back(*m), ++i;
    } else if (a == "--save" || a == "--plans") {
      if (v.empty()) return a + " needs the name of a folder";
      (a == "--save" ? o.save : o.plans) = v, ++i;
    } else if (a == "--plans-only") o.bounds.plans_only = true;
    else if (a == "--all-plans") o.bounds.plans_only = o.bounds.all_plans = true;
    else if (a == "--list") o.list = true;
    else if (a == "--show") o.show = true;
    else if (a == "--explore") o.explore = true;
    else return "unknown option " + a;
  }
  if (o.shrink_seconds > 0 && o.only.size() != 1) return "--shrink needs one --only NAME";
  return {};
}

// Every plan of the folder; a mutant that a plan names must exist.
std::string read_plans(const std::string& folder, std::vector<Plan>& plans) {
  std::vector<std::filesystem::path> files;
  std::error_code problem;
  for (auto& f : std::filesystem::directory_iterator(folder, problem)) {
    if (f.path().extension() == ".plan") files.push_back(f.path());
  }
  if (problem) return folder + " cannot be read: " + problem.message();
  std::sort(files.begin(), files.end());
  for (auto& f : files) {
    std::ifstream in(f);
    std::stringstream text;
    text << in.rdbuf();
    auto parsed = parse_plan(text.str(), f.filename().string());
    if (!parsed.plan) return parsed.error;
    parsed.plan->name = f.stem().string();
    for (auto& k : parsed.plan->kills) {
      if (!mutant_named(k)) return f.filename().string() + ": there is no mutant \"" + k + "\"";
    }
    plans.push_back(std::move(*parsed.plan));
  }
  return {};
}

void list(const std::vector<Mutant>& chosen) {
  for (auto m : chosen) {
    auto& i = info(m);
    std::string with = i.with == Mutant::none ? "" : std::string(" (together with ") + info(i.with).name + ", which makes up for it alone)";
    std::printf("%-30s %-16s %s%s\n", i.name, i.rule, i.sentence, with.c_str());
  }
}

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

int run(const Options& o, std::vector<Plan> plans, std::vector<Mutant> chosen) {
  auto began = Clock::now();
  Hunt hunt(std::move(plans), o.bounds);
  if (auto wrong = o.only.empty() ? hunt.unclean(o.bounds.plans_only ? 0 : clean_seeds) : ""; !wrong.empty()) {
    std::printf("without any mutant, %s\n", wrong.c_str());
    return 1;
  }
  std::string left_out;
  if (o.bounds.plans_only && !o.bounds.all_plans) {
    for (auto m : chosen) left_out += hunt.has_plan(m) ? "" : std::string(" ") + info(m).name;
    std::erase_if(chosen, [&](Mutant m) { return !hunt.has_plan(m); });
  }
  std::vector<const char*> living;
  std::size_t nr = 0;
  std::printf("%-30s %-10s %6s %8s  %s\n", "mutant", "killed by", "runs", "seconds", "in");
  for (auto m : chosen) {
    auto start = Clock::now();
    auto said = start;
    ++nr;
    hunt.on_progress = [&](std::uint64_t runs) {
      if (seconds_since(said) < 5) return;
      said = Clock::now();
      std::fprintf(stderr, "%zu of %zu, %s: %llu runs\n", nr, chosen.size(), info(m).name, static_cast<unsigned long long>(runs));
    };
    auto k = hunt.hunt(m);
    std::printf("%-30s %-10s %6llu %8.1f  %s\n", info(m).name, k.oracle ? k.oracle->name : "LIVES", static_cast<unsigned long long>(k.runs),
                seconds_since(start), k.by.c_str());
    if (o.show && k.oracle) std::printf("    %s: %s\n    -> %s\n", info(m).rule, info(m).sentence, k.what.c_str());
    std::fflush(stdout);
    if (k.plan && !o.save.empty() && !hunt.keep(m, hunt.shrunk(m, k, kept_seconds).plan, o.save)) return 1;
    if (!k.oracle) living.push_back(info(m).name);
  }
  for (auto& p : hunt.false_promises()) std::printf("%s\n", p.c_str());
  for (auto n : living) std::printf("%s lives: nothing notices it\n", n);
  if (!left_out.empty()) std::printf("left to seeds, no plan names them:%s\n", left_out.c_str());
  std::printf("%.0f s\n%zu passed, %zu failed\n", seconds_since(began), chosen.size() - living.size(),
              living.size() + hunt.false_promises().size());
  return living.empty() && hunt.false_promises().empty() ? 0 : 1;
}

int explore_with(int argc, char** argv) {
  auto m = argc > 2 ? mutant_named(argv[2]) : std::nullopt;
  if (!m) return complain("explore needs the name of a mutant: see --list");
  planted[static_cast<std::size_t>(*m)] = true;
  return explore::command(argc - 3, argv + 3);
}

// One planted bug, from a random seed that meets it to a plan that a person can read.
int shrink_one(const Options& o, Mutant m) {
  Hunt hunt({}, o.bounds);
  auto k = hunt.hunt_with_seeds(m);
  if (!k.oracle) return std::printf("%s lives for %llu seeds\n", info(m).name, static_cast<unsigned long long>(k.runs)), 1;
  auto small = hunt.shrunk(m, k, o.shrink_seconds);
  std::printf("# %s: %s\n# %s, %s: %s\n# %s%s", info(m).name, info(m).sentence, k.by.c_str(), k.oracle->name, k.what.c_str(),
              told(*k.plan, small).c_str(), print(small.plan).c_str());
  if (o.save.empty()) return 0;
  if (!hunt.keep(m, small.plan, o.save)) return 1;
  return std::printf("# kept as %s/kills-%s.plan, with its story as .txt and .html\n", o.save.c_str(), info(m).name), 0;
}
} // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "explore") return explore_with(argc, argv);
  Options o;
  if (auto wrong = parse(argc, argv, o); !wrong.empty()) return complain(wrong);
  if (o.shrink_seconds > 0) return shrink_one(o, o.only[0]);
  if (o.explore) return explore_mutants(o.show, o.only);
  auto chosen = o.only;
  for (std::size_t i = 1; o.only.empty() && i < mutant_count; ++i) {
    auto m = static_cast<Mutant>(i);
    if (o.list || info(m).modes != mutant_helper) chosen.push_back(m);
  }
  if (o.list) return list(chosen), 0;
  std::vector<Plan> plans;
  if (auto wrong = read_plans(o.plans, plans); !wrong.empty()) return complain(wrong);
  return run(o, std::move(plans), std::move(chosen));
}
