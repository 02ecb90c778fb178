#include "core/config/xml_scan.hpp"
#include "core/config/nearest.hpp"

namespace lockstep {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) { return is_alpha(c) || c == '_' || c == ':'; }
bool in_name(char c) { return starts_name(c) || is_digit(c) || c == '-' || c == '.'; }

// 1: typographic double quote at i, 2: typographic single quote, 0: neither. Each takes three bytes: E2 80 9C/9D, E2 80
// 98/99.
int typographic(std::string_view s, std::size_t i) {
  if (i + 3 > s.size() || s[i] != '\xE2' || s[i + 1] != '\x80') return 0;
  if (s[i + 2] == '\x9C' || s[i + 2] == '\x9D') return 1;
  return s[i + 2] == '\x98' || s[i + 2] == '\x99' ? 2 : 0;
}

class Scanner {
 public:
  Scanner(std::string_view text, const LineIndex& lines, std::string_view root, Findings& findings)
      : in_(text), lines_(lines), root_(root), findings_(findings) {
    out_.text = std::string(text);
  }

  ScannedXml run() {
    while (ok_ && at_ < in_.size()) {
      if (in_[at_] == '<')
        markup();
      else
        text();
    }
    if (ok_ && !open_.empty())
      fail(open_.back().offset,
           "<" + open_.back().name + "> is never closed: write </" + open_.back().name + "> at its end");
    if (ok_ && !seen_root_) fail_whole("there is no <" + std::string(root_) + "> element in this file");
    return std::move(out_);
  }

 private:
  struct Open {
    std::string name;
    std::size_t offset;
  };

  void fail(std::size_t offset, std::string sentence) {
    findings_.error(lines_.place(offset), std::move(sentence));
    ok_ = false;
  }
  void fail_whole(std::string sentence) {
    findings_.error({}, std::move(sentence));
    ok_ = false;
  }
  bool ahead(std::string_view s) const { return in_.substr(at_, s.size()) == s; }
  void skip_spaces() {
    while (at_ < in_.size() && is_space(in_[at_])) ++at_;
  }
  std::string name() {
    auto from = at_;
    while (at_ < in_.size() && in_name(in_[at_])) ++at_;
    return std::string(in_.substr(from, at_ - from));
  }
  std::string place_words(std::size_t offset) const { return "line " + std::to_string(lines_.place(offset).line); }

  void text() {
    for (; at_ < in_.size() && in_[at_] != '<'; ++at_)
      if (!is_space(in_[at_]) && open_.empty())
        return fail(at_, "text outside the <" + std::string(root_) + "> element means nothing: remove it");
  }

  void markup() {
    if (ahead("<!--")) return skip_to("-->", 4, "this comment is never closed: write --> at its end");
    if (ahead("<![CDATA[")) return skip_to("]]>", 9, "this CDATA section is never closed: write ]]> at its end");
    if (ahead("<?")) return skip_to("?>", 2, "this <? is never closed: write ?> at its end");
    if (ahead("<!")) return doctype();
    if (ahead("</")) return end_tag();
    start_tag();
  }

  void skip_to(std::string_view end, std::size_t opener, const char* unclosed) {
    auto e = in_.find(end, at_ + opener);
    if (e == std::string_view::npos) return fail(at_, unclosed);
    if (end == "]]>" && open_.empty()) return fail(at_, "a CDATA section outside any element means nothing: remove it");
    at_ = e + end.size();
  }

  void doctype() {
    auto from = at_;
    std::string wanted = "<!DOCTYPE " + std::string(root_) + ">";
    if (!ahead("<!DOCTYPE"))
      return fail(from, "this is no markup that belongs here: only " + wanted + " and comments may begin with <!");
    at_ += 9;
    skip_spaces();
    auto n = name();
    skip_spaces();
    if (at_ >= in_.size() || in_[at_] != '>')
      return fail(from, "no DTD is read from a configuration file: write " + wanted + " and nothing else in it");
    if (n != root_) return fail(from, "<!DOCTYPE " + quoted_piece(n) + "> does not fit this file: write " + wanted);
    if (seen_root_) return fail(from, wanted + " belongs before the first element");
    if (seen_doctype_) return fail(from, "there is a second " + wanted + ": remove one");
    seen_doctype_ = true;
    ++at_;
  }

  void end_tag() {
    auto from = at_;
    at_ += 2;
    auto n = name();
    skip_spaces();
    if (n.empty() || at_ >= in_.size() || in_[at_] != '>')
      return fail(from, "</" + n + " is not a complete end tag: write </NAME>");
    if (open_.empty())
      return fail(from, "</" + n + "> closes nothing: remove it, or write <" + n + "> where it should begin");
    const auto& o = open_.back();
    if (o.name != n)
      return fail(from, "</" + n + "> does not close <" + o.name + "> of " + place_words(o.offset) + ": write </" +
                            o.name + "> first, or <" + o.name + " ... /> there");
    open_.pop_back();
    ++at_;
  }

  void start_tag() {
    auto from = at_++;
    ScannedTag tag{at_, name(), {}};
    if (tag.name.empty() || !starts_name(tag.name[0]))
      return fail(from, "a \"<\" must begin an element, an end tag or a comment: write &lt; for the character itself");
    if (open_.empty() && seen_root_)
      return fail(from,
                  "<" + tag.name + "> is a second root element: only one <" + std::string(root_) + "> is allowed");
    seen_root_ = true;
    bool closed = false;
    while (ok_ && !tag_ends(tag, from, closed)) attribute(tag);
    if (!ok_) return;
    if (!closed) open_.push_back({tag.name, from});
    out_.tags.push_back(std::move(tag));
  }

