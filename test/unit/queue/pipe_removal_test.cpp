#include "alloc/slab.hpp"
#include "object/hold.hpp"
#include "queue/directory.hpp"
#include "recovery/recovery.hpp"
#include "support/started_pool.hpp"

#include <valpool/value/detail/value_access.hpp>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// Pipes are removed: by a call, and automatically.

using namespace valpool;
using namespace valpool::test;

namespace {

bool always() { return true; }

struct pipes : started_pool {
    explicit pipes(std::size_t bytes = 1000000) : started_pool("pipes", bytes) {
        make("first use");  // creates the ledger, which stays
        BOOST_REQUIRE(main.removePipe("first use"));
        used_before = pool()->usedBytes();
    }

    std::unique_ptr<ServerSide> open(const std::string& pipe, int capacity = 2) const {
        auto side = std::make_unique<ServerSide>(name, pipe, capacity);
        side->start();
        return side;
    }
    std::unique_ptr<ServerSide> open_temporary(const std::string& pipe, int capacity = 2) const {
        auto side = std::make_unique<ServerSide>(name, pipe, capacity);
        side->temporary(true);
        side->start();
        return side;
    }
    void make(const std::string& pipe, int capacity = 2) const { open(pipe, capacity); }
    bool is_there(const std::string& pipe) const {
        ClientSide side(name, pipe, false, nullptr, always, 0);
        return side.start() == STARTED;
    }
    std::size_t count() const { return check(pool()).queues; }
    /// The pool is as before, to the byte, and check() finds no contradiction.
    void expect_as_before() const {
        BOOST_TEST(pool()->usedBytes() == used_before);
        BOOST_TEST(pool()->isPristine());
        BOOST_TEST(count() == 0u);
        expect_sound();
    }

