#include "core/config/xml.hpp"
#include "core/config/nearest.hpp"
#include "core/config/xml_scan.hpp"
#include <algorithm>
#include <pugixml.hpp>

namespace lockstep {
namespace {

constexpr std::size_t largest_file = 1 << 20;
constexpr std::size_t deepest = 64; // elements within elements; ours need 8

// The length of the UTF-8 character at i, 0 if there is none.
std::size_t utf8_length(std::string_view s, std::size_t i) {
  auto byte = [&](std::size_t k) { return k < s.size() ? static_cast<unsigned char>(s[k]) : 0u; };
  unsigned c = byte(i);
  std::size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
  for (std::size_t k = 1; k < n; ++k)
    if ((byte(i + k) & 0xc0) != 0x80) return 0;
  if ((c == 0xe0 && byte(i + 1) < 0xa0) || (c == 0xed && byte(i + 1) >= 0xa0)) return 0;
  if ((c == 0xf0 && byte(i + 1) < 0x90) || (c == 0xf4 && byte(i + 1) >= 0x90)) return 0;
  return n;
}

bool is_plain_text(std::string_view text, const LineIndex& lines, Findings& findings) {
  for (std::size_t i = 0; i < text.size();) {
    auto c = static_cast<unsigned char>(text[i]);
    auto n = utf8_length(text, i);
    if (n == 0)
      return findings.error(lines.place(i), "this is not UTF-8 text: save the file in the encoding UTF-8"), false;
    if (c < 0x20 && c != '\n' && c != '\r' && c != '\t')
      return findings.error(lines.place(i),
                            "there is a control character (" + std::to_string(c) + ") in the file: remove it"),
             false;
    i += n;
  }
  return true;
}

// Joins the library's tree with the places the scanner found; both saw the same text, so offsets agree.
class TreeBuilder {
 public:
  TreeBuilder(const ScannedXml& scanned, const LineIndex& lines, Findings& findings)
      : scanned_(scanned), lines_(lines), findings_(findings) {}

  XmlElement element(pugi::xml_node node, std::size_t depth) {
    XmlElement e;
    e.name = node.name();
    auto offset = static_cast<std::size_t>(std::max<std::ptrdiff_t>(node.offset_debug(), 0));
    e.at = lines_.place(offset == 0 ? 0 : offset - 1); // of the "<"
    const ScannedTag* tag = find(offset);
    for (auto a : node.attributes()) e.attributes.push_back({a.name(), a.value(), place(tag, a.name(), e.at)});
    if (depth >= deepest) {
      findings_.error(e.at, "<" + e.name + "> is nested deeper than " + std::to_string(deepest) + " elements");
      return e;
    }
    for (auto child : node.children()) {
      if (child.type() == pugi::node_element)
        e.children.push_back(element(child, depth + 1));
      else if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata)
        e.has_text = true;
    }
    return e;
  }

 private:
  const ScannedTag* find(std::size_t offset) const {
    auto t = std::lower_bound(scanned_.tags.begin(), scanned_.tags.end(), offset,
                              [](const ScannedTag& tag, std::size_t o) { return tag.offset < o; });
    return t != scanned_.tags.end() && t->offset == offset ? &*t : nullptr;
  }
  Place place(const ScannedTag* tag, std::string_view attribute, Place otherwise) const {
    if (tag)
      for (const auto& a : tag->attributes)
        if (a.name == attribute) return lines_.place(a.offset);
    return otherwise;
  }

  const ScannedXml& scanned_;
  const LineIndex& lines_;
  Findings& findings_;
};

} // namespace

const XmlAttribute* XmlElement::find(std::string_view attribute) const {
  for (const auto& a : attributes)
    if (a.name == attribute) return &a;
  return nullptr;
}

std::optional<XmlElement> parse_xml(std::string_view text, std::string_view root, Findings& findings) {
  if (text.size() > largest_file) {
    findings.error({},
                   "the file is larger than " + std::to_string(largest_file) + " bytes: this is not a configuration");
    return std::nullopt;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const LineIndex lines(text);
  if (!is_plain_text(text, lines, findings)) return std::nullopt;
  const bool had_errors = findings.any_error();
  ScannedXml scanned = scan_xml(text, lines, root, findings);
  if (findings.any_error() && !had_errors) return std::nullopt;

  pugi::xml_document document;
  auto result =
      document.load_buffer(scanned.text.data(), scanned.text.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!result) {
    auto at = lines.place(static_cast<std::size_t>(std::max<std::ptrdiff_t>(result.offset, 0)));
    findings.error(at, std::string("this is not well-formed XML: ") + result.description());
    return std::nullopt;
  }
  auto top = TreeBuilder(scanned, lines, findings).element(document.document_element(), 1);
  if (top.name != root) {
    findings.error(top.at, "the root element is <" + quoted_piece(top.name) + ">" +
                               did_you_mean(top.name, {root}, "<", ">", ": it must be <" + std::string(root) + ">"));
    return std::nullopt;
  }
  return top;
}

} // namespace lockstep
