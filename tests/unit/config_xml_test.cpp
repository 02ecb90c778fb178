// The file as XML: what is malformed, where, in words; quotes that a word processor made.
#include "core/config/source.hpp"
#include "core/config/xml.hpp"
#include "tests/unit/config_support.hpp"

using namespace lockstep;

namespace {

std::string said(const std::string& text) {
  Findings f("f.xml");
  auto root = parse_xml(text, "safe", f);
  const bool failed = f.any_error();
  BOOST_TEST(root.has_value() != failed);
  return lines_of(f.take());
}

} // namespace

BOOST_AUTO_TEST_SUITE(config_xml)

BOOST_AUTO_TEST_CASE(malformed_xml_is_located) {
  struct Row {
    std::string text, says;
  };
  const std::vector<Row> rows = {
      {"", "f.xml: there is no <safe> element in this file\n"},
      {"  \n<!-- only a comment -->", "f.xml: there is no <safe> element in this file\n"},
      {"hello", "f.xml:1: text outside the <safe> element means nothing: remove it\n"},
      {"<safe>\n<a>\n</safe>", "f.xml:3: </safe> does not close <a> of line 2: write </a> first, or <a ... /> there\n"},
      {"<safe>\n<a>\n", "f.xml:2: <a> is never closed: write </a> at its end\n"},
      {"<safe/>\n</safe>", "f.xml:2: </safe> closes nothing: remove it, or write <safe> where it should begin\n"},
      {"<safe/>\n<safe/>", "f.xml:2: <safe> is a second root element: only one <safe> is allowed\n"},
      {"<safe>\n<a b=1/></safe>",
       "f.xml:2: the value of the attribute \"b\" of <a> is not in quotes: write b=\"VALUE\"\n"},
      {"<safe>\n<a b/></safe>", "f.xml:2: the attribute \"b\" of <a> has no value: write b=\"VALUE\"\n"},
      {"<safe>\n<a b=\"1/>\n</safe>", "f.xml:2: the value of the attribute \"b\" of <a> is not closed by a quote (or "
                                      "has a \"<\" in it: write &lt; instead)\n"},
      {"<safe>\n<a b=\"1\"c=\"2\"/></safe>", "f.xml:2: a space is missing before the attribute \"c\" of <a>\n"},
      {"<safe>\n<a b=\"1\" b=\"2\"/></safe>", "f.xml:2: <a> has the attribute \"b\" twice: remove one\n"},
      {"<safe>\n<a b=\"x & y\"/></safe>", "f.xml:2: a \"&\" in a value must begin one of &amp; &lt; &gt; &quot; "
                                          "&apos;: write &amp; for the character itself\n"},
      {"<safe>\n<a b=\"&#0;\"/></safe>", "f.xml:2: a \"&\" in a value must begin one of &amp; &lt; &gt; &quot; &apos;: "
                                         "write &amp; for the character itself\n"},
      {"<safe>\n<a ,b=\"1\"/></safe>",
       "f.xml:2: \",\" does not belong into the tag <a>: an attribute is written NAME=\"VALUE\"\n"},
      {"<safe>\n<a", "f.xml:2: the tag <a is not closed by \">\"\n"},
      {"<safe>\n1 < 2</safe>",
       "f.xml:2: a \"<\" must begin an element, an end tag or a comment: write &lt; for the character itself\n"},
      {"<safe>\n<!-- never", "f.xml:2: this comment is never closed: write --> at its end\n"},
      {"<safe>\n<![CDATA[", "f.xml:2: this CDATA section is never closed: write ]]> at its end\n"},
      {"<?xml\n", "f.xml:1: this <? is never closed: write ?> at its end\n"},
      {"<!DOCTYPE cluster>\n<safe/>", "f.xml:1: <!DOCTYPE cluster> does not fit this file: write <!DOCTYPE safe>\n"},
      {"<!DOCTYPE safe SYSTEM \"x.dtd\">\n<safe/>",
       "f.xml:1: no DTD is read from a configuration file: write <!DOCTYPE safe> and nothing else in it\n"},
      {"<!DOCTYPE safe [<!ENTITY a \"b\">]>\n<safe/>",
       "f.xml:1: no DTD is read from a configuration file: write <!DOCTYPE safe> and nothing else in it\n"},
      {"<safe/>\n<!DOCTYPE safe>", "f.xml:2: <!DOCTYPE safe> belongs before the first element\n"},
      {"<safe>\n\xff</safe>", "f.xml:2: this is not UTF-8 text: save the file in the encoding UTF-8\n"},
      {std::string("<safe>\n\0</safe>", 15), "f.xml:2: there is a control character (0) in the file: remove it\n"},
      {"\xff\xfe<\0s\0", "f.xml:1: this is not UTF-8 text: save the file in the encoding UTF-8\n"},
  };
  for (const auto& row : rows) BOOST_TEST(said(row.text) == row.says);
  BOOST_TEST(said(std::string(2 << 20, ' ')) ==
             "f.xml: the file is larger than 1048576 bytes: this is not a configuration\n");
}