    std::size_t used_before = 0;
};

/// Makes as many pipes as the pool has room for; returns the message for the one that did not fit.
std::string fill_with_pipes(const pipes& p, std::vector<std::string>& names) {
    for (;;) {
        const std::string pipe = "reply " + std::to_string(names.size());
        try {
            p.make(pipe);
            names.push_back(pipe);
        } catch (const PoolExhausted& e) {
            return e.what();
        }
    }
}

/// The number before a word of the message.
unsigned long number_before(const std::string& message, const std::string& word) {
    const std::size_t end = message.find(word);
    BOOST_REQUIRE(end != std::string::npos);
    const std::size_t begin = message.rfind(' ', end - 1);
    return std::stoul(message.substr(begin + 1, end - begin - 1));
}

void expect_a_share(const std::string& message) {
    BOOST_TEST_MESSAGE(message);
    const unsigned long used = number_before(message, " of ");
    BOOST_TEST(used > 0u);
    BOOST_TEST(used <= number_before(message, " are in use"));
    BOOST_TEST(used >= number_before(message, " of these by pipes"));
}

/// Takes all memory of a pool, including the reserve for bookkeeping.
class all_memory {
public:
    explicit all_memory(StreamingPool& pool)
        : lane_(detail::lane_of_thread(detail::arena_of(pool))) {
        detail::relieve(lane_);
        for (const std::size_t size : {std::size_t{4096}, std::size_t{1024}})
            while (const std::uint64_t piece = take(size)) pieces_.push_back(piece);
    }
    ~all_memory() {
        while (give_back_one()) {
        }
    }
    all_memory(const all_memory&) = delete;
    all_memory& operator=(const all_memory&) = delete;
    bool give_back_one() {
        if (pieces_.empty()) return false;
        const detail::inside pass(lane_);
        detail::free_space(*lane_.pool, *lane_.heap, pieces_.back());
        pieces_.pop_back();
        return true;
    }

private:
    std::uint64_t take(std::size_t size) {
        const detail::inside pass(lane_);
        return detail::allocate_space(*lane_.pool, *lane_.heap, size, detail::page_use::system);
    }
    detail::thread_lane& lane_;
    std::vector<std::uint64_t> pieces_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pipe_removal, pipes)

BOOST_AUTO_TEST_CASE(an_empty_pipe_that_nobody_holds_is_removed_and_its_memory_is_back) {
    for (const int capacity : {1, 2, 5, 100, 1000}) {
        make("reply", capacity);
        BOOST_TEST(is_there("reply"));
        BOOST_TEST(count() == 1u);
        BOOST_TEST(pool()->usedBytes() > used_before);
        BOOST_TEST(pool()->isPristine());
        BOOST_TEST(main.removePipe("reply"));
        BOOST_TEST(!is_there("reply"));
        expect_as_before();
    }
}

BOOST_AUTO_TEST_CASE(of_several_pipes_the_named_one_goes) {
    const std::vector<std::string> names{"a", "b", "c", "d"};
    for (const std::string& gone : names) {
        for (const std::string& pipe : names) make(pipe);
        BOOST_TEST(main.removePipe(gone));
        for (const std::string& pipe : names) BOOST_TEST(is_there(pipe) == (pipe != gone));
        expect_sound();
        for (const std::string& pipe : names) BOOST_TEST(main.removePipe(pipe) == (pipe != gone));
        expect_as_before();
    }
}

BOOST_AUTO_TEST_CASE(a_pipe_that_does_not_exist_is_not_removed) {
    BOOST_TEST(!main.removePipe("reply"));
    make("reply");
    BOOST_TEST(!main.removePipe("repl"));
    BOOST_TEST(!main.removePipe("reply "));
    BOOST_TEST(main.removePipe("reply"));
    BOOST_TEST(!main.removePipe("reply"));
    expect_as_before();
}

BOOST_AUTO_TEST_CASE(names_that_no_pipe_can_have_are_refused) {
    BOOST_CHECK_THROW(main.removePipe(""), std::logic_error);
    BOOST_CHECK_THROW(main.removePipe(std::string(256, 'x')), std::logic_error);
    BOOST_CHECK_THROW(main.removePipe(std::string("a\0b", 3)), std::logic_error);
    const std::string longest(255, 'x');
    make(longest);
    BOOST_TEST(main.removePipe(longest));
}

BOOST_AUTO_TEST_CASE(who_is_not_started_removes_nothing) {
    make("reply");
    SHMMain idle(name, 1000000);
    BOOST_CHECK_THROW(idle.removePipe("reply"), std::runtime_error);
    ServerSide side(name, "other", 2);
    BOOST_CHECK_THROW(side.removePipe("reply"), std::runtime_error);
    BOOST_TEST(is_there("reply"));
}

BOOST_AUTO_TEST_CASE(a_pipe_that_somebody_holds_stays) {
    auto server = open("reply");
    auto client = std::make_unique<ClientSide>(name, "reply");
    client->start();
    BOOST_TEST(!main.removePipe("reply"));
    server.reset();
    BOOST_TEST(!main.removePipe("reply"));
    client->pipe().enq(1);
    BOOST_TEST(client->pipe().deq() == 1);
    client.reset();
    BOOST_TEST(main.removePipe("reply"));
    expect_as_before();
}

BOOST_AUTO_TEST_CASE(a_server_removes_other_pipes_but_not_its_own) {
    {
        const auto server = open("own");
        make("reply");
        BOOST_TEST(server->removePipe("reply"));
        BOOST_TEST(!server->removePipe("own"));
        BOOST_CHECK_THROW(server->removePipe(""), std::logic_error);
    }
    BOOST_TEST(main.removePipe("own"));
    expect_as_before();
}

BOOST_AUTO_TEST_CASE(a_pipe_with_packets_stays_until_they_are_taken) {
    open("reply")->pipe().enq(share(1));
    BOOST_TEST(!main.removePipe("reply"));
    BOOST_TEST(open("reply")->pipe().deq()("i") == 1);
    BOOST_TEST(main.removePipe("reply"));
    expect_as_before();
}

BOOST_AUTO_TEST_CASE(a_pipe_can_be_made_anew_with_another_capacity) {
    make("reply", 2);
    BOOST_CHECK_THROW(open("reply", 3), std::logic_error);
    BOOST_TEST(main.removePipe("reply"));
    {
        const auto server = open("reply", 3);
        BOOST_TEST(server->pipe().capacity() == 3u);
        for (int i = 0; i < 3; ++i) server->pipe().enq(i);
        BOOST_TEST(!server->pipe().enqueue(3, 0.0));
        for (int i = 0; i < 3; ++i) BOOST_TEST(server->pipe().deq() == i);
    }
    BOOST_TEST(main.removePipe("reply"));
    expect_as_before();
}

BOOST_AUTO_TEST_CASE(ten_thousand_pipes_one_after_the_other_leave_a_small_pool_as_it_was) {
    const watchdog dog(120);
    for (int i = 0; i < 10000; ++i) {
        const std::string pipe = "reply " + std::to_string(i);
        const bool is_temporary = i % 2 == 0;
        {
            const auto side = is_temporary ? open_temporary(pipe) : open(pipe);
            side->pipe().enq(i);
            if (!is_temporary) BOOST_REQUIRE(side->pipe().deq() == i);
        }
        BOOST_REQUIRE(main.removePipe(pipe) == !is_temporary);
    }
    expect_as_before();
}

BOOST_AUTO_TEST_CASE(an_opener_that_is_refused_holds_nothing) {
    make("reply", 2);
    BOOST_CHECK_THROW(open("reply", 3), std::logic_error);
    BOOST_TEST(main.removePipe("reply"));
    expect_as_before();
}

// --- temporary pipes ---------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(temporary_returns_the_old_setting) {
    ServerSide side(name, "reply", 2);
    BOOST_TEST(!side.temporary(true));
    BOOST_TEST(side.temporary(true));
    BOOST_TEST(side.temporary(false));
    BOOST_TEST(!side.temporary(false));
}

