#include "core/rules.hpp"

namespace lockstep {

const char* rule_name(Rule r) {
  switch (r) {
#define X(id, doc, text)                                                                                               \
  case Rule::id: return doc;
    LOCKSTEP_RULES(X)
#undef X
  }
  return "?";
}

const char* rule_sentence(Rule r) {
  switch (r) {
#define X(id, doc, text)                                                                                               \
  case Rule::id: return text;
    LOCKSTEP_RULES(X)
#undef X
  }
  return "?";
}

} // namespace lockstep
