// The mount, used by real programs. A core that executes at once stands behind it and applies everything to a second
// tree, which must end equal.
#include "shim/linux/fuse/fuse_mount.hpp"
#include "tests/shim/tree_fixture.hpp"
#include <condition_variable>
#include <deque>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// What stands for the core: one thread, in order.
class LocalCore {
 public:
  LocalCore(Tree& prim, Tree& second, PayloadStore& payloads)
      : prim_(prim), second_(second), payloads_(payloads), thread_([this] { run(); }) {}
  ~LocalCore() { stop(); }
  FuseMount::Submit submit() {
    return [this](Op op, Payload payload, FuseMount::Reply reply) {
      std::lock_guard lock(mutex_);
      queue_.push_back({std::move(op), payload, std::move(reply)});
      wake_.notify_one();
    };
  }
  void stop() {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
      wake_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
  }
  std::size_t operations = 0;
  std::vector<std::string> differences;

 private:
  struct Order {
    Op op;
    Payload payload;
    FuseMount::Reply reply;
  };
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (queue_.empty()) return;
      auto order = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      carry_out(order);
      lock.lock();
    }
  }
  void carry_out(Order& o) {
    ++operations;
    auto bytes = payloads_.get(o.payload.handle);
    auto r = prim_.execute(o.op, bytes.bytes);
    if (!r.error) {
      auto s = second_.apply(o.op, bytes.bytes, false);
      if (s.error) differences.push_back(to_string(o.op) + ": " + strerror(s.error));
    }
    payloads_.release(o.payload.handle);
    o.reply(r.error, r.amount);
  }
  Tree& prim_;
  Tree& second_;
  PayloadStore& payloads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Order> queue_;
  bool ending_ = false;
  std::thread thread_;
};

