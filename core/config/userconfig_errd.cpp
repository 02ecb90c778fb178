// <errd> and <proc> (safekit 3.8).
#include "core/config/userconfig_parts.hpp"

namespace lockstep {
namespace {

using Times = ElementReader::Times;

constexpr std::size_t longest_command_name = 15; // what Linux keeps of it
constexpr std::int64_t most_processes = 1'000'000;

void check_regex(ElementReader& r, std::string_view attribute, const std::string& regex) {
  if (auto fault = regex_fault(regex); !fault.empty())
    r.error_at(attribute, regex, " is not a regular expression: " + fault);
}

void read_proc(ReadContext context, const XmlElement& e, ErrdConfig& errd) {
  ElementReader r(context, e);
  ProcConfig p;
  p.line = r.line();
  p.name = r.required("name").value_or("");
  p.nameregex = r.text("nameregex").value_or("");
  p.argregex = r.text("argregex").value_or("");
  p.atleast = static_cast<std::int32_t>(r.integer("atleast", p.atleast, {-1, most_processes}));
  p.atmax = static_cast<std::int32_t>(r.integer("atmax", p.atmax, {-1, most_processes}));
  p.action = r.choice("action", p.action,
                      {{"restart", ProcAction::restart},
                       {"stopstart", ProcAction::stopstart},
                       {"stop", ProcAction::stop},
                       {"noaction", ProcAction::noaction}});
  if (!e.find("class"))
    r.error("<proc name=\"" + quoted_piece(p.name) +
            "\"> needs the attribute class: write class=\"prim\" for a process of the primary");
  p.when = r.choice("class", p.when,
                    {{"prim", ProcClass::prim},
                     {"both", ProcClass::both},
                     {"pre", ProcClass::pre},
                     {"second", ProcClass::second},
                     {"sec", ProcClass::sec},
                     {"other", ProcClass::other}});
  p.start_after = static_cast<std::uint32_t>(r.integer("start_after", p.start_after, {0, 100000}));
  r.choice("service", false, {{"no", false}, {"yes", true}}); // "yes" is refused by policy
  r.text("restart_services");
  r.done();
  check_regex(r, "nameregex", p.nameregex);
  check_regex(r, "argregex", p.argregex);
  if (p.nameregex.empty() && p.name.size() > longest_command_name)
    r.error_at("name", p.name,
               " is longer than the " + std::to_string(longest_command_name) +
                   " characters that Linux keeps of a command name and would never be found: write \"" +
                   p.name.substr(0, longest_command_name) + "\"");
  if (p.name.find('/') != std::string::npos)
    r.error_at("name", p.name, " is a path: write the command name alone, as ps -e shows it");
  if (p.atmax >= 0 && p.atleast > p.atmax)
    r.error_at("atmax", std::to_string(p.atmax),
               " is below atleast (" + std::to_string(p.atleast) + "): the condition could never hold" +
                   (e.find("atleast") ? "" : "; write atleast=\"-1\" if only atmax counts"));
  for (const auto& other : errd.procs)
    if (!p.name.empty() && other.name == p.name)
      r.warning_at("name", p.name,
                   " is also the name of the process in line " + std::to_string(other.line) +
                       ": both set the one resource proc." + quoted_piece(p.name));
  errd.procs.push_back(std::move(p));
}

} // namespace

ErrdConfig read_errd(ReadContext context, const XmlElement& e) {
  ElementReader r(context, e);
  ErrdConfig errd;
  errd.line = r.line();
  errd.polltimer = r.time("polltimer", errd.polltimer, TimeUnit::s, {seconds(1), seconds(86400)});
  r.done({{"proc", Times::many, [&](const XmlElement& c) { read_proc(context, c, errd); }}});
  return errd;
}

} // namespace lockstep
