// Mounts as the replicated directory needs them: covered read-only, found again, removed, and who stands in the way
// (data:T22).
#include "shim/linux/mounts.hpp"
#include "tests/shim/temporary.hpp"
#include <exception>
#include <fcntl.h>
#include <functional>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace lockstep;
using namespace lockstep::test;

namespace {

// Runs `body` on a thread with a mount namespace of its own, in an empty file system that shares its mounts as a
// systemd machine does.
void in_mount_namespace(const std::function<void(const std::string& place)>& body) {
  TemporaryDirectory d;
  std::exception_ptr failure;
  std::thread([&] {
    try {
      BOOST_REQUIRE(::unshare(CLONE_NEWNS) == 0);
      BOOST_REQUIRE(::mount("", "/", "", MS_REC | MS_PRIVATE, "") == 0);
      BOOST_REQUIRE(::mount("tmpfs", d.path.c_str(), "tmpfs", 0, "") == 0);
      BOOST_REQUIRE(::mount("", d.path.c_str(), "", MS_SHARED, "") == 0);
      BOOST_REQUIRE(::mkdir((d / "data").c_str(), 0755) == 0);
      write_all(d / "data/file", bytes_of("content"));
      body(d.path);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

// A child process that does `prepare`, says so, and waits to be killed.
struct Child {
  pid_t pid = -1;
  explicit Child(const std::function<bool()>& prepare) {
    int channel[2];
    BOOST_REQUIRE(::pipe2(channel, O_CLOEXEC) == 0);
    pid = ::fork();
    if (pid == 0) {
      char c = prepare() ? 'y' : 'n';
      if (::write(channel[1], &c, 1) == 1) ::pause();
      ::_exit(0);
    }
    char c = 0;
    BOOST_REQUIRE(::read(channel[0], &c, 1) == 1);
    BOOST_TEST(c == 'y');
    ::close(channel[0]), ::close(channel[1]);
  }
  ~Child() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
};

int try_write(const std::string& path) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  int error = fd < 0 ? errno : 0;
  if (fd >= 0) ::close(fd);
  return error;
}

const Holder* find(const std::vector<Holder>& all, pid_t pid) {
  for (const auto& h : all)
    if (h.pid == pid) return &h;
  return nullptr;
}
std::vector<Holder> holders(const std::string& path) {
  auto r = holders_of(path);
  BOOST_REQUIRE_MESSAGE(r.ok(), r.error());
  return *r;
}

} // namespace

BOOST_AUTO_TEST_SUITE(mounts)

BOOST_AUTO_TEST_CASE(a_covered_directory_is_read_only_but_for_the_descriptor_opened_before) {
  in_mount_namespace([](const std::string& place) {
    auto data = place + "/data";
    auto tree = open_tree_before_mount(data);
    BOOST_REQUIRE(tree.ok());
    BOOST_TEST(!mounted_at(data)->has_value());
    BOOST_TEST(!*is_read_only_bind(data));
    BOOST_TEST(bind_read_only(data).error() == "");
    BOOST_TEST(*is_read_only_bind(data));
    BOOST_TEST(*is_read_only_bind(data + "/")); // however it is written
    BOOST_TEST(mounted_at(data)->has_value());
    BOOST_TEST(!(*mounted_at(data))->shared);
    BOOST_TEST(try_write(data + "/file") == EROFS);
    BOOST_TEST(try_write(data + "/new") == EROFS);
    int fd = ::openat(*tree, "through", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    BOOST_TEST(fd >= 0);
    ::close(fd);
    BOOST_TEST(::access((data + "/through").c_str(), F_OK) == 0);
    ::close(*tree);
    BOOST_TEST(unmount(data, Unmount::plain).error() == "");
    BOOST_TEST(unmount(data, Unmount::plain).error() == ""); // nothing mounted: fine
    BOOST_TEST(!*is_read_only_bind(data));
    BOOST_TEST(try_write(data + "/file") == 0);
  });
}

BOOST_AUTO_TEST_CASE(where_the_cover_propagates_to_it_is_read_only_too) {
  in_mount_namespace([](const std::string& place) {
    auto data = place + "/data";
    int go[2], told[2];
    BOOST_REQUIRE(::pipe2(go, O_CLOEXEC) == 0 && ::pipe2(told, O_CLOEXEC) == 0);
    pid_t service = ::fork(); // as a service with a private /tmp: a namespace of its own that receives ours
    if (service == 0) {
      bool fine = ::unshare(CLONE_NEWNS) == 0 && ::mount("", "/", "", MS_REC | MS_SLAVE, "") == 0;
      char c = fine ? 'y' : 'n';
      if (::write(told[1], &c, 1) != 1 || ::read(go[0], &c, 1) != 1) ::_exit(1);
      c = try_write(data + "/file") == EROFS ? 'y' : 'n';
      ::_exit(::write(told[1], &c, 1) == 1 ? 0 : 1);
    }
    char c = 0;
    BOOST_REQUIRE(::read(told[0], &c, 1) == 1);
    BOOST_REQUIRE(c == 'y');
    BOOST_TEST(bind_read_only(data).error() == "");
    BOOST_REQUIRE(::write(go[1], "g", 1) == 1);
    BOOST_REQUIRE(::read(told[0], &c, 1) == 1);
    BOOST_TEST(c == 'y');
    ::waitpid(service, nullptr, 0);
    BOOST_TEST(unmount(data, Unmount::plain).error() == "");
    for (int fd : {go[0], go[1], told[0], told[1]}) ::close(fd);
  });
}

BOOST_AUTO_TEST_CASE(the_root_of_a_file_system_and_names_with_blanks_can_be_covered) {
  in_mount_namespace([](const std::string& place) {
    auto data = place + "/a b\\c";
    BOOST_REQUIRE(::mkdir(data.c_str(), 0755) == 0);
    BOOST_REQUIRE(::mount("tmpfs", data.c_str(), "tmpfs", 0, "") == 0);
    BOOST_TEST((*mounted_at(data))->type == "tmpfs");
    BOOST_TEST(!*is_read_only_bind(data));
    BOOST_TEST(bind_read_only(data).error() == "");
    BOOST_TEST(*is_read_only_bind(data));
    BOOST_TEST(try_write(data + "/x") == EROFS);
    BOOST_TEST(unmount(data, Unmount::plain).error() == "");
    BOOST_TEST(!*is_read_only_bind(data));
    BOOST_TEST(mounted_at(data)->has_value()); // the file system itself is still there
    BOOST_TEST(try_write(data + "/x") == 0);
  });
}

BOOST_AUTO_TEST_CASE(another_file_system_over_the_directory_is_no_cover_of_ours) {
  in_mount_namespace([](const std::string& place) {
    auto data = place + "/data";
    BOOST_REQUIRE(::mount("tmpfs", data.c_str(), "tmpfs", MS_RDONLY, "") == 0);
    BOOST_TEST(!*is_read_only_bind(data));
    BOOST_REQUIRE(::umount(data.c_str()) == 0);
    auto other = place + "/other";
    BOOST_REQUIRE(::mkdir(other.c_str(), 0755) == 0);
    BOOST_REQUIRE(::mount(other.c_str(), data.c_str(), "", MS_BIND, "") == 0); // same file system, another directory
    BOOST_REQUIRE(::mount("", data.c_str(), "", MS_REMOUNT | MS_BIND | MS_RDONLY, "") == 0);
    BOOST_TEST(!*is_read_only_bind(data));
  });
}

BOOST_AUTO_TEST_CASE(mounts_inside_the_directory_are_listed) {
  in_mount_namespace([](const std::string& place) {
    auto data = place + "/data";
    BOOST_REQUIRE(::mkdir((data + "/inner").c_str(), 0755) == 0 && ::mkdir((place + "/data2").c_str(), 0755) == 0);
    BOOST_REQUIRE(::mount("tmpfs", (place + "/data2").c_str(), "tmpfs", 0, "") == 0);
    BOOST_TEST(mounts_under(data)->empty());
    BOOST_REQUIRE(::mount("tmpfs", (data + "/inner").c_str(), "tmpfs", 0, "") == 0);
    auto inside = mounts_under(data);
    BOOST_REQUIRE(inside->size() == 1u);
    BOOST_TEST((*inside)[0].mount_point == data + "/inner");
  });
}

BOOST_AUTO_TEST_CASE(a_fuse_mount_whose_daemon_died_is_seen_and_removed) {
  in_mount_namespace([](const std::string& place) {
    auto data = place + "/data";
    int fuse = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
    BOOST_REQUIRE(fuse >= 0);
    auto options = "fd=" + std::to_string(fuse) + ",rootmode=40000,user_id=0,group_id=0";
    BOOST_REQUIRE(::mount("lockstep", data.c_str(), "fuse.lockstep", 0, options.c_str()) == 0);
    ::close(fuse);
    BOOST_REQUIRE(::access((data + "/file").c_str(), F_OK) != 0);
    auto there = mounted_at(data);
    BOOST_REQUIRE_MESSAGE(there.ok(), there.error());
    BOOST_REQUIRE(there->has_value());
    BOOST_TEST((*there)->type == "fuse.lockstep");
    BOOST_TEST(unmount(data, Unmount::lazy).error() == "");
    BOOST_TEST(!mounted_at(data)->has_value());
    BOOST_TEST(::access((data + "/file").c_str(), F_OK) == 0);
  });
}

BOOST_AUTO_TEST_CASE(a_busy_mount_names_who_uses_it_and_a_lazy_removal_works) {
  in_mount_namespace([](const std::string& place) {
    auto data = place + "/data";
    BOOST_REQUIRE(::mount("tmpfs", data.c_str(), "tmpfs", 0, "") == 0);
    Child user([&] { return ::chdir(data.c_str()) == 0; });
    auto s = unmount(data, Unmount::plain);
    BOOST_TEST(contains(s.error(), "cannot unmount " + data + ": it is in use by "));
    BOOST_TEST(contains(s.error(), "(pid " + std::to_string(user.pid) + ", working directory: " + data + ")"));
    BOOST_TEST(unmount(data, Unmount::lazy).error() == "");
    BOOST_TEST(!mounted_at(data)->has_value());
  });
}

BOOST_AUTO_TEST_CASE(a_missing_directory_is_named) {
  BOOST_TEST(contains(mounted_at("/nonexistent/x").error(), "cannot find /nonexistent/x: No such file or directory"));
  BOOST_TEST(!bind_read_only("/nonexistent/x"));
  BOOST_TEST(!open_tree_before_mount("/nonexistent/x"));
  BOOST_TEST(!open_tree_before_mount("/etc/passwd"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(holders_suite)

BOOST_AUTO_TEST_CASE(every_way_to_hold_a_file_is_found_and_told_apart) {
  in_mount_namespace([](const std::string& place) {
    auto data = place + "/data", file = data + "/file";
    BOOST_TEST(holders(data).empty());
    Child writer([&] { return ::open(file.c_str(), O_RDWR) >= 0; });
    Child reader([&] { return ::open(file.c_str(), O_RDONLY) >= 0; });
    Child worker([&] { return ::chdir(data.c_str()) == 0; });
    auto map = [&](int open_flags, int protection, int flags) {
      int fd = ::open(file.c_str(), open_flags);
      bool fine = ::mmap(nullptr, 4096, protection, flags, fd, 0) != MAP_FAILED;
      ::close(fd); // the mapping stays
      return fine;
    };
    Child mapper([&] { return map(O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED); });
    Child looker([&] { return map(O_RDONLY, PROT_READ | PROT_WRITE, MAP_PRIVATE); });
    Child unlinked([&] {
      return ::open((data + "/gone").c_str(), O_RDWR | O_CREAT, 0600) >= 0 && ::unlink((data + "/gone").c_str()) == 0;
    });
    Child stranger([&] { // the same beginning of the name is not the same directory
      return ::mkdir((place + "/data2").c_str(), 0755) == 0 && ::chdir((place + "/data2").c_str()) == 0;
    });
    auto all = holders(data);
    BOOST_TEST(all.size() == 6u);
    auto is = [&](const Child& c, const std::string& what, bool can_write) {
      auto h = find(all, c.pid);
      BOOST_REQUIRE(h != nullptr);
      BOOST_TEST(h->what == what);
      BOOST_TEST(h->can_write == can_write);
      BOOST_TEST(h->name == "shim-tests");
    };
    is(writer, "open for writing", true);
    is(reader, "open", false);
    is(worker, "working directory", false);
    is(mapper, "mapped for writing", true);
    is(looker, "mapped", false);
    is(unlinked, "open for writing", true);
    BOOST_TEST(find(all, stranger.pid) == nullptr);
    BOOST_TEST(find(all, writer.pid)->path == file);
  });
}

BOOST_AUTO_TEST_CASE(ourselves_are_left_out) {
  in_mount_namespace([](const std::string& place) {
    auto tree = open_tree_before_mount(place + "/data");
    BOOST_REQUIRE(tree.ok());
    BOOST_TEST(holders(place + "/data").empty());
    ::close(*tree);
  });
}

BOOST_AUTO_TEST_CASE(a_container_that_mounts_the_directory_elsewhere_is_found_and_so_is_its_writer) {
  in_mount_namespace([](const std::string& place) {
    auto data = place + "/data", volume = place + "/volume";
    BOOST_REQUIRE(::mkdir(volume.c_str(), 0755) == 0);
    auto contain = [&] {
      return ::unshare(CLONE_NEWNS) == 0 && ::mount("", "/", "", MS_REC | MS_PRIVATE, "") == 0 &&
             ::mount(data.c_str(), volume.c_str(), "", MS_BIND, "") == 0;
    };
    Child idle(contain);
    Child busy([&] { return contain() && ::open((volume + "/file").c_str(), O_WRONLY) >= 0; });
    auto all = holders(data);
    BOOST_REQUIRE(find(all, idle.pid) != nullptr);
    BOOST_TEST(find(all, idle.pid)->what == "mounted elsewhere");
    BOOST_TEST(find(all, idle.pid)->path == volume);
    BOOST_REQUIRE(find(all, busy.pid) != nullptr);
    BOOST_TEST(find(all, busy.pid)->what == "open for writing");
    BOOST_TEST(find(all, busy.pid)->path == volume + "/file");
    BOOST_TEST(all.size() == 2u);
  });
}

BOOST_AUTO_TEST_CASE(who_uses_the_mount_on_top_is_told_from_who_uses_what_it_covers) {
  in_mount_namespace([](const std::string& place) {
    auto data = place + "/data";
    Child below([&] { return ::open((data + "/file").c_str(), O_RDWR) >= 0; });
    BOOST_REQUIRE(::mount("tmpfs", data.c_str(), "tmpfs", 0, "") == 0);
    Child above([&] { return ::open((data + "/new").c_str(), O_RDWR | O_CREAT, 0600) >= 0; });
    auto all = holders(data);
    BOOST_TEST(find(all, below.pid) == nullptr);
    BOOST_TEST(find(all, above.pid) != nullptr);
  });
}

BOOST_AUTO_TEST_CASE(the_message_is_short) {
  std::vector<Holder> all(7, {.pid = 12, .name = "postgres", .what = "open", .path = "/data/x", .can_write = false});
  BOOST_TEST(describe(all, 2) == "postgres (pid 12, open: /data/x), postgres (pid 12, open: /data/x) and 5 more");
  BOOST_TEST(describe({}) == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(mountinfo)

BOOST_AUTO_TEST_CASE(lines_are_read_as_the_kernel_writes_them) {
  auto all = parse_mountinfo("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
                             "nonsense\n"
                             "37 35 0:31 / /a\\040b\\134c ro shared:7 - fuse.lockstep some\\011thing rw\n"
                             "38 35 0:31\n\n");
  BOOST_REQUIRE(all.size() == 2u);
  BOOST_TEST(all[0].id == 36);
  BOOST_TEST(all[0].parent == 35);
  BOOST_TEST(all[0].major == 98u);
  BOOST_TEST(all[0].root == "/mnt1");
  BOOST_TEST(!all[0].shared);
  BOOST_TEST(all[0].receives);
  BOOST_TEST(all[1].mount_point == "/a b\\c");
  BOOST_TEST(all[1].source == "some\tthing");
  BOOST_TEST(all[1].shared);
}

BOOST_AUTO_TEST_CASE(paths_are_compared_by_whole_names) {
  BOOST_TEST(is_under("/a/b", "/a"));
  BOOST_TEST(is_under("/a", "/a"));
  BOOST_TEST(is_under("/a", "/"));
  BOOST_TEST(!is_under("/ab", "/a"));
  BOOST_TEST(path_in_file_system({.root = "/", .mount_point = "/"}, "/x/y") == "/x/y");
  BOOST_TEST(path_in_file_system({.root = "/sub", .mount_point = "/"}, "/x") == "/sub/x");
  BOOST_TEST(path_in_file_system({.root = "/", .mount_point = "/m"}, "/m/x") == "/x");
  BOOST_TEST(path_in_file_system({.root = "/", .mount_point = "/m"}, "/m") == "/");
  BOOST_TEST(path_in_file_system({.root = "/sub", .mount_point = "/m"}, "/m") == "/sub");
}

BOOST_AUTO_TEST_SUITE_END()
