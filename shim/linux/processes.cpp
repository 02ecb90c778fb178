#include "shim/linux/processes.hpp"
#include "shim/linux/proc.hpp"
#include <algorithm>
#include <optional>
#include <regex.h>
#include <tuple>
#include <unistd.h>

namespace lockstep {
namespace {

constexpr std::size_t kernel_name_max = 15;

// Arguments end with a zero byte each.
std::string joined(std::string cmdline) {
  while (!cmdline.empty() && cmdline.back() == '\0') cmdline.pop_back();
  std::replace(cmdline.begin(), cmdline.end(), '\0', ' ');
  return cmdline;
}

} // namespace

std::vector<Process> list_processes() {
  std::vector<Process> out;
  auto own_namespace = proc::read_own_link("ns/pid");
  for (int pid : proc::all_pids()) {
    if (pid == ::getpid()) continue;
    auto stat = proc::read_stat(pid);
    if (!stat || stat->dead()) continue;
    auto command = joined(proc::read_text(pid, "cmdline"));
    if (command.empty() || proc::read_link(pid, "ns/pid") != own_namespace) continue; // kernel thread; container
    out.push_back({pid, stat->parent, stat->name, std::move(command)});
  }
  return out;
}

struct ProcessFilter::Regex {
  regex_t compiled{};
  bool valid = false;
  Regex() = default;
  Regex(const Regex&) = delete;
  ~Regex() {
    if (valid) ::regfree(&compiled);
  }
  bool matches(const std::string& text) const { return ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0; }

  static Result<std::shared_ptr<const Regex>> make(const std::string& expression, const char* attribute) {
    auto r = std::make_shared<Regex>();
    int error = ::regcomp(&r->compiled, expression.c_str(), REG_EXTENDED | REG_NOSUB);
    r->valid = error == 0;
    if (r->valid) return std::shared_ptr<const Regex>(r);
    char reason[128];
    ::regerror(error, &r->compiled, reason, sizeof reason);
    return Error{std::string(attribute) + "=\"" + expression +
                 "\" is not a POSIX extended regular expression: " + reason};
  }
};

Result<ProcessFilter> ProcessFilter::make(std::string name, const std::string& nameregex, const std::string& argregex) {
  ProcessFilter f;
  f.name_ = name.substr(0, kernel_name_max);
  for (auto [expression, attribute, target] :
       {std::tuple{&nameregex, "nameregex", &f.name_regex_}, std::tuple{&argregex, "argregex", &f.arg_regex_}}) {
    if (expression->empty()) continue;
    auto r = Regex::make(*expression, attribute);
    if (!r) return Error{r.error()};
    *target = *r;
  }
  return f;
}

bool ProcessFilter::matches(const Process& p) const {
  bool named = name_regex_ ? name_regex_->matches(p.name) : p.name == name_;
  return named && (!arg_regex_ || arg_regex_->matches(p.command));
}

int count_processes(const std::vector<Process>& all, const ProcessFilter& filter) {
  return static_cast<int>(std::count_if(all.begin(), all.end(), [&](const Process& p) { return filter.matches(p); }));
}

} // namespace lockstep
