// <check> and the checkers (safekit 3.9); the arbiter is in userconfig_splitbrain.cpp. Real files nest <check> in
// <check>; that means no more than one.
#include "core/config/userconfig_parts.hpp"

namespace lockstep {
namespace {

using Times = ElementReader::Times;

template <class Checker>
void add(ElementReader& r, Checker checker, std::vector<Checker>& all) {
  for (const auto& other : all)
    if (!checker.ident.empty() && other.ident == checker.ident)
      return r.error_at("ident", checker.ident,
                        " is already the ident of the checker in line " + std::to_string(other.line) +
                            ": choose another");
  all.push_back(std::move(checker));
}

// The one <to> inside a checker.
template <class Read>
void read_to(ReadContext context, ElementReader& r, Read read) {
  bool seen = false;
  r.done({{"to", Times::once, [&](const XmlElement& to) {
             seen = true;
             ElementReader rt(context, to);
             read(rt);
             rt.done();
           }}});
  if (!seen) r.error("<" + r.element().name + "> needs <to> with an address");
}

std::string required_address(ElementReader& r, std::string_view attribute) {
  const auto* a = r.element().find(attribute);
  if (!a || a->value.empty())
    r.error("<" + r.element().name + "> needs the attribute " + std::string(attribute) + " with an address");
  return r.address(attribute);
}

void read_intf(ReadContext context, const XmlElement& e, CheckConfig& check) {
  ElementReader r(context, e);
  IntfChecker c;
  c.line = r.line();
  c.ident = read_ident(r);
  r.choice("when", 0, {{"pre", 0}});
  r.choice("action", 0, {{"wait", 0}});
  read_to(context, r, [&](ElementReader& to) { c.local_addr = required_address(to, "local_addr"); });
  add(r, std::move(c), check.intf);
}

void read_ip(ReadContext context, const XmlElement& e, CheckConfig& check) {
  ElementReader r(context, e);
  IpChecker c;
  c.line = r.line();
  c.ident = read_ident(r);
  c.when = r.choice("when", c.when, {{"prim", IpCheckerWhen::prim}, {"both", IpCheckerWhen::both}});
  r.choice("action", 0, {{"stopstart", 0}});
  read_to(context, r, [&](ElementReader& to) {
    c.addr = required_address(to, "addr");
    c.interval = to.time("interval", c.interval, TimeUnit::s, {seconds(1), seconds(86400)});
  });
  add(r, std::move(c), check.ip);
}

} // namespace

std::string read_ident(ElementReader& r) {
  auto ident = r.required("ident").value_or("");
  if (!ident.empty() && !is_plain_name(ident))
    r.error_at("ident", ident, " is not a name: write letters, digits, \".\" \"-\" \"_\" (at most 64)");
  return ident;
}

void read_check(ReadContext context, const XmlElement& e, CheckConfig& into) {
  ElementReader r(context, e);
  r.done({{"check", Times::many, [&](const XmlElement& c) { read_check(context, c, into); }},
          {"splitbrain", Times::many, [&](const XmlElement& c) { read_splitbrain(context, c, into.splitbrain); }},
          {"intf", Times::many, [&](const XmlElement& c) { read_intf(context, c, into); }},
          {"ip", Times::many, [&](const XmlElement& c) { read_ip(context, c, into); }}});
}

} // namespace lockstep
