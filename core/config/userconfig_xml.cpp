// userconfig.xml -> ModuleConfig: the file as a whole, <macro>, <service>, <heart>, <user> (safekit 3.0-3.3, 3.6).
#include "core/config/digest.hpp"
#include "core/config/nearest.hpp"
#include "core/config/userconfig_parts.hpp"
#include <algorithm>

namespace lockstep {
namespace {

using Times = ElementReader::Times;

constexpr std::size_t most_heartbeats = 16;

void read_macro(ReadContext context, const XmlElement& e, Expander& expander, ModuleConfig& config) {
  ElementReader r(context, e);
  MacroConfig m{r.required("name").value_or(""), r.text("value").value_or("")};
  if (!e.find("value")) r.error("<macro name=\"" + quoted_piece(m.name) + "\"> needs the attribute value");
  r.done();
  if (m.name.empty()) return;
  if (!is_identifier(m.name))
    return r.error_at("name", m.name, " is not a name: write letters, digits and \"_\", no digit first");
  if (!expander.macros.emplace(m.name, m.value).second)
    return r.error_at("name", m.name, " is defined twice: remove one");
  config.macros.push_back(std::move(m));
}

void read_heartbeat(ReadContext context, const XmlElement& e, HeartConfig& heart) {
  ElementReader r(context, e);
  HeartbeatConfig h;
  h.line = r.line();
  const bool legacy = !e.children.empty(); // <server>: refused as such, so the missing name is not worth a word
  h.lan = (legacy ? r.text("name") : r.required("name")).value_or("");
  h.ident = r.text("ident").value_or("");
  if (h.ident.empty()) h.ident = h.lan;
  if (!h.ident.empty() && !is_plain_name(h.ident))
    r.error_at(e.find("ident") ? "ident" : "name", h.ident,
               " is not a name: write letters, digits, \".\" \"-\" \"_\" (at most 64)");
  h.pulse = r.time("pulse", heart.pulse, TimeUnit::ms, pulse_range);
  h.timeout = r.time("timeout", heart.timeout, TimeUnit::ms, timeout_range);
  r.done();
  check_timeout(r, h.pulse, h.timeout);
  for (const auto& other : heart.heartbeats) {
    const std::string where = " is already used by the heartbeat in line " + std::to_string(other.line);
    if (!h.lan.empty() && h.lan == other.lan)
      r.error_at("name", h.lan, where + ": write one heartbeat per lan");
    else if (!h.ident.empty() && h.ident == other.ident)
      r.error_at("ident", h.ident,
                 where + (h.ident == "flow" ? ": only one lan carries the replication" : ": choose another"));
  }
  heart.heartbeats.push_back(std::move(h));
}

void read_var(ReadContext context, const XmlElement& e, UserConfig& user) {
  ElementReader r(context, e);
  ScriptVariable v{r.required("name").value_or(""), r.text("value").value_or("")};
  if (!e.find("value")) r.error("<var name=\"" + quoted_piece(v.name) + "\"> needs the attribute value");
  r.done();
  if (v.name.empty()) return;
  if (!is_identifier(v.name))
    return r.error_at("name", v.name, " is not a name of a variable: write letters, digits and \"_\", no digit first");
  for (const auto& other : user.vars)
    if (other.name == v.name) return r.error_at("name", v.name, " is there twice: remove one");
  user.vars.push_back(std::move(v));
}

// Which heartbeat carries the replication: ident="flow", a legacy <flow name>, else the first (safekit 3.3).
void choose_flow(ModuleConfig& config, const std::optional<FlowElement>& legacy, Findings& findings) {
  auto& all = config.heart.heartbeats;
  if (all.empty()) return;
  auto flow = std::find_if(all.begin(), all.end(), [](const auto& h) { return h.ident == "flow"; });
  if (flow != all.end() && !config.rfs)
    findings.warning({flow->line, 0}, "<heartbeat ident=\"flow\"> carries a replication that <rfs> does not configure: "
                                      "a start would be blocked in WAIT; add <rfs>, or remove ident=\"flow\"");
  if (legacy) {
    auto named = std::find_if(all.begin(), all.end(), [&](const auto& h) { return h.lan == legacy->lan; });
    if (named == all.end())
      findings.error(legacy->at, "<flow name=\"" + legacy->lan + "\"> names a lan that has no <heartbeat name=\"" +
                                     legacy->lan + "\"/>: write one inside <heart>");
    else if (flow != all.end() && flow != named)
      findings.error(legacy->at, "<flow name=\"" + legacy->lan + "\"> contradicts <heartbeat ident=\"flow\"> in line " +
                                     std::to_string(flow->line) + ": remove one");
    flow = named;
  }
  (flow == all.end() ? all.begin() : flow)->flow = true;
}

class ModuleParser {
 public:
  ModuleParser(Findings& findings, const ModuleParseOptions& options) : findings_(findings), options_(options) {
    expander_.environment = options.environment;
    config_.heart.port = module_ports(options.module_id).heartbeat;
  }

