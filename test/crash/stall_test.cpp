#include "base/kill_point.hpp"
#include "process/gate.hpp"
#include "support/child.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

/// A process is stopped in the middle of a repair, with the gate closed. Nobody can change anything
/// in the pool then, but nobody hangs. When the process continues, or is killed, nothing has been
/// lost.

using namespace valpool;
using namespace valpool::test;

namespace {

using std::chrono::steady_clock;

struct stall_board {
    detail::kill_plan plan;
    std::atomic<bool> victim_is_ready;
    std::atomic<bool> leaver_is_ready;
    std::atomic<bool> leave;
    std::atomic<bool> has_left;
    std::atomic<bool> end;
};

/// How the stop ends.
enum class ending { goes_on, is_killed };

std::atomic<bool> is_break_wanted{false};
bool wants_break() { return is_break_wanted; }

unsigned point_named(const std::string& name) {
    for (unsigned p = 0; p < detail::kill_point_count(); ++p)
        if (detail::kill_point_name(p) == name) return p;
    BOOST_FAIL("no such point: " << name);
    return 0;
}

/// All content of the pool, and all that will be put there, is made before the stop.
class stalled_pool {
public:
    /// `other` runs in a process that is attached only by what `other` does.
    explicit stalled_pool(const std::function<int(stalled_pool&)>& other = {})
        : name_("stall"), main_(name_, 2000000), full_(name_, "full", 2), pipe_(name_, "pipe", 4) {
        if (other) other_.emplace([&] { return other(*this); });
        detail::use_kill_plan(&board_->plan);
        main_.start();
        full_.start();
        pipe_.start();
        full_.pipe().enq(1);
        full_.pipe().enq(2);
        pipe_.pipe().enq(Tab{{"number", 7}});
    }
    ~stalled_pool() { detail::use_kill_plan(nullptr); }
    stalled_pool(const stalled_pool&) = delete;
    stalled_pool& operator=(const stalled_pool&) = delete;

    /// Kills a process, and stops the process that repairs at this kill point.
    void stop_a_repairer_at(const std::string& point) {
        child victim([this] {
            ServerSide side(name_, "pipe", 4);
            side.start();
            const Val held = Shared(side.pool(), Tab{{"text", std::string(5000, 'x')}});
            board_->victim_is_ready = true;
            for (;;) pause();
            return 0;
        });
        BOOST_REQUIRE(eventually([&] { return board_->victim_is_ready.load(); }));
        BOOST_REQUIRE_EQUAL(victim.kill_and_wait(), -SIGKILL);
        auto& order = board_->plan.orders[point_named(point)];
        order.signal = SIGSTOP;
        order.victim = -1;
        order.countdown = 1;
        repairer_.emplace([this, &order] {
            order.victim = getpid();
            const std::uint64_t before = gate().recoveries;
            // isPristine notices the death.
            return eventually([&] {
                main_.pool()->isPristine();
                return gate().recoveries != before;
            })
                       ? 0
                       : 1;
        });
        BOOST_REQUIRE(eventually([&] { return repairer_->has_stopped(); }));
        BOOST_REQUIRE(gate_is_closed());
    }
    void end_it(ending how) {
        if (how == ending::goes_on) {
            repairer_->signal(SIGCONT);
            BOOST_TEST(repairer_->wait() == 0);
        } else {
            BOOST_TEST(repairer_->kill_and_wait() == -SIGKILL);
        }
    }
    /// By now nothing is in use any more.
    void expect_all_is_well() {
        Val packet;
        BOOST_TEST(full_.pipe().dequeue(20.0, packet));
        BOOST_TEST(packet == 1);
        BOOST_TEST(full_.pipe().dequeue(20.0, packet));
        BOOST_TEST(packet == 2);
        BOOST_TEST(!full_.pipe().dequeue(0.0, packet));
        BOOST_TEST(pipe_.pipe().dequeue(20.0, packet));
        BOOST_TEST(packet("number") == 7);
        BOOST_TEST(!pipe_.pipe().dequeue(0.0, packet));
        packet = None;
        BOOST_TEST(eventually([&] {
            return main_.pool()->isPristine() && check(main_.pool()).dead_processes.empty();
        }));
        const pool_report report = check(main_.pool());
        BOOST_TEST(report.is_sound());
        BOOST_TEST(report.dead_processes.empty());
        BOOST_TEST(report.leaked_bytes == 0u);
        BOOST_TEST(report.boxes == 0u);
    }

