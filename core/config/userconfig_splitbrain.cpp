// <splitbrain>: who settles it when the nodes lose each other (design 6, safekit 3.9). exec="etcd" and its attributes
// cafile, user and passwordfile are ours.
#include "core/config/http_endpoint.hpp"
#include "core/config/userconfig_parts.hpp"
#include <algorithm>

namespace lockstep {
namespace {

constexpr std::size_t most_witnesses = 16, most_endpoints = 9;

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

void read_witnesses(ElementReader& r, const std::string& arg, SplitbrainConfig& s) {
  if (split_words(arg).empty())
    return r.error(
        "<splitbrain exec=\"ping\"> needs arg with the address of a witness, as a router: write arg=\"10.0.0.1\"");
  for (const auto& word : split_words(arg)) {
    auto address = parse_address(word);
    if (!address)
      r.error_at(
          "arg", word,
          " is not an address: write IPv4 (10.0.0.1), IPv6 ([fd00::1]) or a DNS name, several separated by blanks");
    else if (contains(s.args, *address))
      r.warning_at("arg", word, " is there twice");
    else
      s.args.push_back(*address);
  }
  if (s.args.size() > most_witnesses)
    r.error("<splitbrain> has more than " + std::to_string(most_witnesses) + " witnesses");
  r.warning("<splitbrain exec=\"ping\"> is best effort: when both nodes reach the witness but not each other, both "
            "serve; take a router that every path between the nodes passes");
}

// Fills in args and says whether they are https; nothing when they are not usable.
std::optional<bool> read_endpoints(ElementReader& r, const std::string& arg, SplitbrainConfig& s) {
  std::size_t tls = 0, wrong = 0;
  for (const auto& word : split_words(arg)) {
    auto read = parse_http_endpoint(word);
    auto text = to_string(read.endpoint);
    if (!read.problem.empty())
      ++wrong, r.error_at("arg", word, read.problem);
    else if (contains(s.args, text))
      r.warning_at("arg", word, " is there twice");
    else {
      s.args.push_back(text), tls += read.endpoint.tls ? 1 : 0;
      if (!is_ipv4(read.endpoint.host) && !is_ipv6(read.endpoint.host))
        r.warning_at("arg", word,
                     " is a name: it needs a name server that answers at once when a node is lost; write the address");
    }
  }
  if (wrong > 0) return std::nullopt;
  if (tls != 0 && tls != s.args.size())
    return r.error("<splitbrain arg> mixes http and https: write https for all endpoints, or http for all"),
           std::nullopt;
  if (s.args.size() > most_endpoints)
    return r.error("<splitbrain arg> has more than " + std::to_string(most_endpoints) + " endpoints"), std::nullopt;
  return tls != 0;
}

std::string read_path(ElementReader& r, std::string_view attribute) {
  auto text = r.text(attribute).value_or("");
  if (text.empty()) return "";
  auto path = normal_absolute_path(text);
  if (!path) r.error_at(attribute, text, " is not an absolute path: write it from \"/\" on, without \".\" and \"..\"");
  return path.value_or("");
}

void check_security(ElementReader& r, bool tls, const SplitbrainConfig& s) {
  if (!tls && !s.cafile.empty())
    r.error_at("cafile", s.cafile, " says whom to trust over https, but the endpoints in arg are http: write https");
  if (tls && s.cafile.empty())
    r.warning(
        "<splitbrain> has https endpoints and no cafile: whoever has a certificate of any authority that the system "
        "trusts (/etc/ssl/certs) is believed; write cafile=\"FILE\" with the authority that signed etcd's");
  if (s.user.empty() != s.passwordfile.empty())
    r.error(s.user.empty()
                ? "<splitbrain passwordfile> needs the attribute user"
                : "<splitbrain user> needs the attribute passwordfile: write the path of a file with the password, "
                  "readable by root only, on both nodes");
  if (!tls && !s.user.empty())
    r.warning("<splitbrain user=\"" + s.user +
              "\"> sends its password over http, readable on the network: write https endpoints");
}

void read_etcd(ElementReader& r, const std::string& arg, SplitbrainConfig& s) {
  if (split_words(arg).empty())
    return r.error("<splitbrain exec=\"etcd\"> needs arg with the endpoints of an etcd, separated by blanks: write "
                   "arg=\"http://10.0.0.1:2379 http://10.0.0.2:2379 http://10.0.0.3:2379\"");
  if (auto tls = read_endpoints(r, arg, s)) check_security(r, *tls, s);
  if (s.args.size() == 1)
    r.warning(
        "<splitbrain exec=\"etcd\"> has one endpoint, a single point of failure: while it is down, no node goes on "
        "without the other; take an etcd of three members and write all three");
  if (s.args.size() == 2)
    r.warning(
        "<splitbrain exec=\"etcd\"> has two endpoints: an etcd of two members stops when either is down; take three "
        "and write all three");
}

} // namespace

std::vector<std::string> arbiter_hosts(const SplitbrainConfig& s) {
  if (s.mode != ArbiterMode::etcd) return s.args;
  std::vector<std::string> hosts;
  for (const auto& a : s.args) hosts.push_back(parse_http_endpoint(a).endpoint.host);
  return hosts;
}

void read_splitbrain(ReadContext context, const XmlElement& e, SplitbrainConfig& into) {
  ElementReader r(context, e);
  SplitbrainConfig s;
  s.line = r.line();
  if (!e.find("exec")) r.error("<splitbrain> needs the attribute exec: write exec=\"ping\"");
  s.mode =
      r.choice("exec", s.mode, {{"none", ArbiterMode::none}, {"ping", ArbiterMode::ping}, {"etcd", ArbiterMode::etcd}});
  if (s.mode == ArbiterMode::none)
    r.text("ident");
  else
    s.ident = read_ident(r);
  auto arg = r.text("arg").value_or("");
  r.choice("when", 0, {{"pre", 0}});
  r.choice("action", 0, {{"wait", 0}});
  s.cafile = read_path(r, "cafile"), s.passwordfile = read_path(r, "passwordfile");
  s.user = r.text("user").value_or("");
  r.done();
  if (s.mode != ArbiterMode::etcd && !(s.cafile + s.user + s.passwordfile).empty())
    r.error("<splitbrain> has cafile, user or passwordfile, which belong to exec=\"etcd\": remove them");
  if (s.mode == ArbiterMode::ping) read_witnesses(r, arg, s);
  if (s.mode == ArbiterMode::etcd) read_etcd(r, arg, s);
  if (into.line != 0)
    return r.error("<splitbrain> is there twice (first in line " + std::to_string(into.line) +
                   "): a module has one arbiter; several witnesses go into its arg");
  into = std::move(s);
}

} // namespace lockstep
