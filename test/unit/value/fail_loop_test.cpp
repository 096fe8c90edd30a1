#include "unit/fail_loop.hpp"

/// Every change of a pooled value, in pools of every fill level.

using namespace fail_loop;

BOOST_AUTO_TEST_SUITE(value_fail_loop)

BOOST_AUTO_TEST_CASE(inserting_a_short_key) {
    run([](Val& v, StreamingPool*) { v["full"]["new"] = 1; });
}

BOOST_AUTO_TEST_CASE(inserting_a_long_key) {
    run([](Val& v, StreamingPool*) { v["table"][longer_text] = 1; });
}

BOOST_AUTO_TEST_CASE(inserting_a_key_with_a_long_value) {
    run([](Val& v, StreamingPool*) {
        static_cast<Tab&>(v["table"]).insertKeyAndValue("new", longer_text);
    });
}

BOOST_AUTO_TEST_CASE(inserting_a_long_key_with_a_long_value_into_a_full_table) {
    run([](Val& v, StreamingPool*) {
        static_cast<Tab&>(v["full"]).insertKeyAndValue(longer_text, longer_text);
    });
}

BOOST_AUTO_TEST_CASE(inserting_a_part_of_the_table_as_its_key) {
    run([](Val& v, StreamingPool*) {
        Tab& t = v;
        t.insertKeyAndValue(t("text"), longer_text);
    });
}

BOOST_AUTO_TEST_CASE(appending_to_a_table) {
    run([](Val& v, StreamingPool*) { v["full"].append(longer_text); });
}

BOOST_AUTO_TEST_CASE(moving_a_value_from_the_heap_into_a_table) {
    run([](Val& v, StreamingPool*) {
        Val data = Arr{longer_text, longer_text};
        static_cast<Tab&>(v["full"]).insertKeyAndValue(longer_text, std::move(data));
    });
}

BOOST_AUTO_TEST_CASE(moving_a_value_from_the_heap_into_a_list) {
    run([](Val& v, StreamingPool*) {
        Val data = Tab{{longer_text, longer_text}};
        v["list"].append(std::move(data));
    });
}

BOOST_AUTO_TEST_CASE(moving_an_element_within_a_list) {
    run([](Val& v, StreamingPool*) {
        Arr& list = v["list"];
        list.insertAt(0, std::move(list[2]));
    });
}

BOOST_AUTO_TEST_CASE(overwriting_a_number_with_a_long_text) {
    run([](Val& v, StreamingPool*) { v["list"][0] = longer_text; });
}

BOOST_AUTO_TEST_CASE(overwriting_a_text_with_a_longer_one) {
    run([](Val& v, StreamingPool*) { v["text"] = longer_text; });
}

BOOST_AUTO_TEST_CASE(overwriting_a_table_with_a_nested_one) {
    run([](Val& v, StreamingPool*) {
        v["table"] = Tab{{"a", Arr{longer_text, Tab{{longer_text, longer_text}}}}, {"b", Tup(1)}};
    });
}

BOOST_AUTO_TEST_CASE(overwriting_a_value_with_what_contains_it) {
    run([](Val& v, StreamingPool*) { v["table"] = Arr{v["table"], longer_text, v["table"]}; });
}

BOOST_AUTO_TEST_CASE(appending_to_a_list) {
    run([](Val& v, StreamingPool*) { v["list"].append(longer_text); });
}

BOOST_AUTO_TEST_CASE(appending_an_element_of_the_list) {
    run([](Val& v, StreamingPool*) { v["list"].append(v["list"][2]); });
}

BOOST_AUTO_TEST_CASE(inserting_into_the_middle_of_a_list) {
    run([](Val& v, StreamingPool*) { static_cast<Arr&>(v["list"]).insertAt(1, longer_text); });
}

BOOST_AUTO_TEST_CASE(inserting_into_the_middle_of_a_list_that_has_room) {
    run([](Val& v, StreamingPool*) { static_cast<Arr&>(v["slack"]).insertAt(1, longer_text); });
}

BOOST_AUTO_TEST_CASE(filling_a_list) {
    run([](Val& v, StreamingPool*) { static_cast<Arr&>(v["list"]).fill(longer_text, 5); });
}

BOOST_AUTO_TEST_CASE(making_room_in_a_list) {
    run([](Val& v, StreamingPool*) { static_cast<Arr&>(v["list"]).resize(200); });
}

BOOST_AUTO_TEST_CASE(resizing_a_list) {
    run([](Val& v, StreamingPool*) { static_cast<Arr&>(v["list"]).expandTo(200); });
}

BOOST_AUTO_TEST_CASE(assigning_a_list) {
    run([](Val& v, StreamingPool*) {
        static_cast<Arr&>(v["list"]) = Arr{longer_text, Arr{longer_text}, longer_text};
    });
}

BOOST_AUTO_TEST_CASE(growing_an_array_of_numbers) {
    run([](Val& v, StreamingPool*) { static_cast<Array<real_8>&>(v["numbers"]).expandTo(1000); });
}

BOOST_AUTO_TEST_CASE(growing_an_array_of_numbers_for_overwriting) {
    run([](Val& v, StreamingPool*) {
        auto& numbers = static_cast<Array<real_8>&>(v["numbers"]);
        numbers.expandForOverwrite(1000);
        numbers[999] = 0.5;
    });
}

BOOST_AUTO_TEST_CASE(giving_an_array_its_first_numbers) {
    run([](Val& v, StreamingPool*) {
        auto& numbers = static_cast<Array<real_8>&>(v["no numbers"]);
        numbers.expandForOverwrite(1000);
        numbers[999] = 0.5;
    });
}

