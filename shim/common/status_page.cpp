#include "shim/common/status_page.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace lockstep {
namespace {
constexpr std::uint64_t magic = 0x6c6f636b73746570; // "lockstep"
constexpr std::size_t page_bytes = 4096;

Result<StatusPageLayout*> map(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) return Error{"cannot open the status page " + path + ": " + std::strerror(errno)};
  bool sized = !(flags & O_CREAT) || ::ftruncate(fd, page_bytes) == 0;
  bool writable = (flags & O_ACCMODE) == O_RDWR;
  bool whole = sized && ::lseek(fd, 0, SEEK_END) >= static_cast<off_t>(page_bytes); // a shorter file would fault when read
  void* p = whole ? ::mmap(nullptr, page_bytes, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0) : MAP_FAILED;
  ::close(fd);
  if (p == MAP_FAILED) return Error{"cannot map the status page " + path};
  return static_cast<StatusPageLayout*>(p);
}
} // namespace

Result<std::unique_ptr<StatusPage>> StatusPage::create(const std::string& path) {
  auto page = map(path, O_RDWR | O_CREAT);
  if (!page) return Error{page.error()};
  auto made = std::unique_ptr<StatusPage>(new StatusPage(*page));
  made->write(Role::stop, Sub::not_ready, false, Instant{0}, Instant{0});
  made->page_->magic.store(magic, std::memory_order_release);
  return made;
}
Result<std::unique_ptr<StatusPage>> StatusPage::open(const std::string& path) {
  auto page = map(path, O_RDONLY);
  if (!page) return Error{page.error()};
  return std::unique_ptr<StatusPage>(new StatusPage(*page));
}
StatusPage::~StatusPage() { ::munmap(page_, page_bytes); }

// Readers may see a mixture of two writes; each order below errs to "not ready".
void StatusPage::write(Role role, Sub sub, bool uptodate, Instant serving_until, Instant now) {
  page_->serving_until_ns.store(0, std::memory_order_seq_cst);
  page_->role.store(static_cast<std::uint32_t>(role), std::memory_order_seq_cst);
  page_->sub.store(static_cast<std::uint32_t>(sub), std::memory_order_seq_cst);
  page_->uptodate.store(uptodate, std::memory_order_seq_cst);
  page_->refreshed_ns.store(now.ns, std::memory_order_seq_cst);
  page_->serving_until_ns.store(serving_until.ns, std::memory_order_seq_cst);
}
bool StatusPage::fresh(Instant now) const {
  return page_->magic.load(std::memory_order_acquire) == magic &&
         now - Instant{page_->refreshed_ns.load(std::memory_order_seq_cst)} < stale_after;
}
bool StatusPage::ready(Instant now) const {
  if (!fresh(now)) return false;
  if (page_->serving_until_ns.load(std::memory_order_seq_cst) < now.ns) return false;
  auto role = static_cast<Role>(page_->role.load(std::memory_order_seq_cst));
  auto sub = static_cast<Sub>(page_->sub.load(std::memory_order_seq_cst));
  return (role == Role::prim || role == Role::alone) && sub == Sub::ready;
}

} // namespace lockstep
