// A name server that is gone does not hold the thread that asks.
#include "shim/linux/name_lookup.hpp"
#include "tests/shim/network_lab.hpp"
#include "tests/shim/temporary.hpp"
#include <arpa/inet.h>
#include <fstream>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>

using namespace lockstep;
using namespace lockstep::test;

BOOST_AUTO_TEST_SUITE(name_lookup)

BOOST_AUTO_TEST_CASE(a_name_server_that_does_not_answer_costs_about_a_second) {
  TemporaryDirectory d;
  std::ofstream(d / "resolv.conf") << "nameserver 127.0.0.1\n";
  Duration took;
  std::thread([&] { // with a network and an /etc/resolv.conf of its own
    bool apart = ::unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
                 ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                 ::mount((d / "resolv.conf").c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) == 0 &&
                 ::system("ip link set lo up") == 0;
    BOOST_REQUIRE(apart);
    int silent = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET, a.sin_port = htons(53), a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::bind(silent, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
    bound_name_lookups();
    bound_name_lookups(); // as before every question
    auto begin = boot_now();
    addrinfo* found = nullptr;
    BOOST_TEST(::getaddrinfo("etcd.example.com", "2379", nullptr, &found) != 0);
    took = boot_now() - begin;
    ::close(silent);
  })
      .join();
  BOOST_TEST((took >= ms(900)), "the name server was not asked: " << took.in_ms() << " ms");
  BOOST_TEST((took < seconds(5)), took.in_ms() << " ms"); // unbounded: 10 s
}

BOOST_AUTO_TEST_SUITE_END()