BOOST_AUTO_TEST_CASE(beginning_an_array_in_place_of_another) {
    run([](Val& v, StreamingPool*) { v["numbers"] = Array<std::string>(); });
}

BOOST_AUTO_TEST_CASE(overwriting_an_array_of_numbers) {
    run([](Val& v, StreamingPool*) {
        v["numbers"] = Array<int_4>(std::initializer_list<int_4>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    });
}

BOOST_AUTO_TEST_CASE(assigning_a_table) {
    run([](Val& v, StreamingPool*) {
        static_cast<Tab&>(v["table"]) = Tab{{"a", longer_text}, {longer_text, Tab{{"b", 1}}}};
    });
}

BOOST_AUTO_TEST_CASE(assigning_a_table_of_many_keys) {
    Tab many;
    for (int i = 0; i < 100; ++i) many[i] = i;
    run([&many](Val& v, StreamingPool*) { v["table"] = many; });
}

BOOST_AUTO_TEST_CASE(adding_one_entry_with_plus_equals) {
    run([](Val& v, StreamingPool*) {
        static_cast<Tab&>(v["table"]) += Tab{{longer_text, longer_text}};
    });
}

BOOST_AUTO_TEST_CASE(swapping_with_a_value_on_the_heap) {
    run([](Val& v, StreamingPool*) {
        Val heap = Tab{{"a", Arr{longer_text, longer_text}}};
        const std::string before = text_of(heap);
        try {
            v["table"].swap(heap);
        } catch (const PoolExhausted&) {
            BOOST_TEST(text_of(heap) == before);
            throw;
        }
    });
}

BOOST_AUTO_TEST_CASE(swapping_with_a_table_on_the_heap) {
    run([](Val& v, StreamingPool*) {
        Tab heap{{"a", Arr{longer_text, longer_text}}};
        static_cast<Tab&>(v["table"]).swapInto(heap);
    });
}

BOOST_AUTO_TEST_CASE(copying_within_the_value) {
    run([](Val& v, StreamingPool*) { v["text"] = v["list"]; });
}

BOOST_AUTO_TEST_CASE(storing_a_proxy_of_the_pool) {
    run([](Val& v, StreamingPool*) {
        const Val ref = v["ref"];
        for (Val& element : static_cast<Arr&>(v["list"])) {
            // Out-references are small: one may still fit.
            const Val before = element;
            try {
                element = ref;
            } catch (const PoolExhausted&) {
                BOOST_TEST(text_of(element) == text_of(before));
                throw;
            }
            element = before;
        }
        v["text"] = Arr{ref, ref, ref, ref, ref, ref, ref, ref, ref, ref, longer_text, ref};
    });
}

BOOST_AUTO_TEST_CASE(storing_a_proxy_of_the_heap) {
    run([](Val& v, StreamingPool*) { v["text"] = Val(new Tab{{"k", longer_text}}); });
}

BOOST_AUTO_TEST_CASE(sharing_a_nested_table) {
    const Tab plain{{"a", Tab{{"b", Arr{longer_text, 1}}}}, {"c", OTab{{longer_text, Tup(1)}}}};
    run([&plain](Val&, StreamingPool* pool) {
        BOOST_TEST(text_of(Shared(pool, plain)) == text_of(plain));
    });
}

BOOST_AUTO_TEST_CASE(sharing_a_large_table) {
    Tab plain;
    for (int i = 0; i < 200; ++i) plain[i] = i % 10 == 0 ? Val(longer_text) : Val(i);
    run([&plain](Val&, StreamingPool* pool) {
        BOOST_TEST(text_of(Shared(pool, plain)) == text_of(plain));
    });
}

BOOST_AUTO_TEST_CASE(sharing_a_short_table_of_long_keys) {
    Tab plain;
    for (int i = 0; i < 4; ++i) plain[longer_text + std::to_string(i)] = longer_text;
    run([&plain](Val&, StreamingPool* pool) {
        BOOST_TEST(text_of(Shared(pool, plain)) == text_of(plain));
    });
}

BOOST_AUTO_TEST_CASE(sharing_a_table_with_holes_and_long_keys) {
    Tab plain;
    for (int i = 0; i < 40; ++i) plain[long_text + std::to_string(i)] = long_text;
    for (const int i : {0, 3, 4, 5, 11, 12, 39}) plain.remove(long_text + std::to_string(i));
    run([&plain](Val&, StreamingPool* pool) {
        BOOST_TEST(text_of(Shared(pool, plain)) == text_of(plain));
    });
}

BOOST_AUTO_TEST_CASE(sharing_a_table_of_proxies) {
    run([](Val& v, StreamingPool* pool) {
        const Val ref = v["ref"];
        const Val made = Shared(pool, Arr{ref, Arr{ref, longer_text}, Val(new Tab{{"k", ref}})});
        BOOST_TEST(is(made(0), ref));
    });
}

BOOST_AUTO_TEST_CASE(what_gives_memory_back_works_in_a_full_pool) {
    const pool_memory memory(256 << 10);
    {
        Val v = make_value(memory.get());
        const filler rest(memory.get(), 1000);
        use_up_box(v);
        BOOST_TEST(v["full"].remove(v["full"][3]));
        BOOST_TEST(v["list"].remove(v["list"][2]));
        v["text"] = 1;
        v["tuple"].reset();
        static_cast<Tab&>(v["table"]).clear();
        const Val another_handle = v;
        const Val copy_on_the_heap = v["ordered"];
        v["list"][0] = Val();
        v["ref"].reset();
        BOOST_TEST(text_of(v["list"]) == "[None, 'two', {'k': 4}, 5]");
    }
    BOOST_TEST(memory.get()->isPristine());
}

BOOST_AUTO_TEST_SUITE_END()
