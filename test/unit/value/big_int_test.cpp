#include "pool_fixture.hpp"

#include <boost/multiprecision/cpp_int.hpp>

#include <random>
#include <sstream>

using namespace valpool;
using boost::multiprecision::cpp_int;
using value_test::pool_fixture;
using value_test::text_of;

namespace {

const std::string googol = "1" + std::string(100, '0');
const std::vector<std::string> samples = {"0",
                                          "1",
                                          "-1",
                                          "255",
                                          "256",
                                          "-256",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "-9223372036854775808",
                                          "-9223372036854775809",
                                          "18446744073709551615",
                                          "18446744073709551616",
                                          "170141183460469231731687303715884105727",
                                          "170141183460469231731687303715884105728",
                                          "-170141183460469231731687303715884105728",
                                          "-170141183460469231731687303715884105729",
                                          googol,
                                          "-" + googol};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(big_integers, pool_fixture)

BOOST_AUTO_TEST_CASE(they_survive_text_vals_and_the_pool) {
    for (const std::string& text : samples) {
        const int_n n(text);
        BOOST_TEST(n.stringize() == text);
        Val v = n;
        BOOST_TEST((v.tag == 'q'));
        BOOST_TEST(text_of(v) == text + "L");
        Val pooled = shared(Tab{{"n", v}});
        pooled["again"] = v;
        pooled["list"] = Arr{v, v};
        const int_n back = pooled["again"];
        BOOST_TEST((back == n));
        BOOST_TEST((pooled["n"] == v));
        BOOST_TEST(text_of(pooled["list"]) == "[" + text + "L, " + text + "L]");
        const Val copy = pooled["list"];
        BOOST_TEST((copy(1) == v));
    }
    const Val unsigned_one = int_un("340282366920938463463374607431768211456");
    BOOST_TEST((unsigned_one.tag == 'Q'));
    BOOST_TEST((unsigned_one == Val(int_n("340282366920938463463374607431768211456"))));
    BOOST_TEST((int_un(unsigned_one) == int_un("0x100000000000000000000000000000000")));
}

BOOST_AUTO_TEST_CASE(arithmetic_is_that_of_the_library) {
    std::mt19937_64 random(7);
    for (int i = 0; i < 300; ++i) {
        const std::string x = samples[random() % samples.size()];
        const std::string y = samples[random() % samples.size()];
        const int_n a(x);
        const int_n b(y);
        const cpp_int p(x);
        const cpp_int q(y);
        BOOST_TEST((a + b).stringize() == cpp_int(p + q).str());
        BOOST_TEST((a - b).stringize() == cpp_int(p - q).str());
        BOOST_TEST((a * b).stringize() == cpp_int(p * q).str());
        BOOST_TEST((a < b) == (p < q));
        BOOST_TEST((Val(a) < Val(b)) == (p < q));
        BOOST_TEST((Val(a) == Val(b)) == (p == q));
        if (q == 0) {
            BOOST_CHECK_THROW(a / b, std::overflow_error);
            BOOST_CHECK_THROW(a % b, std::overflow_error);
            continue;
        }
        // Rounds down, as Python does; Boost rounds towards zero.
        const cpp_int rest = p % q;
        const bool is_above = rest != 0 && (rest < 0) != (q < 0);
        BOOST_TEST((a / b).stringize() == cpp_int(p / q - (is_above ? 1 : 0)).str());
        BOOST_TEST((a % b).stringize() == cpp_int(is_above ? cpp_int(rest + q) : rest).str());
    }
    int_n n = 9;
    BOOST_TEST((++n).stringize() == "10");
    BOOST_TEST((n--).stringize() == "10");
    BOOST_TEST((-n).stringize() == "-9");
    std::ostringstream out;
    out << n << ' ' << int_un(7);
    BOOST_TEST(out.str() == "9 7");
}

BOOST_AUTO_TEST_CASE(there_is_no_unsigned_one_below_zero) {
    BOOST_CHECK_THROW(int_un(-1), std::range_error);
    BOOST_CHECK_THROW(int_un("-5"), std::range_error);
    BOOST_CHECK_THROW(int_un(3) - int_un(4), std::range_error);
    BOOST_CHECK_THROW((int_un(int_n("-7"))), std::range_error);
    int_un n = 1;
    BOOST_CHECK_THROW(n -= 2, std::range_error);
    BOOST_TEST(n.stringize() == "1");
    --n;
    BOOST_TEST(n.stringize() == "0");
}

BOOST_AUTO_TEST_CASE(text_that_is_no_integer_is_refused) {
    for (const char* const text : {"", "-", "+", "x", "1.5", "1e5", " 1", "1 ", "0x", "0xg", "--1"})
        BOOST_CHECK_THROW((int_n(text)), std::logic_error);
    BOOST_TEST(int_n("+5").stringize() == "5");
    BOOST_TEST(int_n("007").stringize() == "7");
    BOOST_TEST(int_n("-0").stringize() == "0");
    BOOST_TEST((int_n("-0") == int_n(0)));
    BOOST_TEST(int_n("-0xff").stringize() == "-255");
}

BOOST_AUTO_TEST_CASE(they_convert_as_the_other_numbers_do) {
    const Val big = int_n("18446744073709551621");  // 2^64 + 5
    BOOST_TEST(static_cast<int_4>(big) == 5);
    BOOST_TEST(static_cast<real_8>(big) == 18446744073709551616.0);
    BOOST_TEST(static_cast<int_8>(Val(int_n("-3"))) == -3);
    BOOST_TEST(static_cast<bool>(Val(int_n(googol))));
    BOOST_TEST(!static_cast<bool>(Val(int_n(0))));
    BOOST_TEST(static_cast<int_8>(Val(int_n("-" + googol + "7"))) ==
               int_n("-" + googol + "7").as<int_8>());
    BOOST_TEST(static_cast<real_8>(Val(int_n(googol))) == 1e100);
    BOOST_TEST(std::string(Val(int_n(googol))) == googol + "L");
    BOOST_TEST(int_n(Val("  -12345678901234567890123.9")).stringize() ==
               "-12345678901234567890123");
    BOOST_TEST(int_n(Val("abc")).stringize() == "0");
    BOOST_TEST(int_n(Val("1e30")).stringize() == cpp_int(1e30).str());
    BOOST_TEST(int_n(Val(1e30)).stringize() == cpp_int(1e30).str());
    BOOST_TEST(int_n(Val()).stringize() == "0");
    BOOST_TEST(int_n(Val(Arr{1, 2, 3})).stringize() == "3");
    BOOST_TEST(int_n(Val(std::numeric_limits<double>::infinity())).stringize() == "0");
    BOOST_TEST(int_n(300).as(int_u1()) == 44);
}

BOOST_AUTO_TEST_CASE(reals_are_the_nearest_or_infinite) {
    const auto real = [](const cpp_int& i) { return static_cast<real_8>(Val(int_n(i.str()))); };
    const double largest = std::numeric_limits<double>::max();
    const double inf = std::numeric_limits<double>::infinity();
    BOOST_TEST(real(cpp_int(largest)) == largest);
    BOOST_TEST(real(cpp_int(largest) + 1) == largest);
    BOOST_TEST(real(cpp_int(1) << 1024) == inf);
    BOOST_TEST(real((cpp_int(1) << 1024) - 1) == inf);
    BOOST_TEST(real(-(cpp_int(1) << 5000)) == -inf);
    BOOST_TEST((Val(int_n(cpp_int(cpp_int(1) << 5000).str())) < Val(inf)));
    Tab t;
    for (int i = 0; i < 20; ++i) t[i] = i;
    t[Val(int_n(cpp_int(cpp_int(1) << 5000).str()))] = 1;  // hashes
    BOOST_TEST(t.entries() == 21u);
    std::mt19937_64 random(3);
    for (int i = 0; i < 300; ++i) {
        cpp_int n = random();
        for (auto words = random() % 8; words != 0; --words) n = (n << 64) | random();
        if (random() % 2 == 0) n <<= random() % 100;
        BOOST_TEST(real(n) == std::strtod(n.str().c_str(), nullptr));
    }
}

BOOST_AUTO_TEST_CASE(they_compare_and_hash_with_all_numbers_exactly) {
    const Val two_to_70 = int_n("1180591620717411303424");
    BOOST_TEST((two_to_70 == Val(1180591620717411303424.0)));
    BOOST_TEST((Val(int_n("1180591620717411303425")) != Val(1180591620717411303424.0)));
    BOOST_TEST((Val(int_n(googol)) != Val(1e100)));
    BOOST_TEST((Val(int_n("-5")) == Val(-5)));
    BOOST_TEST((Val(int_n(googol)) < Val(std::numeric_limits<double>::infinity())));
    BOOST_TEST((Val(-std::numeric_limits<double>::infinity()) < Val(int_n("-" + googol))));
    BOOST_TEST(!(Val(int_n(googol)) == Val(std::numeric_limits<double>::quiet_NaN())));
    Tab t;
    for (int i = 0; i < 20; ++i) t[i] = i;
    t[two_to_70] = "70";
    BOOST_TEST(std::string(t(1180591620717411303424.0)) == "70");
    BOOST_TEST(t.contains(int_n(7)));
    const Val huge = int_n(cpp_int(cpp_int(1) << 1000).str());
    t[huge] = "1000";
    BOOST_TEST(std::string(t(std::ldexp(1.0, 1000))) == "1000");
    BOOST_TEST(static_cast<int>(Arr{1, 2}[static_cast<std::size_t>(int_n(1).as<int_8>())]) == 2);
    Val list = Arr{"a", "b"};
    BOOST_TEST(std::string(list(int_n(1))) == "b");
    BOOST_CHECK_THROW(list(int_n(googol)), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(they_compare_with_the_reals_around_each_power_of_two) {
    for (int exponent = 60; exponent < 140; ++exponent)
        for (const int sign : {1, -1}) {
            const double power = sign * std::ldexp(1.0, exponent);
            for (const double real : {std::nextafter(power, 0.0), power, power * 1.25}) {
                const cpp_int exact(real);
                BOOST_TEST((Val(int_n(exact.str())) == Val(real)), exact);
                BOOST_TEST((Val(int_n(cpp_int(exact - 1).str())) < Val(real)), exact);
                BOOST_TEST((Val(real) < Val(int_n(cpp_int(exact + 1).str()))), exact);
            }
        }
}

BOOST_AUTO_TEST_CASE(they_are_made_from_reals) {
    const int_n whole = -1234567890123456789012.0;
    BOOST_TEST(whole.stringize() == "-1234567890123456774144");
    int_n n = 2.9F;
    BOOST_TEST((n == 2));
    n = -0.66;
    BOOST_TEST((n == 0));
    BOOST_TEST((int_n(std::numeric_limits<double>::infinity()) == 0));
    BOOST_TEST((int_un(-5.0) == int_un(0)));
}

BOOST_AUTO_TEST_CASE(they_convert_into_each_other) {
    const int_un positive = int_n(googol);
    const int_n back = positive;
    BOOST_TEST(back.stringize() == googol);
    int_un kept = 7;
    BOOST_CHECK_THROW(kept = int_n(-1), std::range_error);
    BOOST_TEST((kept == int_un(7)));
}

BOOST_AUTO_TEST_CASE(quotient_and_remainder_come_together) {
    int_n quotient;
    int_n remainder;
    int_n::DivMod(-101, 10, quotient, remainder);
    BOOST_TEST((quotient == -11 && remainder == 9));
    int_n::DivMod(quotient, 3, remainder, quotient);  // the results may overwrite the operands
    BOOST_TEST((remainder == -4 && quotient == 1));
    BOOST_CHECK_THROW(int_n::DivMod(1, 0, quotient, remainder), std::overflow_error);
    std::ostringstream out;
    quotient.print(out) << ' ';
    BOOST_TEST(out.str() == "1 ");
}

BOOST_AUTO_TEST_SUITE_END()
