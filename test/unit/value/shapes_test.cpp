#include "pool_fixture.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

/// Shapes: keys that the tables of a pool share.

using namespace valpool;
using value_test::pool_memory;

namespace {

/// A pool that is large enough for shapes, and a pipe in it: a thread learns from what leaves it.
struct shapes_fixture {
    explicit shapes_fixture(std::size_t bytes = 20 << 20) : memory(bytes) {}
    shapes_fixture(const shapes_fixture&) = delete;
    shapes_fixture& operator=(const shapes_fixture&) = delete;

    pool_memory memory;
    StreamingPool* const pool = memory.get();
    std::optional<CQ> pipe_of_pool{std::in_place, 4, pool, true};
    CQ& pipe = *pipe_of_pool;

    ~shapes_fixture() {
        pipe_of_pool.reset();
        BOOST_TEST(pool->isPristine());
        const pool_report report = check(pool);
        BOOST_TEST(report.is_sound(), report);
        StreamingPool::Clean(pool);
    }
    Val empty() const { return Shared(pool, Tab()); }

    /// Hands a packet over; how many bytes it had.
    std::uint64_t pass(Val& packet) {
        const std::uint64_t before = pipe.counters().bytes_in;
        pipe.enq(packet);
        packet = pipe.deq();
        return pipe.counters().bytes_in - before;
    }
    Val of_keys(const std::vector<std::string>& keys) const {
        Val packet = empty();
        for (std::size_t i = 0; i != keys.size(); ++i) packet[keys[i]] = i;
        return packet;
    }
    /// Packets with these keys have a shape from then on.
    void learn(const std::vector<std::string>& keys) {
        for (int i = 0; i != rounds; ++i) {
            Val packet = of_keys(keys);
            pass(packet);
        }
    }
    /// A packet of another thread, which has learned these keys.
    Val from_elsewhere(const std::vector<std::string>& keys) {
        Val packet;
        std::thread([&] {
            learn(keys);
            packet = of_keys(keys);
        }).join();
        return packet;
    }
    /// Until there is not room for one more number.
    std::vector<Val> fill() const {
        std::vector<Val> filling;
        for (std::size_t size = 1 << 16; size >= 8; size /= 2) {
            try {
                for (;;) filling.push_back(Shared(pool, Tab{{"filling", std::string(size, 'x')}}));
            } catch (const PoolExhausted&) {
            }
        }
        return filling;
    }

    static constexpr int rounds = 600;  // more than the longest pause
};

/// One in which a wrong guess must not take room.
struct small_pool_fixture : shapes_fixture {
    small_pool_fixture() : shapes_fixture(4 << 20) {}
};

std::vector<std::string> keys_named(const std::string& name, std::size_t count) {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i != count; ++i) keys.push_back(name + std::to_string(i));
    return keys;
}

/// The same keys and values in the same order.
bool is_alike(const Val& v, const Tab& expected) {
    return v == Val(expected) && v.length() == expected.length() &&
           Stringize(static_cast<Tab&>(v).keys()) == Stringize(expected.keys());
}
/// All keys are found, in either order, and another one is not.
bool finds_all(const Val& v, const Tab& expected) {
    const Arr keys = expected.keys();
    for (const Val& key : keys)
        if (!v.contains(key) || v(key) != expected(key)) return false;
    for (std::size_t i = keys.length(); i-- != 0;)
        if (!v.contains(keys[i]) || v(keys[i]) != expected(keys[i])) return false;
    return !v.contains("no such key") && !v.contains(-7);
}
#define CHECK_TABLE(v, expected)          \
    BOOST_REQUIRE(is_alike(v, expected)); \
    BOOST_REQUIRE(finds_all(v, expected))

}  // namespace

BOOST_FIXTURE_TEST_SUITE(shapes, shapes_fixture)