BOOST_AUTO_TEST_CASE(a_temporary_pipe_goes_with_the_last_one_that_holds_it) {
    auto server = open_temporary("reply");
    auto client = std::make_unique<ClientSide>(name, "reply");
    client->start();
    server.reset();
    client->pipe().enq(1);
    BOOST_TEST(count() == 1u);
    client.reset();
    BOOST_TEST(count() == 0u);
    BOOST_TEST(!is_there("reply"));
    expect_as_before();
}

BOOST_AUTO_TEST_CASE(the_packets_in_a_temporary_pipe_go_with_it) {
    const Val kept = share(1);
    Val taken;
    {
        const auto server = open_temporary("reply", 4);
        server->pipe().enq(Tab{{"text", std::string(5000, 'x')}});
        taken = server->pipe().deq();
        server->pipe().enq(kept);
        server->pipe().enq(Shared(pool(), Tab{{"other", kept}}));
        server->pipe().enq(Tab{{"text", std::string(5000, 'x')}});
    }
    BOOST_TEST(count() == 0u);
    BOOST_TEST(check(pool()).boxes == 2u);
    expect_sound();
    BOOST_TEST(kept("i") == 1);
    BOOST_TEST(taken("text").length() == 5000u);
}

BOOST_AUTO_TEST_CASE(a_pipe_that_was_there_does_not_become_temporary) {
    make("reply");
    open_temporary("reply");
    BOOST_TEST(is_there("reply"));
    BOOST_TEST(main.removePipe("reply"));
    auto temporary = open_temporary("reply");
    const auto other = open("reply");
    temporary.reset();
    BOOST_TEST(is_there("reply"));
}

BOOST_AUTO_TEST_CASE(what_could_not_be_removed_in_time_goes_with_the_next_look) {
    open_temporary("reply").reset();
    detail::arena& a = detail::arena_of(*pool());
    // As if its last holder could not remove the pipe.
    detail::hold* const h = detail::open_pipe(a, {"late", 2, true});
    detail::drop_handle(h);
    BOOST_TEST(count() == 1u);
    a.pipes_due = 1;
    BOOST_TEST(eventually([&] { return pool()->isPristine() && count() == 0; }));
    BOOST_TEST(a.pipes_due == 0u);
    expect_as_before();
}

// --- the judge, and others at the same time ----------------------------------------------------

BOOST_AUTO_TEST_CASE(a_wrong_count_of_a_pipe_is_reported) {
    const auto server = open("reply");
    BOOST_TEST(check(pool()).boxes == 0u);
    detail::arena& a = detail::arena_of(*pool());
    detail::box& b = *a.at<detail::box>(a.pipes);
    for (const int wrong : {1, -1}) {
        b.refs += static_cast<std::uint32_t>(wrong);
        const pool_report report = check(pool());
        b.refs -= static_cast<std::uint32_t>(wrong);
        BOOST_REQUIRE(report.problems.size() == 1u);
        BOOST_TEST(report.problems.front().rfind("the pipe at ", 0) == 0u);
    }
    expect_sound();
}