// Mappings belong to another process, as in life: a page fault of ours would wait, with our address space locked, for
// our own threads.
bool in_child(const std::function<bool()>& work) {
  pid_t pid = fork();
  if (pid == 0) _exit(work() ? 0 : 1);
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct Mounted {
  LoopImage image{512};
  std::string prim = image.make("prim"), second = image.make("second");
  std::unique_ptr<Tree> a = open_tree(prim, 1), b = open_tree(second, 2);
  PayloadStore payloads;
  LocalCore core{*a, *b, payloads};
  std::unique_ptr<FuseMount> mount;

  Mounted() {
    Op same;
    same.kind = OpKind::setattr, same.object = root_key(0), same.mask = setattr_mask::mtime, same.mtime_ns = 7;
    BOOST_REQUIRE(a->execute(same, {}).error == 0 && b->execute(same, {}).error == 0);
    auto m = FuseMount::mount(*a, payloads, core.submit(), {});
    BOOST_REQUIRE_MESSAGE(m.ok(), m.error());
    mount = std::move(*m);
  }
  std::string at(const std::string& name) const { return prim + "/" + name; }
  void run(const std::string& command) { run_command("set -e; cd " + prim + "; " + command); }
  std::string output(const std::string& command) { return output_of("cd " + prim + " && " + command); }
  // Both trees, plain, are equal; nothing is left over.
  void finish() {
    auto s = mount->unmount();
    BOOST_REQUIRE_MESSAGE(s.ok(), s.error());
    core.stop();
    for (auto& d : core.differences) BOOST_ERROR("SECOND: " << d);
    require_equal(snapshot(prim), snapshot(second), "PRIM and SECOND");
    BOOST_TEST(output_of("ls -A " + prim + "/.lockstep/orphans " + prim + "/.lockstep/staging | grep -v :") == "\n");
    BOOST_TEST(payloads.size() == 0u);
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(fuse)

BOOST_AUTO_TEST_CASE(programs_find_a_file_system_there) {
  Mounted m;
  m.run("cp -a /usr/include/linux linux; diff -r /usr/include/linux linux");
  m.run("tar cf t.tar linux; mkdir again; tar xf t.tar -C again; diff -r linux again/linux; rm -r again");
  m.run("mkfifo pipe; ln -s pipe link; test \"$(readlink link)\" = pipe; mknod zero c 1 5; head -c 3 zero | wc -c | "
        "grep -q 3");
  m.run("echo a > f; ln f g; echo b >> g; test \"$(cat f | wc -l)\" = 2; test $(stat -c %h f) = 2; rm f; test $(stat "
        "-c %h g) = 1");
  m.run("touch -d '2001-02-03 04:05:06.123456789' g; stat -c %y g | grep -q 04:05:06.123456789; chmod 4711 g; chown "
        "12:34 g; "
        "test \"$(stat -c '%u %g %a' g)\" = '12 34 711'");
  m.run("mkdir -p d/e; mv d/e x; mv x d/e2; rmdir d/e2 d; test ! -e d");
  m.run("setfattr -n user.color -v red g; getfattr --only-values -n user.color g | grep -q red; setfattr -x user.color "
        "g");
  m.run("truncate -s 1M sparse; echo end >> sparse; fallocate -p -o 0 -l 65536 sparse; test $(stat -c %s sparse) = "
        "1048580");
  m.run("dd if=/dev/urandom of=big bs=1M count=20 status=none; cp big big2; cmp big big2; dd if=big of=direct bs=1M "
        "oflag=direct status=none; cmp big direct");
  m.run("mkdir many; cd many; for i in $(seq 500); do echo $i > file$i; done; test $(ls | wc -l) = 500; rm file1*; "
        "test $(ls | wc -l) = 389");
  m.finish();
}

BOOST_AUTO_TEST_CASE(sqlite_works_with_and_without_wal) {
  Mounted m;
  for (std::string mode : {"delete", "wal"}) {
    m.run("rm -f db; sqlite3 db \"pragma journal_mode=" + mode +
          "; create table t(a,b); "
          "with recursive n(i) as (select 1 union all select i+1 from n where i<3000) insert into t select i, "
          "hex(randomblob(100)) from n;\"");
    m.run("for i in 1 2 3 4 5; do sqlite3 db 'update t set b=b||a where a%7=1; delete from t where a%11=3'; done");
    BOOST_TEST(m.output("sqlite3 db 'pragma integrity_check'") == "ok\n");
  }
  m.finish();
}

BOOST_AUTO_TEST_CASE(what_is_ours_is_invisible) {
  Mounted m;
  m.run("echo x > f");
  BOOST_TEST(m.output("ls -A") == "f\n");
  BOOST_TEST(m.output("ls -a") == ".\n..\nf\n");
  BOOST_TEST(m.output("getfattr -d -m - f . ") == "");
  BOOST_TEST(m.output("cat .lockstep/token").find("No such file") != std::string::npos);
  BOOST_TEST(m.output("mkdir .lockstep").find("not permitted") != std::string::npos);
  BOOST_TEST(m.output("mv f .lockstep").find("not permitted") != std::string::npos);
  BOOST_TEST(m.output("setfattr -n trusted.lockstep.key -v 1 f").find("not permitted") != std::string::npos);
  BOOST_TEST(m.output("stat -c %h .") == "2\n");
  m.finish();
}

BOOST_AUTO_TEST_CASE(an_unlinked_file_lives_while_it_is_open) {
  Mounted m;
  int fd = open(m.at("f").c_str(), O_CREAT | O_RDWR, 0600);
  BOOST_REQUIRE(fd >= 0);
  BOOST_TEST(write(fd, "one", 3) == 3);
  BOOST_TEST(unlink(m.at("f").c_str()) == 0);
  BOOST_TEST(access(m.at("f").c_str(), F_OK) == -1);
  BOOST_TEST(pwrite(fd, "two", 3, 3) == 3);
  char text[7]{};
  BOOST_TEST(pread(fd, text, 6, 0) == 6);
  BOOST_TEST(std::string(text) == "onetwo");
  struct stat st {};
  BOOST_TEST(fstat(fd, &st) == 0);
  BOOST_TEST(st.st_nlink == 0u);
  BOOST_TEST(st.st_size == 6);
  close(fd);
  m.finish();
}

BOOST_AUTO_TEST_CASE(a_replaced_file_lives_while_it_is_open) {
  Mounted m;
  m.run("echo old > f; echo new > g");
  int fd = open(m.at("f").c_str(), O_RDWR);
  BOOST_TEST(rename(m.at("g").c_str(), m.at("f").c_str()) == 0);
  char text[9]{};
  BOOST_TEST(pread(fd, text, 8, 0) == 4);
  BOOST_TEST(std::string(text) == "old\n");
  BOOST_TEST(pwrite(fd, "OLD", 3, 0) == 3);
  BOOST_TEST(m.output("cat f; ls") == "new\nf\n");
  struct stat st {};
  fstat(fd, &st);
  BOOST_TEST(st.st_nlink == 0u);
  close(fd);
  m.finish();
}

BOOST_AUTO_TEST_CASE(a_file_without_a_name_gets_one) {
  Mounted m;
  int fd = open(m.prim.c_str(), O_TMPFILE | O_RDWR, 0640);
  BOOST_REQUIRE(fd >= 0);
  BOOST_TEST(write(fd, "text", 4) == 4);
  struct stat st {};
  fstat(fd, &st);
  BOOST_TEST(st.st_nlink == 0u);
  auto self = "/proc/self/fd/" + std::to_string(fd);
  BOOST_TEST(linkat(AT_FDCWD, self.c_str(), AT_FDCWD, m.at("named").c_str(), AT_SYMLINK_FOLLOW) == 0);
  fstat(fd, &st);
  BOOST_TEST(st.st_nlink == 1u);
  close(fd);
  BOOST_TEST(m.output("cat named") == "text");
  int lost = open(m.prim.c_str(), O_TMPFILE | O_RDWR, 0640);
  BOOST_TEST(write(lost, "lost", 4) == 4);
  close(lost);
  m.finish();
}

BOOST_AUTO_TEST_CASE(names_change_places) {
  Mounted m;
  m.run("echo 1 > one; mkdir two; echo 2 > two/in");
  auto one = m.at("one"), two = m.at("two");
  BOOST_TEST(renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, two.c_str(), RENAME_EXCHANGE) == 0);
  BOOST_TEST(m.output("cat two one/in") == "1\n2\n");
  BOOST_TEST(renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, two.c_str(), RENAME_NOREPLACE) == -1);
  BOOST_TEST(errno == EEXIST);
  m.finish();
}

BOOST_AUTO_TEST_CASE(two_processes_append_and_nothing_is_lost) {
  Mounted m;
  auto path = m.at("log");
  std::vector<pid_t> writers;
  for (char who : {'a', 'b'})
    if (pid_t pid = fork(); pid == 0) {
      int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
      std::string line(99, who);
      line += '\n';
      for (int i = 0; i < 500; ++i)
        if (write(fd, line.data(), line.size()) != 100) _exit(1);
      _exit(0);
    } else
      writers.push_back(pid);
  for (auto pid : writers) {
    int status = 0;
    waitpid(pid, &status, 0);
    BOOST_TEST(status == 0);
  }
  BOOST_TEST(m.output("sort log | uniq -c | awk '{print $1, length($2)}'") == "500 99\n500 99\n");
  m.finish();
}

BOOST_AUTO_TEST_CASE(a_shared_mapping_reaches_both_trees) {
  Mounted m;
  bool went_well = in_child([&] {
    int fd = open(m.at("map").c_str(), O_CREAT | O_RDWR, 0600);
    if (ftruncate(fd, 1 << 20)) return false;
    auto p = static_cast<char*>(mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    for (int i = 0; i < 1 << 20; i += 4096) p[i] = 'm';
    char c = 0;
    return msync(p, 4096, MS_SYNC) == 0 && pread(fd, &c, 1, 8192) == 1 && c == 'm';
  });
  BOOST_TEST(went_well);
  m.finish(); // the rest is handed over by the unmount at the latest
  BOOST_TEST(output_of("tr -d '\\0' < " + m.second + "/map | wc -c") == "256\n");
}

BOOST_AUTO_TEST_CASE(holes_are_seen_and_made) {
  Mounted m;
  int fd = open(m.at("holes").c_str(), O_CREAT | O_RDWR, 0600);
  std::string data(65536, 'd');
  BOOST_TEST(pwrite(fd, data.data(), data.size(), 1 << 20) == 65536);
  BOOST_TEST(lseek(fd, 0, SEEK_DATA) == 1 << 20);
  BOOST_TEST(lseek(fd, 1 << 20, SEEK_HOLE) == (1 << 20) + 65536);
  BOOST_TEST(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, 32768) == 0);
  BOOST_TEST(lseek(fd, 0, SEEK_DATA) == (1 << 20) + 32768);
  char c = 'x';
  BOOST_TEST(pread(fd, &c, 1, 1 << 20) == 1);
  BOOST_TEST(c == 0);
  BOOST_TEST(fallocate(fd, 0, 2 << 20, 4096) == 0);
  struct stat st {};
  fstat(fd, &st);
  BOOST_TEST(st.st_size == (2 << 20) + 4096);
  close(fd);
  m.finish();
}

BOOST_AUTO_TEST_CASE(permissions_are_the_kernels_and_set_id_bits_fall) {
  Mounted m;
  m.run("chmod 777 .; echo x > suid; chmod 6777 suid; echo y > private; chmod 600 private; mkdir shared; chgrp 1234 "
        "shared; chmod 2777 shared");
  auto as_nobody = [&](const std::string& command) {
    return m.output("setpriv --reuid 65534 --regid 65534 --clear-groups sh -c '" + command + "'");
  };
  BOOST_TEST(as_nobody("cat private").find("denied") != std::string::npos);
  BOOST_TEST(as_nobody("echo z >> suid; stat -c %a suid") == "777\n");
  BOOST_TEST(as_nobody("touch shared/f; mkdir shared/d; stat -c \"%u %g %A\" shared/f shared/d") ==
             "65534 1234 -rw-r--r--\n65534 1234 drwxr-sr-x\n");
  BOOST_TEST(as_nobody("umask 077; touch mine; stat -c %a mine") == "600\n");
  m.finish();
}

BOOST_AUTO_TEST_CASE(access_lists_are_kept_checked_and_inherited) {
  Mounted m;
  m.run("mkdir dir plain; setfacl -m u:65534:rw plain; setfacl -d -m u:65534:rwX,g::r,o::- dir; umask 022; echo x > "
        "dir/f; mkdir dir/sub; "
        "echo secret > f; chmod 600 f; setfacl -m u:65534:r f");
  BOOST_TEST(m.output("getfacl -cn dir/f") ==
             "user::rw-\nuser:65534:rwx\t#effective:rw-\ngroup::r--\nmask::rw-\nother::---\n\n");
  BOOST_TEST(m.output("getfacl -cnd dir/sub") == "user::rwx\nuser:65534:rwx\ngroup::r--\nmask::rwx\nother::---\n\n");
  BOOST_TEST(m.output("stat -c %a dir/f dir/sub f") == "660\n770\n640\n");
  auto as_nobody = [&](const std::string& command) {
    return m.output("setpriv --reuid 65534 --regid 65534 --clear-groups sh -c '" + command + "'");
  };
  BOOST_TEST(as_nobody("cat f; echo y >> f").find("secret\n") == 0u);
  BOOST_TEST(as_nobody("echo y >> f").find("denied") != std::string::npos);
  BOOST_TEST(as_nobody("echo y >> dir/f; cat dir/f") == "x\ny\n");
  m.run("chmod 700 f; setfacl -b dir/f");
  BOOST_TEST(as_nobody("cat f").find("denied") != std::string::npos);
  m.finish();
}

// The model is a string; every way to write and read must agree with it. The first step that does not, or -1.
int compare_with_memory(const std::string& path, std::uint64_t seed) {
  Prng random(seed);
  std::string model;
  int fd = open(path.c_str(), O_CREAT | O_RDWR, 0600);
  auto map = static_cast<char*>(mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  for (int i = 0; i < 800; ++i) {
    std::size_t at = random.below(400'000), size = 1 + random.below(60'000);
    std::string data(size, static_cast<char>('a' + random.below(26)));
    bool fine = true;
    switch (random.below(7)) {
    case 0:
    case 1:
      fine = pwrite(fd, data.data(), size, static_cast<off_t>(at)) == static_cast<ssize_t>(size);
      if (model.size() < at + size) model.resize(at + size);
      model.replace(at, size, data);
      break;
    case 2:
      fine = ftruncate(fd, static_cast<off_t>(at)) == 0;
      model.resize(at);
      break;
    case 3:
      if (at + size > model.size()) break;
      memcpy(map + at, data.data(), size);
      model.replace(at, size, data);
      break;
    case 4:
      fine = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at),
                       static_cast<off_t>(size)) == 0;
      size = at < model.size() ? std::min(size, model.size() - at) : 0;
      if (size) model.replace(at, size, std::string(size, 0));
      break;
    case 5: {
      int again = open(path.c_str(), O_WRONLY | O_APPEND);
      fine = write(again, data.data(), size) == static_cast<ssize_t>(size);
      close(again);
      model += data;
      break;
    }
    default: {
      std::string got(size, 'x');
      auto n = pread(fd, got.data(), size, static_cast<off_t>(at));
      got.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
      fine = got == (at < model.size() ? model.substr(at, size) : "");
    }
    }
    struct stat st {};
    if (fstat(fd, &st) || !fine || static_cast<std::size_t>(st.st_size) != model.size()) return i;
  }
  return -1;
}

