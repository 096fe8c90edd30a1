#include "pool_fixture.hpp"

#include <valpool/value/detail/type_rows.hpp>

#include "value/containers.hpp"

#include <functional>
#include <sstream>
#include <string>
#include <vector>

/// Each row of the type table: a value of the type, and everything that depends on the type.

using namespace valpool;
using namespace valpool::detail;
using value_test::text_of;

namespace {

/// The tag that belongs to the type that visit passes on.
char visited_tag(const Val& v) {
    return visit(
        [](const auto& content) {
            using C = std::remove_cv_t<std::remove_reference_t<decltype(content)>>;
            if constexpr (std::is_same_v<C, std::monostate>)
                return 'Z';
            else if constexpr (std::is_same_v<C, std::string_view>)
                return 'a';
            else
                return TagFor(static_cast<const C*>(nullptr));
        },
        v);
}

void check_row(const Val& v, char tag, const std::string& name) {
    BOOST_TEST_INFO("the row of " << name);
    BOOST_TEST(v.tag == tag);
    BOOST_TEST(find_type(tag)->name == name);
    BOOST_TEST(value_access::type_name(v) == name);
    BOOST_TEST(visited_tag(v) == tag);
    BOOST_TEST((parse(text_of(v)) == v), text_of(v));
    BOOST_TEST((Val(v) == v), text_of(v));
    BOOST_TEST(hash_value(v) == hash_value(parse(text_of(v))));
    BOOST_TEST(!(v < v));
    BOOST_TEST(!to_json(v).empty());
    BOOST_TEST((from_cbor(to_cbor(v)) == v), text_of(v));
    BOOST_TEST(InSHM(v, nullptr) == !is_container(tag));
}

template <class T>
void check_array(const Array<T>& a, char subtype, const std::string& name) {
    const Val v(a);
    BOOST_TEST_INFO("an array of " << name);
    BOOST_TEST(v.tag == 'n');
    BOOST_TEST(v.subtype == subtype);
    BOOST_TEST(value_access::type_name(v) == name);
    BOOST_TEST(v.length() == a.length());
    BOOST_TEST((parse(text_of(v)) == v), text_of(v));
    BOOST_TEST((Val(v) == v));
    BOOST_TEST(hash_value(v) == hash_value(parse(text_of(v))));
    BOOST_TEST(get_if<Array<T>>(v) != nullptr);
    BOOST_TEST(!to_json(v).empty());
    BOOST_TEST((from_cbor(to_cbor(v)).subtype == subtype));
    BOOST_TEST((from_cbor(to_cbor(v)) == v), text_of(v));
    std::size_t walked = 0;
    for (It ii(v); ii();) ++walked;
    BOOST_TEST(walked == a.length());
}

template <class T>
void check_number(char tag, const std::string& name, char letter, const std::string& numpy) {
    const Val v(static_cast<T>(1));
    check_row(v, tag, name);
    BOOST_TEST(ByteLength(tag) == sizeof(T));
    BOOST_TEST(find_type(tag)->size_bytes == sizeof(T));
    BOOST_TEST((v.as<T>() == static_cast<T>(1)));
    BOOST_TEST(is_plain(tag));
    if (!is_complex_number(tag)) BOOST_TEST((from_json(to_json(v)) == v), to_json(v));
    Array<T> a;
    a.append(static_cast<T>(0));
    a.append(static_cast<T>(1));
    check_array(a, tag, "Array of " + name);
    BOOST_TEST(text_of(Val(a)).find(std::string("], '") + letter + "')") != std::string::npos);
    const Val by_name = parse("array([0, 1], dtype=" + numpy + ")");
    BOOST_TEST(by_name.subtype == tag);
    BOOST_TEST((by_name == Val(a)));
    // Two types share the letter of another type. They read back as that other type, except for
    // values that only they can hold.
    const char of_letter = parse(text_of(Val(a))).subtype;
    BOOST_TEST((of_letter == tag || tag == 'X'), name);
}

/// An empty array is assigned to a new key of the table, to one with a value of its own, and to one
/// with such an array, and is then made longer.
template <class T>
void check_empty_array(Val& table, char subtype) {
    BOOST_TEST_INFO("an empty array, subtype " << subtype);
    const std::string key(1, subtype);
    table["taken"] = Arr{"a text that is too long to lie in the value itself"};
    for (const std::string& place : {key, std::string("taken"), key}) {
        Array<T>& begun = table[place] = Array<T>();
        BOOST_TEST(table[place].tag == 'n');
        BOOST_TEST(table[place].subtype == subtype);
        BOOST_TEST(begun.length() == 0u);
        BOOST_TEST(begun.allocator() == table.allocator());
        begun.expandTo(100);
        BOOST_TEST(begun.length() == 100u);
        BOOST_TEST((begun[99] == T()));
    }
}

/// Whether the message names the unknown tag.
bool names_it(const std::logic_error& e) {
    return std::string(e.what()).find("'?'") != std::string::npos;
}

struct operation {
    const char* name;
    std::function<void(const Val&)> call;
};
const std::vector<operation>& operations() {
    static const std::vector<operation> all{
        {"print", [](const Val& v) { text_of(v); }},
        {"prettyPrint",
         [](const Val& v) {
             std::ostringstream out;
             v.prettyPrint(out);
         }},
        {"visit", [](const Val& v) { visit([](const auto&) {}, v); }},
        {"to_json", [](const Val& v) { to_json(v); }},
        {"to_cbor", [](const Val& v) { to_cbor(v); }},
        {"hash", [](const Val& v) { hash_value(v); }},
        {"order", [](const Val& v) { static_cast<void>(v < Val(Arr{1})); }},
        {"length", [](const Val& v) { static_cast<void>(v.length()); }},
        {"conversion", [](const Val& v) { static_cast<void>(static_cast<double>(v)); }},
        {"as", [](const Val& v) { static_cast<void>(v.as<int_4>()); }},
        {"as a container", [](const Val& v) { static_cast<void>(v.as<Tab>()); }},
        {"subscript", [](const Val& v) { static_cast<void>(v(0)); }},
        {"contains", [](const Val& v) { static_cast<void>(v.contains(1)); }},
        {"append", [](const Val& v) { const_cast<Val&>(v).append(1); }},
        {"remove", [](const Val& v) { const_cast<Val&>(v).remove(1); }},
        {"walk", [](const Val& v) { It ii(v); }},
        {"name", [](const Val& v) { value_access::type_name(v); }},
    };
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(type_table)

BOOST_AUTO_TEST_CASE(every_row_is_a_type_that_all_places_know) {
#define VALPOOL_NONE(tag, name) check_row(Val(), tag, name);
#define VALPOOL_NUMBER(tag, type, name, letter, numpy) check_number<type>(tag, name, letter, numpy);
#define VALPOOL_BIG_INTEGER(tag, type, name)              \
    check_row(Val(type("5")), tag, name);                 \
    BOOST_TEST(get_if<type>(Val(type("5"))).has_value()); \
    BOOST_TEST(is_big(tag));
#define VALPOOL_TEXT(tag, name) check_row(Val("text"), tag, name);
#define VALPOOL_CONTAINER(tag, type, name) check_row(Val(type()), tag, name);
#define VALPOOL_ARRAY(tag, name) check_row(Val(Arr{1}), tag, name);
    VALPOOL_VALUE_TYPES(VALPOOL_NONE, VALPOOL_NUMBER, VALPOOL_BIG_INTEGER, VALPOOL_TEXT,
                        VALPOOL_CONTAINER, VALPOOL_ARRAY)
#undef VALPOOL_NONE
#undef VALPOOL_NUMBER
#undef VALPOOL_BIG_INTEGER
#undef VALPOOL_TEXT
#undef VALPOOL_CONTAINER
#undef VALPOOL_ARRAY
}

BOOST_AUTO_TEST_CASE(every_element_type_makes_an_array) {
    check_array(Arr{1, "x"}, 'Z', "Arr");
    Array<std::string> texts;
    texts.append("x");
    const Val v(texts);
    BOOST_TEST(v.subtype == 'a');
    BOOST_TEST(value_access::type_name(v) == "Array of string");
    BOOST_TEST(text_of(v) == "['x']");
    std::size_t elements = 0;
#define VALPOOL_ELEMENT(its_tag, type, ...)                                       \
    BOOST_TEST(element_tag<type>() == its_tag);                                   \
    BOOST_TEST((visit_array(its_tag, value_access::container(Val(Array<type>())), \
                            [](auto& a) { return a.length(); }) == 0u));          \
    ++elements;
    VALPOOL_ELEMENT_TYPES(VALPOOL_ELEMENT)
#undef VALPOOL_ELEMENT
    BOOST_TEST(elements == 15u);
}

BOOST_FIXTURE_TEST_CASE(an_empty_array_of_each_type_begins_anywhere, value_test::pool_fixture) {
    Val on_heap = Tab();
    Val new_in_pool = shared();
    Val in_use = shared();
    const Val seen_elsewhere = shared(Tab{{"it", in_use}});
    for (Val* const table : {&on_heap, &new_in_pool, &in_use}) {
#define VALPOOL_ELEMENT(its_tag, type, ...) check_empty_array<type>(*table, its_tag);
        VALPOOL_ELEMENT_TYPES(VALPOOL_ELEMENT)
#undef VALPOOL_ELEMENT
    }
}

BOOST_AUTO_TEST_CASE(an_unknown_tag_is_an_error_that_says_it) {
    for (const operation& o : operations()) {
        Val v(5);
        v.tag = '?';
        BOOST_TEST_INFO(o.name);
        BOOST_CHECK_EXCEPTION(o.call(v), std::logic_error, names_it);
        BOOST_CHECK_EXCEPTION(static_cast<void>(v == Val(v)), std::logic_error, names_it);
    }
}

BOOST_AUTO_TEST_CASE(an_unknown_subtype_is_an_error_that_says_it) {
    for (const operation& o : operations()) {
        Val v(Array<int_4>{1, 2});
        v.subtype = '?';
        BOOST_TEST_INFO(o.name);
        BOOST_CHECK_EXCEPTION(o.call(v), std::logic_error, names_it);
        BOOST_CHECK_EXCEPTION(Val copy(v), std::logic_error, names_it);
        v.subtype = 'l';  // otherwise the value could not be destroyed
    }
}

BOOST_AUTO_TEST_SUITE_END()
