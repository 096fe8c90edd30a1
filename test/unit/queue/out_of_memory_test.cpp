#include "unit/failing_heap.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

/// Queues and boot objects without memory: std::bad_alloc, but no lost packet and no terminated
/// process.

using namespace valpool;
using failing_heap::run;

namespace {

std::string pool_name(const char* test) {
    return std::string("valpool_unit_oom_") + test + "_" + std::to_string(getpid());
}

struct started_pool {
    explicit started_pool(const char* test) : main(pool_name(test), 1000000) { main.start(); }
    SHMMain main;
};

const Val packets[] = {Val(std::string(5000, 't')), Val(int_n(std::string(3000, '7'))),
                       Val(Tab{{"a", std::string(100, 'x')}}), Val("short"), Val(5)};

/// Runs in a process of its own, for every n; no signal may kill it.
void never_terminates(const std::function<void()>& prepare, const std::function<void()>& attempt,
                      const std::function<void()>& clean_up) {
    constexpr int most_failures = 60;
    for (int i = 0; i < most_failures; ++i) {
        const pid_t child = fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0) {
            prepare();
            failing_heap::allocations_left = i;
            bool is_enough = false;
            try {
                attempt();
                is_enough = failing_heap::allocations_left > 0;
            } catch (const std::bad_alloc&) {
            }
            failing_heap::allocations_left = failing_heap::never;
            clean_up();
            _exit(is_enough ? 2 : 0);
        }
        int status = 0;
        BOOST_REQUIRE(waitpid(child, &status, 0) == child);
        BOOST_REQUIRE_MESSAGE(WIFEXITED(status), "killed when allocation " << i << " failed");
        if (WEXITSTATUS(status) == 2) return;
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(out_of_memory)

BOOST_AUTO_TEST_CASE(a_packet_that_there_is_no_memory_for_stays) {
    const started_pool pool("stays");
    ServerSide server(pool_name("stays"), "pipe", 16);
    server.start();
    CQ heap(16);
    CQ unnamed(16, pool.main.pool(), true);
    for (CQ* const queue : {&server.pipe(), &heap, &unnamed})
        for (const Val& packet : packets) {
            queue->enq(packet);
            queue->enq("next");
            Val out = "untouched";
            run([&] { BOOST_TEST(queue->dequeue(0.0, out)); },
                [&] {
                    BOOST_REQUIRE(queue->length() == 2);
                    BOOST_REQUIRE(out == "untouched");
                });
            BOOST_TEST(out == packet);
            BOOST_TEST(queue->deq() == "next");
            BOOST_TEST(queue->empty());
        }
}

BOOST_AUTO_TEST_CASE(deq_and_dequeue_many_lose_nothing_either) {
    const started_pool pool("many");
    ServerSide server(pool_name("many"), "pipe", 16);
    server.start();
    CQ& queue = server.pipe();
    for (const Val& packet : packets) {
        queue.enq(packet);
        Val out;
        run([&] { out = queue.deq(); }, [&] { BOOST_REQUIRE(queue.length() == 1); });
        BOOST_TEST(out == packet);
        for (int i = 0; i < 12; ++i) queue.enq(Arr{i, packet});
        for (int i = 0; i < 2; ++i) queue.enq(packet);
        std::vector<Val> all;
        run([&] { queue.dequeue_many(all, 20, 0.0); },
            [&] { BOOST_REQUIRE(all.size() + queue.length() == 14); });
        BOOST_REQUIRE(all.size() == 14);
        for (int i = 0; i < 12; ++i) BOOST_TEST(all[static_cast<std::size_t>(i)][0] == i);
    }
}

BOOST_AUTO_TEST_CASE(a_packet_that_was_put_back_goes_to_the_others_when_its_object_ends) {
    const started_pool pool("ends");
    const auto consumer = std::make_unique<ServerSide>(pool_name("ends"), "pipe", 4);
    auto other = std::make_unique<ServerSide>(pool_name("ends"), "pipe", 4);
    consumer->start();
    other->start();
    other->pipe().enq(packets[0]);
    failing_heap::allocations_left = 0;
    Val out;
    BOOST_CHECK_THROW(other->pipe().dequeue(0.0, out), std::bad_alloc);
    BOOST_TEST(consumer->pipe().empty());
    other.reset();
    BOOST_TEST(consumer->pipe().deq() == packets[0]);
    BOOST_TEST(pool.main.pool()->isPristine());
}

BOOST_AUTO_TEST_CASE(the_child_of_a_fork_has_no_part_in_what_was_put_back) {
    const started_pool pool("fork");
    ServerSide server(pool_name("fork"), "pipe", 4);
    server.start();
    server.pipe().enq(packets[0]);
    failing_heap::allocations_left = 0;
    Val out;
    BOOST_CHECK_THROW(server.pipe().dequeue(0.0, out), std::bad_alloc);
    const pid_t child = fork();
    if (child == 0) _exit(server.pipe().length() == 0 && !server.pipe().try_dequeue(out) ? 0 : 1);
    int status = 0;
    waitpid(child, &status, 0);
    BOOST_TEST(status == 0);
    BOOST_TEST(server.pipe().length() == 1);
    BOOST_TEST(server.pipe().try_dequeue(out));
    BOOST_TEST(out == packets[0]);
}

BOOST_AUTO_TEST_CASE(nothing_ends_the_process) {
    const auto name = [] { return pool_name("terminate"); };
    std::unique_ptr<SHMMain> main;
    std::unique_ptr<ServerSide> server;
    const auto try_all = [&](const std::function<void()>& prepare,
                             const std::function<void()>& attempt) {
        never_terminates(prepare, attempt, [&] {
            server.reset();
            main.reset();
        });
    };
    const auto nothing = [] {};
    try_all(nothing, [] { CQ queue(3); });
    const auto start_main = [&] {
        main = std::make_unique<SHMMain>(name(), 1000000);
        main->start();
    };
    const auto start_both = [&] {
        start_main();
        server = std::make_unique<ServerSide>(name(), "pipe", 4);
        server->start();
        server->pipe().enq(packets[0]);
    };
    try_all(nothing, [&] {
        SHMMain made(name(), 100000);
        made.start();
    });
    try_all(start_main, [&] { main.reset(); });
    try_all(start_main, [&] { main->hasName(); });
    try_all(start_both, [&] { server.reset(); });
    try_all(start_both, [&] { server->restart(); });
    try_all(start_both, [&] {
        main.reset();
        server.reset();
    });
    try_all(start_main, [&] {
        ServerSide made(name(), "pipe", 4);
        made.start();
        made.pipe().enq(packets[2]);
        made.pipe().deq();
    });
}

BOOST_AUTO_TEST_SUITE_END()
