#include "shim/linux/netlink.hpp"
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace lockstep::netlink {
namespace {

struct Socket {
  int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

enum class Turn { more, finished, interrupted };

// Takes one datagram's messages into the answer.
Turn take(const char* data, std::size_t size, bool dump, Answer& answer) {
  Turn turn = Turn::more;
  auto left = static_cast<unsigned>(size);
  for (auto h = reinterpret_cast<const nlmsghdr*>(data); NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
    if (h->nlmsg_flags & NLM_F_DUMP_INTR) turn = Turn::interrupted;
    if (h->nlmsg_type == NLMSG_DONE) return turn == Turn::interrupted ? turn : Turn::finished;
    if (h->nlmsg_type == NLMSG_ERROR) {
      auto e = reinterpret_cast<const nlmsgerr*>(NLMSG_DATA(h));
      answer.error = h->nlmsg_len < NLMSG_LENGTH(sizeof(nlmsgerr)) ? EPROTO : -e->error;
      return Turn::finished;
    }
    auto p = reinterpret_cast<const char*>(h);
    answer.messages.emplace_back(p, p + h->nlmsg_len);
    if (!dump) return Turn::finished;
  }
  return turn;
}

Answer talk_once(const Request& request, bool& again) {
  Answer answer;
  Socket s;
  again = false;
  if (s.fd < 0) return answer.error = errno, answer;
  auto header = reinterpret_cast<const nlmsghdr*>(request.bytes().data());
  bool dump = (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  timeval limit{2, 0}; // the kernel answers at once; never hang on a broken one
  ::setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(s.fd, request.bytes().data(), request.bytes().size(), 0, reinterpret_cast<sockaddr*>(&kernel),
               sizeof kernel) < 0)
    return answer.error = errno, answer;
  alignas(nlmsghdr) static thread_local char buffer[65536];
  for (;;) {
    auto n = ::recv(s.fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return answer.error = errno, answer;
    auto turn = take(buffer, static_cast<std::size_t>(n), dump, answer);
    if (turn == Turn::interrupted) again = true;
    if (turn != Turn::more) return answer;
  }
}

} // namespace

void Request::begin(std::uint16_t type, std::uint16_t flags, const void* fixed, std::size_t size) {
  nlmsghdr h{};
  h.nlmsg_type = type;
  h.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  h.nlmsg_seq = 1;
  h.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(size));
  bytes_.resize(NLMSG_SPACE(size));
  std::memcpy(bytes_.data(), &h, sizeof h);
  std::memcpy(bytes_.data() + NLMSG_HDRLEN, fixed, size);
}

void Request::attribute(std::uint16_t type, const void* data, std::size_t size) {
  std::size_t at = bytes_.size();
  rtattr a{};
  a.rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
  a.rta_type = type;
  bytes_.resize(at + RTA_SPACE(size));
  std::memcpy(bytes_.data() + at, &a, sizeof a);
  std::memcpy(bytes_.data() + at + RTA_LENGTH(0), data, size);
  reinterpret_cast<nlmsghdr*>(bytes_.data())->nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
}

Answer talk(const Request& request) {
  bool again = true;
  Answer answer;
  for (int i = 0; i < 5 && again; ++i) answer = talk_once(request, again);
  return answer;
}

std::vector<Attribute> attributes(const std::vector<char>& message, std::size_t fixed) {
  std::vector<Attribute> out;
  auto begin = NLMSG_SPACE(fixed);
  if (message.size() <= begin) return out;
  auto left = static_cast<int>(message.size() - begin);
  for (auto a = reinterpret_cast<const rtattr*>(message.data() + begin); RTA_OK(a, left); a = RTA_NEXT(a, left))
    out.push_back({static_cast<std::uint16_t>(a->rta_type & NLA_TYPE_MASK), static_cast<const char*>(RTA_DATA(a)),
                   static_cast<std::size_t>(RTA_PAYLOAD(a))});
  return out;
}

} // namespace lockstep::netlink
