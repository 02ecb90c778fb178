#include "tests/shim/tree_fixture.hpp"
#include "shim/linux/tree/directory.hpp"
#include <algorithm>
#include <fstream>
#include <linux/falloc.h>
#include <set>
#include <sstream>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

namespace lockstep::testing {

void run_command(const std::string& command) {
  BOOST_REQUIRE_MESSAGE(std::system(("( " + command + " ) >/tmp/lockstep-test-output 2>&1").c_str()) == 0,
                        command << "\n"
                                << std::ifstream("/tmp/lockstep-test-output").rdbuf());
}

std::string output_of(const std::string& command) {
  auto pipe = popen(("( " + command + " ) 2>&1").c_str(), "r");
  std::string out;
  char buffer[4096];
  while (auto n = fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, n);
  pclose(pipe);
  return out;
}

LoopImage::LoopImage(unsigned megabytes) {
  char name[] = "/var/tmp/lockstep-tree-XXXXXX";
  BOOST_REQUIRE(mkdtemp(name));
  path_ = std::string(name) + "/fs", image_ = std::string(name) + "/image";
  run_command("truncate -s " + std::to_string(megabytes) + "M " + image_ + " && mkfs.ext4 -q -F " + image_ +
              " && mkdir " + path_ + " && mount -o loop " + image_ + " " + path_);
}

LoopImage::~LoopImage() {
  auto dir = image_.substr(0, image_.rfind('/'));
  if (std::system(("umount " + path_ + " || umount -l " + path_).c_str())) BOOST_ERROR("cannot unmount " << path_);
  if (std::system(("rm -rf --one-file-system " + dir).c_str())) BOOST_ERROR("cannot remove " << dir);
}

std::string LoopImage::make(const std::string& name) const {
  auto path = path_ + "/" + name;
  BOOST_REQUIRE(mkdir(path.c_str(), 0755) == 0);
  return path;
}

std::unique_ptr<Tree> open_trees(const std::vector<std::string>& paths, std::uint64_t node, std::uint64_t incarnation) {
  Tree::Options options;
  options.node_uid = {node, node}, options.incarnation = {incarnation};
  auto tree = Tree::open(paths, options);
  BOOST_REQUIRE_MESSAGE(tree.ok(), tree.error());
  auto report = (*tree)->scan();
  BOOST_REQUIRE_MESSAGE(report.ok(), report.error());
  return std::move(*tree);
}

std::unique_ptr<Tree> open_tree(const std::string& path, std::uint64_t node, std::uint64_t incarnation) {
  return open_trees({path}, node, incarnation);
}

namespace {

std::string xattrs_of(const std::string& path) {
  std::string names(65536, 0), out;
  auto n = llistxattr(path.c_str(), names.data(), names.size());
  std::set<std::string> sorted;
  for (ssize_t at = 0; at < n; at += static_cast<ssize_t>(strlen(names.data() + at)) + 1)
    sorted.insert(names.data() + at);
  for (auto& name : sorted) {
    if (hidden_xattr(name)) continue;
    char value[65536];
    auto size = lgetxattr(path.c_str(), name.c_str(), value, sizeof value);
    out += " " + name + "=" + std::string(value, size > 0 ? static_cast<std::size_t>(size) : 0);
  }
  return out;
}

std::string content_of(const std::string& path, const struct stat& st) {
  if (S_ISLNK(st.st_mode)) {
    char target[4097];
    auto n = readlink(path.c_str(), target, sizeof target);
    return std::string(target, static_cast<std::size_t>(n));
  }
  if (!S_ISREG(st.st_mode)) return "";
  std::ifstream in(path, std::ios::binary);
  std::stringstream s;
  s << in.rdbuf();
  return std::to_string(st.st_size) + "/" + std::to_string(std::hash<std::string>()(s.str()));
}

void describe(const std::string& top, const std::string& rel, std::map<std::string, std::string>& out) {
  auto path = top + rel;
  struct stat st {};
  BOOST_REQUIRE(lstat(path.c_str(), &st) == 0);
  Fd dir(open((path + "/..").c_str(), O_PATH));
  Found found;
  Fd self(open(path.c_str(), O_PATH | O_NOFOLLOW));
  BOOST_REQUIRE(find_object(self.get(), "", found) == 0);
  std::ostringstream s;
  s << to_string(found.key) << " " << std::oct << st.st_mode << std::dec << " " << st.st_uid << ":" << st.st_gid << " "
    << st.st_rdev << " n" << (rel.empty() ? 0 : st.st_nlink) << " " << st.st_mtim.tv_sec << "." << st.st_mtim.tv_nsec
    << " " << content_of(path, st) << xattrs_of(path);
  out[rel] = s.str();
  if (!S_ISDIR(st.st_mode)) return;
  DirectoryReader reader(Fd(open(path.c_str(), O_RDONLY | O_DIRECTORY)));
  Listed entry;
  while (reader.next(entry)) {
    if (rel.empty() && entry.name == own_directory) continue;
    describe(top, rel + "/" + entry.name, out);
  }
}

} // namespace

std::map<std::string, std::string> snapshot(const std::string& path) {
  std::map<std::string, std::string> out;
  describe(path, "", out);
  return out;
}

void require_equal(const std::map<std::string, std::string>& a, const std::map<std::string, std::string>& b,
                   const std::string& where) {
  for (auto& [name, what] : a) {
    auto it = b.find(name);
    BOOST_REQUIRE_MESSAGE(it != b.end(), where << ": only the first has " << name << " " << what);
    BOOST_REQUIRE_MESSAGE(it->second == what, where << ": " << name << "\n  " << what << "\n  " << it->second);
  }
  for (auto& [name, what] : b)
    BOOST_REQUIRE_MESSAGE(a.contains(name), where << ": only the second has " << name << " " << what);
}

// ---------------------------------------------------------------- OpMaker

Key OpMaker::any_directory() {
  Key at = root_key(static_cast<std::uint32_t>(below(tree_.roots())));
  for (int depth = 0; depth < 4 && below(3); ++depth) {
    fx::ReadItem order;
    order.object = at, order.directory = true;
    Bytes none;
    auto item = tree_.read_item(order, none);
    std::vector<Key> dirs;
    for (auto& e : item.dir.entries)
      if (e.type == FileType::directory) dirs.push_back(e.key);
    if (dirs.empty()) break;
    at = dirs[below(dirs.size())];
  }
  return at;
}

bool OpMaker::any_place(Place& out) {
  for (int tries = 0; tries < 5; ++tries) {
    out.dir = any_directory();
    fx::ReadItem order;
    order.object = out.dir, order.directory = true;
    Bytes none;
    auto item = tree_.read_item(order, none);
    if (item.dir.entries.empty()) continue;
    out.name = item.dir.entries[below(item.dir.entries.size())].name;
    return tree_.lookup(out.dir, out.name, out.found) == 0;
  }
  return false;
}

std::string OpMaker::new_name() { return std::string(1, static_cast<char>('a' + below(12))); }

Op OpMaker::next(Bytes& payload) {
  payload.clear();
  auto what = static_cast<unsigned>(below(20));
  auto op = what < 11 ? on_names(what) : on_content(what, payload);
  op.time_ns = time_ += 1'000'000'000 + static_cast<std::int64_t>(below(1000));
  return op;
}

Op OpMaker::on_names(unsigned what) {
  Op op;
  Place a, b;
  if (what < 5 || !any_place(a)) {
    static constexpr FileType types[] = {FileType::regular,   FileType::regular,    FileType::regular,
                                         FileType::directory, FileType::directory,  FileType::symlink,
                                         FileType::fifo,      FileType::char_device};
    op.kind = OpKind::create, op.object = tree_.mint(), op.dir = any_directory(), op.name = new_name();
    op.type = types[below(8)], op.mode = static_cast<std::uint32_t>(below(010000));
    op.uid = static_cast<std::uint32_t>(below(3)) * 1000, op.gid = static_cast<std::uint32_t>(below(3)) * 1000;
    if (op.type == FileType::symlink) op.text = "to/" + new_name(), op.mode = 0777;
    if (op.type == FileType::char_device) op.rdev = makedev(1, 3);
    return op;
  }
  op.object = a.found.key, op.type = a.found.handle.type;
  op.dir = a.dir, op.name = a.name;
  if (what == 5) {
    op.kind = OpKind::link, op.dir = any_directory(), op.name = new_name();
  } else if (what < 8) {
    op.kind = OpKind::unlink;
  } else {
    op.kind = OpKind::rename, op.dir2 = any_directory(), op.name2 = new_name();
    if (tree_.lookup(op.dir2, op.name2, b.found) == 0) {
      op.replaced = b.found.key, op.replaced_type = b.found.handle.type;
      if (below(2)) op.flags = rename_exchange;
    }
  }
  return op;
}

Op OpMaker::on_content(unsigned what, Bytes& payload) {
  Op op;
  Place a;
  if (!any_place(a)) return on_names(0);
  op.object = a.found.key, op.type = a.found.handle.type;
  bool regular = op.type == FileType::regular;
  if (regular && what < 14) {
    op.kind = OpKind::write, op.offset = below(300'000);
    payload.resize(1 + below(100'000));
    for (auto& b : payload) b = static_cast<std::uint8_t>(below(256));
    op.length = payload.size();
  } else if (regular && what == 14) {
    op.kind = OpKind::truncate, op.length = below(300'000);
  } else if (regular && what == 15) {
    static constexpr std::uint32_t modes[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                              FALLOC_FL_ZERO_RANGE};
    op.kind = OpKind::fallocate, op.flags = modes[below(4)], op.offset = below(300'000), op.length = 1 + below(100'000);
  } else if (what == 16) {
    op.kind = OpKind::setxattr,
    op.text = (regular || op.type == FileType::directory ? "user.x" : "trusted.x") + new_name();
    payload.assign(below(50), static_cast<std::uint8_t>('a' + below(20)));
  } else if (what == 17) {
    op.kind = OpKind::removexattr,
    op.text = (regular || op.type == FileType::directory ? "user.x" : "trusted.x") + new_name();
  } else {
    op.kind = OpKind::setattr, op.mask = static_cast<std::uint32_t>(below(32));
    op.mode = static_cast<std::uint32_t>(below(010000)), op.uid = static_cast<std::uint32_t>(below(4)),
    op.gid = static_cast<std::uint32_t>(below(4));
    op.atime_ns = op.mtime_ns = time_ - static_cast<std::int64_t>(below(1'000'000'000'000));
  }
  return op;
}

// ---------------------------------------------------------------- drain_everything

namespace {

void apply_all_right(Tree& target, const Op& op, const Bytes& payload, OpResult* result = nullptr) {
  auto r = target.apply(op, payload, false);
  BOOST_REQUIRE_MESSAGE(r.error == 0 && r.lacks.empty(),
                        to_string(op) << ": " << strerror(r.error) << ", lacks " << r.lacks.size());
  if (result) *result = r;
}

void drain_file(Tree& source, Tree& target, Key key) {
  for (std::uint64_t block = 0;; ++block) {
    Bytes digests, data;
    fx::ReadItem order;
    order.object = key, order.block = block;
    auto item = source.read_item(order, digests);
    BOOST_REQUIRE(item.error == 0);
    if (item.end_of_file) break;
    Op query;
    query.kind = OpKind::drain_query, query.object = key, query.offset = block * block_size;
    query.length = std::min(block_size, item.size - query.offset);
    OpResult answer;
    apply_all_right(target, query, digests, &answer);
    for (std::uint64_t i = 0; i < digests.size() / 16; ++i) {
      if (!(answer.need >> i & 1)) continue;
      fx::ReadData read;
      read.object = key, read.offset = query.offset + i * digest_block;
      read.length = std::min(digest_block, item.size - read.offset);
      auto got = source.read_data(read, data);
      BOOST_REQUIRE(got.error == 0 && got.length == read.length);
      Op put;
      put.kind = OpKind::drain_data, put.object = key, put.offset = read.offset, put.length = read.length;
      put.flags = got.hole ? drain_hole : 0;
      apply_all_right(target, put, got.hole ? Bytes{} : data);
    }
  }
}

} // namespace

void drain_everything(Tree& source, Tree& target, std::uint64_t seed) {
  Prng random(seed);
  std::vector<Key> dirs;
  for (std::uint32_t i = 0; i < source.roots(); ++i) dirs.push_back(root_key(i)), dirs.push_back(orphans_key(i));
  std::map<Key, FileType> others;
  Bytes none;
  for (std::size_t i = 0; i < dirs.size(); ++i) {
    fx::ReadItem order;
    order.object = dirs[i], order.directory = true;
    for (auto& e : source.read_item(order, none).dir.entries)
      if (e.type == FileType::directory)
        dirs.push_back(e.key);
      else
        others.emplace(e.key, e.type);
  }
  for (std::size_t i = dirs.size(); i > 1; --i) std::swap(dirs[i - 1], dirs[random.below(i)]);
  for (auto key : dirs) {
    fx::ReadItem order;
    order.object = key, order.directory = true;
    auto item = source.read_item(order, none);
    BOOST_REQUIRE(item.error == 0);
    for (auto& e : item.dir.entries) e.content_follows = true;
    Op op;
    op.kind = OpKind::drain_dir, op.object = key, op.type = FileType::directory;
    apply_all_right(target, op, encode(item.dir));
  }
  for (auto& [key, type] : others) {
    if (type == FileType::regular) drain_file(source, target, key);
    fx::ReadItem order;
    order.object = key, order.attrs = true;
    auto item = source.read_item(order, none);
    Op op;
    op.kind = OpKind::drain_attrs, op.object = key, op.type = type;
    apply_all_right(target, op, encode(item.attrs));
  }
  Op end;
  end.kind = OpKind::drained;
  apply_all_right(target, end, {});
  auto purged = target.purge_staging();
  BOOST_REQUIRE_MESSAGE(purged.ok(), purged.error());
}

} // namespace lockstep::testing