    detail::gate& gate() {
        return detail::find_attachment(detail::arena_of(*main_.pool()))->pool->entrance;
    }
    int wait_for_other() { return other_->wait(); }
    bool gate_is_closed() { return gate().closed != 0; }
    detail::thread_lane& lane() {
        return detail::lane_of_thread(
            *detail::find_attachment(detail::arena_of(*main_.pool()))->pool);
    }
    pid_t stopped_pid() const { return repairer_->pid(); }
    stall_board& board() { return *board_; }
    const std::string& name() const { return name_; }
    StreamingPool* pool() const { return main_.pool(); }
    CQ& full() { return full_.pipe(); }
    CQ& pipe() { return pipe_.pipe(); }

private:
    shared<stall_board> board_;
    pool_name name_;
    SHMMain main_;
    ServerSide full_;
    ServerSide pipe_;
    std::optional<child> repairer_;
    std::optional<child> other_;
};

/// Expects false, and not before the time is over.
void expect_time_out(double seconds, const std::function<bool(double)>& operation) {
    const auto began = steady_clock::now();
    BOOST_TEST(!operation(seconds));
    BOOST_TEST((std::chrono::duration<double>(steady_clock::now() - began).count() >= seconds));
}

const detail::box* box_of(const Val& value) { return detail::value_access::target(value); }

constexpr double time_out_s = 0.2;

void wait_with_time_outs(stalled_pool& p, const Val& shared, Val& moved, Val& moved_plain) {
    Val packet = "untouched";
    const detail::box* const target = box_of(moved);
    expect_time_out(time_out_s, [&](double s) { return p.pipe().dequeue(s, packet); });
    BOOST_TEST(packet == "untouched");
    expect_time_out(time_out_s, [&](double s) { return p.pipe().enqueue(Tab{{"a", 1}}, s); });
    const Val plain = 5;
    expect_time_out(time_out_s, [&](double s) { return p.pipe().enqueue(plain, s); });
    expect_time_out(time_out_s, [&](double s) { return p.pipe().enqueue(shared, s); });
    expect_time_out(time_out_s, [&](double s) { return p.pipe().enqueue(std::move(moved), s); });
    BOOST_TEST(box_of(moved) == target);
    BOOST_TEST(moved("number") == 3);
    expect_time_out(time_out_s,
                    [&](double s) { return p.pipe().enqueue(std::move(moved_plain), s); });
    BOOST_TEST(moved_plain("plain") == 4);
    expect_time_out(time_out_s, [&](double s) { return p.full().enqueue(shared, s); });
    std::vector<Val> many{1, 2};
    expect_time_out(time_out_s, [&](double s) { return p.pipe().enqueue_many(many, s) != 0; });
    BOOST_TEST(many[0] == 1);
    std::vector<Val> none;
    expect_time_out(time_out_s, [&](double s) { return p.pipe().dequeue_many(none, 2, s) != 0; });
}

void try_once(stalled_pool& p, const Val& shared, Val& moved) {
    Val packet = "untouched";
    BOOST_TEST(!p.pipe().dequeue(0.0, packet));
    BOOST_TEST(packet == "untouched");
    BOOST_TEST(!p.pipe().try_enqueue(shared));
    BOOST_TEST(!p.pipe().try_enqueue(std::move(moved)));
    BOOST_TEST(moved("number") == 3);
    BOOST_TEST(!p.pipe().try_enqueue(Tab{{"a", 1}}));
}

bool names(const PoolStalled& e, pid_t pid) {
    return std::string(e.what()).find("process " + std::to_string(pid) + " ") != std::string::npos;
}

void change_without_a_time_out(stalled_pool& p, Val& shared) {
    const auto names_it = [&](const PoolStalled& e) { return names(e, p.stopped_pid()); };
    BOOST_CHECK_EXCEPTION(Shared(p.pool(), Tab{{"a", 1}}), PoolStalled, names_it);
    const auto before = shared.length();
    BOOST_CHECK_EXCEPTION(shared["text"] = std::string(20000, 'y'), PoolStalled, names_it);
    BOOST_TEST(shared.length() == before);
    BOOST_TEST(shared("text").length() == 1000u);
    BOOST_CHECK_EXCEPTION(p.pool()->allocate(100), PoolStalled, names_it);
}

void read_values(const Val& shared) {
    BOOST_TEST(shared("number") == 2);
    BOOST_TEST(shared("text").length() == 1000u);
    const Val copy = shared("list");
    BOOST_TEST(copy(1) == 2);
}

/// A wait without a time-out in a stalled pool ends when its break checker asks for it.
void wait_for_a_break(stalled_pool& p, const char* pipe) {
    ClientSide side(p.name(), pipe, false, nullptr, wants_break, 1000);
    BOOST_REQUIRE_EQUAL(side.start(), STARTED);
    p.stop_a_repairer_at("recovery.closed_gate");
    is_break_wanted = true;
    BOOST_CHECK_THROW(side.pipe().deq(), BreakRequested);
    is_break_wanted = false;
}

void start_with_a_break(stalled_pool& p) {
    is_break_wanted = true;
    ServerSide side(p.name(), "a new pipe", 4, false, nullptr, wants_break, 1000);
    BOOST_TEST(side.start() == STOPPED);
    ClientSide client(p.name(), "pipe", false, nullptr, wants_break, 1000);
    BOOST_TEST(client.start() == STOPPED);
    is_break_wanted = false;
}

/// Attaches before the stop, detaches when it is told to, and lives on.
int attach_and_leave(stalled_pool& p, bool has_values) {
    {
        ServerSide side(p.name(), "pipe", 4);
        ClientSide other(p.name(), "full");
        side.start();
        other.start();
        side.pool()->allocate(1000);
        Val held;
        if (has_values) held = Shared(side.pool(), Tab{{"text", std::string(500, 'x')}});
        p.board().leaver_is_ready = true;
        eventually([&] { return p.board().leave.load(); }, 60);
    }
    p.board().has_left = true;
    eventually([&] { return p.board().end.load(); }, 60);
    return 0;
}

void live_beside_a_stopped_repairer(const std::string& point, ending how) {
    stalled_pool p;
    Val shared = Shared(
        p.pool(), Tab{{"number", 2}, {"text", std::string(1000, 'x')}, {"list", Arr{1, 2, 3}}});
    Val moved = Shared(p.pool(), Tab{{"number", 3}});
    Val moved_plain = Tab{{"plain", 4}};
    std::vector<Val> many;
    for (int i = 0; i < 100; ++i) many.push_back(Shared(p.pool(), Tab{{"number", i}}));
    p.stop_a_repairer_at(point);

    read_values(shared);
    wait_with_time_outs(p, shared, moved, moved_plain);
    try_once(p, shared, moved);
    {
        // A limit of 1 ms instead of the ten seconds that these calls would wait.
        const detail::gate_limit soon(p.lane(), detail::deadline::in(std::chrono::milliseconds(1)));
        change_without_a_time_out(p, shared);
    }
    check(p.pool());
    many.clear();
    read_values(shared);
    BOOST_TEST(p.gate_is_closed());  // otherwise this tests nothing

    p.end_it(how);
    BOOST_TEST(shared("number") == 2);
    shared["text"] = std::string(20000, 'y');
    BOOST_TEST(shared("text").length() == 20000u);
    Val third = moved_plain;
    BOOST_TEST(p.pipe().enqueue(std::move(moved), 20.0));
    BOOST_TEST(p.pipe().enqueue(std::move(third), 20.0));
    Val first = p.pipe().deq();
    BOOST_TEST(p.pipe().deq()("number") == 3);
    BOOST_TEST(p.pipe().deq()("plain") == 4);
    BOOST_TEST(p.pipe().enqueue(std::move(first), 20.0));
    shared = None;
    p.expect_all_is_well();
}

constexpr const char* points[] = {"recovery.closed_gate", "recovery.cleared_marks",
                                  "recovery.marked_queues", "recovery.freed_lanes"};

}  // namespace

