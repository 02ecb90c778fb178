// The replicated application: file operations on whichever node runs it, as the kernel would hand them to the daemon: names
// resolved to keys, directories and files locked until the answer.
#pragma once
#include "sim/host.hpp"
#include "sim/oracles.hpp"
#include <optional>
#include <set>

namespace lockstep::sim {

class App {
 public:
  App(const Plan&, Queue&, Oracles&, Host& host, std::uint64_t& shared_counter);
  void stop() { stopped_ = true; }
  void resume() { stopped_ = false; }
  bool idle() const { return open_.empty(); }
  // One written by hand: "write d/f 0 2", "create d/f", "rename d/f e/g" ... false: not an operation, or its names are not there.
  bool perform(const std::string& words);

 private:
  struct Open {
    std::set<Key> locked;
  };
  void tick();
  void generate();
  void completed(std::uint64_t token, std::int32_t error);
  bool submit(Op op, Content content = {});
  bool locked(const Op&) const;
  Op op_on(OpKind, Key object) const;
  void place(Op&, Key& dir, std::string& name, const std::pair<Key, std::string>&) const;
  Content data(std::uint64_t units);
  struct Choice {
    std::vector<Key> files, dirs; // reachable; dirs begins with the root
    std::vector<std::pair<Key, std::string>> orphans;
  };
  const Choice& choices();
  bool make_file(const Choice&), make_dir(const Choice&), write_file(const Choice&, bool big), rename(const Choice&, bool exchange);
  bool unlink(const Choice&), link(const Choice&), change(const Choice&, OpKind), sync(const Choice&), orphan(const Choice&);
  Key lookup(const std::string& path, Key* dir, std::string* name) const;
  std::uint64_t draw(std::uint64_t below);

  const Plan& plan_;
  Queue& queue_;
  Oracles& oracles_;
  Host& host_;
  std::uint64_t& counter_; // operations of all applications so far
  Choice choice_;
  std::optional<std::uint64_t> chosen_from_; // the version of the tree's names that choice_ was made of
  std::map<std::uint64_t, Open> open_;
  std::map<Key, int> locks_;
  std::uint64_t draws_ = 0, current_ = 0, tokens_ = 0;
  bool stopped_ = false;
};

} // namespace lockstep::sim
