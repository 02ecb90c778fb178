// The text of a configuration file and its places. Findings collects what is wrong with it.
#pragma once
#include "core/config/diagnostic.hpp"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

struct Place {
  std::uint32_t line = 0, column = 0; // 1-based; 0: the whole file
  bool operator==(const Place&) const = default;
};

// Where each offset of a text lies.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text);
  Place place(std::size_t offset) const;

 private:
  std::vector<std::size_t> starts_; // offset of the first byte of each line
};

// The diagnostics of one file, in the making. A flood of them helps nobody: after `most` errors no more are kept.
class Findings {
 public:
  explicit Findings(std::string_view file) : file_(file) {}
  void error(Place at, std::string sentence) { add(Severity::error, at, std::move(sentence)); }
  void warning(Place at, std::string sentence) { add(Severity::warning, at, std::move(sentence)); }
  bool any_error() const { return errors_ > 0; }
  std::vector<Diagnostic> take(); // ordered by place

 private:
  static constexpr std::size_t most = 100;
  void add(Severity, Place, std::string sentence);
  std::string file_;
  std::vector<Diagnostic> all_;
  std::size_t errors_ = 0;
};

// A piece of the user's text fit for a message: control characters replaced, long ones cut.
std::string quoted_piece(std::string_view);

} // namespace lockstep