  ModuleConfig read(const XmlElement& root) {
    // Macros first: they hold wherever they stand.
    for (const auto& child : root.children)
      if (child.name == "macro") read_macro(context(), child, expander_, config_);
    ElementReader r(context(), root);
    const XmlElement* service = nullptr;
    r.done({{"macro", Times::many, [](const XmlElement&) {}},
            {"service", Times::once, [&](const XmlElement& e) { service = &e; }}});
    if (service)
      read_service(*service);
    else if (!findings_.any_error())
      r.error("<safe> needs <service mode=\"mirror\">");
    return std::move(config_);
  }

 private:
  ReadContext context() { return {findings_, expander_}; }

  void read_service(const XmlElement& e) {
    ElementReader r(context(), e);
    auto& s = config_.service;
    s.line = r.line();
    if (!e.find("mode")) r.error("<service> needs the attribute mode: write mode=\"mirror\"");
    s.mode = r.choice("mode", ModuleMode::mirror, {{"mirror", ModuleMode::mirror}});
    s.boot = r.choice(
        "boot", s.boot,
        {{"on", BootMode::on}, {"off", BootMode::off}, {"auto", BootMode::automatic}, {"ignore", BootMode::ignore}});
    s.boot_delay = r.time("boot_delay", s.boot_delay, TimeUnit::s, {{}, seconds(86400)});
    s.failover = r.on_off("failover", s.failover);
    read_defaultprim(r, s);
    s.maxloop = static_cast<std::uint32_t>(r.integer("maxloop", s.maxloop, {0, 1000}));
    s.loop_interval = r.time("loop_interval", s.loop_interval, TimeUnit::h, {{}, seconds(366 * 86400)});
    s.automatic_reboot = r.on_off("automatic_reboot", false);
    bool heart = false;
    r.done(
        {{"heart", Times::once, [&](const XmlElement& c) { heart = true, read_heart(c); }},
         {"vip", Times::once, [&](const XmlElement& c) { config_.vip = read_vip(context(), c); }},
         {"rfs", Times::once, [&](const XmlElement& c) { config_.rfs = read_rfs(context(), c, options_.root, flow_); }},
         {"user", Times::once, [&](const XmlElement& c) { read_user(c); }},
         {"errd", Times::once, [&](const XmlElement& c) { config_.errd = read_errd(context(), c); }},
         {"check", Times::many, [&](const XmlElement& c) { read_check(context(), c, config_.check); }}});
    if (!heart && !findings_.any_error())
      r.error("<service> needs <heart> with at least one <heartbeat name=\"LAN\"/>");
    check_whole(r);
  }

