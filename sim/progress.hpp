// The line that a long run shows on a terminal: seeds, simulated time, faults, rate. On standard error, about once a second, gone before
// anything else is printed. Without a terminal it is silent, unless it was asked for: then a line every ten seconds.
#pragma once
#include <cstdint>
#include <string>

namespace lockstep::sim {

double cpu_seconds(); // of this process so far

class ProgressLine {
 public:
  ProgressLine(bool wanted, bool also_without_terminal);
  void show(std::uint64_t seeds, std::int64_t simulated_ns, std::uint64_t faults, std::uint64_t failures, const std::string& of_how_many);
  void clear(); // before other output

 private:
  bool terminal_, shown_ = false;
  bool wanted_;
  double last_ = 0;
};

} // namespace lockstep::sim
