#include "support/started_pool.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cmath>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace valpool;
using namespace valpool::test;

/// Producers whose packets have numbers.

namespace {

struct numbered_pipe : started_pool {
    numbered_pipe() : started_pool("numbered"), server(name, "numbered", capacity) {
        server.start();
    }

    CQ& pipe() { return server.pipe(); }
    std::vector<int> drain() {
        std::vector<int> numbers;
        for (Val packet; pipe().dequeue(0.0, packet);) numbers.push_back(packet("i"));
        return numbers;
    }

    static constexpr int capacity = 4;
    ServerSide server;
};

using numbers = std::vector<int>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sources, numbered_pipe)

BOOST_AUTO_TEST_CASE(each_number_is_put_in_once) {
    IdempotentProducer source(pipe(), "a");
    BOOST_TEST(source.last() == 0u);
    BOOST_TEST(source.enqueue(share(1), 1, 0.0));
    BOOST_TEST(source.enqueue(share(2), 2, 0.0));
    BOOST_TEST(source.enqueue(share(2), 2, 0.0));
    BOOST_TEST(source.enqueue(share(1), 1, 0.0));
    BOOST_TEST(source.enqueue(share(7), 7, 0.0));
    BOOST_TEST(source.last() == 7u);
    BOOST_TEST(drain() == (numbers{1, 2, 7}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_pipe_remembers_the_last_number_after_the_packets_are_gone) {
    {
        IdempotentProducer source(pipe(), "a");
        source.enqueue(share(5), 5, 0.0);
    }
    drain();
    IdempotentProducer again(pipe(), "a");
    BOOST_TEST(again.last() == 5u);
    BOOST_TEST(again.enqueue(share(5), 5, 0.0));
    BOOST_TEST(pipe().empty());
}

BOOST_AUTO_TEST_CASE(sources_do_not_know_each_other) {
    IdempotentProducer a(pipe(), "a");
    IdempotentProducer b(pipe(), "b");
    a.enqueue(share(1), 1, 0.0);
    b.enqueue(share(2), 1, 0.0);
    pipe().enq(share(3));
    a.enqueue(share(4), 2, 0.0);
    BOOST_TEST(a.last() == 2u);
    BOOST_TEST(b.last() == 1u);
    BOOST_TEST(drain() == (numbers{1, 2, 3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_full_pipe_takes_neither_packet_nor_number) {
    IdempotentProducer source(pipe(), "a");
    for (int i = 1; i <= capacity; ++i)
        BOOST_TEST(source.enqueue(share(i), static_cast<std::uint64_t>(i), 0.0));
    BOOST_TEST(!source.enqueue(share(5), 5, 0.0));
    BOOST_TEST(!source.enqueue(share(5), 5, 0.02));
    BOOST_TEST(source.last() == 4u);
    pipe().deq();
    BOOST_TEST(source.enqueue(share(5), 5, 0.0));
    BOOST_TEST(drain() == (numbers{2, 3, 4, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(numbers_go_on_around_the_ring_beside_other_producers_and_leases) {
    IdempotentProducer source(pipe(), "a");
    for (int i = 1; i <= 40; ++i) {
        BOOST_TEST(source.enqueue(share(i), static_cast<std::uint64_t>(i), 0.0));
        pipe().enq(share(-i));
        Lease lease = pipe().lease(0.0);
        BOOST_TEST(lease.value()("i") == i);
        BOOST_TEST(lease.sequence() == static_cast<std::uint64_t>(2 * (i - 1)));
        BOOST_TEST(pipe().deq()("i") == -i);
        BOOST_TEST(lease.ack());
    }
    BOOST_TEST(source.last() == 40u);
}

BOOST_AUTO_TEST_CASE(what_is_not_in_the_pool_is_copied_there) {
    IdempotentProducer source(pipe(), "a");
    const Val packet = Tab{{"text", std::string(1000, 'x')}};
    BOOST_TEST(source.enqueue(packet, 1, 0.0));
    BOOST_TEST(source.enqueue(2, 2, 0.0));
    BOOST_TEST(pipe().deq()("text").length() == 1000u);
    BOOST_TEST(pipe().deq() == 2);
    BOOST_TEST(packet("text").length() == 1000u);
}

BOOST_AUTO_TEST_CASE(a_packet_that_does_not_fit_the_pool_takes_no_number) {
    IdempotentProducer source(pipe(), "a");
    BOOST_CHECK_THROW(source.enqueue(std::string(100'000'000, 'x'), 1, 0.0), PoolExhausted);
    BOOST_TEST(source.last() == 0u);
    BOOST_TEST(source.enqueue(share(1), 1, 0.0));
}

BOOST_AUTO_TEST_CASE(a_tap_sees_numbered_packets) {
    Tap tap(name, "numbered", 4);
    IdempotentProducer source(pipe(), "a");
    source.enqueue(share(1), 1, 0.0);
    Val seen;
    BOOST_TEST(tap.next(0.0, seen));
    BOOST_TEST(seen("i") == 1);
}

BOOST_AUTO_TEST_CASE(with_a_policy_the_oldest_or_the_newest_packet_is_dropped) {
    IdempotentProducer source(pipe(), "a");
    for (int i = 1; i <= capacity; ++i)
        source.enqueue(share(i), static_cast<std::uint64_t>(i), WhenFull::DropOldest, 0.0);
    BOOST_TEST(source.enqueue(share(5), 5, WhenFull::DropOldest, 0.0));
    BOOST_TEST(!source.enqueue(share(6), 6, WhenFull::DropNewest, 0.0));
    BOOST_TEST(source.last() == 6u);
    BOOST_TEST(!source.enqueue(share(7), 7, WhenFull::Wait, 0.0));
    BOOST_TEST(source.last() == 6u);
    BOOST_TEST(pipe().counters().dropped == 2u);
    BOOST_TEST(drain() == (numbers{2, 3, 4, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(skipped_numbers_are_never_put_in) {
    IdempotentProducer source(pipe(), "a");
    source.skip(3);
    source.skip(2);
    BOOST_TEST(source.last() == 3u);
    BOOST_TEST(source.enqueue(share(3), 3, 0.0));
    BOOST_TEST(pipe().empty());
}

BOOST_AUTO_TEST_CASE(a_source_has_one_writer_at_a_time) {
    std::optional<IdempotentProducer> first(std::in_place, pipe(), "a");
    BOOST_CHECK_THROW(IdempotentProducer(pipe(), "a"), std::runtime_error);
    std::optional<IdempotentProducer> moved(std::move(*first));
    first.reset();
    BOOST_CHECK_EXCEPTION(IdempotentProducer(pipe(), "a"), SourceTaken,
                          [](const SourceTaken& e) { return e.pid() == getpid(); });
    moved.reset();
    BOOST_CHECK_NO_THROW(IdempotentProducer(pipe(), "a"));
}

BOOST_AUTO_TEST_CASE(the_source_that_was_used_longest_ago_makes_room_for_a_new_one) {
    const auto put_one = [&](int i) {
        IdempotentProducer source(pipe(), "source " + std::to_string(i));
        source.enqueue(share(i), 1, WhenFull::DropOldest, 0.0);
    };
    constexpr int most = 32;
    for (int i = 0; i < most; ++i) put_one(i);
    BOOST_TEST(IdempotentProducer(pipe(), "source 0").last() == 1u);
    put_one(most);
    BOOST_TEST(IdempotentProducer(pipe(), "source 0").last() == 1u);
    BOOST_TEST(IdempotentProducer(pipe(), "source 2").last() == 1u);
    BOOST_TEST(IdempotentProducer(pipe(), "source 1").last() == 0u);
}

BOOST_AUTO_TEST_CASE(more_sources_than_there_is_room_for_are_refused) {
    std::vector<IdempotentProducer> all;
    for (int i = 0; i < 32; ++i) all.emplace_back(pipe(), std::to_string(i));
    BOOST_CHECK_THROW(IdempotentProducer(pipe(), "one more"), std::runtime_error);
    all.pop_back();
    BOOST_CHECK_NO_THROW(IdempotentProducer(pipe(), "one more"));
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused) {
    CQ on_heap(4);
    BOOST_CHECK_THROW(IdempotentProducer(on_heap, "a"), std::logic_error);
    CQ unnamed(4, pool(), true);
    BOOST_CHECK_THROW(IdempotentProducer(unnamed, "a"), std::logic_error);
    BOOST_CHECK_THROW(IdempotentProducer(pipe(), ""), std::logic_error);
    std::string odd_name("a\0b", 3);
    odd_name.append(10'000, 'x');
    IdempotentProducer source(pipe(), odd_name);
    BOOST_CHECK_THROW(source.enqueue(share(1), 0, 0.0), std::logic_error);
    BOOST_CHECK_THROW(source.enqueue(share(1), 1, std::nan("")), std::logic_error);
    BOOST_CHECK_THROW(source.skip(0), std::logic_error);
    BOOST_TEST(source.last() == 0u);
    BOOST_TEST(source.enqueue(share(1), ~std::uint64_t{0}, -1.0));
    BOOST_TEST(source.last() == ~std::uint64_t{0});
}

BOOST_AUTO_TEST_CASE(a_retired_pool_takes_no_numbered_packet) {
    auto own = std::make_unique<SHMMain>("valpool_numbered_" + std::to_string(getpid()), 1000000);
    own->start();
    ServerSide side("valpool_numbered_" + std::to_string(getpid()), "pipe", 4);
    side.start();
    IdempotentProducer source(side.pipe(), "a");
    BOOST_TEST(source.enqueue(1, 1, 0.0));
    own.reset();
    BOOST_CHECK_THROW(source.enqueue(2, 2, 0.0), PoolRetired);
    BOOST_TEST(source.last() == 1u);
    BOOST_TEST(side.pipe().deq() == 1);
}

BOOST_AUTO_TEST_CASE(readers_and_writers_in_threads_see_each_number_once) {
    const watchdog dog(60);
    constexpr int packets = 5000;
    std::vector<numbers> got(2);
    std::vector<std::thread> threads;
    for (numbers& mine : got)
        threads.emplace_back([&] {
            for (;;) {
                const Val packet = pipe().deq();
                if (packet("i") == 0) return;
                if (packet("i") > 0) mine.push_back(packet("i"));
            }
        });
    threads.emplace_back([&] {
        for (int i = 1; i <= packets; ++i) pipe().enq(share(-i));
    });
    IdempotentProducer source(pipe(), "a");
    for (int i = 1; i <= packets; ++i)
        source.enqueue(share(i), static_cast<std::uint64_t>(i), 60.0);
    threads.back().join();
    threads.pop_back();
    for (std::size_t i = 0; i < got.size(); ++i) pipe().enq(share(0));
    for (std::thread& t : threads) t.join();
    std::set<int> all;
    for (const numbers& mine : got) {
        BOOST_TEST(std::is_sorted(mine.begin(), mine.end()));
        all.insert(mine.begin(), mine.end());
    }
    BOOST_TEST(got[0].size() + got[1].size() == static_cast<std::size_t>(packets));
    BOOST_TEST(all.size() == static_cast<std::size_t>(packets));
}

BOOST_AUTO_TEST_SUITE_END()
