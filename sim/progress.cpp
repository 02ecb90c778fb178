#include "sim/progress.hpp"
#include <chrono>
#include <cstdio>
#include <ctime>
#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace lockstep::sim {
namespace {
bool is_terminal() {
#if __has_include(<unistd.h>)
  return isatty(2) == 1;
#else
  return false;
#endif
}
double wall_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
} // namespace

double cpu_seconds() { return double(std::clock()) / CLOCKS_PER_SEC; }

ProgressLine::ProgressLine(bool wanted, bool also_without_terminal)
    : terminal_(is_terminal()), wanted_(wanted && (terminal_ || also_without_terminal)), last_(wall_now()) {}

void ProgressLine::show(std::uint64_t seeds, std::int64_t simulated_ns, std::uint64_t faults, std::uint64_t failures, const std::string& of_how_many) {
  if (!wanted_) return;
  auto now = wall_now();
  if (now - last_ < (terminal_ ? 1 : 10)) return;
  last_ = now;
  auto cpu = cpu_seconds(), hours = double(simulated_ns) / 3.6e12;
  std::fprintf(stderr, "%s%llu%s seeds, %llu failed, %.1f h simulated, %llu faults, %.1f seeds and %.2f simulated hours per CPU second%s",
               terminal_ ? "\r\033[K" : "", static_cast<unsigned long long>(seeds), of_how_many.c_str(), static_cast<unsigned long long>(failures), hours,
               static_cast<unsigned long long>(faults), double(seeds) / cpu, hours / cpu, terminal_ ? "" : "\n");
  std::fflush(stderr);
  shown_ = terminal_;
}

void ProgressLine::clear() {
  if (shown_) std::fputs("\r\033[K", stderr), std::fflush(stderr);
  shown_ = false;
}

} // namespace lockstep::sim
