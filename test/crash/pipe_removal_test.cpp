#include "base/kill_point.hpp"
#include "support/started_pool.hpp"

#include <memory>
#include <optional>
#include <string>

#include <unistd.h>

/// Pipes are removed while a process is stopped in the middle of an operation, and by processes
/// that are killed in the middle of the removal.

using namespace valpool;
using namespace valpool::test;

namespace {

struct removal_board {
    detail::kill_plan plan;
};

unsigned point_named(const std::string& name) {
    for (unsigned p = 0; p < detail::kill_point_count(); ++p)
        if (detail::kill_point_name(p) == name) return p;
    BOOST_FAIL("no such point: " << name);
    return 0;
}

struct pipes : started_pool {
    pipes() : started_pool("removal") {
        detail::use_kill_plan(&board->plan);
        ServerSide(name, "pipe", 4).start();
    }
    ~pipes() { detail::use_kill_plan(nullptr); }
    pipes(const pipes&) = delete;
    pipes& operator=(const pipes&) = delete;

    /// Arms the n-th pass of the kill point, for the calling process.
    void arm(const std::string& point, int signal, unsigned nth = 1) const {
        auto& order = board->plan.orders[point_named(point)];
        order.victim = getpid();
        order.signal = signal;
        order.countdown = nth;
    }
    std::size_t count() const { return check(pool()).queues; }
    void make(const std::string& pipe) const { ServerSide(name, pipe, 2).start(); }
    std::unique_ptr<ServerSide> open_temporary(const std::string& pipe) const {
        auto side = std::make_unique<ServerSide>(name, pipe, 2);
        side->temporary(true);
        side->start();
        return side;
    }
    /// A process that looks for the dead now and then removes the pipes that are due.
    void expect_pipes(std::size_t number) const {
        const bool are_so = eventually([&] { return pool()->isPristine() && count() == number; });
        BOOST_TEST(are_so);
        expect_sound();
    }

    shared<removal_board> board;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pipe_removal_crash, pipes)

BOOST_AUTO_TEST_CASE(a_pipe_stays_while_a_process_is_stopped_in_an_operation_and_goes_then) {
    const watchdog dog(120);
    child stopped([&] {
        ServerSide side(name, "pipe", 4);
        side.start();
        side.pipe().enq(1);
        arm("ring.putting", SIGSTOP);
        side.pipe().enq(2);
        side.pipe().deq();
        side.pipe().deq();
        return 0;
    });
    BOOST_REQUIRE(eventually([&] { return stopped.has_stopped(); }));
    make("reply");
    open_temporary("temporary").reset();
    BOOST_TEST(!main.removePipe("reply"));
    BOOST_TEST(count() == 3u);
    expect_sound();
    stopped.signal(SIGCONT);
    BOOST_TEST(stopped.wait() == 0);
    expect_pipes(2);
    BOOST_TEST(eventually([&] { return main.removePipe("reply"); }));
    expect_pipes(1);
}

BOOST_AUTO_TEST_CASE(a_pipe_stays_for_one_that_is_stopped_after_it_has_found_it) {
    const watchdog dog(120);
    make("reply");
    child opener([&] {
        arm("pipe.found", SIGSTOP);
        ServerSide side(name, "reply", 2);
        side.start();
        side.pipe().enq(1);
        return side.pipe().deq() == 1 && !side.removePipe("reply") ? 0 : 1;
    });
    BOOST_REQUIRE(eventually([&] { return opener.has_stopped(); }));
    BOOST_TEST(!main.removePipe("reply"));
    opener.signal(SIGCONT);
    BOOST_TEST(opener.wait() == 0);
    expect_pipes(2);
    BOOST_TEST(eventually([&] { return main.removePipe("reply"); }));
    expect_pipes(1);
}

BOOST_AUTO_TEST_CASE(a_removal_ends_in_time_while_a_repair_is_stopped) {
    const watchdog dog(120);
    make("reply");
    ServerSide held(name, "held", 2);
    held.start();
    auto temporary = open_temporary("temporary");
    child stopped([&] {
        ServerSide side(name, "other", 4);
        side.start();
        arm("recovery.closed_gate", SIGSTOP);
        side.removePipe("reply");
        return 0;
    });
    BOOST_REQUIRE(eventually([&] { return stopped.has_stopped(); }));
    BOOST_TEST(!main.removePipe("reply"));
    temporary.reset();
    stopped.signal(SIGCONT);
    BOOST_TEST(stopped.wait() == 0);
    expect_pipes(3);
    BOOST_TEST(eventually([&] { return main.removePipe("other"); }));
}

BOOST_AUTO_TEST_CASE(a_remover_that_is_killed_leaves_the_pipe_whole_or_gone) {
    const watchdog dog(240);
    for (const char* const point :
         {"recovery.closed_gate", "removal.unlinked", "removal.uncounted", "box.freeing",
          "box.freed_chunks", "slab.took_freed", "slab.returned_blocks"})
        for (const bool is_temporary : {false, true}) {
            BOOST_TEST_CONTEXT(point << (is_temporary ? ", temporary" : "")) {
                const Val kept = share(1);
                child remover([&] {
                    auto temporary = open_temporary("temporary");
                    temporary->pipe().enq(kept);
                    temporary->pipe().enq(Tab{{"text", std::string(5000, 'x')}});
                    ServerSide side(name, "pipe", 4);
                    side.start();
                    make("reply");
                    arm(point, SIGKILL);
                    if (is_temporary)
                        temporary.reset();
                    else
                        side.removePipe("reply");
                    return 0;
                });
                BOOST_TEST(remover.wait() == -SIGKILL);
                BOOST_TEST(eventually([&] {
                    pool()->isPristine();  // looks for dead processes
                    return check(pool()).dead_processes.empty();
                }));
                BOOST_TEST(kept("i") == 1);
                expect_sound();
                const bool is_left = count() == 2;
                BOOST_TEST(count() <= 2u);
                BOOST_TEST(eventually([&] { return main.removePipe("reply") == is_left; }));
                BOOST_TEST(count() == 1u);
                expect_sound();
                const pool_report report = check(pool());
                BOOST_TEST(report.boxes == 1u);
                BOOST_TEST(report.leaked_bytes == 0u);
            }
        }
    expect_pipes(1);
}

BOOST_AUTO_TEST_SUITE_END()
