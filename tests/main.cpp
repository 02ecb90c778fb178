// The one main() of a test program; every *_test.cpp beside it adds suites.
#define BOOST_TEST_MODULE lockstep
#include <boost/test/unit_test.hpp>
