#include "shim/module/module_log.hpp"
#include "shim/common/paths.hpp"
#include "shim/common/storage/files.hpp"
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lockstep {

ModuleLog::ModuleLog(std::string directory, std::size_t max_bytes) : directory_(std::move(directory)), max_bytes_(max_bytes) {
  if (Status s = make_open_directories(directory_); !s) std::fprintf(stderr, "%s\n", s.error().c_str());
  open();
}
ModuleLog::~ModuleLog() {
  if (fd_ >= 0) ::close(fd_);
}

void ModuleLog::open() {
  fd_ = ::open(file(directory_).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  struct stat st{};
  size_ = fd_ >= 0 && ::fstat(fd_, &st) == 0 ? static_cast<std::size_t>(st.st_size) : 0;
}

void ModuleLog::write(char level, const std::string& origin, const std::string& message) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::localtime_r(&now.tv_sec, &parts);
  char stamp[64];
  std::size_t n = std::strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &parts);
  std::snprintf(stamp + n, sizeof stamp - n, ".%06ld", now.tv_nsec / 1000);
  std::string line = std::string("| ") + stamp + " | " + origin + " | " + level + " | ";
  for (char c : message) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c; // one entry is one line, whoever wrote it
  line += '\n';
  std::lock_guard lock(mutex_);
  if (fd_ >= 0 && size_ > max_bytes_) {
    ::close(fd_);
    ::rename(file(directory_).c_str(), (file(directory_) + ".1").c_str());
    open();
  }
  ssize_t written = fd_ >= 0 ? ::write(fd_, line.data(), line.size()) : -1;
  if (written > 0) size_ += static_cast<std::size_t>(written);
  else std::fputs(line.c_str(), stderr);
}

} // namespace lockstep