  // True at the end of the tag or at an error.
  bool tag_ends(const ScannedTag& tag, std::size_t from, bool& closed) {
    auto before = at_;
    skip_spaces();
    if (at_ >= in_.size() || in_[at_] == '<')
      return fail(from, "the tag <" + tag.name + " is not closed by \">\""), true;
    if (in_[at_] == '>') return ++at_, true;
    if (ahead("/>")) return at_ += 2, closed = true, true;
    if (!starts_name(in_[at_]))
      return fail(at_, "\"" + one_character() + "\" does not belong into the tag <" + tag.name +
                           ">: an attribute is written NAME=\"VALUE\""),
             true;
    if (before == at_)
      return fail(at_, "a space is missing before the attribute \"" + name() + "\" of <" + tag.name + ">"), true;
    return false;
  }

  std::string one_character() const {
    std::size_t n = 1;
    while (at_ + n < in_.size() && n < 4 && (static_cast<unsigned char>(in_[at_ + n]) & 0xc0) == 0x80) ++n;
    return quoted_piece(in_.substr(at_, n));
  }

  void attribute(ScannedTag& tag) {
    ScannedAttribute a{"", at_};
    a.name = name();
    for (const auto& other : tag.attributes)
      if (other.name == a.name)
        return fail(a.offset, "<" + tag.name + "> has the attribute \"" + a.name + "\" twice: remove one");
    skip_spaces();
    if (at_ >= in_.size() || in_[at_] != '=')
      return fail(a.offset, "the attribute \"" + a.name + "\" of <" + tag.name + "> has no value: write " + a.name +
                                "=\"VALUE\"");
    ++at_;
    skip_spaces();
    if (at_ >= in_.size()) return fail(a.offset, "the tag <" + tag.name + " is not closed by \">\"");
    if (in_[at_] == '"' || in_[at_] == '\'')
      plain_value(tag, a, in_[at_]);
    else if (int family = typographic(in_, at_))
      typographic_value(tag, a, family);
    else
      fail(a.offset, "the value of the attribute \"" + a.name + "\" of <" + tag.name + "> is not in quotes: write " +
                         a.name + "=\"VALUE\"");
    if (ok_) tag.attributes.push_back(std::move(a));
  }

  void plain_value(const ScannedTag& tag, const ScannedAttribute& a, char quote) {
    auto from = ++at_;
    while (at_ < in_.size() && in_[at_] != quote && in_[at_] != '<') ++at_;
    if (at_ >= in_.size() || in_[at_] != quote) return unclosed(tag, a);
    check_references(from, at_);
    ++at_;
  }

  // Opened by any quote of the family (the seed opens with a right one), closed by the next of it, plain or not.
  void typographic_value(const ScannedTag& tag, const ScannedAttribute& a, int family) {
    const char plain = family == 1 ? '"' : '\'';
    overwrite(at_, "  ", plain);
    at_ += 3;
    auto from = at_;
    while (at_ < in_.size() && in_[at_] != '<' && in_[at_] != plain && typographic(in_, at_) != family) ++at_;
    if (at_ >= in_.size() || in_[at_] == '<') return unclosed(tag, a);
    auto to = at_;
    if (in_[at_] == plain)
      ++at_;
    else
      out_.text.replace(at_, 3, std::string(1, plain) + "  "), at_ += 3;
    // Inside a value that now has plain delimiters a plain quote of the same family cannot occur: it would have closed
    // it.
    check_references(from, to);
    findings_.warning(lines_.place(a.offset), "the value of the attribute \"" + a.name + "\" of <" + tag.name +
                                                  "> is in typographic quotes, which are read as plain ones: write " +
                                                  a.name + "=\"" + quoted_piece(in_.substr(from, to - from)) + "\"");
  }

  void overwrite(std::size_t offset, std::string_view spaces, char quote) {
    out_.text.replace(offset, 3, std::string(spaces) + quote);
  }

  void unclosed(const ScannedTag& tag, const ScannedAttribute& a) {
    fail(a.offset, "the value of the attribute \"" + a.name + "\" of <" + tag.name +
                       "> is not closed by a quote (or has a \"<\" in it: write &lt; instead)");
  }

  void check_references(std::size_t from, std::size_t to) {
    for (auto i = in_.find('&', from); i < to; i = in_.find('&', i + 1)) {
      auto end = in_.find(';', i);
      auto body = end < to ? in_.substr(i + 1, end - i - 1) : std::string_view{};
      if (!is_reference(body))
        return fail(
            i,
            "a \"&\" in a value must begin one of &amp; &lt; &gt; &quot; &apos;: write &amp; for the character itself");
    }
  }
  static bool is_reference(std::string_view body) {
    for (auto known : {"amp", "lt", "gt", "quot", "apos"})
      if (body == known) return true;
    if (body.size() < 2 || body.size() > 8 || body[0] != '#') return false;
    const bool hex = body[1] == 'x';
    std::uint32_t v = 0;
    for (char c : body.substr(hex ? 2 : 1)) {
      if (!is_digit(c) && !(hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))) return false;
      v = v * (hex ? 16 : 10) + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v >= 0x20 && v <= 0x10ffff && !(v >= 0xd800 && v <= 0xdfff);
  }

  std::string_view in_;
  const LineIndex& lines_;
  std::string_view root_;
  Findings& findings_;
  ScannedXml out_;
  std::vector<Open> open_;
  std::size_t at_ = 0;
  bool ok_ = true, seen_root_ = false, seen_doctype_ = false;
};

} // namespace

ScannedXml scan_xml(std::string_view text, const LineIndex& lines, std::string_view root, Findings& findings) {
  return Scanner(text, lines, root, findings).run();
}

} // namespace lockstep
