// A configuration file as a small tree with places, free of the XML library.
#pragma once
#include "core/config/source.hpp"
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

struct XmlAttribute {
  std::string name, value; // references like &lt; resolved
  Place at;
};

struct XmlElement {
  std::string name;
  Place at;
  std::vector<XmlAttribute> attributes; // names distinct
  std::vector<XmlElement> children;
  bool has_text = false; // anything but white space and comments between the tags
  const XmlAttribute* find(std::string_view attribute) const;
};

// The tree under the one element `root`, or nothing and at least one error. Bounded: a file of more than 1 MiB is
// refused.
std::optional<XmlElement> parse_xml(std::string_view text, std::string_view root, Findings& findings);

} // namespace lockstep
