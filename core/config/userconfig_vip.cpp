// <vip> (safekit 3.4).
#include "core/config/userconfig_parts.hpp"
#include <algorithm>

namespace lockstep {
namespace {

using Times = ElementReader::Times;

void read_virtual_addr(ReadContext context, const XmlElement& e, const VipConfig& vip, VipInterface& interface) {
  ElementReader r(context, e);
  VirtualAddress v;
  v.line = r.line();
  v.addr = r.address("addr");
  v.where =
      r.choice("where", v.where, {{"one_side_alias", VipWhere::one_side_alias}, {"one_side", VipWhere::one_side}});
  v.check = r.on_off("check", v.check);
  v.connections = r.on_off("connections", v.connections);
  v.netmask = r.text("netmask").value_or("");
  r.done();
  if (!v.netmask.empty() && !is_netmask(v.netmask))
    r.error_at("netmask", v.netmask, " is not a netmask: write one as 255.255.255.0");
  const auto* written = e.find("addr");
  if (!written) return r.error("<virtual_addr> needs the attribute addr");
  if (written->value.empty())
    return r.warning("<virtual_addr addr=\"\"> has no address and is ignored: fill it in, or remove it");
  auto same = [&](const VirtualAddress& other) {
    if (v.addr.empty() || other.addr != v.addr) return false;
    r.error_at("addr", v.addr,
               " is already the virtual address of line " + std::to_string(other.line) + ": remove one");
    return true;
  };
  for (const auto& i : vip.interfaces)
    if (std::any_of(i.addresses.begin(), i.addresses.end(), same)) return;
  if (std::any_of(interface.addresses.begin(), interface.addresses.end(), same)) return;
  interface.addresses.push_back(std::move(v));
}

void read_interface(ReadContext context, const XmlElement& e, VipConfig& vip) {
  ElementReader r(context, e);
  VipInterface i;
  i.line = r.line();
  i.name = r.text("name").value_or("");
  if (!i.name.empty() && (!is_plain_name(i.name) || i.name.size() > 15))
    r.error_at("name", i.name, " is not the name of a network interface: write one as eth0 (at most 15 characters)");
  i.check = r.on_off("check", i.check);
  i.arpreroute = r.on_off("arpreroute", i.arpreroute);
  i.arpinterval = r.time("arpinterval", i.arpinterval, TimeUnit::s, {seconds(1), seconds(3600)});
  i.arpelapse = r.time("arpelapse", i.arpelapse, TimeUnit::s, {{}, seconds(7 * 86400)});
  r.done(
      {{"real_interface", Times::many, [&](const XmlElement& real) {
          ElementReader rr(context, real);
          rr.done({{"virtual_addr", Times::many, [&](const XmlElement& v) { read_virtual_addr(context, v, vip, i); }}});
        }}});
  if (!i.addresses.empty()) vip.interfaces.push_back(std::move(i));
}

} // namespace

VipConfig read_vip(ReadContext context, const XmlElement& e) {
  ElementReader r(context, e);
  VipConfig vip;
  vip.tcpreset = r.on_off("tcpreset", vip.tcpreset);
  r.on_off("scriptcontrol", false); // farm only; "on" is refused by policy
  r.done({{"interface_list", Times::many, [&](const XmlElement& list) {
             ElementReader rl(context, list);
             rl.done({{"interface", Times::many, [&](const XmlElement& i) { read_interface(context, i, vip); }}});
           }}});
  return vip;
}

} // namespace lockstep
