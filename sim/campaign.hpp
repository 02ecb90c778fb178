// Many seeds, one after the other: the first failing one is shrunk, told and kept; the rest is counted.
#pragma once
#include "sim/coverage.hpp"
#include "sim/progress.hpp"
#include "sim/world.hpp"
#include <map>
#include <optional>
#include <string>

namespace lockstep::sim {

struct CampaignOptions {
  std::uint64_t first = 1, seeds = 100;
  double cpu_seconds = 0;          // not 0: so long, whatever `seeds` says
  std::optional<Mode> mode;        // none: all of them in turn
  std::uint64_t determinism = 5;   // percent of the seeds are run twice
  double shrink_seconds = 60;      // of CPU, for each failure that is shrunk; 0: as it is
  std::string save;                // folder for what a failure leaves: .plan, .txt, .html
  bool keep_going = false, quiet = false, progress = false;
  bool coverage = false, require_coverage = false; // say what was never reached; and fail for it
};

Mode mode_in_turn(std::uint64_t seed);
std::string failed_as(const Violation&); // "FAILED S2 (sentence) ..."
bool write_file(const std::string& path, const std::string& text);
// The plan with what it shows as its first line, the story as text, and as a page: NAME.plan, NAME.txt, NAME.html. False: not written.
bool keep_failure(const Plan& small, const std::string& directory, const std::string& name, Sabotage = Sabotage::none);

class Campaign {
 public:
  explicit Campaign(const CampaignOptions& o) : o_(o), progress_(!o.quiet, o.progress) {}
  int run(); // exit code

 private:
  bool more(std::uint64_t done) const;
  void one(std::uint64_t seed, Mode);
  void failed(std::uint64_t seed, Mode, const Plan&, const Violation&);
  void summary() const;

  const CampaignOptions o_;
  ProgressLine progress_;
  Counts total_;
  Coverage coverage_;
  std::uint64_t done_ = 0, failures_ = 0;
  std::map<std::string, std::uint64_t> waits_, failed_;
};

} // namespace lockstep::sim
