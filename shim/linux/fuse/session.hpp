// One mount's conversation with the kernel. Requests that only look are answered on the spot; those that change
// something become operations, and their replies are made from the tree once the operation is complete.
#pragma once
#include "shim/linux/fuse/channel.hpp"
#include "shim/linux/fuse/fuse_mount.hpp"
#include "shim/linux/fuse/inodes.hpp"
#include "shim/linux/tree/directory.hpp"
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <thread>

namespace lockstep {

class FuseSession : public std::enable_shared_from_this<FuseSession> {
 public:
  FuseSession(Tree& tree, PayloadStore& payloads, FuseMount::Submit submit, FuseMount::Options options,
              std::unique_ptr<FuseChannel> channel);
  ~FuseSession();
  void start(); // the threads, and the removal of orphans of a former life
  void join();  // after the mount is gone
  const std::string& path() const { return tree_.root_path(options_.root); }
  std::uint64_t waiting() const { return waiting_; }
  bool ended_within(std::chrono::milliseconds t); // every thread has seen that the mount is gone
  // No request came and none waited for so long, or the limit is reached.
  void wait_until_quiet(std::chrono::milliseconds quiet, std::chrono::milliseconds limit);

 private:
  using Request = FuseRequest;
  // An open directory: its own offset, one reader at a time.
  struct OpenDirectory {
    explicit OpenDirectory(Fd fd) : reader(std::move(fd), true) {}
    std::mutex mutex;
    DirectoryReader reader;
    std::int64_t at = 0; // where the reader stands
  };
  // Called when an operation, or the last of several, is complete.
  using Done = std::function<void(std::int32_t error, std::uint64_t amount)>;
  struct Step {
    Op op;
    Payload payload;
  };

  void loop();
  void handle(Request& r);
  bool handle_look(Request& r); // false: not one of these
  bool handle_change(Request& r);
  void init(Request& r);
  void forget(Request& r);
  void batch_forget(Request& r);

  // ---- looking: look.cpp, directories.cpp
  void lookup(Request& r);
  void getattr(Request& r);
  void readlink(Request& r);
  void statfs(Request& r);
  void getxattr(Request& r);
  void listxattr(Request& r);
  void open(Request& r);
  void read(Request& r);
  void lseek(Request& r);
  void opendir(Request& r);
  void readdir(Request& r, bool plus);
  int list(OpenDirectory& opened, Inode* dir, const fuse_read_in& in, bool plus, Bytes& out,
           std::vector<Inode*>& referenced);
  void releasedir(Request& r);

  // ---- changing: change_names.cpp, change_content.cpp
  void create(Request& r);
  void make(Request& r, FileType type);
  void tmpfile(Request& r);
  void link(Request& r);
  void unlink(Request& r);
  void rename(Request& r, bool with_flags);
  void release(Request& r);
  void setattr(Request& r);
  void write(Request& r);
  void fsync(Request& r);
  void fallocate(Request& r);
  void setxattr(Request& r);
  void removexattr(Request& r);
  void remove_orphans();
  void unlink_open(Request& r, Op op, Inode* inode);
  void rename_over_open(Request& r, Op op, Inode* replaced);
  void after_rename(const Op& op);
  bool needs_orphanage(Key key, const struct stat& st, Inode*& inode);

  // ---- helpers: session.cpp
  Op op_on(OpKind kind, const Inode* inode);
  void submit(Step step, Done done);
  void submit_all(std::vector<Step> steps, Done done); // one after the other, until one fails
  void answer(std::uint64_t unique, std::int32_t error) { channel_->fail(unique, error); }
  // An entry for `name`, found in the tree now; the kernel gets a reference.
  void answer_entry(std::uint64_t unique, Inode* dir, const std::string& name, bool opened);
  void answer_attributes(std::uint64_t unique, Inode* inode);
  Inode* make_entry(Inode* dir, const Found& found, fuse_entry_out& out); // the kernel gets a reference
  void fill(const struct stat& st, const Inode* inode, fuse_attr& out);
  std::shared_ptr<OpenObject> object(Inode* inode, int& error);
  int open_inode(Inode* inode, std::shared_ptr<OpenObject> object);
  bool is_hidden(const Inode* dir, const std::string& name) const;
  // The operations that make a new object: its creation first, then what it inherits.
  int new_object(const Request& r, Inode* dir, FileType type, std::uint32_t mode, std::uint32_t umask,
                 std::vector<Step>& steps);
  Step set_list(const Op& created, const char* name, Bytes value);
  void close_inode(Inode* inode);
  std::uint32_t mode_without_privileges(Inode* inode, bool always, bool& changes);
  Op removal_of_orphan(Key key);
  void became_orphan(Inode* inode);

  Tree& tree_;
  PayloadStore& payloads_;
  FuseMount::Submit submit_;
  FuseMount::Options options_;
  std::unique_ptr<FuseChannel> channel_;
  InodeTable inodes_;
  std::atomic<std::uint64_t> waiting_{0};
  std::atomic<std::uint64_t> handled_{0};
  std::vector<std::thread> threads_;
  std::mutex running_mutex_;
  std::condition_variable ended_;
  unsigned running_ = 0; // threads
};

inline std::int64_t wall_ns() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1'000'000'000ll + t.tv_nsec;
}
// One writer: what the kernel knows stays true (about 30 years).
inline constexpr std::uint64_t valid_seconds = 1'000'000'000;
inline std::string orphan_name(Key key) { return to_string(key); }

} // namespace lockstep
