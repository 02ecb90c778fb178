// What was promised as durable is there after the power went: an ext4 whose journal and cache are thrown away at once
// (its shutdown ioctl).
#include "shim/common/storage/append_log.hpp"
#include "shim/common/storage/files.hpp"
#include "shim/common/storage/record_store.hpp"
#include "tests/shim/temporary.hpp"
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

using namespace lockstep;
using namespace lockstep::test;

namespace {

// A small ext4 on a loop device.
class Disk {
 public:
  Disk() {
    run("truncate -s 24M " + image() + " && mkfs.ext4 -q " + image() + " && mkdir " + path());
    mount();
  }
  ~Disk() { (void)!::system(("umount -l " + path() + " 2>/dev/null").c_str()); }
  std::string path() const { return place_ / "disk"; }
  // Everything that was not flushed is gone; from now on every write fails with EIO.
  void cut_power() const {
    int fd = ::open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    BOOST_REQUIRE(fd >= 0);
    std::uint32_t without_log_flush = 2;
    BOOST_REQUIRE(::ioctl(fd, _IOR('X', 125, std::uint32_t), &without_log_flush) == 0);
    ::close(fd);
  }
  void boot() const {
    run("umount " + path());
    mount();
  }

 private:
  static void run(const std::string& command) { BOOST_REQUIRE_MESSAGE(::system(command.c_str()) == 0, command); }
  std::string image() const { return place_ / "image"; }
  void mount() const { run("mount -o loop " + image() + " " + path()); }
  TemporaryDirectory place_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(power_cut)

BOOST_AUTO_TEST_CASE(a_record_reported_written_is_in_both_copies_afterwards) {
  Disk disk;
  auto state = disk.path() + "/var/AM";
  for (int i = 1; i <= 4; ++i) { // the first creates, the others use spares
    auto record = bytes_of("record " + std::to_string(i));
    RecordStore store(state);
    BOOST_REQUIRE(store.write(bytes_of("before")));
    BOOST_REQUIRE(store.write(record)); // the last thing done: no later flush makes it durable by accident
    disk.cut_power();
    RecordStore broken(state);
    auto s = broken.write(bytes_of("never"));
    BOOST_TEST(contains(s.error(), "Input/output error; the disk reports a fault"));
    disk.boot();
    auto r = RecordStore(state).read();
    BOOST_TEST((r.bytes == record));
    BOOST_TEST(r.note == "");
  }
}

BOOST_AUTO_TEST_CASE(a_text_file_reported_written_is_the_new_one_afterwards) { // the checkpoint beside the record (data:D2)
  Disk disk;
  auto file = disk.path() + "/checkpoint";
  for (int i = 1; i <= 3; ++i) {
    BOOST_REQUIRE(write_text_file(file, "before"));
    auto text = "checkpoint " + std::to_string(i);
    BOOST_REQUIRE(write_text_file(file, text)); // the last thing done
    disk.cut_power();
    disk.boot();
    auto read = read_text_file(file);
    BOOST_TEST((read ? *read : read.error()) == text);
  }
}

BOOST_AUTO_TEST_CASE(appended_records_a_rewrite_and_the_mark_survive) {
  Disk disk;
  auto state = disk.path() + "/var/AM";
  std::vector<Bytes> promised;
  for (int round = 1; round <= 3; ++round) {
    {
      AppendLog log(state);
      BOOST_TEST((log.read().records == promised));
      if (round == 1) BOOST_REQUIRE(log.rewrite({}));
      for (int k = 0; k < 50; ++k) {
        promised.push_back(Bytes(static_cast<std::size_t>(k * 500), static_cast<std::uint8_t>(k))); // beyond one chunk
        BOOST_REQUIRE(log.append({promised.back()}));
      }
      disk.cut_power();
      BOOST_TEST(contains(log.append({bytes_of("never")}).error(), "Input/output error"));
      BOOST_TEST(!log.writable());
      BOOST_TEST(!log.append({bytes_of("never")}));
    }
    disk.boot();
  }
  {
    AppendLog log(state);
    BOOST_TEST((log.read().records == promised));
    BOOST_REQUIRE(log.rewrite({bytes_of("short")}));
    disk.cut_power();
  }
  disk.boot();
  {
    AppendLog log(state);
    BOOST_TEST((log.read().records == std::vector<Bytes>{bytes_of("short")}));
    BOOST_REQUIRE(log.mark_everything());
    disk.cut_power();
  }
  disk.boot();
  {
    AppendLog log(state);
    auto r = log.read();
    BOOST_TEST((r.state == LogRead::State::everything));
    BOOST_TEST((r.records == std::vector<Bytes>{bytes_of("short")}));
    BOOST_REQUIRE(log.clear_everything());
    disk.cut_power();
  }
  disk.boot();
  BOOST_TEST((AppendLog(state).read().state == LogRead::State::ok));
}

BOOST_AUTO_TEST_SUITE_END()
