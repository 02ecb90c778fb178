// <rfs> (safekit 3.5).
#include "core/config/userconfig_parts.hpp"

namespace lockstep {
namespace {

using Times = ElementReader::Times;

constexpr std::size_t most_directories = 64;

// Directories of the system or of the node itself: replicating them would replicate the machine, or the replication.
std::string own_directory_in(const std::string& dir, std::string_view root) {
  const auto normal = normal_absolute_path(root).value_or("/");
  const std::string base = normal == "/" ? "" : normal;
  for (auto system : {"/proc", "/sys", "/dev"})
    if (lies_in(dir, system)) return system;
  for (auto own : {"/etc/lockstep", "/var/lib/lockstep", "/var/log/lockstep", "/usr/lib/lockstep", "/run/lockstep"})
    if (lies_in(dir, base + own) || lies_in(base + own, dir)) return base + own;
  return "";
}

void check_overlap(ElementReader& r, const ReplicatedDir& d, const RfsConfig& rfs) {
  for (const auto& other : rfs.directories) {
    const std::string where = " of line " + std::to_string(other.line);
    if (d.dir == other.dir)
      return r.error_at("dir", d.dir, " is already the replicated directory" + where + ": remove one");
    if (lies_in(d.dir, other.dir))
      return r.error_at("dir", d.dir,
                        " lies inside the replicated directory \"" + other.dir + "\"" + where +
                            ", which has it already: remove one");
    if (lies_in(other.dir, d.dir))
      return r.error_at("dir", d.dir,
                        " contains the replicated directory \"" + other.dir + "\"" + where + ": remove one");
  }
}

void read_tocheck(ReadContext context, const XmlElement& e, ReplicatedDir& d) {
  ElementReader r(context, e);
  auto path = r.required("path");
  r.done();
  if (!path) return;
  if (auto normal = normal_relative_path(*path))
    d.tocheck.push_back(*normal);
  else
    r.error_at("path", *path,
               " is not a path below the replicated directory: write it without a leading \"/\" and without \"..\"");
}

void read_replicated(ReadContext context, const XmlElement& e, std::string_view root, RfsConfig& rfs) {
  ElementReader r(context, e);
  ReplicatedDir d;
  d.line = r.line();
  auto dir = r.text("dir");
  d.read_only = r.choice("mode", false, {{"read_only", true}});
  r.done({{"tocheck", Times::many, [&](const XmlElement& c) { read_tocheck(context, c, d); }}});
  if (!e.find("dir")) return r.error("<replicated> needs the attribute dir");
  if (!dir) return; // refused already
  if (dir->empty())
    return r.warning("<replicated dir=\"\"> names no directory and is ignored: fill it in, or remove it");
  auto normal = normal_absolute_path(*dir);
  if (!normal)
    return r.error_at("dir", *dir, " is not an absolute path: write it from \"/\" on, without \".\" and \"..\"");
  if (*normal == "/")
    return r.error_at("dir", *dir, " is the whole system: name the directory that holds the application's data");
  d.dir = *normal;
  if (auto own = own_directory_in(d.dir, root); !own.empty())
    return r.error_at("dir", *dir,
                      " cannot be replicated because of \"" + own +
                          "\", which belongs to this node alone: name the directory that holds the application's data");
  if ((d.dir + "/").find("/.lockstep/") != std::string::npos)
    return r.error_at("dir", *dir,
                      " has a component \".lockstep\", a name that replication keeps for itself: choose another");
  check_overlap(r, d, rfs);
  rfs.directories.push_back(std::move(d));
}

} // namespace

std::optional<RfsConfig> read_rfs(ReadContext context, const XmlElement& e, std::string_view root,
                                  std::optional<FlowElement>& flow) {
  ElementReader r(context, e);
  RfsConfig rfs;
  rfs.line = r.line();
  const TimeRange wait{seconds(1), seconds(86400)};
  rfs.async = r.choice("async", rfs.async, {{"second", AsyncMode::second}, {"none", AsyncMode::none}});
  rfs.writeback = r.choice("cache", false, {{"writeback", true}, {"writethrough", false}});
  rfs.acl = r.on_off("acl", rfs.acl);
  rfs.nbrei = static_cast<std::uint32_t>(r.integer("nbrei", rfs.nbrei, {1, 64}));
  rfs.locktimeout = r.time("locktimeout", rfs.locktimeout, TimeUnit::s, wait);
  rfs.sendtimeout = r.time("sendtimeout", rfs.sendtimeout, TimeUnit::s, wait);
  rfs.reitimeout = r.time("reitimeout", rfs.reitimeout, TimeUnit::s, wait);
  // Known, and off unless policy refuses them.
  r.on_off("scripts", false);
  r.time("syncdelta", {}, TimeUnit::min, {{}, seconds(366 * 86400)});
  r.text("syncat");
  r.text("reiallowedbw");
  r.done({{"replicated", Times::many, [&](const XmlElement& c) { read_replicated(context, c, root, rfs); }},
          {"flow", Times::once, [&](const XmlElement& c) {
             ElementReader rf(context, c);
             auto lan = c.children.empty() ? rf.required("name") : rf.text("name");
             rf.done();
             if (lan) flow = FlowElement{*lan, c.at};
           }}});
  if (rfs.directories.size() > most_directories)
    r.error("<rfs> has more than " + std::to_string(most_directories) +
            " replicated directories: replicate one that contains them");
  if (!rfs.directories.empty() || context.findings.any_error()) return rfs;
  r.warning("<rfs> names no directory: nothing will be replicated");
  return std::nullopt;
}

} // namespace lockstep