BOOST_AUTO_TEST_SUITE(stall)

BOOST_AUTO_TEST_CASE(nobody_hangs_while_a_repairer_is_stopped_and_nothing_is_lost_when_it_goes_on) {
    const watchdog dog(120);
    for (const char* const point : points)
        BOOST_TEST_CONTEXT(point) live_beside_a_stopped_repairer(point, ending::goes_on);
}

BOOST_AUTO_TEST_CASE(
    nobody_hangs_while_a_repairer_is_stopped_and_nothing_is_lost_when_it_is_killed) {
    const watchdog dog(120);
    for (const char* const point : points)
        BOOST_TEST_CONTEXT(point) live_beside_a_stopped_repairer(point, ending::is_killed);
}

BOOST_AUTO_TEST_CASE(what_has_no_time_out_gives_up_after_the_longest_stall) {
    const watchdog dog(120);
    stalled_pool p;
    p.stop_a_repairer_at("recovery.closed_gate");
    const auto began = steady_clock::now();
    const auto names_it = [&](const PoolStalled& e) { return names(e, p.stopped_pid()); };
    std::thread other([&] {
        const Val plain = Tab{{"a", 1}};
        BOOST_CHECK_EXCEPTION(p.pipe().enq(plain), PoolStalled, names_it);
    });
    BOOST_CHECK_EXCEPTION(Shared(p.pool(), Tab{{"a", 1}}), PoolStalled, names_it);
    other.join();
    BOOST_TEST((steady_clock::now() - began >= detail::longest_stall));
    p.end_it(ending::goes_on);
    p.expect_all_is_well();
}

