// One rtnetlink conversation: a request out, its answers or the kernel's verdict back. Synchronous, on a socket of its
// own.
#pragma once
#include <cstdint>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string>
#include <vector>

namespace lockstep::netlink {

// A request under construction: header, the fixed part, then attributes.
class Request {
 public:
  template <class Fixed>
  Request(std::uint16_t type, std::uint16_t flags, const Fixed& fixed) {
    begin(type, flags, &fixed, sizeof fixed);
  }
  void attribute(std::uint16_t type, const void* data, std::size_t size);
  const std::vector<char>& bytes() const { return bytes_; }

 private:
  void begin(std::uint16_t type, std::uint16_t flags, const void* fixed, std::size_t size);
  std::vector<char> bytes_;
};

struct Answer {
  int error = 0;                           // errno; 0: done
  std::vector<std::vector<char>> messages; // each with its nlmsghdr
};
// A dump whose content changed while it was read is read again.
Answer talk(const Request& request);

// The fixed part of an answer; nullptr when the message is shorter.
template <class Fixed>
const Fixed* fixed_part(const std::vector<char>& message) {
  return message.size() < NLMSG_LENGTH(sizeof(Fixed)) ? nullptr
                                                      : reinterpret_cast<const Fixed*>(message.data() + NLMSG_HDRLEN);
}
struct Attribute {
  std::uint16_t type = 0;
  const char* data = nullptr;
  std::size_t size = 0;
};
// The attributes behind a fixed part of `fixed` bytes; they point into the message.
std::vector<Attribute> attributes(const std::vector<char>& message, std::size_t fixed);

} // namespace lockstep::netlink
