// For the tests of core/config: fixtures, and the sentences that a text draws.
#pragma once
#include "core/config/cluster.hpp"
#include "core/config/module_config.hpp"
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace lockstep {

inline std::string fixture(const std::string& name) {
  std::ifstream in(LOCKSTEP_SOURCE_DIR "/tests/fixtures/" + name, std::ios::binary);
  BOOST_REQUIRE_MESSAGE(in.good(), "no fixture " << name);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string lines_of(const std::vector<Diagnostic>& all) {
  std::string out;
  for (const auto& d : all) out += to_string(d) + "\n";
  return out;
}

inline std::string errors_of(const std::vector<Diagnostic>& all) {
  std::string out;
  for (const auto& d : all)
    if (d.severity == Severity::error) out += to_string(d) + "\n";
  return out;
}

inline std::string replaced(std::string text, const std::string& what, const std::string& by) {
  auto at = text.find(what);
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, "\"" << what << "\" is not in the text");
  return text.replace(at, what.size(), by);
}

} // namespace lockstep
