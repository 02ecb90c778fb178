// A scratch ext4 on a loop device, trees on it, and what a tree looks like to a person: every name with type, bytes,
// owner, mode, links, xattrs, mtime and key.
#pragma once
#include "core/base/prng.hpp"
#include "shim/linux/tree/tree.hpp"
#include <boost/test/unit_test.hpp>
#include <map>
#include <string>

namespace lockstep::testing {

void run_command(const std::string& command); // fails the test when it fails
std::string output_of(const std::string& command);

class LoopImage {
 public:
  explicit LoopImage(unsigned megabytes = 256);
  ~LoopImage();
  const std::string& path() const { return path_; }
  std::string make(const std::string& name) const; // a directory on it

 private:
  std::string image_, path_;
};

std::unique_ptr<Tree> open_trees(const std::vector<std::string>& paths, std::uint64_t node,
                                 std::uint64_t incarnation = 1);
std::unique_ptr<Tree> open_tree(const std::string& path, std::uint64_t node, std::uint64_t incarnation = 1);

// path -> description. `with_nlink` of directories too. Reads the plain directory: nothing may be mounted over it.
std::map<std::string, std::string> snapshot(const std::string& path);
void require_equal(const std::map<std::string, std::string>& a, const std::map<std::string, std::string>& b,
                   const std::string& where);

// Random operations that fit a tree as it is (some do not, on purpose: names taken, directories not empty).
class OpMaker {
 public:
  OpMaker(Tree& tree, std::uint64_t seed) : tree_(tree), random_(seed) {}
  // The next operation and its payload.
  Op next(Bytes& payload);
  std::uint64_t below(std::uint64_t n) { return random_.below(n); }

 private:
  struct Place {
    Key dir;
    std::string name;
    Found found;
  };
  Key any_directory();
  bool any_place(Place& out);
  std::string new_name();
  Op on_names(unsigned what);
  Op on_content(unsigned what, Bytes& payload);
  Tree& tree_;
  Prng random_;
  std::int64_t time_ = 1'700'000'000'123'456'789;
};

// What Mirror does for a full resync, in an order that the seed chooses: directories, then content, then attributes.
void drain_everything(Tree& source, Tree& target, std::uint64_t seed);

} // namespace lockstep::testing
