// The parsing half of mounts.hpp: /proc/PID/mountinfo (proc(5)).
#include "shim/linux/mounts.hpp"
#include <cstdio>
#include <sstream>

namespace lockstep {
namespace {

// Spaces, tabs, newlines and backslashes are written as \ooo.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool octal = text[i] == '\\' && i + 3 < text.size();
    for (std::size_t k = 1; octal && k <= 3; ++k) octal = text[i + k] >= '0' && text[i + k] <= '7';
    if (!octal) {
      out += text[i];
      continue;
    }
    out += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

// id parent major:minor root mount-point options [optional fields] - type source super-options
bool parse_line(const std::string& line, Mount& m) {
  std::istringstream in(line);
  std::string device, word;
  if (!(in >> m.id >> m.parent >> device >> m.root >> m.mount_point >> m.options)) return false;
  if (std::sscanf(device.c_str(), "%u:%u", &m.major, &m.minor) != 2) return false;
  while (in >> word && word != "-") {
    if (word.rfind("shared:", 0) == 0) m.shared = true;
    if (word.rfind("shared:", 0) == 0 || word.rfind("master:", 0) == 0) m.receives = true;
  }
  if (word != "-" || !(in >> m.type >> m.source)) return false;
  m.root = unescaped(m.root);
  m.mount_point = unescaped(m.mount_point);
  m.source = unescaped(m.source);
  return true;
}

} // namespace

std::vector<Mount> parse_mountinfo(const std::string& text) {
  std::vector<Mount> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    Mount m;
    if (parse_line(line, m)) out.push_back(std::move(m));
  }
  return out;
}

bool is_under(const std::string& path, const std::string& directory) {
  if (directory == "/") return !path.empty() && path[0] == '/';
  if (path.compare(0, directory.size(), directory) != 0) return false;
  return path.size() == directory.size() || path[directory.size()] == '/';
}

const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path) {
  const Mount* best = nullptr;
  for (const auto& m : mounts)
    if (is_under(path, m.mount_point) && (best == nullptr || m.mount_point.size() >= best->mount_point.size()))
      best = &m;
  return best;
}

std::string path_in_file_system(const Mount& m, const std::string& path) {
  auto rest = m.mount_point == "/" ? path : path.substr(m.mount_point.size());
  if (m.root == "/") return rest.empty() ? "/" : rest;
  return rest == "/" ? m.root : m.root + rest;
}

} // namespace lockstep
