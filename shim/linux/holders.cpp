// holders_of() of mounts.hpp (data:T22). Everything is compared as (device, path inside the file system), so that the
// same directory seen under another name, from another mount namespace, is found too. Nothing is looked up in the
// directory itself: it may be a mount whose daemon is us.
#include "shim/linux/mounts.hpp"
#include "shim/linux/proc.hpp"
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <sstream>
#include <unistd.h>

namespace lockstep {
namespace {

using Mounts = std::vector<Mount>;

struct Place {
  unsigned major = 0, minor = 0;
  std::string path; // inside the file system
};

std::optional<Place> place_of(const Mounts& mounts, const std::string& path) {
  auto m = mount_of(mounts, path);
  if (m == nullptr) return std::nullopt;
  return Place{m->major, m->minor, path_in_file_system(*m, path)};
}

bool inside(const Place& p, const Place& directory) {
  return p.major == directory.major && p.minor == directory.minor && is_under(p.path, directory.path);
}

struct FdInfo {
  unsigned flags = 0;
  int mount_id = -1;
};
FdInfo fd_info(int pid, const std::string& fd) {
  FdInfo info;
  std::istringstream in(proc::read_text(pid, ("fdinfo/" + fd).c_str()));
  for (std::string word; in >> word;) {
    if (word == "flags:") in >> std::oct >> info.flags >> std::dec;
    if (word == "mnt_id:") in >> info.mount_id;
  }
  return info;
}

// One process under examination, with the mounts it sees.
struct Suspect {
  int pid;
  const Mounts& mounts;
  const Place& directory;
  std::optional<Holder> worst;

  void note(const char* what, const std::string& path, bool can_write) {
    if (worst && (worst->can_write || !can_write)) return;
    worst = Holder{.pid = pid, .name = {}, .what = what, .path = path, .can_write = can_write};
  }
  bool is_inside(const std::string& path) const {
    auto p = place_of(mounts, path);
    return p && inside(*p, directory);
  }
  void look_at_files();
  void look_at_places();
  void look_at_maps();
};

void Suspect::look_at_files() {
  for (const auto& fd : proc::list(pid, "fd")) {
    auto path = proc::read_link(pid, "fd/" + fd);
    if (path.empty() || path[0] != '/' || mounts.empty()) continue;
    auto info = fd_info(pid, fd);
    // The descriptor names its mount: a file that a later mount covers is still told from the one on top.
    for (const auto& m : mounts)
      if (m.id == info.mount_id && is_under(path, m.mount_point) &&
          inside({m.major, m.minor, path_in_file_system(m, path)}, directory)) {
        bool writes = (info.flags & O_ACCMODE) != O_RDONLY && (info.flags & O_PATH) == 0;
        note(writes ? "open for writing" : "open", path, writes);
      }
  }
}

void Suspect::look_at_places() {
  for (auto [link, what] :
       {std::pair{"cwd", "working directory"}, {"root", "root directory"}, {"exe", "running from"}}) {
    auto path = proc::read_link(pid, link);
    if (!path.empty() && path[0] == '/' && is_inside(path)) note(what, path, false);
  }
}

// "start-end perms offset major:minor inode   path"
void Suspect::look_at_maps() {
  std::istringstream in(proc::read_text(pid, "maps"));
  for (std::string line; std::getline(in, line);) {
    auto slash = line.find('/');
    auto gap = line.find(' ');
    if (slash == std::string::npos || gap == std::string::npos || gap + 4 >= line.size()) continue;
    auto path = line.substr(slash);
    if (!is_inside(path)) continue;
    bool writes = line[gap + 2] == 'w' && line[gap + 4] == 's';
    note(writes ? "mapped for writing" : "mapped", path, writes);
  }
}

// A mount of the directory, or of a part of it, under another name or out of reach of what is mounted here.
std::optional<std::string> mounted_elsewhere(const Mounts& theirs, const Place& directory, const std::string& here,
                                             bool own_namespace) {
  for (const auto& m : theirs) {
    if (!inside({m.major, m.minor, m.root}, directory)) continue;
    bool the_directory_itself = m.mount_point == here && (own_namespace || m.receives);
    if (!the_directory_itself) return m.mount_point;
  }
  return std::nullopt;
}

} // namespace

Result<std::vector<Holder>> holders_of(const std::string& path) {
  auto own = list_mounts();
  if (!own) return Error{own.error()};
  auto clean = clean_path(path);
  if (!clean) return Error{clean.error()};
  auto directory = place_of(*own, *clean);
  if (!directory) return Error{"cannot find " + *clean + " among the mounts of this machine"};
  auto own_namespace = proc::read_own_link("ns/mnt");
  std::map<std::string, Mounts> seen; // by mount namespace
  std::vector<Holder> out;
  for (int pid : proc::all_pids()) {
    auto name_space = proc::read_link(pid, "ns/mnt");
    if (name_space.empty()) continue; // gone, or a kernel thread
    bool first = seen.count(name_space) == 0;
    if (first) // ours is not taken from a process that may sit in a chroot
      seen[name_space] = name_space == own_namespace ? *own : parse_mountinfo(proc::read_text(pid, "mountinfo"));
    Suspect s{pid, seen[name_space], *directory, std::nullopt};
    if (first)
      if (auto where = mounted_elsewhere(s.mounts, *directory, *clean, name_space == own_namespace))
        s.note("mounted elsewhere", *where, false);
    if (pid != ::getpid()) s.look_at_files(), s.look_at_places(), s.look_at_maps();
    if (!s.worst) continue;
    auto stat = proc::read_stat(pid);
    s.worst->name = stat ? stat->name : "?";
    out.push_back(std::move(*s.worst));
  }
  return out;
}

std::string describe(const std::vector<Holder>& holders, std::size_t at_most) {
  std::string text;
  for (std::size_t i = 0; i < holders.size() && i < at_most; ++i) {
    const auto& h = holders[i];
    text += (i == 0 ? "" : ", ") + h.name + " (pid " + std::to_string(h.pid) + ", " + h.what + ": " + h.path + ")";
  }
  if (holders.size() > at_most) text += " and " + std::to_string(holders.size() - at_most) + " more";
  return text;
}

} // namespace lockstep
