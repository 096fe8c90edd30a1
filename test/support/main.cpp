#define BOOST_TEST_MODULE valpool
#include <boost/test/unit_test.hpp>
