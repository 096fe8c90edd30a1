#include "pool_fixture.hpp"

#include <valpool/valpool.hpp>

#include <limits>
#include <sstream>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>

using namespace valpool;
using value_test::pool_fixture;
using value_test::text_of;

namespace {

const std::string long_text(100, 'x');

std::string message_of(void (*action)()) {
    try {
        action();
    } catch (const std::logic_error& e) {
        return e.what();
    }
    return "";
}

/// The name of the type that visit() shows.
struct namer {
    std::string operator()(std::monostate) const { return "None"; }
    std::string operator()(bool) const { return "bool"; }
    std::string operator()(int_4) const { return "int_4"; }
    std::string operator()(real_8) const { return "real_8"; }
    std::string operator()(std::string_view text) const { return "text " + std::string(text); }
    std::string operator()(const int_n& n) const { return "int_n " + n.stringize(); }
    std::string operator()(Tab& t) const { return "Tab of " + std::to_string(t.entries()); }
    std::string operator()(Arr& a) const { return "Arr of " + std::to_string(a.length()); }
    std::string operator()(Array<real_8>& a) const { return "reals " + std::to_string(a[0]); }
    std::string operator()(Array<std::string>& a) const { return "texts " + std::string(a[0]); }
    template <class Other>
    std::string operator()(const Other&) const {
        return "another";
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(value_access_by_type, pool_fixture)

BOOST_AUTO_TEST_CASE(get_if_gives_what_is_of_that_very_type) {
    const Val number = 5;
    BOOST_TEST(get_if<int_4>(number).value() == 5);
    BOOST_TEST(!get_if<int_8>(number).has_value());
    BOOST_TEST(!get_if<std::string_view>(number).has_value());
    BOOST_TEST(get_if<Tab>(number) == nullptr);
    BOOST_TEST(get_if<bool>(Val(true)).value());
    BOOST_TEST(get_if<real_8>(Val(2.5)).value() == 2.5);
    BOOST_TEST((get_if<complex_16>(Val(complex_16(1, 2))).value() == complex_16(1, 2)));
    BOOST_TEST(get_if<int_n>(Val(int_n("99999999999999999999"))).value().stringize() ==
               "99999999999999999999");
    BOOST_TEST(!get_if<int_un>(Val(int_n(1))).has_value());

    Val v = shared(Tab{{"text", long_text}, {"list", Arr{1}}, {"numbers", Array<real_8>{1.5}}});
    const auto text = get_if<std::string_view>(v("text"));
    BOOST_TEST((text.value() == long_text));
    BOOST_TEST(text->data() == v("text").text().data());
    BOOST_TEST(get_if<std::string>(v("text")).value() == long_text);
    BOOST_TEST(get_if<Tab>(v) == &static_cast<Tab&>(v));
    BOOST_TEST(get_if<OTab>(v) == nullptr);
    BOOST_TEST(get_if<Arr>(v("list"))->length() == 1u);
    BOOST_TEST(get_if<Array<real_8>>(v("numbers"))->length() == 1u);
    BOOST_TEST(get_if<Array<int_4>>(v("numbers")) == nullptr);
    BOOST_TEST(get_if<Arr>(v("numbers")) == nullptr);
    BOOST_TEST(get_if<Tup>(Val(Tup(1)))->length() == 1u);
}

BOOST_AUTO_TEST_CASE(visit_shows_every_type_as_it_is) {
    const auto name = [](const Val& v) { return visit(namer(), v); };
    BOOST_TEST(name(Val()) == "None");
    BOOST_TEST(name(true) == "bool");
    BOOST_TEST(name(5) == "int_4");
    BOOST_TEST(name(int_u1(5)) == "another");
    BOOST_TEST(name(2.5) == "real_8");
    BOOST_TEST(name("abc") == "text abc");
    BOOST_TEST(name(int_n(7)) == "int_n 7");
    BOOST_TEST(name(Tab{{"a", 1}}) == "Tab of 1");
    BOOST_TEST(name(shared(Tab{{"a", 1}, {"b", 2}})) == "Tab of 2");
    BOOST_TEST(name(Arr{1, 2, 3}) == "Arr of 3");
    BOOST_TEST(name(Array<real_8>{0.5}) == "reals 0.500000");
    BOOST_TEST(name(Array<std::string>{"x"}) == "texts x");
    BOOST_TEST(name(Array<int_2>{1}) == "another");
}

BOOST_AUTO_TEST_CASE(as_checks_what_a_conversion_would_let_pass) {
    BOOST_TEST(Val(5).as<int_8>() == 5);
    BOOST_TEST(Val(5).as<real_8>() == 5.0);
    BOOST_TEST(Val(5.0).as<int_4>() == 5);
    BOOST_TEST(Val("abc").as<std::string>() == "abc");
    BOOST_TEST(Val(true).as<bool>());
    BOOST_TEST(Val(int_n(300)).as<int_2>() == 300);
    BOOST_TEST((Val(2.5).as<complex_16>() == complex_16(2.5)));
    BOOST_TEST(Val(Tab{{"a", 1}}).as<Tab&>().entries() == 1u);
    BOOST_CHECK_THROW(Val(300).as<int_1>(), std::logic_error);
    BOOST_CHECK_THROW(Val(-1).as<int_u8>(), std::logic_error);
    BOOST_CHECK_THROW(Val(2.5).as<int_4>(), std::logic_error);
    BOOST_CHECK_THROW(Val(1e30).as<int_8>(), std::logic_error);
    BOOST_CHECK_THROW(Val("5").as<int_4>(), std::logic_error);
    BOOST_CHECK_THROW(Val().as<int_4>(), std::logic_error);
    BOOST_CHECK_THROW(Val(Arr{1}).as<int_4>(), std::logic_error);
    BOOST_TEST(Val(1).as<bool>());
    BOOST_TEST(!Val(0.0).as<bool>());
    BOOST_CHECK_THROW(Val(2).as<bool>(), std::logic_error);
    BOOST_CHECK_THROW(Val(0.5).as<bool>(), std::logic_error);
    BOOST_CHECK_THROW(Val(1).as<std::string>(), std::logic_error);
    BOOST_CHECK_THROW(Val(1).as<Tab&>(), std::logic_error);
    BOOST_CHECK_THROW(Val(complex_16(1, 2)).as<real_8>(), std::logic_error);
    BOOST_CHECK_THROW(Val(int_n("99999999999999999999")).as<int_8>(), std::logic_error);
    BOOST_TEST(message_of([] { Val("many").as<int_4>(); }) ==
               "a value of type string, 'many', cannot be converted to int_4");
}

BOOST_AUTO_TEST_CASE(equal_values_hash_alike) {
    std::unordered_set<Val> all;
    const std::vector<Val> alike = {Val(2), Val(2.0), Val(int_u1(2)), Val(int_n(2)),
                                    Val(complex_16(2, 0))};
    for (const Val& v : alike) all.insert(v);
    BOOST_TEST(all.size() == 1u);
    for (const Val& v : {Val(), Val("2"), Val(Arr{2}), Val(Tab{{"a", 1}}), Val(long_text)})
        all.insert(v);
    BOOST_TEST(all.size() == 6u);
    BOOST_TEST(all.count(shared(Tab{{"a", 1}})) == 1u);
    std::unordered_map<std::size_t, int> spread;
    for (int i = 0; i < 10000; ++i) ++spread[std::hash<Val>()("key " + std::to_string(i)) % 16384];
    BOOST_TEST(spread.size() > 7000u);  // a perfect hash gives 7,500
}

BOOST_AUTO_TEST_CASE(walking_a_table_gives_constant_keys_and_values_to_change) {
    Tab t{{"a", 1}, {"b", 2}};
    for (auto& [key, value] : t) {
        static_assert(std::is_const_v<std::remove_reference_t<decltype(key)>>);
        value = static_cast<int>(value) * 10;
    }
    BOOST_TEST(text_of(t) == "{'a': 10, 'b': 20}");
    const Tab& constant = t;
    for (const auto& [key, value] : constant) {
        static_assert(std::is_const_v<std::remove_reference_t<decltype(value)>>);
        BOOST_TEST(constant.contains(key));
    }
}

BOOST_AUTO_TEST_CASE(a_proxy_inside_a_value_is_one_to_use) {
    Val v = shared(Tab{{"a", 1}});
    Proxy& p = v;
    p["b"] = 2;
    BOOST_TEST(text_of(v) == "{'a': 1, 'b': 2}");
    const Proxy copy = v;
    BOOST_TEST(is(copy, p));
    Val plain = 5;
    BOOST_CHECK_THROW(static_cast<Proxy&>(plain).entries(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(arrays_of_strings_lie_where_their_value_lies) {
    Array<std::string> a{"b", long_text};
    a.append("c");
    a[0] = "changed";
    const std::string first = a[0];
    BOOST_TEST(first == "changed");
    const Val plain = a;
    BOOST_TEST(text_of(plain) == "['changed', '" + long_text + "', 'c']");
    Val pooled = shared(Tab{{"texts", a}});
    BOOST_TEST(InSHM(pooled, pool));
    Array<std::string>& inside = pooled["texts"];
    inside.append(long_text + "!");
    inside[2] = long_text + "?";
    BOOST_TEST(std::string(inside[3]) == long_text + "!");
    BOOST_TEST((pooled("texts") != plain));
    const Val out = pooled("texts");
    BOOST_TEST((out == pooled("texts")));
    BOOST_TEST(out.length() == 4u);
    BOOST_TEST(pooled("texts").contains("changed"));
    std::ostringstream printed;
    printed << Array<std::string>{"a", "b"};
    BOOST_TEST(printed.str() == "a b ");
    printed << "; ";
    a.prettyPrint(printed);
    BOOST_TEST(printed.str() == "a b ; ['changed', '" + long_text + "', 'c']");
    const Proxy shared_texts = Shared(pool, a);
    BOOST_TEST(shared_texts.length() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(circular_buffer)

BOOST_AUTO_TEST_CASE(things_come_out_in_the_order_they_went_in) {
    CircularBuffer<int> buffer(3);
    for (int round = 0; round < 5; ++round) {
        BOOST_TEST(buffer.empty());
        for (int i = 0; i < 3; ++i) buffer.put(i);
        BOOST_TEST(buffer.full());
        BOOST_CHECK_THROW(buffer.put(3), std::runtime_error);
        BOOST_TEST(buffer.peek() == 0);
        BOOST_TEST(buffer.peek(2) == 2);
        BOOST_CHECK_THROW(buffer.peek(3), std::runtime_error);
        BOOST_TEST(buffer.get() == 0);
        buffer.pushback(7);
        BOOST_TEST(buffer.get() == 7);
        buffer.drop();
        BOOST_TEST(buffer.length() == 1u);
        buffer.consume(1);
    }
    BOOST_CHECK_THROW(buffer.get(), std::runtime_error);
    BOOST_CHECK_THROW(buffer.drop(), std::runtime_error);
    BOOST_CHECK_THROW(buffer.consume(1), std::runtime_error);
    BOOST_CHECK_THROW(CircularBuffer<int>(0), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_huge_capacity_takes_no_memory_in_advance) {
    struct large {
        char bytes[1 << 16] = {};
    };
    CircularBuffer<large> buffer(std::numeric_limits<int>::max());
    buffer.put(large());
    buffer.pushback(large());
    BOOST_TEST(buffer.length() == 2u);
    BOOST_TEST(buffer.capacity() == 2147483647u);
    BOOST_TEST(!buffer.full());
}

BOOST_AUTO_TEST_CASE(what_a_buffer_cannot_hold_is_refused) {
    BOOST_CHECK_THROW(CircularBuffer<int>(-1), std::logic_error);
    CircularBuffer<int> buffer(5);
    for (int i = 0; i < 5; ++i) buffer.put(i);
    BOOST_CHECK_THROW(buffer.put(5), std::runtime_error);
    BOOST_CHECK_THROW(buffer.pushback(5), std::runtime_error);
    BOOST_CHECK_THROW(buffer.consume(static_cast<std::size_t>(-1)), std::runtime_error);
    BOOST_CHECK_THROW(buffer.peek(static_cast<std::size_t>(-1)), std::runtime_error);
    BOOST_TEST(Stringize(buffer) == "0 1 2 3 4 \n");
}

BOOST_AUTO_TEST_CASE(an_infinite_one_doubles) {
    CircularBuffer<std::string> buffer(2, true);
    buffer.put("x");
    buffer.get();
    for (int i = 0; i < 9; ++i) buffer.put(std::to_string(i));
    BOOST_TEST(!buffer.full());
    BOOST_TEST(buffer.infinite());
    BOOST_TEST(buffer.capacity() == 16u);
    std::ostringstream out;
    out << buffer;
    BOOST_TEST(out.str() == "0 1 2 3 4 5 6 7 8 \n");
    CircularBuffer<std::string> other(1);
    other.swap(buffer);
    BOOST_TEST(other.get() == "0");
    BOOST_TEST(buffer.empty());
}

BOOST_AUTO_TEST_CASE(a_buffer_takes_an_element_of_its_own_while_it_grows) {
    CircularBuffer<std::string> buffer(1, true);
    buffer.put(long_text);
    for (int i = 0; i < 10; ++i) {
        buffer.put(buffer.peek());
        buffer.pushback(buffer.peek());
    }
    while (!buffer.empty()) BOOST_TEST(buffer.get() == long_text);
}

BOOST_AUTO_TEST_CASE(threads_and_conditions_of_the_original_work) {
    static Mutex mutex;
    static CondVar changed;
    static int count = 0;
    count = 0;
    int total = 0;
    OCThread thread("counter", false);
    thread.start(
        [](void* data) -> void* {
            for (int i = 0; i < 100; ++i) {
                const ProtectScope guard(mutex);
                ++*static_cast<int*>(data);
            }
            changed.lock();
            count = 100;
            changed.broadcast();
            changed.unlock();
            return nullptr;
        },
        &total);
    changed.lock();
    while (count != 100) changed.wait();
    changed.unlock();
    thread.join();
    BOOST_TEST(total == 100);
    BOOST_CHECK_THROW(OCThread("detached").join(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_joined_thread_gives_what_its_function_returned) {
    int number = 5;
    OCThread thread("returns", false);
    BOOST_TEST(!thread.started());
    BOOST_TEST(thread.join() == nullptr);
    for (int again = 0; again < 2; ++again) {
        thread.start([](void* data) { return data; }, &number);
        BOOST_TEST(thread.started());
        BOOST_TEST(thread.join() == &number);
        BOOST_TEST(!thread.started());
        BOOST_TEST(thread.join() == nullptr);
    }
    thread.threadName("renamed");
    BOOST_TEST(thread.threadName() == "renamed");
}

BOOST_AUTO_TEST_CASE(what_is_pushed_back_is_in_the_ring) {
    CircularBuffer<int> buffer(3);
    buffer.put(1);
    buffer.pushback(2) = 3;
    std::ostringstream out;
    buffer.print(out);
    BOOST_TEST(out.str() == "3 1 \n");
}

BOOST_AUTO_TEST_CASE(complex_numbers_of_both_sizes_convert) {
    const complex_16 wide = complex_8(1, -2);
    complex_8 narrow = wide;
    BOOST_TEST((wide == complex_16(1, -2) && narrow == complex_8(1, -2)));
    const Val v = narrow;
    narrow = v;
    BOOST_TEST(v.tag == 'F');
}

BOOST_AUTO_TEST_SUITE_END()
