#include "alloc/arena.hpp"
#include "queue/directory.hpp"
#include "queue/leases.hpp"
#include "queue/taps.hpp"
#include "support/message_of.hpp"
#include "support/started_pool.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// What a Monitor says of a pool that this process uses.

using namespace valpool;
using namespace valpool::test;

namespace {

struct seen_pool : started_pool {
    seen_pool() : started_pool("monitor", 8000000), look(name) {}

    /// A pipe that stays open as long as this fixture.
    CQ& open(const std::string& pipe, int capacity) {
        servers.emplace_back(std::make_unique<ServerSide>(name, pipe, capacity));
        servers.back()->start();
        return servers.back()->pipe();
    }
    pipe_status pipe(const std::string& pipe_name) const {
        for (const pipe_status& p : look.pipes())
            if (p.name == pipe_name) return p;
        throw std::runtime_error("no pipe " + pipe_name);
    }
    process_status me() const {
        const auto processes = look.processes();
        BOOST_REQUIRE(processes.size() == 1u);
        return processes.front();
    }
    /// What peek shows of a packet.
    Val peeked(const Val& packet) {
        CQ& q = open("peeked", 4);
        q.enq(packet);
        const peeked_packets seen = look.peek("peeked", 1);
        q.deq();
        BOOST_REQUIRE(seen.packets.size() == 1u);
        return seen.packets.front();
    }

