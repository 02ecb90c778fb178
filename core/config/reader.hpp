// Reads one element: every attribute by its type and bounds, every child by its name. What a reader is not asked for is
// unknown to it, so done() can tell typos and name the nearest thing that would have been right. The policy tables are
// consulted here.
#pragma once
#include "core/base/time.hpp"
#include "core/config/values.hpp"
#include "core/config/xml.hpp"
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lockstep {

// %NAME% in a value (safekit 3.1): a macro, else the environment's; one pass, not recursive.
class Expander {
 public:
  std::map<std::string, std::string> macros, environment;
  // The expanded text, or the name that nothing defines.
  struct Result {
    std::string text;
    std::string undefined;
  };
  Result expand(std::string_view value) const;
  std::vector<std::string_view> names() const;
};

struct ReadContext {
  Findings& findings;
  const Expander& expander;
};

struct TimeRange {
  Duration least, most;
};
struct IntegerRange {
  std::int64_t least, most;
};

class ElementReader {
 public:
  ElementReader(ReadContext context, const XmlElement& element) : context_(context), element_(element) {}

  const XmlElement& element() const { return element_; }
  std::uint32_t line() const { return element_.at.line; }
  // Where an attribute stands, or its element.
  Place place(std::string_view attribute) const;

  // The expanded value without surrounding blanks; nothing when absent or refused (the finding is made then).
  std::optional<std::string> text(std::string_view attribute);
  // Absent is an error, and so is empty.
  std::optional<std::string> required(std::string_view attribute);
  bool on_off(std::string_view attribute, bool otherwise);
  Duration time(std::string_view attribute, Duration otherwise, TimeUnit implicit, TimeRange range);
  std::int64_t integer(std::string_view attribute, std::int64_t otherwise, IntegerRange range);
  template <class E>
  E choice(std::string_view attribute, E otherwise, std::initializer_list<std::pair<std::string_view, E>> values) {
    std::vector<std::string_view> words;
    for (const auto& v : values) words.push_back(v.first);
    auto i = choose(attribute, words);
    return i ? (values.begin() + *i)->second : otherwise;
  }
  // Absent gives an empty address; so does a wrong one, with the finding.
  std::string address(std::string_view attribute);

  // A complete sentence about a value: <heart timeout="30000x"> + `rest`.
  void error_at(std::string_view attribute, std::string_view value, std::string_view rest);
  void warning_at(std::string_view attribute, std::string_view value, std::string_view rest);
  void error(std::string sentence) { context_.findings.error(element_.at, std::move(sentence)); }
  void warning(std::string sentence) { context_.findings.warning(element_.at, std::move(sentence)); }

  enum class Times : std::uint8_t { once, many };
  struct Child {
    std::string_view name;
    Times times;
    std::function<void(const XmlElement&)> read;
  };
  // Call after all attributes were asked for: finds the unknown ones, then reads the children in the order of the file.
  void done(const std::vector<Child>& children = {});

 private:
  std::optional<std::size_t> choose(std::string_view attribute, const std::vector<std::string_view>& words);
  std::string written(std::string_view attribute, std::string_view value) const;
  void find_unknown_attributes();
  void find_unknown_child(const XmlElement& child, const std::vector<Child>& children);

  ReadContext context_;
  const XmlElement& element_;
  std::vector<std::string_view> asked_;
};

} // namespace lockstep
