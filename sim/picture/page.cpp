#include "sim/picture/page.hpp"
#include "sim/picture/page_template.hpp"
#include <algorithm>

namespace lockstep::sim {
namespace {
constexpr std::size_t most_flights = 5000, most_requests = 4000;

std::string escape(const std::string& s) { // for text between tags and in attributes
  std::string out;
  for (unsigned char c : s) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (c < 32 && c != '\n') out += '?';
    else out += static_cast<char>(c);
  }
  return out;
}
std::string quote(const std::string& s) { // JSON that is harmless inside a script element
  std::string out = "\"";
  for (unsigned char c : s) {
    char hex[8];
    if (c == '"' || c == '\\') out += '\\', out += static_cast<char>(c);
    else if (c < 32 || c == '<' || c == '>' || c == '&') std::snprintf(hex, sizeof hex, "\\u%04x", c), out += hex;
    else out += static_cast<char>(c);
  }
  return out + "\"";
}
std::string time(std::int64_t ns) { // milliseconds
  if (ns < 0) return "null";
  char text[40];
  std::snprintf(text, sizeof text, "%.3f", double(ns) / 1e6);
  return text;
}
template <class List, class Each>
std::string list(const List& items, Each each) {
  std::string out = "[";
  for (auto& i : items) out += (out.size() > 1 ? ",\n" : "") + each(i);
  return out + "]";
}
std::string spans(const std::vector<Span>& all) {
  return list(all, [](const Span& s) { return "[" + time(s.from) + "," + time(s.to) + "," + quote(s.what) + "," + quote(s.note) + "]"; });
}

// Too many to draw: what was lost and what says something new stays, of the rest every k-th.
std::vector<Flight> thinned(const std::vector<Flight>& all, std::size_t& every) {
  every = 1 + all.size() / most_flights;
  if (every == 1) return all;
  std::vector<Flight> out;
  std::array<std::string, 2> said;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& f = all[i];
    bool news = f.beat && said[f.from] != f.label;
    if (f.beat) said[f.from] = f.label;
    if (i % every == 0 || news || (f.arrived < 0 && i % 3 == 0)) out.push_back(f);
  }
  return out;
}
std::vector<Request> thinned(const std::vector<Request>& all) {
  auto every = 1 + all.size() / most_requests;
  std::vector<Request> out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % every == 0 || all[i].outcome != Request::acknowledged) out.push_back(all[i]);
  }
  return out;
}

std::string json(const Story& s) {
  std::size_t every = 1;
  auto flights = thinned(s.flights, every);
  std::string out = "{\"end\":" + time(s.end) + ",\"heal\":" + time(s.plan.heal.ns) + ",\"failed\":" + (s.outcome.violation ? time(s.outcome.violation->at.ns) : "null") +
                    ",\"every\":" + std::to_string(every) + ",\"messages\":" + std::to_string(s.flights.size()) + ",\n\"nodes\":[";
  for (int n = 0; n < 2; ++n) {
    auto& x = s.nodes[static_cast<std::size_t>(n)];
    out += std::string(n ? ",\n" : "") + "{\"name\":\"" + (n ? "b" : "a") + "\",\n\"states\":" + spans(x.states) + ",\n\"records\":" + spans(x.records) +
           ",\n\"addresses\":" + spans(x.addresses) + ",\n\"applications\":" + spans(x.applications) + ",\n\"questions\":" + spans(x.questions) +
           ",\n\"requests\":" +
           list(thinned(x.requests), [](const Request& r) { return "[" + time(r.from) + "," + time(r.to) + "," + std::to_string(r.outcome) + "," + quote(r.label) + "]"; }) +
           ",\n\"marks\":" + list(x.marks, [](const Mark& m) { return "[" + time(m.at) + "," + quote(m.kind) + "," + quote(m.text) + "]"; }) + "}";
  }
  out += "],\n\"flights\":" + list(flights, [](const Flight& f) {
    return "[" + time(f.sent) + "," + time(f.arrived) + "," + std::to_string(f.from) + "," + (f.beat ? "0" : "1") + "," + quote(f.label.substr(0, 120)) + "]";
  });
  out += ",\n\"faults\":" + spans(s.faults) + ",\n\"both\":" + spans(s.both_serve);
  out += ",\n\"moments\":" + list(s.moments, [](const Moment& m) {
    return "[" + time(m.at) + "," + std::to_string(m.node) + "," + std::to_string(m.weight) + "," + quote(m.text) + "]";
  });
  return out + "}";
}

std::string at(std::int64_t ns) {
  char text[24];
  std::snprintf(text, sizeof text, "%.3f", double(ns) / 1e9);
  return text;
}
std::string verdict(const Story& s) {
  auto& o = s.outcome;
  if (o.violation) return std::string(o.violation->oracle->name) + " is violated at " + at(o.violation->at.ns) + " s: " + o.violation->oracle->sentence + ".";
  return o.waited.empty() ? "Every oracle is satisfied." : "Every oracle is satisfied; the run ends in a named wait: " + o.waited + ".";
}
std::string clock(std::int64_t ns) {
  auto text = at(ns);
  return std::string(text.size() < 8 ? 8 - text.size() : 0, ' ') + text;
}
std::string moments_html(const Story& s) {
  static constexpr const char* weights[] = {"usual", "fault", "alarm"};
  std::string out;
  int number = 0;
  for (auto& m : s.moments) {
    out += "<li class=\"" + std::string(weights[m.weight]) + "\" data-n=\"" + std::to_string(number++) + "\"><span class=\"t\">" + clock(m.at) + " s</span> " +
           escape(m.text) + "</li>\n";
  }
  return out;
}
std::string transcript(const Story& s) {
  std::string out;
  for (auto& l : s.last_lines) out += l + "\n";
  return out;
}
void put(std::string& page, const std::string& key, const std::string& value) {
  auto at = page.find("@" + key + "@");
  page.replace(at, key.size() + 2, value);
}
} // namespace

Story tell(const Plan& p, Sabotage s) {
  Storyteller teller(p);
  auto outcome = run_plan(p, false, s, &teller);
  return teller.finish(outcome);
}

std::string page_of(const Story& s) {
  auto& o = s.outcome;
  std::string page = page_template;
  auto title = s.plan.name.empty() ? "seed " + std::to_string(s.plan.seed) : s.plan.name;
  put(page, "TITLE", escape(title));
  put(page, "HEADING", escape(title));
  put(page, "CLASS", o.violation ? "bad" : "good");
  put(page, "VERDICT", escape(verdict(s)));
  put(page, "WHAT", o.violation ? escape(o.violation->what) : std::string());
  put(page, "MOMENTS", moments_html(s));
  put(page, "PLAN", escape(print(s.plan)));
  put(page, "TRANSCRIPT", escape(transcript(s)));
  put(page, "STORY", json(s));
  return page;
}

std::string text_of(const Story& s) {
  std::string out = verdict(s) + "\n";
  if (s.outcome.violation) out += s.outcome.violation->what + "\n";
  out += "\nWhat happened:\n";
  for (auto& m : s.moments) out += clock(m.at) + " s  " + m.text + "\n";
  return out + "\nThe last lines of the transcript (time, node, input or effect):\n" + transcript(s);
}

} // namespace lockstep::sim
