#include "pool_fixture.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace valpool;
using value_test::pool_fixture;
using value_test::pool_memory;
using value_test::text_of;

namespace {

const std::string long_text(100, 'x');

bool lies_in(const void* address, const StreamingPool* pool, std::size_t pool_bytes) {
    const auto a = reinterpret_cast<std::uintptr_t>(address);
    const auto start = reinterpret_cast<std::uintptr_t>(pool);
    return a >= start && a < start + pool_bytes;
}

/// Whether a value and everything reachable from it lie in the pool's memory.
bool all_in(const Val& v, StreamingPool* pool, std::size_t pool_bytes) {
    if (v.tag == 'a' && v.length() > 20 && !lies_in(v.text().data(), pool, pool_bytes))
        return false;
    const bool is_container = v.tag == 't' || v.tag == 'o' || v.tag == 'u' || v.tag == 'n';
    if (!is_container) return true;
    if (v.allocator() != pool) return false;
    if (v.tag == 'n' && v.subtype == 'd')
        return lies_in(static_cast<Array<real_8>&>(v).data(), pool, pool_bytes);
    for (It ii(v); ii();) {
        if (!lies_in(&ii.value(), pool, pool_bytes)) return false;
        if (!all_in(ii.key(), pool, pool_bytes) || !all_in(ii.value(), pool, pool_bytes))
            return false;
    }
    return true;
}

struct sharing : pool_fixture {
    bool all_in_pool(const Val& v) const { return all_in(v, pool, 1 << 20); }
    std::size_t used() const { return check(pool).boxes; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(proxy, sharing)

BOOST_AUTO_TEST_CASE(a_shared_table_lies_in_the_pool) {
    const Val v = shared(Tab{{"a", long_text}, {"n", Array<real_8>{1, 2}}});
    BOOST_TEST(IsProxy(v));
    BOOST_TEST(v.sharedAcrossProcesses());
    BOOST_TEST(v.allocator() == pool);
    BOOST_TEST(lies_in(&static_cast<Tab&>(v), pool, 1 << 20));
    BOOST_TEST(all_in_pool(v));
}

BOOST_AUTO_TEST_CASE(every_container_can_be_shared) {
    BOOST_TEST(text_of(Shared(pool, OTab{{"a", 1}})) == "OrderedDict([('a', 1)])");
    BOOST_TEST(text_of(Shared(pool, Tup(1, long_text))) == "(1, '" + long_text + "')");
    BOOST_TEST(text_of(Shared(pool, Arr{1, 2})) == "[1, 2]");
    BOOST_TEST(text_of(Shared(pool, Array<int_2>{1, 2})) == "array([1,2], 's')");
    BOOST_TEST(text_of(Protected(pool, Tab())) == "{}");
}

BOOST_AUTO_TEST_CASE(a_short_table_is_copied_into_one_block) {
    const auto bytes_of = [this](int entries) {
        Tab t;
        for (int i = 0; i < entries; ++i) t[i] = i;
        const std::size_t before = pool->usedBytes();
        const Val v = Shared(pool, t);
        BOOST_TEST(text_of(v) == text_of(t));
        return pool->usedBytes() - before;
    };
    bytes_of(1);  // the first handle of this process creates its ledger
    // Header and table take 112 bytes; each entry 64, a cache line; the fingerprints of five to 32
    // entries, a byte for each, in groups of sixteen.
    BOOST_TEST(bytes_of(1) == 384u);
    BOOST_TEST(bytes_of(4) == 384u);
    BOOST_TEST(bytes_of(8) == 640u);
    BOOST_TEST(bytes_of(10) == 768u);
    // Large values take what they need, and a block for the box.
    for (const int entries : {0, 9, 50, 60, 200, 1000})
        BOOST_TEST(bytes_of(entries) < static_cast<std::size_t>(3000 + 160 * entries));
}

BOOST_AUTO_TEST_CASE(a_copy_in_one_block_grows_and_shrinks_like_any_other) {
    Tab t;
    for (int i = 0; i < 10; ++i) t[i] = long_text;
    Val v = Shared(pool, t);
    for (int i = 10; i < 300; ++i) v[i] = t[i] = i;
    BOOST_TEST(text_of(v) == text_of(t));
    for (int i = 0; i < 299; ++i) {
        v.remove(i);
        t.remove(i);
    }
    BOOST_TEST(text_of(v) == text_of(t));
    v["more"] = t["more"] = Arr{1, 2};
    BOOST_TEST(text_of(v) == text_of(t));
    BOOST_TEST(all_in_pool(v));
}

BOOST_AUTO_TEST_CASE(sharing_without_a_pool_is_refused) {
    BOOST_CHECK_THROW(Shared(nullptr, Tab()), std::logic_error);
    BOOST_CHECK_THROW(Shared(nullptr, Arr()), std::logic_error);
}

BOOST_AUTO_TEST_CASE(nested_updates_land_in_the_pool) {
    Val v = shared();
    v["text"] = long_text;
    v["table"] = Tab{{"in", Tab{{"deep", long_text}}}};
    v["table"]["in"]["new"] = Arr{1, long_text};
    v["table"]["in"]["new"].append(Tup(1, OTab{{long_text, long_text}}));
    v["numbers"] = Array<real_8>{1, 2, 3};
    v[long_text] = long_text + long_text;
    BOOST_TEST(all_in_pool(v));
}

BOOST_AUTO_TEST_CASE(large_content_lands_in_the_pool) {
    const Val v = shared();
    Tab& t = v;
    for (int i = 0; i < 500; ++i) t[long_text + std::to_string(i)] = long_text;
    BOOST_TEST(t.entries() == 500u);
    BOOST_TEST(all_in_pool(v));
}

BOOST_AUTO_TEST_CASE(what_is_moved_or_swapped_into_the_pool_lands_there) {
    Val v = shared();
    Val moved = Tab{{"a", long_text}};
    v["moved"] = std::move(moved);
    Val swapped = Arr{long_text};
    v["swapped"].swap(swapped);
    Tab table{{"b", long_text}};
    Val other = shared();
    static_cast<Tab&>(other).swapInto(table);
    static_cast<Tab&>(v) += table;
    BOOST_TEST(all_in_pool(v));
    BOOST_TEST(all_in_pool(other));
    BOOST_TEST(swapped.isNone());
}

BOOST_AUTO_TEST_CASE(what_is_moved_or_swapped_out_of_the_pool_outlives_it) {
    Val v = shared(Tab{{"a", Arr{long_text}}, {"b", long_text}, {"c", Tab{{"k", long_text}}}});
    const Val moved = std::move(v["a"]);
    Val swapped;
    swapped.swap(v["b"]);
    const Tab table = std::move(static_cast<Tab&>(v["c"]));
    v.reset();
    BOOST_TEST(pool->isPristine());
    BOOST_TEST(text_of(moved) == "['" + long_text + "']");
    BOOST_TEST(text_of(swapped) == "'" + long_text + "'");
    BOOST_TEST(text_of(table) == "{'k': '" + long_text + "'}");
}

BOOST_AUTO_TEST_CASE(copies_of_a_proxy_share) {
    const Val a = shared();
    Val b = a;
    b["k"] = 1;
    BOOST_TEST(text_of(a) == "{'k': 1}");
    BOOST_TEST(is(a, b));
    BOOST_CHECK(a == b);
    BOOST_TEST(!is(a, shared(Tab{{"k", 1}})));
    BOOST_CHECK(a == shared(Tab{{"k", 1}}));
}

BOOST_AUTO_TEST_CASE(an_assigned_proxy_shares) {
    const Val a = shared(Tab{{"k", 1}});
    Val b = 5;
    b = a;
    BOOST_TEST(is(a, b));
    b = b["k"];
    BOOST_TEST(text_of(b) == "1");
    BOOST_TEST(text_of(a) == "{'k': 1}");
}

BOOST_AUTO_TEST_CASE(a_plain_copy_of_what_is_shared_is_deep_and_on_the_heap) {
    Val v = shared(Tab{{"in", Tab{{"k", long_text}}}});
    Val part = v["in"];
    Tab whole = v;
    part["k"] = 1;
    whole["in"]["k"] = 2;
    BOOST_TEST(part.allocator() == nullptr);
    BOOST_TEST(Val(whole).allocator() == nullptr);
    BOOST_TEST(text_of(v["in"]["k"]) == "'" + long_text + "'");
    v.reset();
    BOOST_TEST(text_of(whole) == "{'in': {'k': 2}}");
}

BOOST_AUTO_TEST_CASE(the_last_handle_frees_the_value) {
    Val a = shared(Tab{{"k", long_text}});
    Val b = a;
    a.reset();
    BOOST_TEST(!pool->isPristine());
    BOOST_TEST(text_of(b["k"]) == "'" + long_text + "'");
    b = 0;
    BOOST_TEST(pool->isPristine());
}

BOOST_AUTO_TEST_CASE(the_reference_count_counts_handles_and_other_references) {
    const Proxy p = Shared(pool, Tab());
    BOOST_TEST(p.refcount() == 1u);
    Val copy = p;
    BOOST_TEST(p.refcount() == 2u);
    Val other = shared();
    other["p"] = p;
    BOOST_TEST(p.refcount() == 3u);
    other["p"] = 0;
    copy.reset();
    BOOST_TEST(p.refcount() == 1u);
}

BOOST_AUTO_TEST_CASE(the_reference_count_of_a_heap_proxy_counts_handles) {
    const Proxy p = Unlocked(new Tab());
    BOOST_TEST(p.refcount() == 1u);
    const Val copy = p;
    BOOST_TEST(p.refcount() == 2u);
}

BOOST_AUTO_TEST_CASE(a_proxy_of_this_pool_is_stored_as_a_reference) {
    const Val in = shared(Tab{{"k", 1}});
    Val out = shared();
    out["in"] = in;
    BOOST_TEST(is(out["in"], in));
    out["in"]["k"] = 2;
    BOOST_TEST(text_of(in) == "{'k': 2}");
    BOOST_TEST(all_in_pool(out));
    BOOST_TEST(used() == 2u);
}

BOOST_AUTO_TEST_CASE(a_stored_reference_keeps_its_target) {
    Val in = shared(Tab{{"k", long_text}});
    Val out = shared();
    out["in"] = in;
    in.reset();
    BOOST_TEST(text_of(out["in"]["k"]) == "'" + long_text + "'");
    Val again = out["in"];
    out.reset();
    BOOST_TEST(text_of(again["k"]) == "'" + long_text + "'");
}

BOOST_AUTO_TEST_CASE(a_nested_reference_is_shared_by_copies_of_what_contains_it) {
    const Val in = shared(Tab{{"k", 1}});
    Val out = shared(Tab{{"list", Arr{in, 1}}});
    const Val plain = out["list"];  // a list on the heap, with a proxy
    const Val second = shared(Tab{{"list", plain}});
    out.reset();
    BOOST_TEST(is(plain[0], in));
    BOOST_TEST(is(second("list")[0], in));
    BOOST_TEST(all_in_pool(second));
}

BOOST_AUTO_TEST_CASE(a_heap_proxy_is_copied_into_the_pool) {
    Val heap = new Tab{{"k", long_text}};
    Val v = shared();
    v["heap"] = heap;
    BOOST_TEST(!is(v["heap"], heap));
    heap["k"] = 1;
    BOOST_TEST(text_of(v["heap"]["k"]) == "'" + long_text + "'");
    BOOST_TEST(all_in_pool(v));
}

BOOST_AUTO_TEST_CASE(a_heap_proxy_inside_of_what_is_stored_is_copied_too) {
    Val v = shared();
    v["list"] = Arr{Val(new Tab{{"k", long_text}}), Tup(Val(new Arr{long_text}))};
    BOOST_TEST(all_in_pool(v));
}

BOOST_AUTO_TEST_CASE(another_pools_proxy_is_copied_into_this_one) {
    const pool_memory other(1 << 20);
    Val v = shared();
    {
        const Val theirs = Shared(other.get(), Tab{{"k", Arr{long_text}}});
        v["theirs"] = theirs;
        v["nested"] = Arr{theirs};
        static_cast<Tab&>(theirs)["back"] = v;
        BOOST_TEST(all_in(theirs, other.get(), 1 << 20));
    }
    BOOST_TEST(other.get()->isPristine());
    BOOST_TEST(all_in_pool(v));
    BOOST_TEST(text_of(v["theirs"]) == "{'k': ['" + long_text + "']}");
}

BOOST_AUTO_TEST_CASE(a_value_can_refer_to_itself_until_the_circle_is_broken) {
    Val v = shared(Tab{{"k", 1}});
    v["self"] = v;
    BOOST_TEST(is(v["self"], v));
    v["self"]["k"] = 2;
    BOOST_TEST(text_of(v) == "{'k': 2, 'self': {...}}");
    BOOST_TEST(check(pool).is_sound());
    BOOST_TEST(static_cast<Tab&>(v).remove("self"));
}

BOOST_AUTO_TEST_CASE(a_shared_value_is_let_go_of_by_whatever_is_moved_over_it) {
    const Val kept = shared(Tab{{"k", 1}});
    const auto handles = [&kept] { return Proxy(kept).refcount() - 1; };
    const std::size_t before = handles();
    const auto move_over = [&](Val fresh, const std::string& text) {
        Val v = kept;
        BOOST_TEST(handles() == before + 1);
        v = std::move(fresh);
        BOOST_TEST(text_of(v) == text);
        BOOST_TEST(handles() == before);
    };
    move_over(Val(5), "5");
    move_over(Val("short"), "'short'");
    move_over(Val(long_text), "'" + long_text + "'");
    move_over(Val(Arr{1}), "[1]");
    move_over(Val(), "None");
    move_over(shared(Tab{{"other", 2}}), "{'other': 2}");
    move_over(Val(new Tab{{"heap", 3}}), "{'heap': 3}");
}

BOOST_AUTO_TEST_CASE(a_value_is_moved_over_what_it_is_a_part_of) {
    Val list = Arr{1, shared(Tab{{"k", 1}}), "short", long_text};
    for (const int i : {0, 1, 2, 3}) {
        Val v = list;
        const std::string part = text_of(v[i]);
        v = std::move(v[i]);
        BOOST_TEST(text_of(v) == part);
    }
    Val adopted = new Tab{{"k", shared(Tab{{"inner", 1}})}};
    adopted = std::move(adopted["k"]);
    BOOST_TEST(text_of(adopted) == "{'inner': 1}");
}

BOOST_AUTO_TEST_CASE(a_value_that_is_shared_twice_prints_and_compares_twice) {
    const Val part = shared(Tab{{"k", 1}});
    const Val twice = Arr{part, Arr{part}, part};
    BOOST_TEST(text_of(twice) == "[{'k': 1}, [{'k': 1}], {'k': 1}]");
    BOOST_TEST(to_json(twice) == "[{\"k\":1},[{\"k\":1}],{\"k\":1}]");
    const Val other = shared(Tab{{"k", 1}});
    const Val last_is_less = Arr{other, Arr{other}, shared(Tab{{"k", 0}})};
    BOOST_TEST((twice != last_is_less));
    BOOST_TEST((last_is_less < twice));
    BOOST_TEST((Val(Arr{other, Arr{other}, other}) == twice));
}

BOOST_AUTO_TEST_CASE(values_that_share_each_other_print_once) {
    Val a = shared(Tab{{"k", 1}});
    Val b = Shared(pool, Arr{a});
    a["k"] = b;
    BOOST_TEST(text_of(a) == "{'k': [{...}]}");
    BOOST_TEST(text_of(b) == "[{'k': [...]}]");
    a["k"] = 1;  // otherwise the two would keep each other alive
}

BOOST_AUTO_TEST_CASE(a_part_of_a_shared_value_moves_within_it) {
    Val v = shared(Tab{{"old", Tab{{"k", long_text}}}});
    v["new"] = v["old"];
    v["moved"] = std::move(v["old"]);
    BOOST_TEST(v["old"].isNone());
    v["moved"]["k"] = 1;
    BOOST_TEST(text_of(v["new"]["k"]) == "'" + long_text + "'");
    v = v["new"];
    BOOST_TEST(v.allocator() == nullptr);
    BOOST_TEST(text_of(v) == "{'k': '" + long_text + "'}");
}

BOOST_AUTO_TEST_CASE(a_chain_of_references_goes_with_its_head) {
    Val head = shared();
    for (int i = 0; i < 500; ++i) {
        Val next = shared();
        next["tail"] = head;
        head = next;
    }
    BOOST_TEST(used() == 501u);
    head.reset();
    BOOST_TEST(used() == 0u);
}

BOOST_AUTO_TEST_CASE(overwriting_for_ever_does_not_use_the_pool_up) {
    Val v = shared();
    for (std::size_t i = 0; i < 20000; ++i)
        v[std::to_string(i % 7) + "k"] = std::string(i * 37 % 3000, 'x');
    const std::size_t before = pool->usedBytes();
    for (std::size_t i = 0; i < 20000; ++i)
        v[std::to_string(i % 7) + "k"] = std::string(i * 37 % 3000, 'x');
    BOOST_TEST(pool->usedBytes() <= before + 8192);
}

BOOST_AUTO_TEST_CASE(rows_of_every_length_can_be_appended_and_cleared_for_ever) {
    Val v = shared(Tab{{"list", Arr()}});
    for (int round = 0; round < 200; ++round) {
        for (int i = 0; i < 50; ++i) v["list"].append(long_text);
        static_cast<Arr&>(v["list"]).clear();
    }
    BOOST_TEST(pool->usedBytes() < std::size_t{1} << 19);
}

BOOST_AUTO_TEST_CASE(an_adopted_container_is_a_heap_proxy) {
    const Val v = new Tab{{"k", 1}};
    BOOST_TEST(IsProxy(v));
    BOOST_TEST(v.tag == 't');
    BOOST_TEST(!v.sharedAcrossProcesses());
    BOOST_TEST(v.allocator() == nullptr);
    const Val array = new Array<int_4>{1};
    BOOST_TEST(array.subtype == 'l');
}

BOOST_AUTO_TEST_CASE(a_container_that_is_not_adopted_stays_with_its_owner) {
    Tab t;
    {
        Proxy p(&t, false);
        p["k"] = 1;
    }
    BOOST_TEST(text_of(t) == "{'k': 1}");
}

BOOST_AUTO_TEST_CASE(a_null_pointer_is_refused) {
    BOOST_CHECK_THROW(Val(static_cast<Tab*>(nullptr)), std::logic_error);
    BOOST_CHECK_THROW(Proxy(static_cast<Arr*>(nullptr)), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_proxy_can_be_made_of_a_value_that_is_one) {
    const Val v = shared(Tab{{"k", 1}});
    const Proxy p = v;
    BOOST_TEST(is(p.val(), v));
    BOOST_CHECK_THROW(Proxy{Val(Tab())}, std::logic_error);
    BOOST_CHECK_THROW(Proxy{Val(5)}, std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_proxy_works_like_its_container) {
    Proxy p = Shared(pool, Tab{{"a", 1}});
    p["b"] = 2;
    BOOST_TEST(p.contains("b"));
    BOOST_TEST(p.remove("a"));
    p.append("x");
    BOOST_TEST(p.length() == 2u);
    BOOST_TEST(text_of(p("b")) == "2");
    BOOST_CHECK_THROW(p("q"), std::out_of_range);
    BOOST_TEST(static_cast<Tab&>(p).entries() == 2u);
    BOOST_TEST(Stringize(p) == "{'b': 2, 1: 'x'}");
    BOOST_CHECK_THROW((void)static_cast<Arr&>(p), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_constant_proxy_inserts_nothing_in_brackets) {
    const Proxy p = Shared(pool, Tab{{"a", 1}});
    BOOST_TEST(text_of(p["a"]) == "1");
    BOOST_CHECK_THROW(p["q"], std::out_of_range);
    BOOST_TEST(p.length() == 1u);
}

BOOST_AUTO_TEST_CASE(a_proxy_prints_prettily) {
    const Proxy p = Shared(pool, Tab{{"a", 1}});
    std::ostringstream out;
    p.prettyPrint(out);
    p.prettyPrint(out, 2, 1);
    BOOST_TEST(out.str() == "{\n    'a':1\n}\n  {\n   'a':1\n  }\n");
}

BOOST_AUTO_TEST_CASE(swapped_proxies_exchange_what_they_refer_to) {
    Proxy in_pool = Shared(pool, Tab{{"a", 1}});
    Proxy on_heap = Unlocked(new Arr{1});
    const Val first = in_pool;
    in_pool.swap(on_heap);
    BOOST_TEST(is(on_heap, first));
    BOOST_TEST(text_of(in_pool.val()) == "[1]");
    swap(in_pool, on_heap);
    BOOST_TEST(is(first, in_pool));
    BOOST_TEST(!is(first, on_heap));
}

BOOST_AUTO_TEST_CASE(proxies_compare_by_content) {
    const Proxy a = Shared(pool, Tab{{"a", 1}});
    const Proxy same = Unlocked(new Tab{{"a", 1}});
    const Proxy other = Unlocked(new Tab{{"a", 2}});
    BOOST_TEST((a == same && a != other && !(a == other) && !(a != same)));
    BOOST_TEST((a == same.val() && same.val() == a));
}

BOOST_AUTO_TEST_CASE(the_container_of_a_value_can_be_shared) {
    const Val heap = Tab{{"a", Arr{long_text}}};
    Proxy p = Shared(pool, heap);
    BOOST_TEST(all_in_pool(p.val()));
    BOOST_TEST((p.val() == heap));
    const Proxy again = Shared(pool, p);
    BOOST_TEST(!is(again, p));
    p["a"] = 1;
    BOOST_TEST(text_of(again.val()) == text_of(heap));
    BOOST_TEST(text_of(Protected(pool, Val(Tup(1, 2))).val()) == "(1, 2)");
    BOOST_TEST(Shared(pool, Val(Array<real_8>{1.5})).val().subtype == 'd');
}

BOOST_AUTO_TEST_CASE(a_value_that_is_no_container_cannot_be_shared_by_itself) {
    const auto says = [](const std::string& text) {
        return [text](const std::exception& e) { return e.what() == text; };
    };
    BOOST_CHECK_EXCEPTION(Shared(pool, Val(5)), std::logic_error,
                          says("Shared: a value of type int_4, 5, is not a container"));
    BOOST_CHECK_EXCEPTION(Shared(pool, None), std::logic_error,
                          says("Shared: a value of type None, None, is not a container"));
    BOOST_CHECK_THROW(Shared(nullptr, Val(Tab())), std::logic_error);
    BOOST_TEST(pool->isPristine());
}

BOOST_AUTO_TEST_CASE(a_transaction_lock_is_recursive_in_a_thread) {
    const Proxy p = Shared(pool, Tab());
    const TransactionLock outer(p);
    const TransactionLock inner(p.val());
    BOOST_TEST(p.is_locking());
}

BOOST_AUTO_TEST_CASE(a_transaction_lock_has_at_most_65535_levels) {
    const Proxy p = Shared(pool, Tab());
    std::vector<std::unique_ptr<TransactionLock>> levels;
    for (int i = 0; i < 65535; ++i) levels.push_back(std::make_unique<TransactionLock>(p));
    BOOST_CHECK_THROW(TransactionLock{p}, std::logic_error);
    BOOST_CHECK_THROW(TransactionLock(p, 0.0), std::logic_error);
    levels.pop_back();
    BOOST_CHECK_NO_THROW(TransactionLock{p});
    levels.resize(1);
    bool has_it = false;
    const auto try_it = [&] {
        std::thread([&] {
            try {
                const TransactionLock other(p, 0.0);
                has_it = true;
            } catch (const LockTimeout&) {
            }
        }).join();
    };
    try_it();
    BOOST_TEST(!has_it);
    levels.clear();
    try_it();
    BOOST_TEST(has_it);
}

BOOST_AUTO_TEST_CASE(a_transaction_lock_may_end_in_another_thread) {
    const Proxy p = Shared(pool, Tab());
    auto lock = std::make_unique<TransactionLock>(p);
    std::thread([&] { lock.reset(); }).join();
    std::thread([&] { BOOST_CHECK_NO_THROW(TransactionLock(p, 0.0)); }).join();
}

BOOST_AUTO_TEST_CASE(a_transaction_lock_needs_a_proxy) {
    BOOST_CHECK_THROW(TransactionLock{Val(Tab())}, std::logic_error);
    BOOST_CHECK_THROW(TransactionLock{Val(5)}, std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_transaction_lock_does_nothing_for_a_proxy_without_a_lock) {
    const Proxy p = Unlocked(new Tab());
    BOOST_TEST(!p.is_locking());
    const TransactionLock lock(p);
    std::thread([&] { const TransactionLock other(p); }).join();
}

BOOST_AUTO_TEST_CASE(a_transaction_lock_keeps_what_it_locks) {
    Val v = shared(Tab{{"k", 1}});
    {
        const TransactionLock lock(v);
        v.reset();
        BOOST_TEST(!pool->isPristine());
    }
    BOOST_TEST(pool->isPristine());
}

BOOST_AUTO_TEST_CASE(transaction_locks_keep_threads_apart) {
    for (const Proxy& p : {Shared(pool, Tab{{"n", 0}}), Locked(new Tab{{"n", 0}})}) {
        const auto count = [&p] {
            for (int i = 0; i < 1000; ++i) {
                const TransactionLock lock(p);
                p("n") = static_cast<int>(p("n")) + 1;
            }
        };
        std::thread other(count);
        count();
        other.join();
        BOOST_TEST(static_cast<int>(p("n")) == 2000);
    }
}

BOOST_AUTO_TEST_CASE(handles_can_be_copied_and_dropped_by_many_threads) {
    const Val v = shared(Tab{{"k", long_text}});
    std::atomic<int> wrong{0};
    const auto work = [&] {
        for (int i = 0; i < 5000; ++i) {
            const Val copy = v;
            const Val again = copy;
            if (!is(again, v)) ++wrong;
        }
    };
    std::thread other(work);
    work();
    other.join();
    BOOST_TEST(wrong == 0);
    BOOST_TEST(Proxy(v).refcount() == 2u);  // v and the Proxy of this line
}

BOOST_AUTO_TEST_SUITE_END()
