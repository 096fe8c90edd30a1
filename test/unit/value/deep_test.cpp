#include "pool_fixture.hpp"

#include <pthread.h>

/// Nesting so deep that recursion would use up the stack, on a thread with a small stack.

using namespace valpool;
using value_test::pool_fixture;
using value_test::pool_memory;
using value_test::text_of;

namespace {

constexpr int levels = 10000;

enum class kind { list, table, ordered, tuple, mixed };

Val nested(kind k, int depth) {
    Val v = "core";
    for (int i = 0; i < depth; ++i) {
        const kind here = k == kind::mixed ? static_cast<kind>(i % 4) : k;
        Val outer;
        switch (here) {
            case kind::list: outer = Arr(); break;
            case kind::table: outer = Tab(); break;
            case kind::ordered: outer = OTab(); break;
            default: outer = Tup(Val()); break;
        }
        // Moving keeps the construction cheap: copying everything at each level would take far too
        // long.
        if (here == kind::list)
            outer.append(std::move(v));
        else if (here == kind::tuple)
            outer[0] = std::move(v);
        else
            outer["k"] = std::move(v);
        v = std::move(outer);
    }
    return v;
}

/// On a thread with 128 KiB of stack (the sanitizers need more).
void on_a_small_stack(void (*body)()) {
#if defined(__SANITIZE_ADDRESS__) || defined(VALPOOL_TSAN)
    constexpr std::size_t stack_bytes = 1 << 20;
#else
    constexpr std::size_t stack_bytes = 128 << 10;
#endif
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_t thread{};
    const int error = pthread_create(
        &thread, &attributes,
        [](void* b) -> void* {
            reinterpret_cast<void (*)()>(b)();
            return nullptr;
        },
        reinterpret_cast<void*>(body));
    // No Boost.Test calls here before the join: the thread makes some.
    if (error == 0) pthread_join(thread, nullptr);
    BOOST_TEST(error == 0);
    pthread_attr_destroy(&attributes);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(deep_nesting)

BOOST_AUTO_TEST_CASE(copies_compares_prints_and_goes) {
    on_a_small_stack([] {
        for (const kind k : {kind::list, kind::table, kind::ordered, kind::tuple, kind::mixed}) {
            const Val v = nested(k, levels);
            const Val copy = v;
            BOOST_TEST((copy == v));
            BOOST_TEST(!(copy < v));
            BOOST_TEST(!(v < copy));
            const Val deeper = nested(k, levels + 1);
            BOOST_TEST((deeper != v));
            BOOST_TEST((deeper < v) != (v < deeper));
            const std::string text = text_of(copy);
            BOOST_TEST(text == text_of(v));
            BOOST_TEST(text.size() > 2u * levels);
        }
    });
}

BOOST_AUTO_TEST_CASE(goes_into_a_pool_and_out_again) {
    on_a_small_stack([] {
        const pool_memory memory(64 << 20);
        {
            const Val v = nested(kind::mixed, levels);
            Val pooled = Shared(memory.get(), Tab{{"deep", v}});
            BOOST_TEST((pooled("deep") == v));
            const Val out = pooled("deep");
            BOOST_TEST(out.allocator() == nullptr);
            BOOST_TEST((out == v));
            pooled["again"] = out;
            pooled["deep"] = 1;
            BOOST_TEST((pooled("again") == v));
            BOOST_TEST(InSHM(pooled, memory.get()));
        }
        BOOST_TEST(memory.get()->isPristine());
    });
}

BOOST_AUTO_TEST_CASE(a_pool_too_small_for_it_refuses_it_whole) {
    on_a_small_stack([] {
        const pool_memory memory(256 << 10);
        {
            const Val v = nested(kind::table, levels);
            BOOST_CHECK_THROW(Shared(memory.get(), Arr{v}), PoolExhausted);
            Val pooled = Shared(memory.get(), Tab{{"k", 1}});
            BOOST_CHECK_THROW(pooled["k"] = v, PoolExhausted);
            BOOST_TEST(static_cast<int>(pooled["k"]) == 1);
        }
        BOOST_TEST(memory.get()->isPristine());
        BOOST_TEST(check(memory.get()).is_sound());
    });
}

BOOST_AUTO_TEST_CASE(chains_of_heap_proxies_and_of_boxes_go) {
    on_a_small_stack([] {
        Val heap = 1;
        for (int i = 0; i < levels; ++i) {
            Val outer = new Tab();
            outer["next"] = heap;
            heap = outer;
        }
        BOOST_TEST(text_of(heap).size() > levels * 10u);
        const pool_memory memory(64 << 20);
        {
            Val chain = Shared(memory.get(), Tab());
            for (int i = 0; i < levels; ++i) {
                Val outer = Shared(memory.get(), Tab());
                outer["next"] = chain;
                chain = outer;
            }
            const Val copy = heap;
            chain["heap"] = copy;
            BOOST_TEST(text_of(chain).size() > levels * 20u);
        }
        BOOST_TEST(memory.get()->isPristine());
    });
}

BOOST_AUTO_TEST_CASE(a_million_levels_are_a_matter_of_memory_only) {
    on_a_small_stack([] {
        const Val v = nested(kind::list, 1000000);
        const Val copy = v;
        BOOST_TEST((copy == v));
    });
}

BOOST_AUTO_TEST_CASE(values_in_circles_compare) {
    const pool_memory memory(1 << 20);
    {
        Val a = Shared(memory.get(), Tab{{"k", 1}});
        Val b = Shared(memory.get(), Tab{{"k", 1}});
        a["self"] = a;
        b["self"] = b;
        BOOST_TEST((a == b));
        BOOST_TEST(!(a < b));
        b["k"] = 2;
        BOOST_TEST((a != b));
        BOOST_TEST((a < b));
        a.remove("self");
        b.remove("self");
    }
    BOOST_TEST(memory.get()->isPristine());
}

BOOST_AUTO_TEST_SUITE_END()
