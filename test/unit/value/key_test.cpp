#include "unit/value/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace valpool;
using value_test::text_of;

/// Prepared keys, and paths of keys.

BOOST_AUTO_TEST_SUITE(key)

namespace {

/// Around every limit: words of a short text, and what is longer than one.
std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (const std::size_t size : {0u, 1u, 4u, 5u, 8u, 12u, 13u, 19u, 20u, 21u, 22u, 40u, 500u})
        all.emplace_back(size, 'k');
    all.push_back(std::string("with\0zero", 9));
    return all;
}

template <class Table>
void check_keys_in(Table& t) {
    for (const std::string& text : texts()) {
        const Key k(text);
        BOOST_TEST(k.text() == text);
        BOOST_TEST(!t.contains(k));
        BOOST_CHECK_THROW(std::as_const(t)[k], std::out_of_range);
        BOOST_CHECK_THROW(t(k), std::out_of_range);
        t[k] = text;
        BOOST_TEST(std::string(t(text)) == text);
        BOOST_TEST(&t[k] == &t[text]);
        BOOST_TEST(&t(k) == &t(text));
        BOOST_TEST(t.contains(k));
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(finds_and_inserts_what_its_text_does_in_a_table_of_any_size) {
    for (const int others : {0, 1, 4, 5, 16, 31, 32, 33, 200}) {
        Tab t;
        for (int i = 0; i < others; ++i) t["other " + std::to_string(i)] = i;
        check_keys_in(t);
        BOOST_TEST(t.entries() == static_cast<std::size_t>(others) + texts().size());
        for (int i = others; i-- > 0;)
            BOOST_TEST(int(t(Key("other " + std::to_string(i)))) == i);
    }
}

BOOST_AUTO_TEST_CASE(works_on_values_in_a_pool) {
    const value_test::pool_memory memory(1 << 20);
    Val v = Shared(memory.get(), Tab());
    check_keys_in(v);
    Val ordered = Shared(memory.get(), OTab());
    check_keys_in(ordered);
}

BOOST_AUTO_TEST_CASE(inserts_with_its_value_at_once) {
    Tab t{{"old", 1}};
    const Key old("old");
    const Key fresh("fresh");
    t.insertKeyAndValue(old, 2);
    t.insertKeyAndValue(fresh, t);
    BOOST_TEST(text_of(t) == "{'old': 2, 'fresh': {'old': 2}}");
    const Val list = Arr{1};
    t.insertKeyAndValue(fresh, list);
    BOOST_TEST(text_of(t) == "{'old': 2, 'fresh': [1]}");
    BOOST_TEST(t.findValue(Key("none")) == nullptr);
    BOOST_TEST(int(*t.findValue(old)) == 2);
}

BOOST_AUTO_TEST_CASE(of_a_list_is_refused_like_a_text) {
    Val list = Arr{1, 2};
    BOOST_CHECK_THROW(list[Key("0")], std::logic_error);
    BOOST_CHECK_THROW(list(Key("0")), std::logic_error);
    BOOST_TEST(!list.contains(Key("0")));
    Val number = 5;
    BOOST_CHECK_THROW(number[Key("k")], std::logic_error);
    BOOST_CHECK_THROW(Key(static_cast<const char*>(nullptr)), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_path_leads_through_tables_lists_and_handles) {
    const value_test::pool_memory memory(1 << 20);
    const Val v = Shared(memory.get(), Tab{{"a", Tab{{"b", Arr{1, 2, 3, Tup("x", "y")}}}}});
    BOOST_TEST(int(v.at_path({"a", "b", 2})) == 3);
    BOOST_TEST(std::string(v.at_path({"a", "b", 3, 1})) == "y");
    BOOST_TEST(&v.at_path({"a", "b"}) == &v("a")("b"));
    BOOST_TEST(&v.at_path({}) == &v);
    const Val handle = Tab{{"in", v}};
    BOOST_TEST(int(handle.at_path({"in", "a", "b", 0})) == 1);
}

BOOST_AUTO_TEST_CASE(a_path_that_leads_nowhere_says_at_which_step) {
    const Val v = Tab{{"a", Arr{1, 2}}};
    const auto says = [](const std::string& what) {
        return [what](const std::exception& e) { return e.what() == what; };
    };
    BOOST_CHECK_EXCEPTION(v.at_path({"a", 2}), std::out_of_range,
                          says("at_path, step 2 of 2: index 2 is not in a list of 2"));
    BOOST_CHECK_EXCEPTION(v.at_path({"none", 2}), std::out_of_range,
                          says("at_path, step 1 of 2: Key 'none' not in table"));
    BOOST_CHECK_THROW(v.at_path({"a", 0, "deeper"}), std::logic_error);
    BOOST_CHECK_THROW(v.at_path({"a", "text"}), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
