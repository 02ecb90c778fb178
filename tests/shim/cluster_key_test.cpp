#include "shim/common/crypto/cluster_key.hpp"
#include "tests/shim/net_support.hpp"
#include "tests/shim/temporary.hpp"
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace lockstep;
using test::contains;

BOOST_AUTO_TEST_SUITE(cluster_key)

BOOST_AUTO_TEST_CASE(hkdf_agrees_with_rfc_5869) {
  Bytes ikm(22, 0x0b);
  auto okm = hkdf_sha256(ikm.data(), ikm.size(), "");
  const std::uint8_t expected[32] = {0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f, 0x71, 0x5f, 0x80,
                                     0x2a, 0x06, 0x3c, 0x5a, 0x31, 0xb8, 0xa1, 0x1f, 0x5c, 0x5e, 0xe1,
                                     0x87, 0x9e, 0xc3, 0x45, 0x4e, 0x5f, 0x3c, 0x73, 0x8d, 0x2d};
  BOOST_TEST(std::equal(okm.begin(), okm.end(), expected));
}

BOOST_AUTO_TEST_CASE(keys_and_labels_do_not_resemble_each_other) {
  auto a = ClusterKey::generate(), b = ClusterKey::generate();
  BOOST_TEST(!(a == b));
  BOOST_TEST(a.id() != b.id());
  BOOST_TEST((a.derive("x") != a.derive("y")));
  BOOST_TEST((a.derive("x") == a.derive("x")));
}

BOOST_AUTO_TEST_CASE(text_and_back) {
  auto a = ClusterKey::generate();
  auto b = ClusterKey::parse(a.text(), "here");
  BOOST_REQUIRE(b.ok());
  BOOST_TEST((*b == a));
}

BOOST_AUTO_TEST_CASE(what_is_not_a_key_is_refused_with_a_sentence) {
  auto good = test::key_of(7).text();
  auto error = [](std::string text) { return ClusterKey::parse(text, "the file").error(); };
  BOOST_TEST(contains(error(""), "the file is not a cluster key"));
  BOOST_TEST(contains(error("hello world, this is no key"), "is not a cluster key"));
  BOOST_TEST(contains(error("lockstep-cluster-key"), "is not a cluster key"));
  BOOST_TEST(contains(error("lockstep-cluster-key 2 abc"), "format this program does not know (2"));
  BOOST_TEST(contains(error(good.substr(0, good.size() - 4)), "damaged"));
  BOOST_TEST(contains(error(good + good), "damaged"));
  // Every single damaged digit is noticed.
  for (std::size_t i = 23; i < good.size() - 1; ++i) {
    auto bad = good;
    bad[i] = bad[i] == '3' ? '4' : '3';
    BOOST_TEST(!ClusterKey::parse(bad, "x").ok(), "position " << i);
    bad[i] = 'g';
    BOOST_TEST(!ClusterKey::parse(bad, "x").ok(), "position " << i);
  }
}

BOOST_AUTO_TEST_CASE(file_is_private_and_replaced_atomically) {
  test::TemporaryDirectory dir;
  auto path = dir / "cluster.key";
  auto a = ClusterKey::generate(), b = ClusterKey::generate();
  BOOST_REQUIRE(a.save(path).ok());
  struct stat st;
  BOOST_REQUIRE(::stat(path.c_str(), &st) == 0);
  BOOST_TEST((st.st_mode & 07777) == 0600u);
  BOOST_TEST((*ClusterKey::load(path) == a));
  BOOST_REQUIRE(b.save(path).ok());
  BOOST_TEST((*ClusterKey::load(path) == b));
}

BOOST_AUTO_TEST_CASE(file_that_others_may_read_is_refused) {
  test::TemporaryDirectory dir;
  auto path = dir / "cluster.key";
  BOOST_REQUIRE(test::key_of(1).save(path).ok());
  ::chmod(path.c_str(), 0640);
  auto error = ClusterKey::load(path).error();
  BOOST_TEST(contains(error, path));
  BOOST_TEST(contains(error, "mode 0640"));
  BOOST_TEST(contains(error, "chmod 600"));
}

BOOST_AUTO_TEST_CASE(missing_damaged_and_odd_files_say_what_to_do) {
  test::TemporaryDirectory dir;
  auto path = dir / "cluster.key";
  BOOST_TEST(contains(ClusterKey::load(path).error(), "is missing; run `lockstep -H"));
  BOOST_TEST(!test::key_of(1).save(dir / "none/cluster.key").ok());
  {
    std::ofstream f(path);
    f << std::string(100000, 'x');
  }
  ::chmod(path.c_str(), 0600);
  BOOST_TEST(contains(ClusterKey::load(path).error(), path + " is not a cluster key"));
  BOOST_TEST(contains(ClusterKey::load(dir.path).error(), "not a regular file"));
  auto link = dir / "link";
  BOOST_REQUIRE(::symlink(path.c_str(), link.c_str()) == 0);
  BOOST_TEST(!ClusterKey::load(link).ok());
}

BOOST_AUTO_TEST_SUITE_END()
