#include "support/started_pool.hpp"
#include "unit/queue/both_kinds.hpp"

#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

/// Waiting for several queues, and for a queue in poll and epoll.

using namespace valpool;
using namespace valpool::test;
using queue_test::both_kinds;

namespace {

using indexes = std::vector<std::size_t>;
constexpr double at_once = 0;
constexpr double for_ever = std::numeric_limits<double>::infinity();

void after_a_while(const std::function<void()>& action) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    action();
}

double seconds_since(std::chrono::steady_clock::time_point began) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

void fill(CQ& queue) {
    while (queue.try_enqueue(1)) {
    }
}

/// Two queues of each kind, and one in another pool.
struct queues : both_kinds {
    queues()
        : other_memory(1 << 20),
          other_pool(StreamingPool::CreateStreamingPool(other_memory.data(), other_memory.size())) {
        for (int i = 0; i < 2; ++i) all.push_back(std::make_unique<CQ>(2));
        for (int i = 0; i < 2; ++i) all.push_back(std::make_unique<CQ>(2, pool, true));
        all.push_back(std::make_unique<CQ>(2, other_pool, true));
    }
    ~queues() {
        all.clear();
        StreamingPool::Clean(other_pool);
    }
    std::vector<WaitItem> for_packets() const {
        std::vector<WaitItem> items;
        for (const auto& queue : all) items.push_back(readable(*queue));
        return items;
    }
    std::vector<WaitItem> for_room() const {
        std::vector<WaitItem> items;
        for (const auto& queue : all) items.push_back(writable(*queue));
        return items;
    }
    std::vector<char> other_memory;
    StreamingPool* other_pool;
    std::vector<std::unique_ptr<CQ>> all;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(waiting_for_any, queues)

BOOST_AUTO_TEST_CASE(nothing_is_ready_until_the_time_out) {
    const auto began = std::chrono::steady_clock::now();
    BOOST_TEST(wait_any(for_packets(), at_once).empty());
    BOOST_TEST(wait_any(for_packets(), -1).empty());
    BOOST_TEST(wait_any(for_packets(), 0.05).empty());
    BOOST_TEST(seconds_since(began) >= 0.05);
}

BOOST_AUTO_TEST_CASE(all_that_are_ready_are_told) {
    all[1]->enq(1);
    all[2]->enq(1);
    all[4]->enq(1);
    BOOST_TEST(wait_any(for_packets(), for_ever) == (indexes{1, 2, 4}));
    BOOST_TEST(all[1]->length() == 1u);  // nothing was taken
    for (const std::size_t i : {0u, 3u}) fill(*all[i]);
    BOOST_TEST(wait_any(for_room(), at_once) == (indexes{1, 2, 4}));
    BOOST_TEST(wait_any({readable(*all[3]), writable(*all[3])}, for_ever) == indexes{0});
}

BOOST_AUTO_TEST_CASE(the_first_packet_wakes_whichever_queue_it_comes_to) {
    for (std::size_t i = 0; i < all.size(); ++i)
        for (int round = 0; round < 5; ++round) {
            std::thread writer([&] { after_a_while([&] { all[i]->enq(1); }); });
            BOOST_TEST(wait_any(for_packets(), for_ever) == indexes{i});
            writer.join();
            all[i]->deq();
        }
}

BOOST_AUTO_TEST_CASE(the_first_room_wakes_whichever_queue_it_is_in) {
    for (const auto& queue : all) fill(*queue);
    for (std::size_t i = 0; i < all.size(); ++i) {
        std::thread reader([&] { after_a_while([&] { all[i]->deq(); }); });
        BOOST_TEST(wait_any(for_room(), for_ever) == indexes{i});
        reader.join();
        fill(*all[i]);
    }
}

BOOST_AUTO_TEST_CASE(leases_that_end_wake_whoever_waits_for_several_queues) {
    for (const std::size_t i : {0u, 2u, 4u}) {
        CQ& queue = *all[i];
        queue.enq(1);
        Lease lease = queue.lease(at_once);
        std::thread worker([&] { after_a_while([&] { lease.give_back(); }); });
        BOOST_TEST(wait_any(for_packets(), for_ever) == indexes{i});
        worker.join();
        LeaseOptions brief;
        brief.deadline_s = 0.03;
        const Lease late = queue.lease(at_once, brief);
        BOOST_TEST(wait_any(for_packets(), for_ever) == indexes{i});
        fill(queue);
        Lease again = queue.lease(at_once);
        BOOST_TEST(wait_any({writable(queue)}, at_once).empty());
        std::thread done([&] { after_a_while([&] { again.ack(); }); });
        BOOST_TEST(wait_any({writable(queue)}, for_ever) == indexes{0});
        done.join();
        Val packet;
        while (queue.try_dequeue(packet)) {
        }
    }
}

BOOST_AUTO_TEST_CASE(one_queue_may_be_there_twice) {
    all[2]->enq(1);
    BOOST_TEST(wait_any({readable(*all[2]), readable(*all[2])}, for_ever) == (indexes{0, 1}));
    all[2]->deq();
    std::thread writer([&] { after_a_while([&] { all[2]->enq(1); }); });
    BOOST_TEST(!wait_any({readable(*all[2]), readable(*all[2])}, for_ever).empty());
    writer.join();
}

BOOST_AUTO_TEST_CASE(more_queues_than_the_kernel_waits_for_at_once) {
    std::vector<std::unique_ptr<CQ>> many;
    std::vector<WaitItem> items;
    for (int i = 0; i < 500; ++i) {
        many.push_back(std::make_unique<CQ>(1, pool, true));
        items.push_back(readable(*many.back()));
    }
    std::thread writer([&] { after_a_while([&] { many[377]->enq(1); }); });
    BOOST_TEST(wait_any(items, for_ever) == indexes{377});
    writer.join();
}

BOOST_AUTO_TEST_CASE(no_packet_is_left_lying_while_many_wait) {
    // Waiters of both ways, on all queues: each packet is taken by somebody, whoever was woken.
    constexpr int packets = 2000;
    std::atomic<int> taken{0};
    const auto take_any = [&] {
        Val packet;
        while (taken < packets)
            for (const std::size_t i : wait_any(for_packets(), 0.2))
                if (all[i]->try_dequeue(packet)) ++taken;
    };
    const auto take_of = [&](std::size_t i) {
        Val packet;
        while (taken < packets)
            if (all[i]->dequeue(0.2, packet)) ++taken;
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(take_any);
    for (const std::size_t i : {0u, 2u, 4u}) threads.emplace_back([&, i] { take_of(i); });
    for (int i = 0; i < packets; ++i) all[static_cast<std::size_t>(i) % all.size()]->enq(i);
    for (std::thread& t : threads) t.join();
    BOOST_TEST(taken == packets);
}

BOOST_AUTO_TEST_CASE(bad_arguments_are_refused) {
    BOOST_CHECK_THROW(wait_any({}, at_once), std::logic_error);
    BOOST_CHECK_THROW(wait_any({{nullptr, false}}, at_once), std::logic_error);
    BOOST_CHECK_THROW(wait_any(for_packets(), std::nan("")), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_thread_that_waits_can_be_cancelled) {
    for (const std::size_t i : {1u, 3u}) {
        std::atomic<bool> runs{false};
        std::thread waiting([&] {
            runs = true;
            wait_any({readable(*all[i]), readable(*all[4])}, for_ever);
        });
        while (!runs) std::this_thread::yield();
        pthread_cancel(waiting.native_handle());
        all[4]->enq(1);  // the wait ends here at the latest
        waiting.join();
        all[4]->deq();
    }
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

bool is_set(int fd, int timeout_ms = 0) {
    pollfd p{fd, POLLIN, 0};
    return poll(&p, 1, timeout_ms) == 1;
}
constexpr int long_ms = 60000;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(descriptors_of_queues, both_kinds)

BOOST_AUTO_TEST_CASE(the_descriptor_is_readable_while_there_is_a_packet) {
    each(2, [](CQ& queue) {
        const int fd = queue.readable_fd();
        BOOST_TEST(queue.readable_fd() == fd);
        BOOST_TEST(!is_set(fd, 20));
        for (int round = 0; round < 20; ++round) {
            queue.enq(1);
            BOOST_TEST(is_set(fd, long_ms));
            queue.enq(2);
            queue.deq();
            BOOST_TEST(is_set(fd, long_ms));  // there is another one
            queue.deq();
            BOOST_TEST(!is_set(fd));
        }
    });
}

BOOST_AUTO_TEST_CASE(the_other_descriptor_is_readable_while_there_is_room) {
    each(2, [](CQ& queue) {
        const int fd = queue.writable_fd();
        BOOST_TEST(is_set(fd, long_ms));
        fill(queue);
        BOOST_TEST(!is_set(fd));
        queue.deq();
        BOOST_TEST(is_set(fd, long_ms));
        BOOST_TEST(!multicast(Val(1), {&queue, &queue}).empty());
        BOOST_TEST(!is_set(fd));
    });
}

BOOST_AUTO_TEST_CASE(both_descriptors_work_beside_each_other) {
    each(1, [](CQ& queue) {
        const int has_packet = queue.readable_fd();
        const int has_room = queue.writable_fd();
        for (int round = 0; round < 20; ++round) {
            BOOST_TEST(is_set(has_room, long_ms));
            queue.enq(1);
            BOOST_TEST(!is_set(has_room));
            BOOST_TEST(is_set(has_packet, long_ms));
            queue.deq();
            BOOST_TEST(!is_set(has_packet));
        }
    });
}

BOOST_AUTO_TEST_CASE(the_descriptor_is_closed_with_the_queue) {
    int fd = -1;
    {
        CQ queue(2, pool, true);
        fd = queue.readable_fd();
        BOOST_TEST(fcntl(fd, F_GETFD) == FD_CLOEXEC);
        queue.enq(1);
        BOOST_TEST(is_set(fd, long_ms));
    }
    BOOST_TEST(fcntl(fd, F_GETFD) == -1);
}

BOOST_AUTO_TEST_CASE(an_event_loop_gets_every_packet) {
    each(4, [](CQ& queue) {
        constexpr int packets = 5000;
        const int loop = epoll_create1(EPOLL_CLOEXEC);
        epoll_event event{};
        event.events = EPOLLIN;
        BOOST_REQUIRE(epoll_ctl(loop, EPOLL_CTL_ADD, queue.readable_fd(), &event) == 0);
        std::thread writer([&] {
            for (int i = 0; i < packets; ++i) {
                queue.enq(i);
                if (i % 100 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
            }
        });
        int next = 0;
        Val packet;
        while (next < packets) {
            BOOST_REQUIRE(epoll_wait(loop, &event, 1, long_ms) == 1);
            while (queue.try_dequeue(packet)) BOOST_TEST(packet == next++);
        }
        writer.join();
        BOOST_TEST(!is_set(queue.readable_fd()));
        close(loop);
    });
}

BOOST_AUTO_TEST_CASE(a_packet_that_somebody_else_took_leaves_the_descriptor_readable_until_a_try) {
    const started_pool shm("descriptors");
    ServerSide server(shm.name, "pipe", 4);
    server.start();
    ClientSide client(shm.name, "pipe");
    client.start();
    const int fd = client.pipe().readable_fd();
    server.pipe().enq(1);
    BOOST_TEST(is_set(fd, long_ms));
    server.pipe().deq();
    Val packet;
    BOOST_TEST(!client.pipe().try_dequeue(packet));
    BOOST_TEST(!is_set(fd));
    server.pipe().enq(2);
    BOOST_TEST(is_set(fd, long_ms));
}

BOOST_AUTO_TEST_CASE(other_processes_make_it_readable) {
    const started_pool shm("descriptors");
    ServerSide server(shm.name, "pipe", 4);
    server.start();
    const int fd = server.pipe().readable_fd();
    child other([&] {
        ClientSide client(shm.name, "pipe");
        client.start();
        usleep(20000);
        client.pipe().enq(1);
        return 0;
    });
    BOOST_TEST(is_set(fd, long_ms));
    BOOST_TEST(server.pipe().deq() == 1);
    BOOST_TEST(!is_set(fd));
    BOOST_TEST(other.wait() == 0);
}

BOOST_AUTO_TEST_CASE(without_a_place_in_the_pool_for_its_thread_there_is_no_descriptor) {
    const queue_test::small_pool small;
    CQ queue(4, small.pool, true);
    {
        const queue_test::crowd others(queue);
        BOOST_CHECK_THROW(queue.readable_fd(), std::runtime_error);
        BOOST_CHECK_THROW(queue.writable_fd(), std::runtime_error);
    }
    BOOST_TEST(!is_set(queue.readable_fd(), 20));
    BOOST_TEST(is_set(queue.writable_fd(), long_ms));
}

// The thread sanitizer ends a process that starts a thread after a fork of a process with threads.
#ifndef VALPOOL_TSAN
BOOST_AUTO_TEST_CASE(a_forked_child_has_a_descriptor_of_its_own) {
    const started_pool shm("descriptors");
    ServerSide server(shm.name, "pipe", 4);
    server.start();
    const int fd = server.pipe().readable_fd();
    server.pipe().enq(1);
    BOOST_TEST(is_set(fd, long_ms));
    child other([&] {
        const int own = server.pipe().readable_fd();
        if (!is_set(own, long_ms)) return 1;
        server.pipe().deq();
        return is_set(own) ? 2 : 0;
    });
    BOOST_TEST(other.wait() == 0);
    BOOST_TEST(is_set(fd));  // nobody has tried here
    Val packet;
    BOOST_TEST(!server.pipe().try_dequeue(packet));
    BOOST_TEST(!is_set(fd));
    server.pipe().enq(2);
    BOOST_TEST(is_set(fd, long_ms));
}

#endif

BOOST_AUTO_TEST_CASE(a_retired_pool_is_ready_to_say_so) {
    const pool_name name("descriptors");
    auto main = std::make_unique<SHMMain>(name, 1000000);
    main->start();
    ServerSide server(name, "pipe", 4);
    server.start();
    const int fd = server.pipe().readable_fd();
    BOOST_TEST(!is_set(fd, 20));
    main.reset();
    BOOST_TEST(is_set(fd, long_ms));
    BOOST_TEST(wait_any({readable(server.pipe())}, for_ever) == indexes{0});
    Val packet;
    BOOST_CHECK_THROW(server.pipe().try_dequeue(packet), PoolRetired);
}

BOOST_AUTO_TEST_SUITE_END()
