#include "sim/campaign.hpp"
#include "sim/hash.hpp"
#include "sim/picture/page.hpp"
#include "sim/shrink.hpp"
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace lockstep::sim {
namespace {
using Number = unsigned long long;
} // namespace

Mode mode_in_turn(std::uint64_t seed) { return static_cast<Mode>(seed % mode_count); }

std::string failed_as(const Violation& v) {
  char at[32];
  std::snprintf(at, sizeof at, "%.6f", double(v.at.ns) / 1e9);
  return std::string("FAILED ") + v.oracle->name + " (" + v.oracle->sentence + ")\n  at " + at + " s: " + v.what + "\n";
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) std::fprintf(stderr, "lockstep-sim: %s cannot be written\n", path.c_str());
  return bool(out);
}

bool keep_failure(const Plan& small, const std::string& directory, const std::string& name, Sabotage sabotage) {
  std::error_code problem;
  std::filesystem::create_directories(directory, problem);
  auto path = directory + "/" + name;
  auto plan = small;
  plan.name = name;
  auto story = tell(plan, sabotage);
  auto& v = story.outcome.violation;
  auto shows = v ? "# " + std::string(v->oracle->name) + ": " + v->what + "\n" : std::string("# does not fail any more\n");
  return write_file(path + ".plan", shows + print(plan)) && write_file(path + ".txt", text_of(story)) && write_file(path + ".html", page_of(story));
}

bool Campaign::more(std::uint64_t done) const {
  return o_.cpu_seconds > 0 ? cpu_seconds() < o_.cpu_seconds : done < o_.seeds;
}

int Campaign::run() {
  while (more(done_)) {
    auto seed = o_.first + done_;
    one(seed, o_.mode ? *o_.mode : mode_in_turn(seed));
    if (failures_ && !o_.keep_going) break;
    progress_.show(done_, total_.simulated_ns, total_.faults, failures_, o_.cpu_seconds > 0 ? "" : " of " + std::to_string(o_.seeds));
  }
  progress_.clear();
  summary();
  if (o_.coverage || o_.require_coverage) std::printf("%s", coverage_.report().c_str());
  bool covered = !o_.require_coverage || (coverage_.missing().empty() && coverage_.unexpected().empty());
  return failures_ || !covered ? 1 : 0;
}

void Campaign::one(std::uint64_t seed, Mode mode) {
  auto plan = make_plan(seed, mode);
  coverage_.next_run();
  auto outcome = run_plan(plan, false, Sabotage::none, o_.coverage || o_.require_coverage ? &coverage_ : nullptr);
  ++done_;
  total_.add(outcome.counts);
  if (!outcome.waited.empty()) ++waits_[outcome.waited];
  if (!outcome.violation && hash_of(seed, 99) % 100 < o_.determinism && run_plan(plan).hash != outcome.hash) {
    outcome.violation = Violation{&oracle::determinism, {}, "two runs of one plan differ"};
  }
  if (outcome.violation) failed(seed, mode, plan, *outcome.violation);
}

void Campaign::failed(std::uint64_t seed, Mode mode, const Plan& plan, const Violation& v) {
  ++failures_;
  ++failed_[v.oracle->name];
  progress_.clear();
  auto name = "seed-" + std::to_string(seed) + "-" + mode_name(mode);
  if (o_.keep_going) std::printf("seed %llu mode %s: %s: %s\n", static_cast<Number>(seed), mode_name(mode), v.oracle->name, v.what.c_str());
  else std::printf("%s", failed_as(v).c_str());
  std::fflush(stdout);
  bool once = failed_[v.oracle->name] == 1; // of each oracle the first one is worth the time
  if (!o_.keep_going || (once && !o_.save.empty())) {
    auto small = plan;
    if (o_.shrink_seconds > 0) {
      auto shrunk = shrink(plan, fails_as(*v.oracle), o_.shrink_seconds);
      small = shrunk.plan;
      std::printf("%s", told(plan, shrunk).c_str());
    }
    if (!o_.keep_going) std::printf("%s", print(small).c_str());
    if (!o_.save.empty() && keep_failure(small, o_.save, name))
      std::printf("saved as %s/%s.plan, with its story as .txt and .html\n", o_.save.c_str(), name.c_str());
  }
  if (!o_.keep_going) std::printf("repeat: lockstep-sim run --seeds 1 --seed %llu --mode %s\n", static_cast<Number>(seed), mode_name(mode));
  std::fflush(stdout);
}

void Campaign::summary() const {
  std::printf("%llu seeds from %llu, %llu failed; %.1f h simulated in %.1f CPU seconds; %llu operations, %llu acknowledged, %llu failed\n",
              static_cast<Number>(done_), static_cast<Number>(o_.first), static_cast<Number>(failures_), double(total_.simulated_ns) / 3.6e12,
              cpu_seconds(), static_cast<Number>(total_.operations), static_cast<Number>(total_.acknowledged), static_cast<Number>(total_.failed));
  std::printf("faults injected:");
  for (std::size_t i = 0; i < what_count; ++i) {
    if (total_.injected[i]) std::printf(" %s %llu", what_name(static_cast<What>(i)), static_cast<Number>(total_.injected[i]));
  }
  std::printf("\nrules fired:");
  for (auto& [r, n] : total_.rules) std::printf(" %s %llu", rule_name(r), static_cast<Number>(n));
  std::printf("\n");
  for (auto& [w, n] : waits_) std::printf("ended in a named wait: %s, %llu times\n", w.c_str(), static_cast<Number>(n));
  for (auto& [w, n] : failed_) std::printf("failed: %s, %llu times\n", w.c_str(), static_cast<Number>(n));
}

} // namespace lockstep::sim