BOOST_AUTO_TEST_CASE(a_wait_for_ever_at_an_empty_pipe_ends_by_its_break_checker) {
    const watchdog dog(60);
    stalled_pool p;
    ServerSide(p.name(), "empty", 4).start();
    wait_for_a_break(p, "empty");
    p.end_it(ending::goes_on);
    p.expect_all_is_well();
}

BOOST_AUTO_TEST_CASE(a_wait_for_ever_for_a_packet_that_is_there_ends_by_its_break_checker) {
    const watchdog dog(60);
    stalled_pool p;
    wait_for_a_break(p, "full");
    p.end_it(ending::goes_on);
    p.expect_all_is_well();
}

BOOST_AUTO_TEST_CASE(a_start_ends_by_its_break_checker) {
    const watchdog dog(60);
    stalled_pool p;
    p.stop_a_repairer_at("recovery.closed_gate");
    start_with_a_break(p);
    p.end_it(ending::goes_on);
    p.expect_all_is_well();
}

BOOST_AUTO_TEST_CASE(a_start_without_a_break_checker_waits_for_the_repairer) {
    const watchdog dog(60);
    stalled_pool p([](stalled_pool& pool) {
        eventually([&] { return pool.board().leave.load(); }, 60);
        ServerSide side(pool.name(), "a new pipe", 4);
        ClientSide client(pool.name(), "pipe");
        return side.start() == STARTED && client.start() == STARTED ? 0 : 1;
    });
    p.stop_a_repairer_at("recovery.closed_gate");
    p.board().leave = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    BOOST_TEST(p.gate_is_closed());
    p.end_it(ending::goes_on);
    BOOST_TEST(p.wait_for_other() == 0);
    p.expect_all_is_well();
}

BOOST_AUTO_TEST_CASE(detaching_returns) {
    const watchdog dog(120);
    for (const bool has_values : {false, true}) {
        BOOST_TEST_CONTEXT(has_values) {
            stalled_pool p([=](stalled_pool& its) { return attach_and_leave(its, has_values); });
            BOOST_REQUIRE(eventually([&] { return p.board().leaver_is_ready.load(); }));
            p.stop_a_repairer_at("recovery.closed_gate");
            p.board().leave = true;
            BOOST_TEST(eventually([&] { return p.board().has_left.load(); }));
            BOOST_TEST(p.gate_is_closed());
            p.end_it(ending::goes_on);
            p.expect_all_is_well();  // although the process that has detached lives on
            p.board().end = true;
            BOOST_TEST(p.wait_for_other() == 0);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
