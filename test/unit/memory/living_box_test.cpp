#include "object/size_guess.hpp"
#include "unit/value/pool_fixture.hpp"

#include <cstdlib>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// Shared values that live long and change all the time: the memory that they take from the pool
/// must stay in proportion to what they hold.

using namespace valpool;
using value_test::pool_memory;
using value_test::text_of;

namespace {

constexpr std::size_t allowance = 64 << 10;
constexpr std::size_t lists_bytes = 512;

/// Random numbers; VALPOOL_LIVING_SEED repeats a failing run.
class dice {
public:
    dice() {
        const char* const given = std::getenv("VALPOOL_LIVING_SEED");
        const auto seed = given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10))
                                : std::random_device()();
        std::cout << "VALPOOL_LIVING_SEED=" << seed << '\n';
        engine_.seed(seed);
    }
    std::size_t below(std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
    }
    std::string text(std::size_t limit) { return std::string(below(limit), 'x'); }

private:
    std::mt19937 engine_;
};

/// A pool with one value in it.
struct living_box {
    explicit living_box(std::size_t pool_bytes = 16 << 20) : memory(pool_bytes) {
        system_bytes = (Shared(pool, Tab()), pool->usedBytes());  // the ledger
        value = Shared(pool, Tab());
    }
    ~living_box() {
        BOOST_TEST(check(pool).is_sound(), check(pool));
        value.reset();
        BOOST_TEST(pool->isPristine());
        StreamingPool::Clean(pool);
    }
    living_box(const living_box&) = delete;
    living_box& operator=(const living_box&) = delete;

    std::size_t used() const { return pool->usedBytes(); }
    /// The memory that a copy of the value takes, built in one go.
    std::size_t content() const {
        const std::size_t before = used();
        const Val copy = Shared(pool, static_cast<const Tab&>(Tab(value)));
        return used() - before;
    }

    pool_memory memory;
    StreamingPool* const pool = memory.get();
    std::size_t system_bytes;
    Val value;
};