    watchdog dog{300};
    Monitor look;
    std::vector<std::unique_ptr<ServerSide>> servers;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(monitor, seen_pool)

BOOST_AUTO_TEST_CASE(a_pool_without_anything_has_a_main_and_one_process) {
    const pool_status p = look.pool();
    BOOST_TEST(p.name == name.str());
    BOOST_TEST(p.asked_bytes == 8000000u);
    BOOST_TEST(p.has_main);
    BOOST_TEST(p.main_pid == getpid());
    BOOST_TEST(p.is_used);
    BOOST_TEST(!p.is_left_over());
    BOOST_TEST(!p.is_kept);
    BOOST_TEST(p.has_name);
    BOOST_TEST(p.pipes == 0u);
    BOOST_TEST(p.living_processes == 1u);
    BOOST_TEST(p.recoveries == 0u);
    BOOST_TEST(p.owner_uid == geteuid());
    BOOST_TEST(p.mode == 0600u);
    BOOST_TEST(p.age_s >= 0);
    BOOST_TEST(p.used_bytes <= p.total_bytes);
    BOOST_TEST(look.pipes().empty());
    BOOST_TEST(look.taps().empty());
}

BOOST_AUTO_TEST_CASE(what_is_in_use_and_free_follows_the_values) {
    const pool_status before = look.pool();
    const Val large = Shared(pool(), Tab{{"a", Array<real_8>(std::initializer_list<real_8>{1, 2})},
                                         {"text", std::string(300000, 'x')}});
    const pool_status with = look.pool();
    BOOST_TEST(with.used_bytes >= before.used_bytes + 300000);
    BOOST_TEST(with.biggest_free_bytes < before.biggest_free_bytes);
    std::size_t used = 0;
    for (const memory_class& m : look.memory()) {
        BOOST_TEST(m.used_blocks <= m.blocks);
        used += m.used_bytes;
    }
    BOOST_TEST(used == with.used_bytes);
}

BOOST_AUTO_TEST_CASE(a_pipe_shows_its_depth_and_who_used_it_last) {
    CQ& q = open("numbers", 4);
    BOOST_TEST(pipe("numbers").last_writer_pid == 0);
    q.enq(1);
    q.enq(Tab{{"a", 1}});
    q.deq();
    const pipe_status p = pipe("numbers");
    BOOST_TEST(p.capacity_packets == 4u);
    BOOST_TEST(p.depth_packets == 1u);
    BOOST_TEST(p.waiting_bytes > 0u);
    BOOST_TEST(!p.is_full());
    BOOST_TEST(p.counters.packets_in == 2u);
    BOOST_TEST(p.counters.packets_out == 1u);
    BOOST_TEST(p.last_writer_pid == getpid());
    BOOST_TEST(p.last_reader_pid == getpid());
    BOOST_TEST(p.counters.since_last_enqueue_s < 60.0);
}

BOOST_AUTO_TEST_CASE(a_pipe_that_is_full_says_so_and_leases_count) {
    CQ& q = open("jobs", 2);
    q.enq(1);
    q.enq(2);
    BOOST_TEST(pipe("jobs").is_full());
    const Lease job = q.lease(0.0);
    const pipe_status p = pipe("jobs");
    BOOST_TEST(p.depth_packets == 1u);
    BOOST_TEST(p.leased_packets == 1u);
    BOOST_TEST(p.is_full());
    BOOST_REQUIRE(p.lease_holders.size() == 1u);
    BOOST_TEST(p.lease_holders.front() == getpid());
    BOOST_TEST(me().leased_packets == 1u);
}

BOOST_AUTO_TEST_CASE(a_packet_that_was_given_back_waits_again) {
    CQ& q = open("jobs", 2);
    q.enq(Tab{{"job", 7}});
    q.lease(0.0).give_back();
    const pipe_status p = pipe("jobs");
    BOOST_TEST(p.returned_packets == 1u);
    BOOST_TEST(p.depth_packets == 1u);
    BOOST_TEST(look.peek("jobs", 9).packets.front() == Val(Tab{{"job", 7}}));
}

BOOST_AUTO_TEST_CASE(packets_whose_tables_share_their_keys_are_shown_whole) {
    CQ& q = open("alike", 4);
    for (int i = 0; i != 20; ++i) {
        const Tab content{{"number", i}, {"below", Tab{{"x", 1}, {"y", Arr{1, 2}}}}, {"text", "t"}};
        Val built = Shared(pool(), Tab());
        for (const auto& [key, value] : content) built[key] = value;
        for (const Val& packet : {built, Val(Shared(pool(), content)), Val(content)}) {
            q.enq(packet);
            const peeked_packets seen = look.peek("alike", 1);
            BOOST_REQUIRE(seen.packets.size() == 1u);
            BOOST_TEST(seen.packets.front() == Val(content));
            q.deq();
        }
    }
}

BOOST_AUTO_TEST_CASE(threads_that_wait_are_seen) {
    CQ& q = open("empty", 2);
    std::thread reader([&] { q.deq(); });
    BOOST_TEST(eventually([&] { return pipe("empty").waiting_readers.size() == 1; }));
    BOOST_TEST(pipe("empty").waiting_readers.front() == getpid());
    BOOST_TEST(me().threads_waiting == 1u);
    q.enq(1);
    reader.join();
    BOOST_TEST(pipe("empty").waiting_readers.empty());
}

BOOST_AUTO_TEST_CASE(a_tap_is_seen_at_its_pipe_and_by_itself) {
    open("tapped", 2);
    const Tap tap(name, "tapped", 5);
    BOOST_TEST(pipe("tapped").taps == 1u);
    const Tap other(name, "not there yet", 3);
    const auto taps = look.taps();
    BOOST_REQUIRE(taps.size() == 2u);
    const bool is_first = taps[0].pipe == "tapped";
    BOOST_TEST(taps[is_first ? 0 : 1].is_connected);
    BOOST_TEST(taps[is_first ? 0 : 1].depth_packets == 5u);
    BOOST_TEST(!taps[is_first ? 1 : 0].is_connected);
    BOOST_TEST(taps[0].pid == getpid());
}

BOOST_AUTO_TEST_CASE(lists_that_circle_come_to_an_end) {
    open("one", 1);
    open("two", 1);
    const Tap tap(name, "one", 1), other(name, "two", 1);
    const detail::arena& a = detail::arena_of(*pool());
    // Whatever lies in the pool, a look is for everybody who may read the file.
    auto* const pipe = const_cast<detail::pipe*>(detail::pipe_at(a, a.pipes.load()));
    auto* const first_tap = const_cast<detail::tap*>(detail::tap_at(a, a.taps.load()));
    const std::uint64_t next_pipe = pipe->next.exchange(a.pipes.load());
    const std::uint64_t next_tap = first_tap->next.exchange(a.taps.load());
    BOOST_TEST(look.pipes().size() == 1u);
    BOOST_TEST(look.taps().size() == 1u);
    pipe->next = next_pipe;
    first_tap->next = next_tap;
    BOOST_TEST(look.pipes().size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_lease_table_that_claims_too_much_is_read_as_far_as_it_can_be) {
    CQ& q = open("leased", 2);
    q.enq(1);
    const Lease lease = q.lease(0);
    BOOST_REQUIRE(lease);
    const detail::arena& a = detail::arena_of(*pool());
    detail::lease_table* const table = detail::lease_table_of(*detail::pipe_at(a, a.pipes.load()));
    BOOST_REQUIRE(table);
    const std::uint32_t used = table->used.exchange(0xffffffff);
    BOOST_TEST(pipe("leased").leased_packets == 1u);
    table->used = used;
}

BOOST_AUTO_TEST_CASE(a_process_shows_what_it_holds) {
    const process_status before = me();
    BOOST_TEST(before.pid == getpid());
    BOOST_TEST(before.is_alive);
    BOOST_TEST(!before.name.empty());
    BOOST_TEST(!before.is_stopped());
    BOOST_TEST(before.running_s >= 0);
    CQ& q = open("mine", 2);
    Val inner = Shared(pool(), Tab{{"text", std::string(100000, 'x')}});
    Val outer = Shared(pool(), Tab());
    outer["inner"] = inner;
    q.enq(inner);
    Val again = q.deq();  // the same value once more
    const process_status both = me();
    BOOST_TEST(both.held_boxes == before.held_boxes + 2);
    BOOST_TEST(both.held_bytes >= before.held_bytes + 100000);
    inner = None;
    again.reset();  // held through the other one
    BOOST_TEST(me().held_boxes == before.held_boxes + 1);
    BOOST_TEST(me().held_bytes == both.held_bytes);
    BOOST_REQUIRE(both.open_pipes.size() == 1u);
    BOOST_TEST(both.open_pipes.front() == "mine");
}

BOOST_AUTO_TEST_CASE(raw_memory_counts_for_who_allocated_it) {
    char* const memory = pool()->allocate(50000);
    BOOST_TEST(me().raw_bytes >= 50000u);
    pool()->deallocate(memory);
    BOOST_TEST(me().raw_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(a_look_is_a_new_one_each_time) {
    CQ& q = open("numbers", 4);
    BOOST_TEST(pipe("numbers").depth_packets == 0u);
    q.enq(1);
    BOOST_TEST(pipe("numbers").depth_packets == 1u);
}

BOOST_AUTO_TEST_CASE(peeked_packets_stay_in_the_pipe_in_their_order) {
    CQ& q = open("numbers", 4);
    for (int i = 1; i <= 3; ++i) q.enq(Tab{{"i", i}});
    const peeked_packets two = look.peek("numbers", 2);
    BOOST_TEST(two.waiting == 3u);
    BOOST_REQUIRE(two.packets.size() == 2u);
    BOOST_TEST(two.packets[0] == Val(Tab{{"i", 1}}));
    BOOST_TEST(two.packets[1] == Val(Tab{{"i", 2}}));
    BOOST_TEST(q.length() == 3u);
    BOOST_TEST(look.peek("numbers", 99).packets.size() == 3u);
    BOOST_TEST(look.peek("numbers", 0).waiting == 3u);
}

BOOST_AUTO_TEST_CASE(a_peeked_packet_is_a_copy_that_outlives_the_pipe) {
    CQ& q = open("numbers", 4);
    q.enq(Tab{{"text", std::string(1000, 'x')}});
    const peeked_packets seen = look.peek("numbers", 1);
    q.deq();
    put_under_pressure();
    BOOST_TEST(seen.packets.front()("text") == std::string(1000, 'x'));
    BOOST_TEST(!seen.packets.front().isproxy);
}

BOOST_AUTO_TEST_CASE(every_type_of_value_is_peeked_as_it_is) {
    const Arr all = {None,
                     true,
                     int_1(-1),
                     int_u1(200),
                     int_2(-300),
                     int_u2(60000),
                     int_4(-5),
                     int_u4(5),
                     int_8(-1) << 40,
                     std::numeric_limits<int_u8>::max(),
                     real_4(1.5),
                     2.25,
                     complex_8(1, 2),
                     complex_16(-1, 0.5),
                     "",
                     "short",
                     std::string(21, 'y'),
                     std::string(5000, 'z'),
                     int_n("-123456789012345678901234567890"),
                     int_un("99999999999999999999"),
                     Tab(),
                     Tab{{"a", 1}},
                     OTab{{"z", 1}, {"a", Arr{1, 2}}},
                     Tup(),
                     Tup(1, "two", 3.0),
                     Arr(),
                     Arr{1, Arr{2, Arr{3}}},
                     Array<int_2>{1, 2, 3},
                     Array<bool>{true, false},
                     Array<complex_16>{complex_16(1, 2)},
                     Array<std::string>{"a", "", std::string(40, 'b')},
                     Array<real_8>()};
    for (std::size_t i = 0; i < all.length(); ++i) {
        const Val seen = peeked(all[i]);
        BOOST_TEST_CONTEXT(all[i]) {
            BOOST_TEST(seen == all[i]);
            BOOST_TEST(seen.tag == all[i].tag);
            BOOST_TEST(seen.subtype == all[i].subtype);
        }
    }
    BOOST_TEST(peeked(Val(all)) == Val(all));
}

BOOST_AUTO_TEST_CASE(tables_of_any_size_and_with_holes_are_peeked) {
    for (const int count : {1, 4, 5, 32, 33, 100, 1000, 5000}) {
        Tab t;
        for (int i = 0; i < count; ++i) t["key number " + std::to_string(i)] = i;
        BOOST_TEST(peeked(Val(t)) == Val(t), count);
        Val shared = Shared(pool(), t);
        for (int i = 0; i < count; i += 3) shared.remove("key number " + std::to_string(i));
        shared[Tup(1, 2)] = "a key that is a tuple";
        BOOST_TEST(peeked(shared) == shared, count);
    }
}

BOOST_AUTO_TEST_CASE(what_a_packet_refers_to_is_copied_with_it) {
    const Val inner = share(1);
    Val outer = Shared(pool(), Arr());
    outer.append(inner);
    outer.append(inner);
    const Val seen = peeked(outer);
    BOOST_TEST(seen[0] == Val(Tab{{"i", 1}}));
    BOOST_TEST(seen[1] == Val(Tab{{"i", 1}}));
    BOOST_TEST(!seen[0].isproxy);
}

BOOST_AUTO_TEST_CASE(a_value_that_contains_itself_ends_in_dots) {
    Val circle = Shared(pool(), Tab());
    circle["self"] = circle;
    BOOST_TEST(peeked(circle) == Val(Tab{{"self", "..."}}));
    circle.remove("self");
}

BOOST_AUTO_TEST_CASE(a_packet_beyond_the_limit_is_left_out_and_counted) {
    CQ& q = open("large", 4);
    q.enq(Tab{{"text", std::string(100000, 'x')}});
    q.enq(Tab{{"small", 1}});
    const peeked_packets seen = look.peek("large", 9, 50000);
    BOOST_TEST(seen.too_large == 1u);
    BOOST_REQUIRE(seen.packets.size() == 1u);
    BOOST_TEST(seen.packets.front() == Val(Tab{{"small", 1}}));
}

BOOST_AUTO_TEST_CASE(nesting_of_any_depth_is_peeked) {
    Val deep = 1;
    for (int i = 0; i < 3000; ++i) deep = Val(Arr{deep});
    BOOST_TEST(peeked(deep) == deep);
}

BOOST_AUTO_TEST_CASE(a_pipe_that_is_not_there_cannot_be_peeked) {
    BOOST_CHECK_THROW(look.peek("no such pipe", 1), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(its_report_is_that_of_check) {
    open("numbers", 4).enq(1);
    const pool_report r = look.report();
    BOOST_TEST(r.is_sound());
    BOOST_TEST(r.packets == 1u);
}

BOOST_AUTO_TEST_CASE(pools_are_listed_by_name_and_other_files_are_not) {
    const pool_name other("no_pool");
    SHMCreate(other, 100000);
    const pool_names names = Monitor::names();
    const auto has = [&](const std::string& wanted) {
        return std::count(names.pools.begin(), names.pools.end(), wanted) == 1;
    };
    BOOST_TEST(has(name));
    BOOST_TEST(!has(other));
    BOOST_TEST(std::is_sorted(names.pools.begin(), names.pools.end()));
}

BOOST_AUTO_TEST_CASE(a_name_that_no_pool_has_is_refused_with_a_reason) {
    BOOST_TEST(message_of([] { Monitor("no such pool"); }).find("there is no memory pool") !=
               std::string::npos);
    BOOST_CHECK_THROW(Monitor(""), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