BOOST_AUTO_TEST_CASE(random_file_operations_agree_with_memory) {
  Mounted m;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    auto path = m.at("fsx" + std::to_string(seed));
    BOOST_TEST(in_child([&] { return compare_with_memory(path, seed) == -1; }), "seed " << seed);
  }
  m.finish();
}

BOOST_AUTO_TEST_CASE(many_processes_in_the_same_directories_leave_both_trees_equal) {
  Mounted m;
  m.run("set +e; mkdir a b c; for p in 1 2 3 4 5; do ( x=$p; for i in $(seq 150); do x=$(( (x * 1103515245 + 12345) % "
        "2147483648 )); n=$((x / 65536 % 7)); "
        "d=$(echo a b c | cut -d' ' -f$((x / 1024 % 3 + 1))); e=$(echo b c a | cut -d' ' -f$((x / 4096 % 3 + 1))); "
        "case $((x / 8192 % 8)) in "
        "0) echo $p $i > $d/$n;; 1) echo $i >> $d/$n;; 2) rm -f $d/$n;; 3) mv -f $d/$n $e/$n;; 4) ln $d/$n $e/h$n;; 5) "
        "mkdir $d/d$n;; "
        "6) mv -T $d/d$n $e/d$n;; 7) (sleep 0.01; echo late) > $d/$n; chmod 600 $e/$n;; esac 2>/dev/null; done; true ) "
        "& done; wait");
  m.finish();
}

