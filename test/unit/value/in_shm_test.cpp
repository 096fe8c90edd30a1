#include "pool_fixture.hpp"

#include <stdexcept>
#include <string>

using namespace valpool;
using value_test::pool_fixture;
using value_test::pool_memory;

BOOST_FIXTURE_TEST_SUITE(in_shm, pool_fixture)

BOOST_AUTO_TEST_CASE(scalars_and_text_have_no_parts_elsewhere) {
    for (const Val& v : {Val(), Val(1), Val(2.5), Val("text"), Val(std::string(100, 'x'))}) {
        BOOST_TEST(InSHM(v, pool));
        BOOST_TEST(IsSHM(v, pool));
    }
}

BOOST_AUTO_TEST_CASE(shared_containers_of_every_type_are_in) {
    BOOST_TEST(InSHM(shared(), pool));
    BOOST_TEST(InSHM(shared(Tab{{"in", Tab{{"k", Arr{1}}}}}), pool));
    BOOST_TEST(InSHM(Shared(pool, OTab()), pool));
    BOOST_TEST(InSHM(Shared(pool, Tup(1)), pool));
    BOOST_TEST(InSHM(Shared(pool, Arr{1}), pool));
    BOOST_TEST(InSHM(Shared(pool, Array<real_8>{1}), pool));
}

BOOST_AUTO_TEST_CASE(parts_of_a_shared_value_are_in) {
    Val v = shared(Tab{{"in", Tab{{"k", Arr{1}}}}});
    BOOST_TEST(InSHM(v["in"], pool));
    BOOST_TEST(InSHM(v["in"]["k"], pool));
    v["ref"] = shared();
    BOOST_TEST(InSHM(v["ref"], pool));
}

BOOST_AUTO_TEST_CASE(plain_containers_are_out_even_if_empty) {
    BOOST_TEST(!InSHM(Tab(), pool));
    BOOST_TEST(!InSHM(OTab(), pool));
    BOOST_TEST(!InSHM(Tup(), pool));
    BOOST_TEST(!InSHM(Arr(), pool));
    BOOST_TEST(!InSHM(Array<int_4>(), pool));
}

BOOST_AUTO_TEST_CASE(heap_proxies_are_out_even_if_empty) {
    BOOST_TEST(!InSHM(Val(new Tab()), pool));
    BOOST_TEST(!InSHM(Val(new Array<int_4>()), pool));
    BOOST_TEST(!InSHM(Locked(new Arr()), pool));
}

BOOST_AUTO_TEST_CASE(a_plain_list_of_shared_values_is_out_itself) {
    BOOST_TEST(!InSHM(Arr{shared()}, pool));
}

BOOST_AUTO_TEST_CASE(values_of_another_pool_are_out) {
    const pool_memory other(1 << 20);
    BOOST_TEST(!InSHM(Shared(other.get(), Tab()), pool));
    BOOST_TEST(!InSHM(shared(), other.get()));
}

BOOST_AUTO_TEST_CASE(nothing_but_scalars_is_in_no_pool) {
    BOOST_TEST(InSHM(5, nullptr));
    BOOST_TEST(!InSHM(Tab(), nullptr));
    BOOST_TEST(!InSHM(shared(), nullptr));
}

BOOST_AUTO_TEST_CASE(on_request_it_throws_with_the_context_and_the_type) {
    BOOST_CHECK_EXCEPTION(InSHM(Array<int_4>(), pool, true, "my queue"), std::runtime_error,
                          [](const std::exception& e) {
                              const std::string what = e.what();
                              return what.find("my queue") == 0 &&
                                     what.find("Array of int_4") != std::string::npos &&
                                     what.find("heap") != std::string::npos;
                          });
    const pool_memory other(1 << 20);
    BOOST_CHECK_EXCEPTION(IsSHM(Shared(other.get(), Tab()), pool, true), std::runtime_error,
                          [](const std::exception& e) {
                              return std::string(e.what()).find("another pool") !=
                                     std::string::npos;
                          });
    BOOST_TEST(InSHM(shared(), pool, true, "fine"));
    BOOST_CHECK_THROW(InSHM(Tab(), pool, true, nullptr), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(it_names_the_paths_of_the_parts_outside) {
    const pool_memory other(1 << 20);
    const Val v =
        Tab{{"in", shared()}, {"a", Arr{1, Tab{{"k", 2}}}}, {3, Shared(other.get(), Tup(1))}};
    BOOST_CHECK_EXCEPTION(InSHM(v, pool, true, "here"), std::runtime_error,
                          [](const std::exception& e) {
                              return e.what() == std::string(
                                                     "here: not in shared memory: "
                                                     "the value itself (Tab on the heap), "
                                                     "['a'] (Arr on the heap), "
                                                     "['a'][1] (Tab on the heap), "
                                                     "[3] (Tup of another pool)");
                          });
    Val many = Arr();
    for (int i = 0; i < 100; ++i) many.append(Tab());
    BOOST_CHECK_EXCEPTION(InSHM(many, pool, true), std::runtime_error, [](const std::exception& e) {
        const std::string what = e.what();
        return what.size() < 300 && what.substr(what.size() - 3) == "...";
    });
}

BOOST_AUTO_TEST_CASE(paths_of_circles_and_deep_nesting_end) {
    Val circle = new Tab();
    circle["me"] = circle;
    BOOST_CHECK_THROW(InSHM(circle, pool, true), std::runtime_error);
    circle.remove("me");
    Val deep = Arr();
    for (int i = 0; i < 10000; ++i) {
        Val outer = Arr();
        outer.append(std::move(deep));
        deep = std::move(outer);
    }
    BOOST_CHECK_THROW(InSHM(deep, pool, true), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(containers_themselves_are_looked_at_without_a_copy) {
    Val v = shared(Tab{{"list", Arr{1}}, {"numbers", Array<int_4>{1}}});
    BOOST_TEST(InSHM(static_cast<Tab&>(v), pool));
    BOOST_TEST(IsSHM(static_cast<Arr&>(v["list"]), pool));
    BOOST_TEST(IsSHM(static_cast<Array<int_4>&>(v["numbers"]), pool));
    const pool_memory other(1 << 20);
    BOOST_TEST(!InSHM(static_cast<Tab&>(v), other.get()));
    BOOST_TEST(!InSHM(static_cast<Tab&>(v), nullptr));
    BOOST_CHECK_THROW(InSHM(static_cast<Tab&>(v), other.get(), true), std::runtime_error);
    const Tab heap{{"in", v}};
    BOOST_TEST(!InSHM(heap, pool));
    BOOST_CHECK_EXCEPTION(IsSHM(heap, pool, true), std::runtime_error, [](const std::exception& e) {
        return std::string(e.what()).find("the value itself (Tab") != std::string::npos;
    });
}

BOOST_AUTO_TEST_CASE(addresses_are_in_the_pool_or_not) {
    Val v = shared();
    const int outside = 0;
    BOOST_TEST(IsContainedMemory(&static_cast<Tab&>(v), pool));
    BOOST_TEST(!IsContainedMemory(&outside, pool));
    BOOST_TEST(!IsContainedMemory(nullptr, pool));
    BOOST_TEST(!IsContainedMemory(&outside, nullptr));
}

BOOST_AUTO_TEST_SUITE_END()
