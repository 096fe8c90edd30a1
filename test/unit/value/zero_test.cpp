#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>

// A literal 0L does not compile where None is usual (test/refused). All other zeros, and longs of
// any kind, count as numbers. BOOST_TEST's own comparison is avoided, because it does not see
// literals.
#define IS_TRUE(condition) BOOST_TEST(static_cast<bool>(condition))

using namespace valpool;

namespace {
long minus_one() { return -1; }
}  // namespace

BOOST_AUTO_TEST_SUITE(zero)

BOOST_AUTO_TEST_CASE(literal_zeros_are_numbers_and_not_none) {
    const Val zero = 0;
    IS_TRUE(zero == 0 && 0 == zero && zero == 0U && zero == 0UL && zero == 0LL && zero == 0ULL);
    IS_TRUE(zero == 0.0 && zero == false && zero == '\0');
    IS_TRUE(!(zero != 0) && !(zero != 0UL) && !(0LL != zero));
    IS_TRUE(zero != None && None != 0 && None != zero && !(zero == None) && None == Val());
}

BOOST_AUTO_TEST_CASE(longs_compare_by_value_wherever_they_come_from) {
    const Val v = -1;
    long variable = -1;
    const long constant = 0;
    const std::int64_t wide = 41;
    IS_TRUE(v == variable && variable == v && !(v != variable) && !(variable != v));
    IS_TRUE(v != constant && constant != v && v == minus_one() && minus_one() == v);
    IS_TRUE(v == variable + constant && v != variable + 1 && v == -1L && -1L == v && v != 1L);
    IS_TRUE(Val(42) == wide + 1 && Val(42) != wide && Val(1.5) != variable && Val() != constant);
    IS_TRUE(Val("0") != constant && Val(Tab()) != constant && Val(true) == 1L);
}

BOOST_AUTO_TEST_CASE(zeros_and_longs_are_packets_and_time_outs) {
    CQ queue(16);
    long variable = 0;
    queue.enq(0);
    queue.enq(variable);
    queue.enq(variable + 7);
    IS_TRUE(queue.enqueue(0) && queue.enqueue(variable, 0) && queue.enqueue(0, variable));
    IS_TRUE(queue.enqueue(0UL, 0.5) && queue.try_enqueue(variable) && queue.length() == 8);
    Val out;
    IS_TRUE(queue.dequeue(0, out) && out.tag == 'l' && out == 0);
    IS_TRUE(queue.dequeue(variable, out) && out.tag == 'x' && out == 0);
    IS_TRUE(queue.dequeue(std::size_t{0}, out) && out == 7);
    while (queue.dequeue(0, out)) IS_TRUE(out == 0);
    IS_TRUE(!queue.dequeue(variable, out) && !queue.dequeue(0LL, out) && !queue.dequeue(0.0F, out));
}

BOOST_AUTO_TEST_SUITE_END()
