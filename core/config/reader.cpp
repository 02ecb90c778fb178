#include "core/config/reader.hpp"
#include "core/config/nearest.hpp"
#include "core/config/policy.hpp"
#include <algorithm>

namespace lockstep {
namespace {

std::string trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return std::string(s);
}

std::string joined(const std::vector<std::string_view>& words, std::string_view open = "",
                   std::string_view close = "") {
  std::string out;
  for (auto w : words) out += (out.empty() ? "" : ", ") + std::string(open) + std::string(w) + std::string(close);
  return out;
}

std::vector<std::string_view> distinct(std::vector<std::string_view> words) {
  std::vector<std::string_view> out;
  for (auto w : words)
    if (std::find(out.begin(), out.end(), w) == out.end()) out.push_back(w);
  return out;
}

// Where an element that was met in the wrong place belongs.
std::string_view home_of(std::string_view element) {
  static const std::map<std::string_view, std::string_view> homes = {
      {"macro", "safe"},
      {"service", "safe"},
      {"heart", "service"},
      {"vip", "service"},
      {"rfs", "service"},
      {"user", "service"},
      {"errd", "service"},
      {"check", "service"},
      {"heartbeat", "heart"},
      {"interface_list", "vip"},
      {"interface", "interface_list"},
      {"real_interface", "interface"},
      {"virtual_addr", "real_interface"},
      {"replicated", "rfs"},
      {"flow", "rfs"},
      {"tocheck", "replicated"},
      {"var", "user"},
      {"proc", "errd"},
      {"splitbrain", "check"},
      {"intf", "check"},
      {"ip", "check"},
      {"lans", "cluster"},
      {"lan", "lans"},
      {"node", "lan"},
  };
  auto h = homes.find(element);
  return h == homes.end() ? std::string_view{} : h->second;
}

} // namespace

Expander::Result Expander::expand(std::string_view value) const {
  Result r;
  while (!value.empty()) {
    auto open = value.find('%');
    auto close = open == std::string_view::npos ? open : value.find('%', open + 1);
    if (close == std::string_view::npos) break;
    auto name = value.substr(open + 1, close - open - 1);
    if (!is_identifier(name)) { // a lone "%"; the second one may still begin a name
      r.text += value.substr(0, close), value.remove_prefix(close);
      continue;
    }
    r.text += value.substr(0, open);
    if (auto m = macros.find(std::string(name)); m != macros.end())
      r.text += m->second;
    else if (auto e = environment.find(std::string(name)); e != environment.end())
      r.text += e->second;
    else if (r.undefined.empty())
      r.undefined = name;
    value.remove_prefix(close + 1);
  }
  r.text += value;
  return r;
}

std::vector<std::string_view> Expander::names() const {
  std::vector<std::string_view> all;
  for (const auto& m : macros) all.push_back(m.first);
  for (const auto& e : environment) all.push_back(e.first);
  return all;
}

std::string ElementReader::written(std::string_view attribute, std::string_view value) const {
  return "<" + element_.name + " " + std::string(attribute) + "=\"" + quoted_piece(value) + "\">";
}

Place ElementReader::place(std::string_view attribute) const {
  const auto* a = element_.find(attribute);
  return a ? a->at : element_.at;
}

void ElementReader::error_at(std::string_view attribute, std::string_view value, std::string_view rest) {
  context_.findings.error(place(attribute), written(attribute, value) + std::string(rest));
}

void ElementReader::warning_at(std::string_view attribute, std::string_view value, std::string_view rest) {
  context_.findings.warning(place(attribute), written(attribute, value) + std::string(rest));
}