BOOST_AUTO_TEST_CASE(a_pipe_can_be_opened_while_another_thread_removes_it) {
    const watchdog dog(120);
    std::atomic<int> removed{0};
    std::atomic<bool> stop{false};
    std::vector<std::thread> openers;
    for (int t = 0; t < 2; ++t)
        openers.emplace_back([&, t] {
            for (int i = 0; removed < 300; ++i) {
                ServerSide side(name, "reply", 4);
                side.temporary(i % 3 == 0);
                side.start();
                side.pipe().enq(share(t));
                const Val packet = side.pipe().deq();
                if (packet("i") != 0 && packet("i") != 1) std::abort();
            }
        });
    std::thread reader([&] {
        while (can_check_meanwhile && !stop) check(pool());
    });
    while (removed < 300) removed += main.removePipe("reply");
    for (std::thread& opener : openers) opener.join();
    stop = true;
    reader.join();
    main.removePipe("reply");
    BOOST_TEST(count() == 0u);
    expect_pristine();
}

// --- a pool that is full -----------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(too_many_pipes_leave_the_others_usable_and_their_removal_gives_all_back) {
    const watchdog dog(120);
    const auto old = open("old", 4);
    const std::size_t with_old = pool()->usedBytes();
    const Val shared = share(7);
    std::vector<std::string> names;
    expect_a_share(fill_with_pipes(*this, names));
    BOOST_TEST(names.size() > 300u);
    expect_sound();
    const pool_report report = check(pool());
    BOOST_TEST(report.used_bytes <= report.total_bytes);
    BOOST_TEST(report.queues == names.size() + 1);
    old->pipe().enq(shared);
    old->pipe().enq(1);
    BOOST_TEST(is(old->pipe().deq(), shared));
    BOOST_TEST(old->pipe().deq() == 1);
    for (const std::string& pipe : names) {
        const auto side = open(pipe);
        side->pipe().enq(shared);
        BOOST_REQUIRE(is(side->pipe().deq(), shared));
    }
    for (const std::string& pipe : names) BOOST_REQUIRE(main.removePipe(pipe));
    BOOST_TEST(count() == 1u);
    expect_sound();
    // The ledger blocks that the process needed for what it held stay.
    BOOST_TEST(pool()->usedBytes() < with_old + 4096);
    std::vector<std::string> again;
    fill_with_pipes(*this, again);
    BOOST_TEST(again.size() >= names.size() * 9 / 10);
}

BOOST_AUTO_TEST_CASE(a_pipe_can_be_opened_in_a_pool_full_of_values) {
    std::vector<Val> values;
    std::string message;
    try {
        for (;;) values.push_back(Shared(pool(), Tab{{"text", std::string(300, 'x')}}));
    } catch (const PoolExhausted& e) {
        message = e.what();
    }
    expect_a_share(message);
    {
        const auto side = open("reply", 4);
        side->pipe().enq(values.back());
        BOOST_TEST(is(side->pipe().deq(), values.back()));
    }
    BOOST_TEST(main.removePipe("reply"));
    values.clear();
    BOOST_TEST(pool()->isPristine());
    expect_sound();
}

BOOST_AUTO_TEST_CASE(neither_values_nor_pipes_get_what_ledgers_need) {
    std::vector<std::string> names;
    fill_with_pipes(*this, names);
    std::vector<Val> values;
    try {
        for (;;) values.push_back(share(1));
    } catch (const PoolExhausted&) {
    }
    const detail::arena& a = detail::arena_of(*pool());
    std::uint32_t free_pages = 0;
    for (std::uint32_t p = 0; p < a.page_count; ++p)
        free_pages += a.page(p).kind == detail::page_entry::free;
    BOOST_TEST(!values.empty());
    BOOST_TEST(free_pages + check(pool()).living_processes.size() + 16 >= a.bookkeeping_pages);
    BOOST_TEST(free_pages >= a.bookkeeping_pages / 2);
}

BOOST_AUTO_TEST_CASE(opening_a_pipe_in_a_pool_of_every_degree_of_fullness_fails_cleanly) {
    for (const int capacity : {2, 300}) {
        std::size_t failures = 0;
        for (std::size_t room = 0;; ++room) {
            all_memory rest(*pool());
            for (std::size_t i = 0; i < room; ++i) BOOST_REQUIRE(rest.give_back_one());
            try {
                open_temporary("reply", capacity);
                break;
            } catch (const PoolExhausted&) {
                ++failures;
                BOOST_REQUIRE(detail::arena_of(*pool()).pipes == 0u);
            }
        }
        BOOST_TEST(failures > 0u);
        expect_as_before();
    }
}

BOOST_AUTO_TEST_SUITE_END()