/// Changes a value `rounds` times, and checks from time to time that it has not taken more memory
/// than it may.
void live(const std::function<void(Val&, int)>& change, int rounds = 20000,
          std::size_t pool_bytes = 16 << 20) {
    living_box b(pool_bytes);
    const std::size_t fresh = b.used() - b.system_bytes;
    std::size_t largest = 0;
    for (int i = 0; i < rounds; ++i) {
        change(b.value, i);
        if (i % 100 != 0 && i != rounds - 1) continue;
        // The bound is the largest content of late. No change here shrinks the value, so that is
        // the largest content so far.
        largest = std::max(largest, b.content());
        const std::size_t taken = b.used() - b.system_bytes;
        BOOST_REQUIRE_MESSAGE(taken < largest + largest / 2 + allowance,
                              "round " << i << ": takes " << taken << " bytes, for " << largest);
    }
    static_cast<Tab&>(b.value).clear();
    BOOST_TEST(b.used() - b.system_bytes == fresh);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(living_box_suite)

BOOST_AUTO_TEST_CASE(records_that_are_replaced_take_what_they_hold) {
    dice random;
    live([&](Val& t, int) {
        Val record = Tab();
        const std::size_t fields = 1 + random.below(20);
        for (std::size_t f = 0; f < fields; ++f)
            record["field " + std::to_string(f)] = f % 3 != 0 ? Val(f) : Val(random.text(60));
        t[random.below(100)] = record;
    });
}

/// The thread expects its boxes to take so much beyond their first block.
struct expectation {
    explicit expectation(std::uint32_t size_bytes) {
        for (int i = 0; i < 3; ++i) valpool::detail::usual_size.learn(size_bytes);
    }
    ~expectation() { valpool::detail::usual_size = {}; }
    expectation(const expectation&) = delete;
    expectation& operator=(const expectation&) = delete;
};

BOOST_AUTO_TEST_CASE(what_lies_in_a_chunk_of_the_usual_size_is_given_back_too) {
    constexpr std::size_t roomy = 32 << 20;
    for (const std::uint32_t usual : {3000U, 9000U, 16384U}) {
        const expectation expected(usual);
        dice random;
        BOOST_TEST_CONTEXT("usually " << usual << " bytes") {
            live(
                [&](Val& t, int) {
                    const std::string key = "key " + std::to_string(random.below(60));
                    if (t.contains(key) && random.below(3) != 0)
                        t.remove(key);
                    else if (random.below(2) != 0)
                        t[key] = random.text(400);
                    else
                        t[key] = Tab{{"a", 1}, {"b", Arr{1, 2, 3}}};
                },
                5000, roomy);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_box_whose_size_is_expected_has_one_further_chunk) {
    const auto bytes_of_one = [](std::uint32_t usual) {
        const expectation expected(usual);
        living_box b(32 << 20);
        const std::size_t before = b.used();
        for (int i = 0; i < 20; ++i) b.value[i] = std::string(500, 'x');
        return b.used() - before;
    };
    // Texts of 512 bytes each, an index or none, and the map of free pieces: in one block.
    BOOST_TEST(bytes_of_one(11000) == 12288u);
    BOOST_TEST(bytes_of_one(100) > 12288u);
}

BOOST_AUTO_TEST_CASE(texts_of_all_lengths_take_what_they_hold) {
    dice random;
    live([&](Val& t, int) { t[random.below(100)] = random.text(600); });
}

BOOST_AUTO_TEST_CASE(a_list_that_moves_on_takes_what_it_holds) {
    dice random;
    live([&](Val& t, int i) {
        if (i == 0) t["list"] = Arr();
        Arr& list = t["list"];
        list.append(Val(random.text(80)));
        if (list.length() > 500) list.removeFirst();
    });
}

BOOST_AUTO_TEST_CASE(keys_that_come_and_go_take_what_they_hold) {
    dice random;
    live([&](Val& t, int) {
        const std::string key = "key " + std::to_string(random.below(2000));
        if (t.contains(key) && random.below(2) != 0)
            t.remove(key);
        else
            t[key] = Tab{{"a", 1}, {"b", Arr{1, 2, 3}}};
    });
}

BOOST_AUTO_TEST_CASE(a_table_takes_the_place_of_a_text) {
    live([](Val& v, int) {
        v["text"] = 0;
        v["table"] = Tab{{"a", 1}};
        v["text"] = std::string(250, 'x');
        v["table"] = 0;
    });
}

BOOST_AUTO_TEST_CASE(a_text_that_changes_does_not_make_a_log_take_more) {
    live(
        [](Val& v, int i) {
            if (i == 0) v["log"] = Arr();
            static_cast<Arr&>(v["log"]).append(Val(std::string(80, 'l')));
            v["status"] = std::string(3000, 's');
        },
        5000);
}

BOOST_AUTO_TEST_CASE(what_is_cleared_is_given_back) {
    const std::vector<std::pair<const char*, std::function<void(Val&)>>> ways = {
        {"the list", [](Val& v) { static_cast<Arr&>(v["list"]).clear(); }},
        {"the table in it", [](Val& v) { static_cast<Tab&>(v["table"]).clear(); }},
        {"their values", [](Val& v) { v["list"].reset(); }},
        {"by removal", [](Val& v) { v.remove("list"); }},
        {"a proxy", [](Val& v) { Proxy(v).clear(); }},
        {"the table", [](Val& v) { static_cast<Tab&>(v).clear(); }}};
    for (const auto& [what, clear] : ways) {
        BOOST_TEST_CONTEXT(what) {
            living_box b(1 << 20);
            b.value["other"] = 1;
            b.value["list"] = Arr();
            b.value["table"] = Tab();
            const std::size_t before = b.used();
            for (int round = 0; round < 3; ++round) {
                if (!b.value.contains("list")) b.value["list"] = Arr();
                if (!b.value.contains("table")) b.value["table"] = Tab();
                if (b.value["list"].isNone()) b.value["list"] = Arr();
                const bool is_table = std::string(what) == "the table in it";
                try {
                    for (int i = 0;; ++i) {
                        if (is_table)
                            b.value["table"]["key " + std::to_string(i)] = std::string(100, 'x');
                        else
                            b.value["list"].append(Val(std::string(100, 'x')));
                    }
                } catch (const PoolExhausted&) {
                }
                BOOST_TEST(b.used() > before + (500 << 10));
                clear(b.value);
                // A part that is freed between others is recorded in lists, which take lists_bytes.
                BOOST_TEST(b.used() <= before + lists_bytes);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_change_that_fails_takes_nothing) {
    const std::string text(60, 'x');
    const std::vector<std::function<Val()>> contents = {
        [&] {
            Tab t;
            for (int i = 0; i < 20000; ++i) t["key " + std::to_string(i)] = text;
            return Val(t);
        },
        [&] {
            Arr a;
            for (int i = 0; i < 20000; ++i) a.append(Val(text));
            return Val(a);
        },
        [&] {
            Arr a;
            for (int i = 0; i < 9000; ++i) a.append(Val(Tab{{"a", i}, {"b", text}}));
            return Val(a);
        },
        [&] {
            Arr a;
            for (int i = 0; i < 9000; ++i) a.append(Val(std::string(i % 2 ? 100 : 1000, 'x')));
            return Val(a);
        }};
    for (const auto& make : contents) {
        living_box b(1 << 20);
        b.value["n"] = 1;
        const Val content = make();
        const std::size_t fresh = b.used();
        BOOST_CHECK_THROW(b.value["n"] = content, PoolExhausted);
        BOOST_TEST(b.used() == fresh);
        // Once more, where something lies already and something was freed.
        for (int i = 0; i < 100; ++i) b.value[i] = std::string(50, 'y');
        for (int i = 0; i < 100; i += 3) b.value[i] = 0;
        const std::size_t before = b.used();
        const std::string printed = text_of(b.value);
        BOOST_CHECK_THROW(b.value["n"] = content, PoolExhausted);
        BOOST_TEST(b.used() == before);
        BOOST_TEST(text_of(b.value) == printed);
    }
}

BOOST_AUTO_TEST_CASE(tables_and_lists_that_shrink_give_back) {
    living_box b;
    const std::size_t before = b.used();
    Arr list;
    Tab table;
    for (int i = 0; i < 20000; ++i) {
        list.append(i);
        table[i] = i;
    }
    b.value["list"] = list;
    b.value["table"] = table;
    while (static_cast<Arr&>(b.value["list"]).length() > 10)
        static_cast<Arr&>(b.value["list"]).removeLast();
    for (int i = 0; i < 20000; ++i)
        if (i % 2000 != 0) b.value["table"].remove(i);
    BOOST_TEST(b.used() - before < 8192u);
    BOOST_TEST(b.value["table"].length() == 10u);
    for (int i = 0; i < 20000; i += 2000) BOOST_TEST(b.value["table"](i) == i);
    for (int i = 0; i < 10; ++i) BOOST_TEST(b.value["list"](i) == i);
    b.value["table"]["another"] = 1;
    BOOST_TEST(b.value["table"]("another") == 1);
}

BOOST_AUTO_TEST_CASE(what_only_grows_takes_at_most_half_as_much_again_as_a_copy) {
    const std::vector<std::pair<const char*, std::function<void(Val&, int)>>> kinds = {
        {"texts as keys", [](Val& v, int i) { v["key " + std::to_string(i)] = i; }},
        {"numbers as keys", [](Val& v, int i) { v[i] = i; }},
        {"a list", [](Val& v, int i) { (i == 0 ? v["list"] = Arr() : v["list"]).append(i); }},
    };
    // Their pages have 16 and 64 KiB.
    for (const std::size_t megabytes : {4u, 64u})
        for (const auto& [what, add] : kinds) {
            living_box b(megabytes << 20);
            const std::size_t fresh = b.used() - b.system_bytes;
            int next_look = 64;
            for (int i = 0; i < 16000 && b.used() < b.pool->bytes() / 4; ++i) {
                add(b.value, i);
                if (i != next_look) continue;
                next_look += next_look / 12;
                const std::size_t mine = b.used() - b.system_bytes - fresh;
                const std::size_t most = b.content() * 3 / 2 + allowance;
                BOOST_TEST(mine <= most, what << ", " << i << " entries, " << megabytes << " MB: "
                                              << mine << " bytes instead of at most " << most);
            }
        }
}

BOOST_AUTO_TEST_CASE(containers_are_copied_once_into_a_pool) {
    living_box b;
    const Tab t{{"a", std::string(100, 'x')}, {"b", Arr{1, 2}}};
    const OTab o{{"z", 1}, {"a", 2}};
    const Tup u(1, std::string(30, 'u'));
    const Array<real_8> numbers{1, 2, 3};
    b.value["t"] = t;
    b.value["o"] = o;
    b.value["u"] = u;
    b.value["numbers"] = numbers;
    b.value["moved"] = Tab(t);
    BOOST_TEST(b.value["t"] == Val(t));
    BOOST_TEST(b.value["o"] == Val(o));
    BOOST_TEST(b.value["u"] == Val(u));
    BOOST_TEST(b.value["numbers"] == Val(numbers));
    BOOST_TEST(b.value["moved"] == Val(t));
    b.value["t"] =
        static_cast<const Arr&>(b.value["t"]["b"]);  // a part of the value that it replaces
    BOOST_TEST(text_of(b.value["t"]) == "[1, 2]");
    Val on_heap = 5;
    on_heap = t;
    BOOST_TEST(on_heap == Val(t));
}

namespace {

/// Makes the same change to a living value and to a model on the heap.
class twins {
public:
    twins(Val& living, dice& random) : living_(living), random_(random) {}

    void step() {
        switch (random_.below(10)) {
            case 0: return both([k = key(), v = value(2)](Val& t) { t["tab"][k] = v; });
            case 1: return both([k = key()](Val& t) { t["tab"].remove(k); });
            case 2: return both([k = key(), v = value(2)](Val& t) { t["otab"][k] = v; });
            case 3: return both([k = key()](Val& t) { t["otab"].remove(k); });
            case 4: return change_list();
            case 5: return change_numbers();
            case 6: return change_tuple();
            case 7: return both([k = key(), v = value(3)](Val& t) { t["texts"][k] = v; });
            case 8: return change_values();
            default: return change_all();
        }
    }
    bool are_equal() const { return living_ == model_; }

    static Tab start() {
        return Tab{{"tab", Tab()},
                   {"otab", OTab()},
                   {"list", Arr()},
                   {"numbers", Array<real_8>()},
                   {"tuple", Tup(1)},
                   {"texts", Tab()},
                   {"strings", Array<std::string>()}};
    }

private:
    template <class Change>
    void both(const Change& change) {
        change(living_);
        change(model_);
    }
    Val key() {
        const std::size_t i = random_.below(150);
        return random_.below(2) != 0 ? Val(i)
                                     : Val("a key that is a long text " + std::to_string(i));
    }
    Val value(unsigned depth) {
        switch (random_.below(depth == 0 ? 4 : 7)) {
            case 0: return random_.below(1000);
            case 1: return random_.text(30);
            case 2: return random_.text(700);
            case 3: return random_.below(20) == 0 ? Val(random_.text(20000)) : Val();
            case 4: {
                Tab t;
                for (std::size_t i = random_.below(25); i-- > 0;) t[key()] = value(depth - 1);
                return Val(t);
            }
            case 5: {
                Arr a;
                for (std::size_t i = random_.below(15); i-- > 0;) a.append(value(depth - 1));
                return Val(a);
            }
            default: {
                Array<real_8> a;
                a.expandTo(random_.below(300));
                return Val(a);
            }
        }
    }
    void change_list() {
        const std::size_t at = random_.below(1000);
        const Val v = value(1);
        const std::size_t what = random_.below(12);
        both([&](Val& t) {
            Arr& a = t["list"];
            const std::size_t i = a.empty() ? 0 : at % a.length();
            if (what < 3) return a.append(v);
            if (what == 3) return a.insertAt(i, v);
            if (what == 4) return a.prepend(Val(v));
            if (a.empty()) return;
            if (what == 5) return void(a.removeFirst());
            if (what == 6) return void(a.removeAt(i));
            if (what == 7) return void(a.removeLast());
            if (what == 8) return void(a[i] = v);
            if (what == 9 && at % 20 == 0) return void(a.expandTo(at % 40));
            if (what == 10 && at % 20 == 0) return a.clear();
            if (what == 11) a.remove(Val(a[i]));
        });
    }
    void change_numbers() {
        const std::size_t n = random_.below(2000);
        const std::string text = random_.text(100);
        const std::size_t what = random_.below(6);
        both([&](Val& t) {
            Array<real_8>& a = t["numbers"];
            Array<std::string>& s = t["strings"];
            if (what == 0) a.expandTo(n);
            if (what == 1) a.append(static_cast<real_8>(n));
            if (what == 2 && !a.empty()) a.removeAt(n % a.length());
            if (what == 3) s.append(text);
            if (what == 4 && !s.empty()) s.removeAt(n % s.length());
            if (what == 5 && s.length() > 100) s.clear();
        });
    }
    void change_tuple() {
        const Val v = value(1);
        const bool is_new = random_.below(2) != 0;
        both([&](Val& t) {
            if (is_new)
                t["tuple"] = Tup(v, 1, v);
            else
                static_cast<Tup&>(t["tuple"])[0] = v;
        });
    }
    void change_values() {
        const Val k = key();
        const Val other = key();
        const std::size_t what = random_.below(4);
        both([&](Val& t) {
            Tab& tab = t["tab"];
            if (what == 0) tab[k].reset();
            if (what == 1) tab[k].swap(t["otab"][other]);
            if (what == 2) tab.insertKeyAndValue(k, Val(t["otab"][other]));
            if (what == 3) tab[k] = std::move(tab[other]);
        });
    }
    void change_all() {
        const Tab more{{key(), value(2)}, {key(), value(1)}};
        const std::size_t what = random_.below(100);
        both([&](Val& t) {
            Tab& tab = t["tab"];
            OTab& otab = t["otab"];
            if (what < 20) tab += more;
            if (what < 40) otab.reserve(otab.entries() + what % 20);
            if (what == 40) tab.clear();
            if (what == 41) otab.clear();
            if (what == 42) tab = more;
            if (what == 43) t["tab"] = t["texts"];
            if (what == 44) static_cast<Tab&>(t["texts"]).swap(tab);
        });
    }

    Val& living_;
    Val model_{start()};
    dice& random_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_change_of_a_living_value_is_as_on_the_heap_and_takes_what_it_holds) {
    dice random;
    living_box b(32 << 20);
    b.value = Shared(b.pool, twins::start());
    twins both(b.value, random);
    std::size_t of_late = 0;
    const char* const given = std::getenv("VALPOOL_LIVING_STEPS");
    const int steps = given ? std::atoi(given) : 20000;
    for (int i = 0; i < steps; ++i) {
        both.step();
        if (i % 50 != 0) continue;
        of_late = std::max(of_late - of_late / 50, b.content());
        const std::size_t taken = b.used() - b.system_bytes;
        BOOST_REQUIRE_MESSAGE(taken < of_late + of_late / 2 + allowance,
                              "step " << i << ": takes " << taken << " bytes, for " << of_late);
        if (i % 500 == 0) BOOST_REQUIRE(both.are_equal());
    }
    BOOST_TEST(both.are_equal());
}

BOOST_AUTO_TEST_SUITE_END()