BOOST_AUTO_TEST_CASE(a_busy_mount_says_who_and_an_aborted_one_is_gone) {
  Mounted m;
  int fd = open(m.at("held").c_str(), O_CREAT | O_RDWR, 0600);
  pid_t pid = fork();
  if (pid == 0) {
    pause();
    _exit(0);
  }
  close(fd);
  auto s = m.mount->unmount();
  BOOST_TEST(!s.ok());
  BOOST_TEST(s.error().find("pid " + std::to_string(pid)) != std::string::npos, s.error());
  m.run("echo still > works");
  m.mount->abort();
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  // The plain directory is there again.
  BOOST_TEST(output_of("cat " + m.at("works")) == "still\n");
  BOOST_TEST(output_of("ls -A " + m.prim).find(".lockstep") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_copy_in_another_mount_namespace_ends_with_the_mount) {
  Mounted m;
  m.run("echo x > f");
  pid_t pid = fork();
  if (pid == 0) {
    execlp("unshare", "unshare", "-m", "--propagation", "private", "sleep", "1000", nullptr);
    _exit(1);
  }
  auto other = "nsenter -t " + std::to_string(pid) + " -m ";
  run_command("for i in $(seq 100); do test \"$(readlink /proc/" + std::to_string(pid) +
              "/ns/mnt)\" != \"$(readlink /proc/self/ns/mnt)\" && " + other + "cat " + m.at("f") +
              " && exit 0; sleep 0.05; done; exit 1");
  m.finish();
  BOOST_TEST(output_of(other + "cat " + m.at("f")).find("not connected") != std::string::npos);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

BOOST_AUTO_TEST_CASE(a_mount_whose_daemon_died_is_removed) {
  LoopImage image;
  auto path = image.make("p");
  BOOST_TEST(FuseMount::remove_dead(path).ok());
  pid_t pid = fork();
  if (pid == 0) {
    auto tree = open_tree(path, 1);
    PayloadStore payloads;
    auto mount = FuseMount::mount(*tree, payloads, [](Op, Payload, FuseMount::Reply) {}, {});
    kill(getpid(), mount.ok() ? SIGKILL : SIGTERM);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  BOOST_REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  BOOST_TEST(output_of("touch " + path + "/x").find("not connected") != std::string::npos);
  auto removed = FuseMount::remove_dead(path);
  BOOST_REQUIRE_MESSAGE(removed.ok(), removed.error());
  BOOST_TEST(output_of("touch " + path + "/x && ls " + path) == "x\n");
}

BOOST_AUTO_TEST_CASE(orphans_of_a_former_life_go) {
  Mounted m;
  int fd = open(m.at("f").c_str(), O_CREAT | O_RDWR, 0600);
  unlink(m.at("f").c_str());
  BOOST_TEST(output_of("ls " + m.second + "/.lockstep/orphans | wc -l") == "1\n");
  m.mount->abort();
  close(fd);
  auto again = FuseMount::mount(*m.a, m.payloads, m.core.submit(), {});
  BOOST_REQUIRE_MESSAGE(again.ok(), again.error());
  m.mount = std::move(*again);
  m.finish();
}

BOOST_AUTO_TEST_SUITE_END()
