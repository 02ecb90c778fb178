// Scratch places for the shim's tests: a directory, a small file system to fill up; gone with the object.
#pragma once
#include "core/base/bytes.hpp"
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <string>
#include <sys/mount.h>

namespace lockstep::test {

struct TemporaryDirectory {
  std::string path;
  TemporaryDirectory() {
    std::string pattern = "/tmp/lockstep-test-XXXXXX";
    BOOST_REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  std::string operator/(const std::string& name) const { return path + "/" + name; }
};

// A tmpfs of `size` ("1m") bytes.
struct SmallFileSystem : TemporaryDirectory {
  explicit SmallFileSystem(const std::string& size) {
    BOOST_REQUIRE(::mount("tmpfs", path.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0);
  }
  ~SmallFileSystem() { ::umount2(path.c_str(), MNT_DETACH); }
  // Leaves not one free block.
  void fill() const {
    std::ofstream out(*this / "filler", std::ios::binary | std::ios::app);
    std::string block(4096, 'x');
    while (out.write(block.data(), 4096).flush()) {
    }
  }
  void make_room() const { std::filesystem::remove(*this / "filler"); }
};

inline Bytes read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}
inline void write_all(const std::string& path, const Bytes& b) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(b.data()), static_cast<std::streamsize>(b.size()));
}
inline Bytes bytes_of(const std::string& s) { return Bytes(s.begin(), s.end()); }
inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace lockstep::test