  static void read_defaultprim(ElementReader& r, ServiceConfig& s) {
    auto value = r.text("defaultprim").value_or("alone");
    if (value == "alone") return;
    s.defaultprim = value == "lastprim" ? DefaultPrim::lastprim : DefaultPrim::server;
    if (s.defaultprim == DefaultPrim::lastprim) return;
    s.defaultprim_server = value;
    if (!is_plain_name(value)) r.error_at("defaultprim", value, " is not alone, lastprim or the name of a server");
  }

  void read_heart(const XmlElement& e) {
    ElementReader r(context(), e);
    auto& h = config_.heart;
    h.line = r.line();
    h.port = static_cast<std::uint16_t>(r.integer("port", h.port, {1, 65535}));
    h.pulse = r.time("pulse", h.pulse, TimeUnit::ms, pulse_range);
    h.timeout = r.time("timeout", h.timeout, TimeUnit::ms, timeout_range);
    r.done({{"heartbeat", Times::many, [&](const XmlElement& c) { read_heartbeat(context(), c, h); }}});
    if (h.heartbeats.empty()) check_timeout(r, h.pulse, h.timeout);
    if (h.heartbeats.empty() && e.children.empty()) r.error("<heart> needs at least one <heartbeat name=\"LAN\"/>");
    if (h.heartbeats.size() > most_heartbeats)
      r.error("<heart> has more than " + std::to_string(most_heartbeats) + " heartbeats");
  }

  void read_user(const XmlElement& e) {
    ElementReader r(context(), e);
    UserConfig u;
    u.line = r.line();
    const TimeRange stop{seconds(1), seconds(86400)};
    u.nicestoptimeout = r.time("nicestoptimeout", u.nicestoptimeout, TimeUnit::s, stop);
    u.forcestoptimeout = r.time("forcestoptimeout", u.forcestoptimeout, TimeUnit::s, stop);
    u.logging = r.choice("logging", u.logging, {{"userlog", ScriptLogging::userlog}, {"none", ScriptLogging::none}});
    u.userlogsize_kb = static_cast<std::uint32_t>(r.integer("userlogsize", u.userlogsize_kb, {1, 1 << 20}));
    r.done({{"var", Times::many, [&](const XmlElement& c) { read_var(context(), c, u); }}});
    config_.user = std::move(u);
  }

  void check_whole(ElementReader& service) {
    if (config_.errd && !config_.user)
      findings_.error({config_.errd->line, 0},
                      "<errd> needs <user/>: without it no script runs, so nothing could be restarted");
    if (!config_.user && service.element().find("mode") && !findings_.any_error())
      service.warning("<service> has no <user/>: no script of the module will run");
    choose_flow(config_, flow_, findings_);
    for (const auto& witness : arbiter_hosts(config_.check.splitbrain))
      for (const auto& i : config_.vip.interfaces)
        for (const auto& v : i.addresses)
          if (v.addr == witness)
            findings_.error({config_.check.splitbrain.line, 0},
                            "<splitbrain arg=\"" + witness + "\"> is the virtual address of line " +
                                std::to_string(v.line) + ": a witness must be a machine of its own, as a router");
  }

  Findings& findings_;
  const ModuleParseOptions& options_;
  Expander expander_;
  std::optional<FlowElement> flow_;
  ModuleConfig config_;
};

} // namespace

void check_timeout(ElementReader& r, Duration pulse, Duration timeout) {
  if (timeout > pulse * 2) return;
  r.error("<" + r.element().name + "> has timeout " + time_text(timeout) + " with pulse " + time_text(pulse) +
          ": the timeout must be longer than two pulses");
}

ParseResult<ModuleConfig> parse_module_config(std::string_view text, const ModuleParseOptions& options) {
  Findings findings(options.file);
  std::optional<ModuleConfig> config;
  if (auto root = parse_xml(text, "safe", findings)) {
    config = ModuleParser(findings, options).read(*root);
    config->text_digest = stable_digest(text);
  }
  if (findings.any_error()) config.reset();
  return {std::move(config), findings.take()};
}

} // namespace lockstep
