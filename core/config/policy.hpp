// What is understood but not done. Tuning that means nothing here is accepted with a warning; a function that is not
// built yet is refused by name, never ignored. The two tables are the only place that says so: building a function
// removes its row.
#pragma once
#include <string_view>
#include <vector>

namespace lockstep {

struct TuningRule { // the attribute is read by nobody
  std::string_view element, attribute;
  std::string_view because; // "has no meaning here and is ignored: ..."
};

struct UnbuiltRule {
  std::string_view element;          // the element that holds the attribute; with no attribute, the element's parent
  std::string_view attribute;        // empty: the whole element `child` is refused
  std::string_view child;            //
  bool (*refuses)(std::string_view); // which values; nullptr: all but the empty one
  std::string_view function;         // its name in the sentence
  std::string_view instead;          // what the user can do
};

const TuningRule* find_tuning(std::string_view element, std::string_view attribute);
// The rule that refuses this value of the attribute, if any.
const UnbuiltRule* find_unbuilt(std::string_view element, std::string_view attribute, std::string_view value);
const UnbuiltRule* find_unbuilt_element(std::string_view parent, std::string_view child);

// Names in the tables, for "did you mean".
std::vector<std::string_view> policy_attributes(std::string_view element);
std::vector<std::string_view> policy_children(std::string_view parent);

// Values of <proc action>; anything else that is no typo of them names an executable.
const std::vector<std::string_view>& proc_actions();

} // namespace lockstep
