#include <valpool/circular_buffer.hpp>
#include <valpool/thread.hpp>
#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <utility>

/// Hashes and order of containers, rounding, JSON's limits, and values that have been moved from.

using namespace valpool;

namespace {

std::size_t hash_of(const Val& v) { return std::hash<Val>()(v); }

/// Each level refers to the next one twice.
Val diamond(int levels) {
    Val v = new Tab();
    for (int i = 0; i < levels; ++i) {
        Val outer = new Tab();
        outer["l"] = v;
        outer["r"] = v;
        v = outer;
    }
    return v;
}

void empty(Val& circle) { static_cast<Proxy&>(circle).clear(); }

}  // namespace

BOOST_AUTO_TEST_SUITE(content)

BOOST_AUTO_TEST_CASE(containers_hash_by_content) {
    std::set<std::size_t> hashes;
    for (int i = 0; i < 1000; ++i) {
        hashes.insert(hash_of(Tup(i, -i)));
        hashes.insert(hash_of(Arr{i, "text"}));
        hashes.insert(hash_of(Tab{{"a", i}}));
        hashes.insert(hash_of(Tab{{i, 1}, {"b", 2}}));
        hashes.insert(hash_of(Tup(1, Tup(2, i))));
    }
    BOOST_TEST(hashes.size() > 4990u);
}

BOOST_AUTO_TEST_CASE(equal_containers_hash_alike) {
    const std::pair<Val, Val> alike[] = {
        {Arr{1, 2}, Array<int_4>(std::initializer_list<int_4>{1, 2})},
        {Arr{1, 2}, Array<real_8>(std::initializer_list<real_8>{1, 2})},
        {Arr{"a", "b"}, Array<std::string>{"a", "b"}},
        {Tab{{"a", 1}, {"b", Arr{2}}}, OTab{{"b", Arr{2.0}}, {"a", 1}}},
        {Tup(1, Tab{{1, 2}, {3, 4}}), Tup(1.0, OTab{{3, 4}, {1.0, 2}})},
        {Tup(1), Val(new Tup(1))},
        {diamond(40), diamond(40)}};
    for (const auto& [a, b] : alike) {
        BOOST_TEST((a == b));
        BOOST_TEST(hash_of(a) == hash_of(b), a);
    }
}

BOOST_AUTO_TEST_CASE(equal_circles_hash_alike) {
    Val one = new Arr();
    one.append(one);
    Val two = new Arr();
    Val behind = new Arr();
    two.append(behind);
    behind.append(two);
    BOOST_TEST((one == two));
    BOOST_TEST(!(one < two));
    BOOST_TEST(!(two < one));
    BOOST_TEST(hash_of(one) == hash_of(two));
    for (Val* const v : {&one, &two, &behind}) empty(*v);
}

BOOST_AUTO_TEST_CASE(tuples_are_as_good_keys_as_texts) {
    Tab t;
    for (int i = 0; i < 20000; ++i) t[Val(Tup(i / 100, i % 100))] = i;
    for (int i = 0; i < 20000; i += 7) BOOST_REQUIRE(t(Val(Tup(i / 100, i % 100))) == i);
    BOOST_TEST(t.entries() == 20000u);
    for (int i = 0; i < 20000; i += 2) BOOST_REQUIRE(t.remove(Val(Tup(i / 100, i % 100))));
    BOOST_TEST(t.entries() == 10000u);
}

BOOST_AUTO_TEST_CASE(less_compares_each_pair_of_shared_parts_once) {
    const Val a = diamond(60);
    Val b = diamond(60);
    BOOST_TEST(!(a < b));
    BOOST_TEST(!(b < a));
    Val longer = Val(new Tab());
    longer["l"] = a;
    longer["r"] = Arr{1};
    Val other = Val(new Tab());
    other["l"] = b;
    other["r"] = Arr{2};
    BOOST_TEST((longer < other));
    BOOST_TEST(!(other < longer));
}

BOOST_AUTO_TEST_CASE(reals_of_single_precision_are_rounded_once) {
    constexpr real_4 real = 7.038531e-26F;  // the nearest real_8 is half-way
    BOOST_TEST(static_cast<real_4>(Val("7.038531e-26")) == real);
    BOOST_TEST(static_cast<complex_8>(Val("7.038531e-26")).re == real);
    const Val a = Array<real_4>{real};
    BOOST_TEST((parse(Stringize(a)) == a));
    const Val c = Array<complex_8>{complex_8(1, real), complex_8(real, -real)};
    BOOST_TEST((parse(Stringize(c)) == c));
    const int_n n = int_n(int_8{1} << 60) + int_n(int_8{1} << 36) + int_n(1);
    BOOST_TEST(n.as<float>() == static_cast<float>(n.as<int_8>()));
    const int_n huge = n * int_n("1180591620717411303424");  // 2^70
    BOOST_TEST(huge.as<float>() == static_cast<float>(n.as<int_8>()) * 0x1p70F);
    BOOST_TEST(static_cast<real_4>(Val(huge)) == huge.as<float>());
    BOOST_TEST(int_n("1" + std::string(50, '0')).as<float>() ==
               std::numeric_limits<float>::infinity());
}

