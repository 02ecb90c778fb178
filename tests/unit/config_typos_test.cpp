// Every attribute name of the fixtures, misspelt: an error in its own line that names the right spelling. Nothing is
// read past a typo.
#include "tests/unit/config_support.hpp"
#include <cctype>

using namespace lockstep;

namespace {

struct Name {
  std::size_t offset, length, line;
};

// The attribute names of a text without comments that hold a "=".
std::vector<Name> attribute_names(const std::string& text) {
  std::vector<Name> names;
  std::size_t line = 1;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') ++line;
    if (text[i] == '"') quoted = !quoted;
    if (quoted || text[i] != '=') continue;
    auto from = i;
    while (from > 0 && (std::isalnum(static_cast<unsigned char>(text[from - 1])) || text[from - 1] == '_')) --from;
    names.push_back({from, i - from, line});
  }
  return names;
}

template <class Parse>
void check_typos(const std::string& text, std::size_t at_least, Parse parse) {
  std::size_t tried = 0;
  for (const auto& n : attribute_names(text)) {
    const auto right = text.substr(n.offset, n.length);
    if (right == "version" || right == "encoding" || right.size() < 3) continue;
    auto wrong = right;
    std::swap(wrong[1], wrong[2]);
    if (wrong == right) wrong += 'x';
    auto mutated = text;
    auto diagnostics = parse(mutated.replace(n.offset, n.length, wrong));
    bool found = false;
    for (const auto& d : diagnostics)
      found |=
          d.severity == Severity::error && d.line == n.line &&
          d.sentence.find(" has no attribute \"" + wrong + "\": did you mean \"" + right + "\"?") != std::string::npos;
    BOOST_TEST(found, "line " << n.line << ": " << wrong << "\n" << lines_of(diagnostics));
    ++tried;
  }
  BOOST_TEST(tried >= at_least);
}

} // namespace

BOOST_AUTO_TEST_SUITE(config_typos)

BOOST_AUTO_TEST_CASE(in_userconfig_xml) {
  ModuleParseOptions options;
  options.environment["HOME"] = "/root";
  check_typos(fixture("full_userconfig.xml"), 60,
              [&](const std::string& t) { return parse_module_config(t, options).diagnostics; });
}

BOOST_AUTO_TEST_CASE(in_cluster_xml) {
  check_typos(fixture("cluster.xml"), 10, [](const std::string& t) { return parse_cluster_config(t).diagnostics; });
}

BOOST_AUTO_TEST_CASE(a_file_cut_anywhere_is_refused) {
  const auto text = fixture("seed_userconfig.xml");
  const auto end = text.rfind("</safe>") + 7;
  for (std::size_t n = 0; n < end; ++n) {
    auto r = parse_module_config(text.substr(0, n));
    BOOST_TEST(!r.value.has_value(), "cut at " << n);
    BOOST_TEST(has_error(r.diagnostics), "cut at " << n);
  }
}

BOOST_AUTO_TEST_SUITE_END()