BOOST_AUTO_TEST_CASE(what_is_well_formed_passes) {
  for (const char* text : {"<safe/>", "<!DOCTYPE safe><safe></safe>",
                           "<!-- a --><!DOCTYPE safe><!-- b --><safe a='\"' b=\"it's\"/><!-- c -->",
                           "\xEF\xBB\xBF<?xml version=\"1.0\"?>\r\n<safe\r\n a = '1'\r\n/>\r\n",
                           "<safe><a b=\"&lt;&amp;&#65;&#x41;\"/></safe>"})
    BOOST_TEST(said(text) == "");
}

BOOST_AUTO_TEST_CASE(places_are_those_of_the_file) {
  Findings f("f.xml");
  auto root = parse_xml("\xEF\xBB\xBF<safe>\n\n  <a b=\"1\"\n     c='2'/>\n</safe>", "safe", f);
  BOOST_REQUIRE(root.has_value());
  const auto& a = root->children.at(0);
  BOOST_TEST((a.at == Place{3, 3}));
  BOOST_TEST((a.attributes.at(0).at == Place{3, 6}));
  BOOST_TEST((a.attributes.at(1).at == Place{4, 6}));
}

BOOST_AUTO_TEST_CASE(typographic_quotes_delimit_with_a_warning) {
  Findings f("f.xml");
  // Left and right double, both right, single ones, closed by a plain one; quotes inside a value stay.
  auto root = parse_xml("<safe a=“1” b=”2” c=‘3’ d=’4' e=“5\" f=\"say “hi” &amp; go\" g=‘“6”’/>", "safe", f);
  BOOST_REQUIRE(root.has_value());
  std::string values;
  for (const auto& a : root->attributes) values += a.name + "=" + a.value + ";";
  BOOST_TEST(values == "a=1;b=2;c=3;d=4;e=5;f=say “hi” & go;g=“6”;");
  auto all = f.take();
  BOOST_REQUIRE_EQUAL(all.size(), 6u);
  BOOST_TEST(to_string(all[0]) == "f.xml:1: warning: the value of the attribute \"a\" of <safe> is in typographic "
                                  "quotes, which are read as plain ones: write a=\"1\"");
  BOOST_TEST(all[1].column == 17u); // in bytes of the file as it is
}

BOOST_AUTO_TEST_CASE(typographic_quotes_elsewhere_stay) {
  BOOST_TEST(said("<!-- ”a” --><safe/>") == "");
  BOOST_TEST(said("<safe a=”1/>\n</safe>") == "f.xml:1: the value of the attribute \"a\" of <safe> is not closed by a "
                                              "quote (or has a \"<\" in it: write &lt; instead)\n");
  BOOST_TEST(said("<safe ”a”/>") ==
             "f.xml:1: \"”\" does not belong into the tag <safe>: an attribute is written NAME=\"VALUE\"\n");
}

BOOST_AUTO_TEST_SUITE_END()