BOOST_AUTO_TEST_CASE(packets_of_the_same_keys_share_them_before_long) {
    for (const std::size_t count : {2u, 3u, 4u, 5u, 16u, 17u, 32u}) {
        const std::vector<std::string> keys =
            keys_named("of " + std::to_string(count) + " ", count);
        std::vector<std::uint64_t> bytes;
        for (int i = 0; i != 600; ++i) {
            Val packet = of_keys(keys);
            bytes.push_back(pass(packet));
            for (std::size_t k = 0; k != count; ++k) BOOST_REQUIRE(packet(keys[k]) == k);
            BOOST_REQUIRE(!packet.contains("another"));
        }
        BOOST_TEST_CONTEXT(count << " keys")
        BOOST_TEST(bytes.back() + count * 16 < bytes.front());
    }
}

BOOST_AUTO_TEST_CASE(a_record_of_three_numbers_takes_at_most_256_bytes) {
    learn({"number", "name", "x"});
    Val packet = empty();
    packet["number"] = 1;
    packet["name"] = "a record";
    packet["x"] = 0.5;
    BOOST_TEST(pass(packet) <= 256u);
}

// In a small pool: in a larger one the room of a table depends on the ones before.
BOOST_FIXTURE_TEST_CASE(keys_that_are_no_short_texts_or_too_many_are_not_shared,
                        small_pool_fixture) {
    std::vector<std::string> with_a_long_one = keys_named("k", 3);
    with_a_long_one.emplace_back(40, 'x');
    for (const auto& keys : {keys_named("many ", 33), with_a_long_one, keys_named("one ", 1)}) {
        Val first = of_keys(keys);
        const std::uint64_t before = pass(first);
        learn(keys);
        Val last = of_keys(keys);
        BOOST_TEST(pass(last) == before);
        BOOST_TEST(last == first);
    }
}

BOOST_AUTO_TEST_CASE(a_table_below_another_shares_its_keys_too) {
    std::uint64_t first = 0, last = 0;
    for (int i = 0; i != 600; ++i) {
        Val packet = empty();
        packet["list"] = Arr();
        for (int k = 0; k != 40; ++k) {
            packet["list"].append(Tab{{"x", k}, {"y", i}, {"z", 0}});
            BOOST_REQUIRE((packet["list"][k] == Val(Tab{{"x", k}, {"y", i}, {"z", 0}})));
        }
        last = pass(packet);
        if (i == 0) first = last;
    }
    BOOST_TEST(last + 40 * 2 * 32 <= first);
}

BOOST_AUTO_TEST_CASE(references_stay_when_another_key_comes_than_expected) {
    const std::vector<std::string> keys = keys_named("key ", 10);
    for (std::size_t known = 1; known <= keys.size(); ++known) {
        learn(keys);
        Val packet = empty();
        Tab expected;
        std::vector<Val*> values;
        for (std::size_t i = 0; i != known; ++i) {
            values.push_back(&packet[keys[i]]);
            *values.back() = i;
            expected[keys[i]] = i;
        }
        const Val& first_key = static_cast<Tab&>(packet).begin()->key;
        for (int i = 0; i != 60; ++i) {
            packet["other " + std::to_string(i)] = i;
            expected["other " + std::to_string(i)] = i;
        }
        CHECK_TABLE(packet, expected);
        BOOST_TEST(first_key == keys[0]);
        for (std::size_t i = 0; i != known; ++i) BOOST_TEST(&packet[keys[i]] == values[i]);
        packet.remove(keys[known - 1]);
        expected.remove(keys[known - 1]);
        for (std::size_t i = 0; i + 1 < known; ++i) BOOST_TEST(&packet[keys[i]] == values[i]);
        pass(packet);
        CHECK_TABLE(packet, expected);
    }
}

