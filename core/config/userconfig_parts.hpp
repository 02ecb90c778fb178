// The parts that userconfig.xml is read in; private to core/config.
#pragma once
#include "core/config/module_config.hpp"
#include "core/config/reader.hpp"
#include <optional>
#include <string>
#include <string_view>

namespace lockstep {

constexpr TimeRange pulse_range{ms(10), seconds(60)};
constexpr TimeRange timeout_range{ms(50), seconds(3600)};

// <rfs><flow name="LAN">: the replication network in the syntax before 7.2.
struct FlowElement {
  std::string lan;
  Place at;
};

void check_timeout(ElementReader&, Duration pulse, Duration timeout);
VipConfig read_vip(ReadContext, const XmlElement&);
// Nothing when no directory is left to replicate.
std::optional<RfsConfig> read_rfs(ReadContext, const XmlElement&, std::string_view root,
                                  std::optional<FlowElement>& flow);
ErrdConfig read_errd(ReadContext, const XmlElement&);
// The attribute ident of a checker.
std::string read_ident(ElementReader&);
void read_splitbrain(ReadContext, const XmlElement&, SplitbrainConfig& into);
void read_check(ReadContext, const XmlElement&, CheckConfig& into);

} // namespace lockstep
