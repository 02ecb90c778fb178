// Looks at every object once: index, missing keys, what changed while nobody watched. Directories are a queue that
// several threads work off.
#include "shim/linux/tree/directory.hpp"
#include "shim/linux/tree/tree.hpp"
#include <condition_variable>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <thread>

namespace lockstep {
namespace {

constexpr std::int64_t margin_ns =
    1'000'000'000; // coarse kernel clocks, and changes in flight when the token was touched
constexpr std::size_t examples_max = 8;

std::int64_t change_time(const struct stat& st) { return st.st_ctim.tv_sec * 1'000'000'000ll + st.st_ctim.tv_nsec; }

std::string shown_path(int dirfd, const std::string& name) {
  char buffer[4096];
  auto n = readlink(path_of(dirfd).c_str(), buffer, sizeof buffer);
  return std::string(buffer, n > 0 ? static_cast<std::size_t>(n) : 0) + '/' + name;
}

bool is_mount_point(int dirfd, const std::string& name) {
  struct statx sx {};
  return statx(dirfd, name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &sx) == 0 &&
         (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

} // namespace

class TreeScan {
 public:
  explicit TreeScan(Tree& tree) : tree_(tree) {}
  Result<ScanReport> run();

 private:
  struct Directory {
    Key key;
    ObjectHandle handle;
    bool watched = true; // false: staging, whose changes concern nobody
  };
  void since_when();
  void everything(const std::string& why);
  void work();
  void read(const Directory& d, ScanReport& report);
  void look_at(const Directory& d, int dirfd, const std::string& name, ScanReport& report);
  int give_key(int dirfd, const std::string& name, Found& found, bool duplicate);
  void mark(Key key, FileType type, ScanReport& report);
  void fail(std::string sentence);
  void push(Directory d);

  Tree& tree_;
  std::vector<std::int64_t> since_, now_; // per root
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Directory> queue_;
  std::size_t busy_ = 0;
  bool marking_ = true; // false: everything is marked anyway
  std::string failure_;
  ScanReport total_;
};

void TreeScan::everything(const std::string& why) {
  total_.changed.everything = true;
  if (total_.why_everything.empty()) total_.why_everything = why;
}

// The file system's own clock decides: what it calls now, and what it called now when the checkpoint's flush began.
void TreeScan::since_when() {
  for (auto& root : tree_.roots_) {
    auto index = static_cast<std::uint32_t>(since_.size());
    struct stat st {};
    futimens(root->token.get(), nullptr);
    fstat(root->token.get(), &st);
    now_.push_back(change_time(st));
    auto checkpoint = tree_.checkpoint(index);
    if (!checkpoint)
      everything(root->path + " has no checkpoint");
    else if (checkpoint->token_ns > now_.back())
      everything("the clock is behind the last checkpoint of " + root->path);
    since_.push_back(checkpoint ? checkpoint->token_ns - margin_ns : INT64_MIN);
  }
}

Result<ScanReport> TreeScan::run() {
  since_when();
  marking_ = !total_.changed.everything;
  for (std::uint32_t i = 0; i < tree_.roots(); ++i) {
    push({root_key(i), *tree_.index_.find(root_key(i))});
    push({orphans_key(i), *tree_.index_.find(orphans_key(i))});
    ObjectHandle staging;
    staging.root = static_cast<std::uint8_t>(i);
    if (get_handle(tree_.roots_[i]->staging.get(), "", staging) == 0) push({{}, staging, false});
  }
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, tree_.options_.scan_threads); ++i) threads.emplace_back([this] { work(); });
  for (auto& t : threads) t.join();
  if (!failure_.empty()) return Error{failure_};
  if (total_.changed.everything) total_.changed.dirs.clear(), total_.changed.files.clear();
  return total_;
}

void TreeScan::push(Directory d) {
  std::lock_guard lock(mutex_);
  queue_.push_back(std::move(d));
  wake_.notify_one();
}

void TreeScan::fail(std::string sentence) {
  std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = std::move(sentence);
  queue_.clear();
}

void TreeScan::work() {
  ScanReport mine;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !queue_.empty() || busy_ == 0; });
    if (queue_.empty()) break;
    auto d = std::move(queue_.back()); // depth first: the queue stays short
    queue_.pop_back();
    ++busy_;
    lock.unlock();
    read(d, mine);
    lock.lock();
    if (--busy_ == 0 && queue_.empty()) wake_.notify_all();
  }
  total_.changed.add(mine.changed);
  if (total_.why_everything.empty()) total_.why_everything = mine.why_everything;
  total_.objects += mine.objects, total_.keyless += mine.keyless;
  total_.void_keys += mine.void_keys, total_.duplicates += mine.duplicates;
  for (auto& e : mine.examples)
    if (total_.examples.size() < examples_max) total_.examples.push_back(e);
}