BOOST_AUTO_TEST_CASE(a_box_whose_keys_are_all_others_than_expected_has_those) {
    for (const std::size_t count : {2u, 3u, 7u, 20u, 32u}) {
        for (const std::size_t others : {1u, 2u, 5u, 40u}) {
            learn(keys_named("expected ", count));
            Val packet = empty();
            Tab expected;
            for (const std::string& key : keys_named("other ", others))
                packet[key] = expected[key] = key + " and a text that is not a short one";
            CHECK_TABLE(packet, expected);
            pass(packet);
            CHECK_TABLE(packet, expected);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_stage_that_adds_a_key_before_long_takes_no_further_memory_for_it) {
    for (const std::size_t count : {3u, 5u, 6u, 7u, 18u}) {
        const std::vector<std::string> keys =
            keys_named("of " + std::to_string(count) + " ", count);
        std::uint64_t last_bytes = 0;
        CQ from_here(1, pool, true), from_stage(1, pool, true);
        std::thread stage([&] {
            for (int i = 0; i != rounds; ++i) {
                Val packet = from_here.deq();
                packet["added"] = i;
                const std::uint64_t before = from_stage.counters().bytes_in;
                from_stage.enq(std::move(packet));
                last_bytes = from_stage.counters().bytes_in - before;
            }
        });
        for (int i = 0; i != rounds; ++i) {
            Val packet = of_keys(keys);
            Tab expected(static_cast<Tab&>(packet));
            expected["added"] = i;
            from_here.enq(std::move(packet));
            packet = from_stage.deq();
            CHECK_TABLE(packet, expected);
        }
        stage.join();
        Val packet = of_keys(keys);
        BOOST_TEST_CONTEXT(count << " keys") BOOST_TEST(last_bytes == pass(packet));
    }
}

namespace {
/// How many tables of one key a packet can have.
std::size_t tables_that_fit(Val packet, std::string_view key) {
    for (;;) {
        try {
            packet.append(Tab());
            packet[packet.length() - 1][key] = 1;
        } catch (const PoolExhausted&) {
            return packet.length();
        }
    }
}
}  // namespace

BOOST_FIXTURE_TEST_CASE(a_small_pool_loses_no_room_to_a_wrong_guess, small_pool_fixture) {
    const std::size_t before = tables_that_fit(Shared(pool, Arr()), "key 0");
    learn(keys_named("key ", 32));
    BOOST_TEST(tables_that_fit(Shared(pool, Arr()), "key 0") > before - before / 50);
    learn(keys_named("key ", 7));
    BOOST_TEST(tables_that_fit(Shared(pool, Arr()), "key 0") > before - before / 50);
}

BOOST_AUTO_TEST_CASE(a_wrong_guess_costs_half_a_megabyte_at_most) {
    const std::size_t before = tables_that_fit(Shared(pool, Arr()), "key 0");
    learn(keys_named("key ", 32));
    const std::size_t after = tables_that_fit(Shared(pool, Arr()), "key 0");
    BOOST_TEST_CONTEXT(after) BOOST_TEST(before < after + after / 20);
    std::vector<Val> kept;
    const std::size_t used = pool->usedBytes();
    for (std::size_t i = 0; i != 4000; ++i) kept.push_back(of_keys({"key 0"}));
    BOOST_TEST((pool->usedBytes() - used) / kept.size() < 1024u);
}

BOOST_AUTO_TEST_CASE(tables_that_have_become_shorter_are_learned_too) {
    learn(keys_named("key ", 32));
    learn({"key 0"});
    Val packet = of_keys({"key 0"});
    BOOST_TEST(pass(packet) <= 384u);

    std::uint64_t bytes = 0;
    for (const std::size_t count : {32u, 1u}) {
        for (int i = 0; i != rounds; ++i) {
            packet = empty();
            packet["below"] = Tab();
            Val& below = packet["below"];
            for (const std::string& key : keys_named("key ", count)) below[key] = i;
            bytes = pass(packet);
        }
    }
    BOOST_TEST(bytes <= 768u);
}

BOOST_AUTO_TEST_CASE(a_packet_of_many_tables_shares_the_keys_of_all) {
    const std::vector<std::string> keys = keys_named("key ", 8);
    std::uint64_t bytes = 0;
    for (int i = 0; i != 20; ++i) {
        Val packet = Shared(pool, Arr());
        for (int k = 0; k != 5000; ++k) {
            packet.append(Tab());
            Val& table = packet[k];
            for (const std::string& key : keys) table[key] = k;
        }
        bytes = pass(packet);
    }
    BOOST_TEST(bytes / 5000 < 8 * sizeof(Val) + 200);
}

BOOST_AUTO_TEST_CASE(packets_of_a_full_pool_take_one_more_key) {
    const std::vector<std::string> keys = keys_named("key ", 6);
    std::vector<std::string> and_one_more = keys;
    and_one_more.emplace_back("another");
    Val packet = from_elsewhere(keys);
    Val second = from_elsewhere(keys);
    Tab expected(static_cast<Tab&>(packet));
    learn(and_one_more);
    std::vector<Val> filling = fill();
    packet["another"] = expected["another"] = 1;
    CHECK_TABLE(packet, expected);
    BOOST_CHECK_THROW(second["unexpected"] = 1, PoolExhausted);
    expected.remove("another");
    CHECK_TABLE(second, expected);
    BOOST_TEST(second.remove("no such key") == false);
}

BOOST_AUTO_TEST_CASE(a_table_goes_on_with_a_longer_shape_only_if_that_has_the_same_room) {
    for (const std::size_t count : {3u, 7u, 11u, 19u}) {
        for (const int longer : {1, 2, 6, 12}) {
            const std::vector<std::string> keys =
                keys_named(std::to_string(count) + " ", count + static_cast<std::size_t>(longer));
            Val packet = from_elsewhere({keys.begin(), keys.end() - longer});
            Tab expected(static_cast<Tab&>(packet));
            learn(keys);
            const Val copy = Shared(pool, expected);
            CHECK_TABLE(copy, expected);
            for (std::size_t i = count; i != keys.size(); ++i) {
                packet[keys[i]] = expected[keys[i]] = i;
                CHECK_TABLE(packet, expected);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(the_same_first_and_last_key_are_not_enough_for_the_same_shape) {
    Val packet = from_elsewhere({"first", "second", "third"});
    learn({"first", "another", "third", "last"});
    packet["last"] = 3;
    const Tab expected{{"first", 0}, {"second", 1}, {"third", 2}, {"last", 3}};
    CHECK_TABLE(packet, expected);
    const Val copy = Shared(pool, expected);
    CHECK_TABLE(copy, expected);
}

BOOST_AUTO_TEST_CASE(a_key_that_was_removed_is_added_again_where_keys_are_the_tables_own) {
    for (const std::size_t count : {3u, 7u, 19u}) {
        const std::vector<std::string> keys = keys_named("key ", count);
        learn(keys);
        Val packet = of_keys(keys);
        Tab expected(static_cast<Tab&>(packet));
        for (int i = 0; i != 3; ++i) {
            for (const std::string& key : {keys.back(), keys.front()}) {
                BOOST_TEST(packet.remove(key));
                expected.remove(key);
                CHECK_TABLE(packet, expected);
                packet[keys[count - 2]] = expected[keys[count - 2]] = key;
                packet[keys.back()] = expected[keys.back()] = i;
                CHECK_TABLE(packet, expected);
                packet[key] = expected[key] = i;
                CHECK_TABLE(packet, expected);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(removing_from_one_table_leaves_the_others_as_they_are) {
    const std::vector<std::string> keys = keys_named("key ", 8);
    learn(keys);
    for (std::size_t gone = 0; gone != keys.size(); ++gone) {
        Val packet = of_keys(keys);
        const Val another = of_keys(keys);
        Tab expected(static_cast<Tab&>(packet));
        const Tab all = expected;
        packet.remove(keys[gone]);
        expected.remove(keys[gone]);
        CHECK_TABLE(packet, expected);
        CHECK_TABLE(another, all);
        packet[keys[gone]] = "again";
        expected[keys[gone]] = "again";
        CHECK_TABLE(packet, expected);
        CHECK_TABLE(of_keys(keys), all);
    }
}

BOOST_AUTO_TEST_CASE(copies_share_in_the_same_pool_and_have_their_own_elsewhere) {
    const std::vector<std::string> keys = keys_named("key ", 10);
    learn(keys);
    Val packet = of_keys(keys);
    const Tab expected(static_cast<Tab&>(packet));
    CHECK_TABLE(packet, expected);

    const std::uint64_t bytes = pass(packet);
    Val copy = Shared(pool, static_cast<Tab&>(packet));
    CHECK_TABLE(copy, expected);
    BOOST_TEST(pass(copy) <= bytes);
    Val from_the_heap = Shared(pool, expected);
    CHECK_TABLE(from_the_heap, expected);
    BOOST_TEST(pass(from_the_heap) <= bytes);

    pool_memory other(4 << 20);
    {
        const Val elsewhere = Shared(other.get(), static_cast<Tab&>(packet));
        packet.reset();
        CHECK_TABLE(elsewhere, expected);
    }
    StreamingPool::Clean(other.get());
}

BOOST_AUTO_TEST_CASE(a_pool_takes_no_more_memory_for_keys_that_never_come_again) {
    for (int i = 0; i != 20000; ++i) {
        // Each sequence some times in a row, so that it is learned as long as there is room.
        Val packet = of_keys(
            keys_named(std::to_string(i / 5) + " ", static_cast<std::size_t>(3 + i % 30 / 10)));
        pass(packet);
        BOOST_REQUIRE(packet.length() >= 3);
    }
    learn(keys_named("at last ", 5));
    const Val packet = of_keys(keys_named("at last ", 5));
    BOOST_TEST(packet.length() == 5u);
}

BOOST_AUTO_TEST_CASE(what_a_full_pool_refuses_leaves_the_table_as_it_was) {
    const std::vector<std::string> keys = keys_named("key ", 6);
    learn(keys);
    Val packet = of_keys({keys[0], keys[1], keys[2]});
    Tab expected(static_cast<Tab&>(packet));
    std::vector<Val> filling = fill();
    for (const std::string& key : keys_named("another ", 40)) {
        try {
            packet[key] = key;
            expected[key] = key;
        } catch (const PoolExhausted&) {
        }
        CHECK_TABLE(packet, expected);
    }
    for (const std::string& key : {keys[1], std::string("another 3")}) {
        try {
            packet.remove(key);
            expected.remove(key);
        } catch (const PoolExhausted&) {
        }
        CHECK_TABLE(packet, expected);
    }
    filling.clear();
    packet["another"] = 1;
    BOOST_TEST(packet.contains("another"));
}

BOOST_AUTO_TEST_CASE(a_packet_is_sent_while_another_thread_changes_it_under_its_lock) {
    for (int i = 0; i != 300; ++i) {
        Val packet = of_keys(keys_named("kind " + std::to_string(i) + " ", 3));
        std::thread other([packet]() mutable {
            for (int k = 0; k != 20; ++k) {
                const TransactionLock lock(packet);
                packet["more " + std::to_string(k)] = k;
            }
        });
        pipe.enq(packet);
        other.join();
        BOOST_REQUIRE(pipe.deq().length() == 23u);
    }
}

BOOST_AUTO_TEST_CASE(sending_a_packet_that_others_have_leaves_its_lock_to_them) {
    Val packet = of_keys(keys_named("key ", 4));
    pass(packet);
    const Val of_others = packet;
    std::atomic<bool> is_done{false};
    std::thread sender([this, packet, &is_done]() mutable {
        for (int i = 0; i != 20000; ++i) {
            of_keys({"begun without a shape " + std::to_string(i % 90)});  // so it wants to learn
            pass(packet);
        }
        is_done = true;
    });
    std::size_t refused = 0;
    while (!is_done) {
        try {
            const TransactionLock lock(of_others, 0.0);
        } catch (const LockTimeout&) {
            ++refused;
        }
    }
    sender.join();
    BOOST_TEST(refused == 0u);
}

BOOST_AUTO_TEST_CASE(many_threads_learn_the_same_shapes_at_once) {
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t) {
        threads.emplace_back([this, t] {
            CQ own(4, pool, true);
            for (int i = 0; i != 3000; ++i) {
                const std::string name = "sort " + std::to_string(i / 10 % 40) + " ";
                Val packet = of_keys(keys_named(name, 4));
                own.enq(packet);
                packet = own.deq();
                if (packet.length() != 4 || packet(name + "3") != 3) std::abort();
                if ((i + t) % 7 == 0) packet["more"] = i;
            }
        });
    }
    for (std::thread& t : threads) t.join();
}

namespace {
unsigned seed() {
    const char* const given = std::getenv("VALPOOL_MODEL_SEED");
    const auto number =
        given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
    std::cout << "VALPOOL_MODEL_SEED=" << number << '\n';
    return number;
}
}  // namespace

/// Random changes of tables that share their keys, each compared with a table on the heap.
BOOST_AUTO_TEST_CASE(a_table_with_a_shape_is_like_any_other) {
    std::mt19937 random(seed());
    const auto below = [&](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    for (int round = 0; round != 1500; ++round) {
        std::string last;
        const std::size_t count = 2 + below(31);
        const std::vector<std::string> keys = keys_named("k" + std::to_string(count) + "_", count);
        if (below(3) == 0)
            for (int i = 0; i != 5; ++i) {
                Val packet = of_keys(keys);
                pass(packet);
            }
        Val packet = empty();
        Tab expected;
        const std::size_t steps = below(count + 10);
        for (std::size_t step = 0; step != steps; ++step) {
            const std::string next = keys[expected.length() % count];
            const std::string any =
                below(4) == 0 ? "x" + std::to_string(below(20)) : keys[below(count)];
            const Val value = below(2) == 0 ? Val(step) : Val(std::string(below(60), 'v'));
            const std::size_t what = below(24);
            last += " " + std::to_string(what);
            switch (what) {
                case 0:
                    packet[any] = value;
                    expected[any] = value;
                    break;
                case 1:
                    BOOST_REQUIRE(packet.contains(any) == expected.contains(any));
                    if (expected.remove(any)) packet.remove(any);
                    break;
                case 2:
                    static_cast<Tab&>(packet).insertKeyAndValue(any, value);
                    expected.insertKeyAndValue(any, value);
                    break;
                case 3: {
                    const Val copy = Shared(pool, static_cast<Tab&>(packet));
                    CHECK_TABLE(copy, expected);
                    packet = copy;
                    break;
                }
                case 4: {
                    const Tab copy(static_cast<Tab&>(packet));
                    BOOST_REQUIRE(copy == expected);
                    packet = Shared(pool, copy);
                    break;
                }
                case 5: pass(packet); break;
                case 6: {
                    Tab more;
                    for (std::size_t i = below(5); i != 0; --i) more[keys[below(count)]] = i;
                    static_cast<Tab&>(packet) += more;
                    expected += more;
                    break;
                }
                case 7: {
                    Val other = of_keys(keys);
                    Tab all(static_cast<Tab&>(other));
                    static_cast<Tab&>(packet).swap(static_cast<Tab&>(other));
                    CHECK_TABLE(other, expected);
                    expected = all;
                    break;
                }
                case 8:
                    if (below(10) == 0) {
                        static_cast<Tab&>(packet).clear();
                        expected.clear();
                    }
                    break;
                case 9: {
                    const std::size_t room = below(50);
                    static_cast<Tab&>(packet).reserve(room);
                    break;
                }
                case 10: {
                    const Val number = below(40);
                    packet[number] = value;
                    expected[number] = value;
                    break;
                }
                default: packet[next] = value; expected[next] = value;
            }
            BOOST_TEST_CONTEXT("count " << count << ", steps" << last) {
                CHECK_TABLE(packet, expected);
            }
        }
        pass(packet);
        CHECK_TABLE(packet, expected);
    }
}

BOOST_AUTO_TEST_SUITE_END()
