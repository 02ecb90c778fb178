#include "cli/safe_archive.hpp"
#include "shim/common/paths.hpp"
#include "shim/common/storage/files.hpp"
#include <archive.h>
#include <archive_entry.h>
#include <map>
#include <memory>

namespace lockstep::cli {
namespace {
constexpr std::size_t file_max = 4u << 20, files_max = 1000;
struct Extracted {
  std::string text;
  unsigned mode = 0644;
};

// "conf/userconfig.xml" -> "userconfig.xml", "bin/x" -> "bin/x"; anything else of the archive is not ours: empty.
std::string place_of(const std::string& name) {
  if (name == "conf/userconfig.xml") return "userconfig.xml";
  if (name.starts_with("bin/") && name.size() > 4 && name.back() != '/') return name;
  return "";
}
} // namespace

Status extract_safe(const std::string& file, const std::string& directory) {
  std::unique_ptr<archive, int (*)(archive*)> a(archive_read_new(), archive_read_free);
  archive_read_support_format_zip(a.get());
  if (archive_read_open_filename(a.get(), file.c_str(), 65536) != ARCHIVE_OK)
    return Error{"cannot read " + file + ": " + archive_error_string(a.get())};
  std::map<std::string, Extracted> files;
  archive_entry* entry = nullptr;
  int code;
  while ((code = archive_read_next_header(a.get(), &entry)) == ARCHIVE_OK) {
    std::string name = archive_entry_pathname(entry) ? archive_entry_pathname(entry) : "";
    if (name.empty() || name[0] == '/' || name.find("..") != std::string::npos)
      return Error{file + " is not a module: it has an entry named \"" + name + "\""};
    std::string place = place_of(name);
    if (place.empty()) continue;
    if (files.size() >= files_max) return Error{file + " has too many files to be a module"};
    Extracted& out = files[place];
    out.mode = archive_entry_perm(entry) & 0777;
    if (place.starts_with("bin/") && out.mode == 0) out.mode = 0755;
    if (out.mode == 0) out.mode = 0644;
    char buffer[65536];
    la_ssize_t n;
    while ((n = archive_read_data(a.get(), buffer, sizeof buffer)) > 0) {
      out.text.append(buffer, static_cast<std::size_t>(n));
      if (out.text.size() > file_max) return Error{"the file " + name + " in " + file + " is too large for a module"};
    }
    if (n < 0) return Error{file + " is damaged: " + archive_error_string(a.get())};
  }
  if (code != ARCHIVE_EOF) return Error{file + " is not a module archive: " + archive_error_string(a.get())};
  if (!files.contains("userconfig.xml")) return Error{file + " is not a module: it has no conf/userconfig.xml"};
  for (const auto& [name, f] : files) {
    std::string path = directory + "/" + name;
    if (Status s = make_open_directories(path.substr(0, path.rfind('/'))); !s) return s;
    if (Status s = write_text_file(path, f.text, f.mode); !s) return s;
  }
  return {};
}

} // namespace lockstep::cli