BOOST_AUTO_TEST_CASE(big_integers_at_their_edges) {
    int_n a(-5);
    const int_n b = std::move(a);
    BOOST_TEST((a == int_n(0)));  // NOLINT(bugprone-use-after-move)
    BOOST_TEST(!(a < int_n(0)));
    a = std::move(const_cast<int_n&>(b));
    BOOST_TEST(a.stringize() == "-5");
    BOOST_TEST(b.stringize() == "0");
    BOOST_TEST(int_n("18446744073709551616").as<bool>());
    BOOST_TEST(!int_n(0).as<bool>());
#if !defined(__STRICT_ANSI__)
    __extension__ using wide = __int128;
    const wide large = static_cast<wide>(1) << 100;
    for (const wide i : {large, -large, large + 7, -large - 7, wide{-1}, wide{0}})
        BOOST_TEST((int_n(i).as<wide>() == i));
    BOOST_TEST(int_n(large).stringize() == "1267650600228229401496703205376");
    BOOST_TEST(int_n(-large).stringize() == "-1267650600228229401496703205376");
#endif
}

BOOST_AUTO_TEST_CASE(an_array_of_numbers_takes_numbers_that_fit) {
    Val v = Array<int_1>{1};
    BOOST_CHECK_THROW(v.append("x"), std::logic_error);
    BOOST_CHECK_THROW(v.append(300), std::logic_error);
    BOOST_CHECK_THROW(v.append(None), std::logic_error);
    v.append(2.0);
    BOOST_TEST(Stringize(v) == "array([1,2], '1')");
    Val reals = Array<real_8>{1};
    BOOST_CHECK_THROW(reals.append("x"), std::logic_error);
    BOOST_TEST(reals.length() == 1u);
}

BOOST_AUTO_TEST_CASE(deep_json_needs_no_stack) {
    for (const bool is_table : {false, true}) {
        std::string deep;
        constexpr int levels = 90000;
        for (int i = 0; i < levels; ++i) deep += is_table ? "{\"a\":" : "[";
        deep += "1" + std::string(levels, is_table ? '}' : ']');
        BOOST_TEST((to_json(from_json(deep)) == deep));
    }
}

BOOST_AUTO_TEST_CASE(json_that_cannot_be_kept_is_refused) {
    for (const char* const text :
         {"1E400", "-1e309",  "[1, 1e999]", "\"\\ud800\"", "\"a\nb\"", "1.",       ".5",
          "+1",    "-",       "1e",         "{\"a\":1,}",  "[1 2]",    "{,}",      "\v1",
          "[",     "{\"a\":", "{\"a\" 1}",  "tru",         "truee",    "\"\\u12\""})
        BOOST_CHECK_THROW(from_json(text), std::logic_error);
    BOOST_TEST(static_cast<real_8>(from_json("1e-400")) == 0);
    BOOST_TEST(static_cast<real_8>(from_json("0.1E+2")) == 10);
    BOOST_TEST(Stringize(from_json(" [ ] ")) == "[]");
    BOOST_TEST(Stringize(from_json("{ \"a\" : { } , \"b\":[[],{}]}\n")) ==
               "{'a': {}, 'b': [[], {}]}");
    BOOST_TEST(static_cast<std::string>(from_json(R"("\u00e4\ud83d\ude00\/\b")")) ==
               "\xc3\xa4\xf0\x9f\x98\x80/\b");
}

BOOST_AUTO_TEST_CASE(keys_that_json_cannot_tell_apart_are_refused) {
    BOOST_CHECK_THROW(to_json(Tab{{1, "a"}, {"1", "b"}}), std::logic_error);
    BOOST_CHECK_THROW(to_json(Arr{Val(Tab{{None, "a"}, {"None", "b"}})}), std::logic_error);
    BOOST_TEST(to_json(Tab{{1, "a"}, {"2", "b"}}) == R"({"1":"a","2":"b"})");
}

BOOST_AUTO_TEST_CASE(what_was_moved_from_can_be_used) {
    CircularBuffer<int> a(4);
    a.put(1);
    CircularBuffer<int> b = std::move(a);
    BOOST_TEST(a.empty());  // NOLINT(bugprone-use-after-move)
    a.put(2);
    BOOST_TEST(a.get() == 2);
    a = std::move(b);
    BOOST_TEST(a.get() == 1);
    BOOST_TEST(b.empty());
    ValReader reader("1 2");
    Val v;
    reader.expectAnything(v);
    ValReader rest = std::move(reader);
    BOOST_TEST(reader.EOFComing());  // NOLINT(bugprone-use-after-move)
    BOOST_CHECK_THROW(reader.expectAnything(v), std::logic_error);
    rest.expectAnything(v);
    BOOST_TEST(v == 2);
}

BOOST_AUTO_TEST_CASE(a_temporary_can_be_walked) {
    std::string seen;
    for (It ii(Val(Arr{1, std::string(100, 'x'), 3})); ii();) seen += Stringize(ii.key());
    for (Sit ii(Val(Tab{{"b", 1}, {"a", 2}})); ii();) seen += Stringize(ii.value());
    for (It ii(Proxy(new Arr{4, 5})); ii();) seen += Stringize(ii.value());
    BOOST_TEST(seen == "0122145");
}

BOOST_AUTO_TEST_CASE(a_thread_is_not_started_while_it_runs) {
    static std::atomic<bool> goes_on;
    const auto body = [](void*) -> void* {
        while (goes_on) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return nullptr;
    };
    for (const bool detached : {false, true}) {
        goes_on = true;
        OCThread thread("t", detached);
        thread.start(body, nullptr);
        BOOST_CHECK_THROW(thread.start(body, nullptr), std::logic_error);
        goes_on = false;
        if (!detached) thread.join();
        for (bool again = false; !again;) try {
                thread.start(body, nullptr);
                again = true;
            } catch (const std::logic_error&) {
                std::this_thread::yield();
            }
    }
}

BOOST_AUTO_TEST_SUITE_END()
