// A first look at XML text, before the XML library's: where each tag and attribute lies, what is wrong with the tags in
// words an operator understands, and typographic quotes as delimiters (pages and word processors make them), which
// become plain ones.
#pragma once
#include "core/config/source.hpp"
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

struct ScannedAttribute {
  std::string name;
  std::size_t offset = 0;
};

struct ScannedTag {
  std::size_t offset = 0; // of its name, behind the "<"
  std::string name;
  std::vector<ScannedAttribute> attributes;
};

struct ScannedXml {
  std::string text;             // same length and lines as the input, delimiters plain
  std::vector<ScannedTag> tags; // start tags, in order of offset
};

// `text` is UTF-8 without byte order mark. What is wrong goes to `findings`; the result is then good for nothing.
ScannedXml scan_xml(std::string_view text, const LineIndex& lines, std::string_view root, Findings& findings);

} // namespace lockstep
