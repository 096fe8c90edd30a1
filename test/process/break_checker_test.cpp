#include "segment/pool_file.hpp"
#include "support/started_pool.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <functional>
#include <stdexcept>
#include <utility>

using namespace valpool;
using namespace valpool::test;

namespace {

constexpr std::int64_t soon_us = 100;

struct give_up : std::runtime_error {
    give_up() : std::runtime_error("the user has had enough") {}
};

bool at_once() { return true; }
int at_once_as_an_int() { return 1; }
/// Returns true at the n-th call.
struct patient {
    int asked = 0;
    int most = 3;
    bool operator()() { return ++asked >= most; }
};

/// A name that a SHMMain waits for, because another process is about to replace the pool that has
/// it.
struct name_in_dispute {
    explicit name_in_dispute(const char* test) : name(test) {
        std::ofstream(name.path()) << "a file";
        file = detail::pool_file::open(name.path());
        BOOST_REQUIRE(file.try_lock(detail::takeover_role));
    }
    pool_name name;
    detail::pool_file file;
};

/// A pool with a full pipe of one packet. The break checker throws when it is told to.
struct throwing_pipe {
    explicit throwing_pipe(const char* test)
        : pool(test),
          server(
              pool.name, "pipe", 1, [this] { return look(); }, soon_us) {
        server.start();
        server.pipe().enq(pool.share(1));
    }
    bool look() const {
        if (throws) throw give_up();
        return false;
    }
    bool throws = false;
    started_pool pool;
    ServerSide server;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(break_checker)

BOOST_AUTO_TEST_CASE(any_callable_in_the_place_of_debug_ends_the_start_of_a_client) {
    const watchdog dog(60);
    const pool_name name("callable");
    const bool stops = true;
    BOOST_TEST(ClientSide(name, "p", [] { return true; }).start() == STOPPED);
    BOOST_TEST(ClientSide(name, "p", [&stops] { return stops; }).start() == STOPPED);
    BOOST_TEST(ClientSide(name, "p", at_once).start() == STOPPED);
    BOOST_TEST(ClientSide(name, "p", BreakChecker(at_once), soon_us).start() == STOPPED);
    BOOST_TEST(ClientSide(name, "p", at_once_as_an_int).start() == STOPPED);
    BOOST_TEST(ClientSide(name, "p", patient(), soon_us).start() == STOPPED);
    BOOST_TEST(ClientSide(name, "p", std::function<bool()>(at_once)).start() == STOPPED);
    patient asked_itself;
    BOOST_TEST(ClientSide(name, "p", std::ref(asked_itself), soon_us).start() == STOPPED);
    BOOST_TEST(asked_itself.asked == 3);
}

BOOST_AUTO_TEST_CASE(it_ends_the_start_of_a_server_and_of_a_main_as_well) {
    const watchdog dog(60);
    const name_in_dispute held("dispute");
    patient asked;
    ServerSide server(held.name, "p", 1, std::ref(asked), soon_us);
    BOOST_CHECK_THROW(ServerSide(held.name, "p", 0, std::ref(asked)), std::logic_error);
    SHMMain main(held.name, 1000000, std::ref(asked), soon_us);
    BOOST_TEST(main.start() == STOPPED);
    BOOST_TEST(main.state() == STOPPED);
    BOOST_TEST(asked.asked == 3);
    const pool_name nobody_has("nobody");
    ServerSide waiting(nobody_has, "p", 1, [] { return true; });
    BOOST_TEST(waiting.start() == STOPPED);
}

BOOST_AUTO_TEST_CASE(its_usual_place_takes_any_callable_and_none) {
    const watchdog dog(60);
    const started_pool pool("usual_place");
    const bool stops = true;
    ClientSide stopped(
        pool.name, "p", false, nullptr, [&stops] { return stops; }, soon_us);
    BOOST_TEST(stopped.start() == STOPPED);
    const BreakChecker none = nullptr;
    ServerSide server(pool.name, "p", 1, false, nullptr, nullptr);
    ServerSide as_a_zero(pool.name, "q", 1, false, 0, 0);
    ClientSide by_a_pointer(pool.name, "p", none);
    BOOST_TEST(server.start() == STARTED);
    BOOST_TEST(as_a_zero.start() == STARTED);
    BOOST_TEST(by_a_pointer.start() == STARTED);
    Val out;
    BOOST_TEST(!by_a_pointer.pipe().dequeue(0.01, out));
}

BOOST_AUTO_TEST_CASE(what_ended_the_start_ends_the_waits_of_the_pipe) {
    const watchdog dog(60);
    const started_pool pool("one_thing");
    patient asked{0, 1};
    ServerSide server(pool.name, "p", 1, asked, soon_us);
    server.start();
    Val out = "before";
    BOOST_TEST(!server.pipe().dequeue(None, out));
    BOOST_TEST(out == "before");
    BOOST_CHECK_THROW(server.pipe().deq(), BreakRequested);
    server.pipe().enq(1);
    BOOST_TEST(!server.pipe().enqueue(2));
    BOOST_TEST(asked.asked == 0);  // the library calls a copy
}

BOOST_AUTO_TEST_CASE(start_and_the_pipe_ask_the_same_object) {
    const watchdog dog(60);
    const pool_name name("remembers");
    const auto stop_once = [asked = 0]() mutable {
        if (++asked > 3) throw give_up();
        return asked == 3;
    };
    ServerSide server(name, "p", 1, stop_once, soon_us);
    BOOST_TEST(server.start() == STOPPED);
    SHMMain main(name, 1000000);
    main.start();
    BOOST_TEST(server.start() == STARTED);
    BOOST_CHECK_THROW(server.pipe().deq(), give_up);
}

BOOST_AUTO_TEST_CASE(what_it_throws_passes_through_start_which_can_be_tried_again) {
    const watchdog dog(60);
    const pool_name name("throws");
    bool throws = true;
    const auto look = [&throws]() -> bool { return throws ? throw give_up() : false; };
    ServerSide server(name, "p", 1, look, soon_us);
    ClientSide client(name, "p", look, soon_us);
    BOOST_CHECK_THROW(server.start(), give_up);
    BOOST_CHECK_THROW(client.start(), give_up);
    BOOST_TEST(server.state() == STOPPED);
    BOOST_TEST(client.state() == STOPPED);
    {
        const name_in_dispute held("throws_in_main");
        SHMMain refused(held.name, 1000000, look, soon_us);
        BOOST_CHECK_THROW(refused.start(), give_up);
        BOOST_TEST(refused.state() == STOPPED);
    }
    SHMMain main(name, 1000000, look, soon_us);
    BOOST_TEST(main.start() == STARTED);
    BOOST_CHECK_THROW(client.start(), give_up);  // the pool exists, but not the pipe
    BOOST_TEST(client.state() == STOPPED);
    BOOST_TEST(server.start() == STARTED);
    BOOST_TEST(client.start() == STARTED);
}

BOOST_AUTO_TEST_CASE(what_it_throws_passes_through_the_waits_of_a_pipe_and_nothing_is_lost) {
    const watchdog dog(60);
    throwing_pipe p("throws_in_pipe");
    CQ& pipe = p.server.pipe();
    p.throws = true;
    Val packet = p.pool.share(2);
    BOOST_CHECK_THROW(pipe.enq(packet), give_up);
    BOOST_CHECK_THROW(pipe.enqueue(packet, 10.0), give_up);
    BOOST_CHECK_THROW(pipe.enqueue(std::move(packet)), give_up);
    BOOST_TEST(packet["i"] == 2);  // NOLINT(bugprone-use-after-move): it was not moved
    BOOST_CHECK_THROW(pipe.enqueue(Tab{{"plain", 1}}), give_up);
    std::vector<Val> several{p.pool.share(3), 4};
    BOOST_CHECK_THROW(pipe.enqueue_many(several), give_up);
    BOOST_TEST((several[0]["i"] == 3 && several[1] == 4));
    BOOST_TEST(pipe.deq()["i"] == 1);

    Val out = "before";
    BOOST_CHECK_THROW(pipe.deq(), give_up);
    BOOST_CHECK_THROW(pipe.dequeue(10, out), give_up);
    BOOST_CHECK_THROW(pipe.dequeue_many(several, 5), give_up);
    BOOST_TEST(out == "before");
    BOOST_TEST(several.size() == 2u);
    BOOST_TEST(p.server.state() == STARTED);

    p.throws = false;
    pipe.enq(std::move(packet));
    BOOST_TEST(pipe.dequeue(10, out));
    BOOST_TEST(out["i"] == 2);
    out.reset();
    several.clear();
    p.pool.expect_pristine();
}

BOOST_AUTO_TEST_SUITE_END()