std::optional<std::string> ElementReader::text(std::string_view attribute) {
  asked_.push_back(attribute);
  const auto* a = element_.find(attribute);
  if (!a) return std::nullopt;
  auto expanded = context_.expander.expand(a->value);
  if (!expanded.undefined.empty()) {
    const auto& n = expanded.undefined;
    error_at(attribute, a->value,
             " uses %" + n + "%, which nothing defines" +
                 did_you_mean(n, context_.expander.names(), "%", "%",
                              ": write <macro name=\"" + n + "\" value=\"...\"/> before <service>"));
    return std::nullopt;
  }
  auto value = trimmed(expanded.text);
  if (const auto* rule = find_unbuilt(element_.name, attribute, value)) {
    error_at(attribute, value,
             " asks for " + std::string(rule->function) + ", which is not built yet: " + std::string(rule->instead));
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> ElementReader::required(std::string_view attribute) {
  const bool present = element_.find(attribute) != nullptr;
  auto value = text(attribute);
  if (!present) error("<" + element_.name + "> needs the attribute " + std::string(attribute));
  if (value && value->empty()) {
    error_at(attribute, "", " is empty: write a value");
    return std::nullopt;
  }
  return value;
}

std::optional<std::size_t> ElementReader::choose(std::string_view attribute,
                                                 const std::vector<std::string_view>& words) {
  auto value = text(attribute);
  if (!value) return std::nullopt;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (*value == words[i]) return i;
  error_at(attribute, *value, " is not one of " + joined(words) + did_you_mean(*value, words, "\"", "\"", ""));
  return std::nullopt;
}

bool ElementReader::on_off(std::string_view attribute, bool otherwise) {
  return choice<bool>(attribute, otherwise, {{"on", true}, {"off", false}});
}

Duration ElementReader::time(std::string_view attribute, Duration otherwise, TimeUnit implicit, TimeRange range) {
  auto value = text(attribute);
  if (!value) return otherwise;
  const std::string unit(unit_name(implicit));
  auto t = parse_time(*value, implicit);
  switch (t.error) {
  case TimeError::none: break;
  case TimeError::not_a_time:
  case TimeError::unknown_unit:
    error_at(attribute, *value,
             " is not a time: write a number of " + unit + " or use d h m s ms us" +
                 (t.suggestion.empty() ? "" : ": did you mean \"" + t.suggestion + "\"?"));
    return otherwise;
  case TimeError::rounds_to_zero:
    error_at(attribute, *value,
             ": invalid value '" + quoted_piece(*value) + "' for the attribute " + std::string(attribute) +
                 " (expected time unit: '" + unit + "')");
    return otherwise;
  case TimeError::too_long: t.value = range.most + ns(1); break;
  }
  if (t.value >= range.least && t.value <= range.most) return t.value;
  error_at(attribute, *value,
           " is out of range: write a time from " + time_text(range.least) + " to " + time_text(range.most) +
               " (a number alone counts " + unit + ")");
  return otherwise;
}

std::int64_t ElementReader::integer(std::string_view attribute, std::int64_t otherwise, IntegerRange range) {
  auto value = text(attribute);
  if (!value) return otherwise;
  auto v = parse_integer(*value);
  if (v && *v >= range.least && *v <= range.most) return *v;
  const bool digits =
      !value->empty() && value->find_first_not_of("0123456789", (*value)[0] == '-' ? 1 : 0) == std::string::npos;
  error_at(attribute, *value,
           std::string(v || digits ? " is out of range" : " is not a whole number") + ": write a number from " +
               std::to_string(range.least) + " to " + std::to_string(range.most));
  return otherwise;
}

std::string ElementReader::address(std::string_view attribute) {
  auto value = text(attribute);
  if (!value || value->empty()) return "";
  if (auto a = parse_address(*value)) return *a;
  error_at(attribute, *value, " is not an address: write IPv4 (10.0.0.1), IPv6 ([fd00::1]) or a DNS name");
  return "";
}

void ElementReader::find_unknown_attributes() {
  auto known = asked_;
  for (auto n : policy_attributes(element_.name)) known.push_back(n);
  known = distinct(std::move(known));
  for (const auto& a : element_.attributes) {
    if (std::find(asked_.begin(), asked_.end(), a.name) != asked_.end()) continue;
    if (const auto* rule = find_tuning(element_.name, a.name)) {
      context_.findings.warning(a.at, written(a.name, a.value) +
                                          " has no meaning here and is ignored: " + std::string(rule->because));
      continue;
    }
    if (const auto* rule = find_unbuilt(element_.name, a.name, a.value)) {
      context_.findings.error(a.at, written(a.name, a.value) + " asks for " + std::string(rule->function) +
                                        ", which is not built yet: " + std::string(rule->instead));
      continue;
    }
    std::string otherwise = known.empty() ? ": it has no attributes" : ": it has " + joined(known);
    context_.findings.error(a.at, "<" + element_.name + "> has no attribute \"" + quoted_piece(a.name) + "\"" +
                                      did_you_mean(a.name, known, "\"", "\"", otherwise));
  }
}

void ElementReader::find_unknown_child(const XmlElement& child, const std::vector<Child>& children) {
  if (const auto* rule = find_unbuilt_element(element_.name, child.name)) {
    context_.findings.error(child.at, "<" + child.name + "> asks for " + std::string(rule->function) +
                                          ", which is not built yet: " + std::string(rule->instead));
    return;
  }
  const std::string start = "<" + quoted_piece(child.name) + "> is not known inside <" + element_.name + ">";
  if (auto home = home_of(child.name); !home.empty() && home != element_.name) {
    context_.findings.error(child.at, start + ": it belongs inside <" + std::string(home) + ">");
    return;
  }
  std::vector<std::string_view> known;
  for (const auto& c : children) known.push_back(c.name);
  for (auto n : policy_children(element_.name)) known.push_back(n);
  std::string otherwise = known.empty() ? ": nothing belongs there" : ": " + joined(known, "<", ">") + " belong there";
  context_.findings.error(child.at, start + did_you_mean(child.name, known, "<", ">", otherwise));
}

void ElementReader::done(const std::vector<Child>& children) {
  find_unknown_attributes();
  if (element_.has_text) error("<" + element_.name + "> has text between its tags, which means nothing: remove it");
  std::map<std::string_view, std::uint32_t> first_line;
  for (const auto& child : element_.children) {
    auto c = std::find_if(children.begin(), children.end(), [&](const Child& k) { return k.name == child.name; });
    if (c == children.end()) {
      find_unknown_child(child, children);
      continue;
    }
    auto [first, fresh] = first_line.emplace(c->name, child.at.line);
    if (!fresh && c->times == Times::once) {
      context_.findings.error(child.at, "<" + child.name + "> is there twice (first in line " +
                                            std::to_string(first->second) + "): write it once");
      continue;
    }
    c->read(child);
  }
}

} // namespace lockstep