void TreeScan::read(const Directory& d, ScanReport& report) {
  Fd fd;
  int e = open_handle(tree_.roots_[d.handle.root]->dir.get(), d.handle, O_RDONLY | O_DIRECTORY | O_NOATIME, fd);
  if (e) return fail("cannot read a directory of " + tree_.roots_[d.handle.root]->path + ": " + std::strerror(e));
  struct stat st {};
  fstat(fd.get(), &st);
  if (d.watched && change_time(st) >= since_[d.handle.root]) mark(d.key, FileType::directory, report);
  bool is_root = d.key == root_key(d.handle.root);
  DirectoryReader reader(std::move(fd));
  Listed entry;
  while (reader.next(entry))
    if (!is_root || entry.name != own_directory) look_at(d, reader.fd(), entry.name, report);
  if (reader.error()) fail("cannot read " + shown_path(reader.fd(), "") + ": " + std::strerror(reader.error()));
}

void TreeScan::mark(Key key, FileType type, ScanReport& report) {
  if (!marking_) return;
  if (type == FileType::directory) {
    report.changed.dirs.insert(key);
    return;
  }
  auto& marks = report.changed.files[key];
  marks.attrs = true;
  if (type == FileType::regular) marks.blocks.add(0, BlockRanges::whole_file);
}

void TreeScan::look_at(const Directory& d, int dirfd, const std::string& name, ScanReport& report) {
  Found found;
  if (int e = find_object(dirfd, name, found))
    return fail("cannot look at " + shown_path(dirfd, name) + ": " + std::strerror(e));
  found.handle.root = d.handle.root;
  auto& root = *tree_.roots_[d.handle.root];
  bool is_dir = found.handle.type == FileType::directory;
  if (found.st.st_dev != root.device || (is_dir && is_mount_point(dirfd, name)))
    return fail("directory " + root.path + " cannot be replicated: " + shown_path(dirfd, name) +
                " is a mount point; replicate it as a directory of its own or unmount it");
  ++report.objects;
  bool changed = d.watched && change_time(found.st) >= since_[d.handle.root];
  if (change_time(found.st) > now_[d.handle.root] + margin_ns) {
    report.changed.everything = true;
    report.why_everything = shown_path(dirfd, name) + " was changed in the future; the clock was set back";
  }
  bool fresh = !found.key.none() && tree_.index_.insert(found.key, found.handle);
  if (!fresh) {
    bool duplicate = !found.key.none();
    duplicate ? ++report.duplicates : found.void_key ? ++report.void_keys : ++report.keyless;
    if ((duplicate || found.void_key) && report.examples.size() < examples_max)
      report.examples.push_back(shown_path(dirfd, name));
    if (int e = give_key(dirfd, name, found, duplicate))
      return fail("cannot give " + shown_path(dirfd, name) + " a key: " + std::strerror(e));
    if (d.watched) mark(d.key, FileType::directory, report);
    changed = d.watched;
  }
  if (changed && !is_dir) mark(found.key, found.handle.type, report);
  // A directory marks itself when it is read: its own time tells, unless its key is new.
  if (changed && is_dir && !fresh) mark(found.key, found.handle.type, report);
  if (is_dir) push({found.key, found.handle, d.watched});
}

// One at a time: two names of one inode must not get two keys.
int TreeScan::give_key(int dirfd, const std::string& name, Found& found, bool duplicate) {
  std::lock_guard lock(tree_.minted_mutex_);
  auto root = found.handle.root;
  if (int e = find_object(dirfd, name, found)) return e;
  found.handle.root = root;
  if (found.key.none() || duplicate) {
    found.key = tree_.mint();
    if (int e = write_key_at(dirfd, name, found.key, found.handle)) return e;
  }
  tree_.index_.assign(found.key, found.handle);
  return 0;
}

Result<ScanReport> Tree::scan() { return TreeScan(*this).run(); }

} // namespace lockstep
