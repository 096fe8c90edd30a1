#include "crash/scenario.hpp"

#include "alloc/slab.hpp"
#include "recovery/recovery.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include <unistd.h>

/// Kills, and stops, a process at every kill point, one after the other, while other processes live
/// on in the same pool; then compares what is left with what must be.

using namespace valpool;
using namespace valpool::test;

namespace {

enum command : int { idle, judge, check_normal_work, look_at_gate, leave };

/// A packet that only says that all packets before it have arrived.
constexpr int mark = -1;

/// The process with the pool's SHMMain. It judges the pool after each death.
class keeper {
public:
    keeper(const std::string& name, crash_board& board)
        : name_(name),
          board_(board),
          main_(name, 1000000),
          input_(name, "from victim", 8),
          output_(name, "to victim", 8),
          sleeper_(name, "to sleeper", 4),
          changing_(name, "changing", 4),
          second_victim_(name, "second victim", 4),
          leased_(name, "leased", 16),
          letters_(name, "dead letters", 4),
          numbered_(name, "numbered", 8) {
        main_.start();
        input_.start();
        output_.start();
        sleeper_.start();
        changing_.start();
        second_victim_.start();
        leased_.start();
        letters_.start();
        numbered_.start();
    }

    int serve() {
        refill();
        board_.answer = 1;
        for (;;) {
            const int order = board_.command.exchange(idle);
            if (order == idle) {
                usleep(20);
                continue;
            }
            if (order == leave) return 0;
            std::string complaint;
            try {
                complaint = order == judge          ? verdict()
                            : order == look_at_gate ? state_of_gate()
                                                    : work_normally();
            } catch (const std::exception& e) {
                complaint = e.what();
            }
            std::snprintf(board_.complaint.data(), board_.complaint.size(), "%s",
                          complaint.c_str());
            board_.answer = 1;
        }
    }

private:
    void refill() {
        for (int i = 0; i < packets_for_victim; ++i)
            output_.pipe().enq(Shared(main_.pool(), Tab{{"number", i}}));
        for (int i = 0; i < packets_to_lease; ++i)
            leased_.pipe().enq(Shared(main_.pool(), Tab{{"number", i}}));
        board_.source_base = static_cast<int>(last_of_source());
        board_.leases_done = 0;
        board_.sent = 0;
        board_.received = 0;
        board_.woken_with = 0;
        board_.sleeper_got = 0;
        board_.sleeper_disorder = 0;
    }

    std::uint64_t last_of_source() const {
        return IdempotentProducer(numbered_.pipe(), source_of_victim).last();
    }

    void recover() {
        auto user = detail::find_attachment(detail::arena_of(*main_.pool()));
        for (int i = 0; i < 1000; ++i) {
            const auto result = detail::recover_if_needed(*user.get());
            if (result == detail::recovery_result::nothing_dead) return;
            usleep(100);
        }
    }

    static std::vector<int> drain(CQ& pipe) {
        std::vector<int> numbers;
        Val packet;
        while (pipe.dequeue(0.0, packet)) numbers.push_back(packet("number"));
        return numbers;
    }

    /// The numbers must be first, first + 1, ... last - 1.
    static void expect_numbers(std::ostream& wrong, const char* pipe, const std::vector<int>& got,
                               int first, int last) {
        std::vector<int> wanted;
        for (int i = first; i < last; ++i) wanted.push_back(i);
        if (got == wanted) return;
        wrong << pipe << ": " << first << ".." << last - 1 << " expected, got";
        for (const int number : got) wrong << ' ' << number;
        wrong << "; ";
    }

    std::string verdict() {
        recover();
        std::ostringstream wrong;
        // The operation that was under way when it died may have happened or not. Nothing else may
        // be in doubt.
        const auto left = drain(input_.pipe());
        const int sent = board_.sent;
        expect_numbers(wrong, "from victim", left, 0,
                       static_cast<int>(left.size()) == sent + 1 ? sent + 1 : sent);
        const auto untaken = drain(output_.pipe());
        const int received = board_.received;
        const bool one_more = static_cast<int>(untaken.size()) == packets_for_victim - received - 1;
        expect_numbers(wrong, "to victim", untaken, one_more ? received + 1 : received,
                       packets_for_victim);
        judge_leases(wrong);
        judge_source(wrong);
        use_what_was_being_changed(wrong);
        drain(second_victim_.pipe());
        const int woken = board_.woken_with;
        const bool all_taken = eventually(
            [&] { return sleeper_.pipe().empty() && board_.sleeper_got >= woken; }, most_seconds_);
        // The sleeper may have taken a packet without having counted it yet. After a mark it has.
        const int marks = board_.marks;
        sleeper_.pipe().enq(mark);
        const bool counted = eventually([&] { return board_.marks > marks; }, most_seconds_);
        if (!all_taken || !counted || board_.sleeper_got > woken + 1 ||
            board_.sleeper_disorder != 0)
            wrong << "the sleeper got " << board_.sleeper_got << " of " << woken << "; ";
        if (!eventually([&] { return main_.pool()->isPristine(); }, most_seconds_))
            wrong << "not pristine; ";
        if (is_there(reply_pipe)) wrong << "a temporary pipe is left; ";
        const pool_report report = check(main_.pool());
        if (!report.is_sound() || !report.dead_processes.empty() || report.leaked_bytes != 0 ||
            report.boxes != 0 || report.taps != 0)
            wrong << report;
        refill();
        return wrong.str();
    }

    /// What is not done is there again, in order. The dead letter may be in both pipes, but not in
    /// none.
    void judge_leases(std::ostream& wrong) {
        const auto left = drain(leased_.pipe());
        const auto letters = drain(letters_.pipe());
        const int done = board_.leases_done;
        const bool one_more = static_cast<int>(left.size()) == packets_to_lease - done - 1;
        const bool is_dropping = done == dead_letter + 1;  // of two packets, one by one
        const bool two_more = static_cast<int>(left.size()) == packets_to_lease - done - 2;
        const int first = done + (one_more ? 1 : two_more && is_dropping ? 2 : 0);
        expect_numbers(wrong, "leased", left, first, packets_to_lease);
        if (!letters.empty() && letters != std::vector<int>{dead_letter})
            wrong << "other dead letters than the one; ";
        if (first > dead_letter && letters.empty()) wrong << "the dead letter is lost; ";
        if (leased_.pipe().leased() != 0) wrong << "a lease of the dead is left; ";
    }

    /// Wherever the victim died, its source goes on behind its last packet.
    void judge_source(std::ostream& wrong) {
        feed_from_source(numbered_.pipe(), *main_.pool(), board_);
        const int first = board_.source_base + 1;
        expect_numbers(wrong, "numbered", drain(numbered_.pipe()), first,
                       first + packets_of_source);
    }

    /// Leases all that is there, acknowledges its own packet, and gives back the others.
    void lease_normally(CQ& pipe, std::ostream& wrong) {
        constexpr int own_number = -1000;
        if (!pipe.enqueue(Shared(main_.pool(), Tab{{"number", own_number}}), 5.0))
            wrong << "no room beside leases; ";
        std::vector<Lease> leases;
        bool has_own = false;
        while (Lease lease = pipe.lease(0.0)) {
            if (lease.value()("number") == own_number)
                has_own = lease.ack();
            else
                leases.push_back(std::move(lease));
        }
        if (!has_own) wrong << "no lease; ";
    }

    bool is_there(const char* pipe) const {
        ClientSide side(
            name_, pipe, false, nullptr, [] { return true; }, 0);
        return side.start() == STARTED;
    }

    /// Tables that the victim was changing while they were shared: they must be whole or poisoned,
    /// never broken.
    void use_what_was_being_changed(std::ostream& wrong) {
        Val table;
        while (changing_.pipe().dequeue(0.0, table)) {
            try {
                const TransactionLock lock(table);
                if (table("first") != "there from the start") wrong << "a broken table; ";
            } catch (const PoisonedError&) {
                ++board_.poisoned;
                Proxy(table).clear();
                table["first"] = "anew";
                const TransactionLock lock(table);
                if (table.length() != 1) wrong << "a table that cannot be cleared; ";
            }
        }
    }

    std::string state_of_gate() const {
        return detail::arena_of(*main_.pool()).entrance.closed != 0 ? "closed" : "";
    }

    /// The normal work of a process, while another one is stopped somewhere.
    std::string work_normally() {
        std::ostringstream wrong;
        std::vector<Val> kept;
        for (int i = 0; i < 50; ++i) {
            Val value = Shared(main_.pool(), Tab{{"i", i}, {"text", std::string(100, 'x')}});
            value["more"] = Arr{1, 2, 3};
            kept.push_back(value);
            char* const raw = main_.pool()->allocate(static_cast<std::size_t>(i * 50));
            main_.pool()->deallocate(raw);
            CQ& own = own_pipe();
            if (!own.enqueue(value, 5.0)) wrong << "no room; ";
            Val back;
            if (!own.dequeue(5.0, back) || !is(back, value)) wrong << "no packet; ";
            Val nothing;
            if (own.dequeue(0.0, nothing)) wrong << "a packet from nowhere; ";
            lease_normally(leased_.pipe(), wrong);
            lease_normally(numbered_.pipe(), wrong);
        }
        return wrong.str();
    }

    CQ& own_pipe() {
        if (!own_) own_ = std::make_unique<ServerSide>(name_, "normal work", 2);
        own_->start();
        return own_->pipe();
    }

    static constexpr int most_seconds_ = 10;
    std::string name_;
    crash_board& board_;
    SHMMain main_;
    ServerSide input_;
    ServerSide output_;
    ServerSide sleeper_;
    ServerSide changing_;
    ServerSide second_victim_;
    ServerSide leased_;
    ServerSide letters_;
    ServerSide numbered_;
    std::unique_ptr<ServerSide> own_;
};

/// Waits on a pipe all the time, and is woken by victims.
int sleep_and_count(const std::string& name, crash_board& board) {
    ClientSide side(name, "to sleeper");
    side.start();
    side.pipe().spin(0);  // makes it sleep, whatever others do on its processor
    int expected = 0;
    while (!board.stop) {
        Val packet;
        if (!side.pipe().dequeue(5.0, packet)) continue;
        const int number = packet;
        if (number == mark) {
            ++board.marks;
            continue;
        }
        if (number != expected && number != 0) ++board.sleeper_disorder;
        expected = number + 1;
        ++board.sleeper_got;
    }
    return 0;
}

/// A pool with its keeper and its sleeper, for a number of deaths.
class world {
public:
    world() : name_("crash") {
        detail::use_kill_plan(&board_->plan);
        keeper_.emplace([this] { return keeper(name_, *board_).serve(); });
        if (!wait_for_answer()) throw std::runtime_error("the keeper did not start");
        sleeper_.emplace([this] { return sleep_and_count(name_, *board_); });
    }
    ~world() {
        board_->stop = true;
        board_->command = leave;
        keeper_->wait();
        sleeper_->kill_and_wait();
        detail::use_kill_plan(nullptr);
    }
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    crash_board& board() { return *board_; }
    const std::string& name() const { return name_; }

    void arm(unsigned point, unsigned nth, int signal) {
        auto& order = board_->plan.orders[point];
        order.victim = -1;  // until the victim writes its pid
        order.signal = signal;
        order.countdown = nth;
    }
    void disarm() {
        for (auto& order : board_->plan.orders) order.countdown = 0;
    }
    family start_victim() {
        board_->offspring_end = 0;
        return family([this] {
            if (!board_->is_offspring_to_die) be_the_victim();
            return live_a_whole_life(name_, *board_);
        });
    }
    child start_second_victim() {
        return child([this] {
            work_for_ever(name_);
            return 0;
        });
    }
    void be_the_victim() { claim_orders(*board_); }
    /// What the keeper complains of; empty when all is well.
    std::string ask(command order) {
        board_->command = order;
        if (!wait_for_answer()) return "the keeper is stuck";
        return board_->complaint.data();
    }

private:
    bool wait_for_answer() {
        // Longer than any wait of the judge.
        return eventually([this] { return board_->answer.exchange(0) == 1; }, 60);
    }

    shared<crash_board> board_;
    pool_name name_;
    std::optional<child> keeper_;
    std::optional<child> sleeper_;
};

std::string name_of(unsigned point) { return detail::kill_point_name(point); }
bool is_about(unsigned point, const char* topic) { return name_of(point).rfind(topic, 0) == 0; }

/// As many passes of each point as an everyday run has time for; test/nightly.sh tries more.
constexpr long usual_kills_per_point = 20;

/// Pairs of points are many: each is tried less often.
constexpr long kills_per_pair(long kills_per_point) { return kills_per_point / 8 + 1; }
constexpr long usual_kills_per_pair = kills_per_pair(usual_kills_per_point);

/// What a storm with this many kills a point must reach at least, when the usual one reaches this.
constexpr long least_kills(long usually, long most, long usual_most) {
    return usually * std::min(most, usual_most) / usual_most;
}

/// How often the scenario passes a kill point.
struct pass_counts {
    unsigned own = 0;
    unsigned by_offspring = 0;

    bool only_offspring_passes() const { return own == 0 && by_offspring != 0; }
    /// The passes of the process that is to die there.
    unsigned of_victim() const { return only_offspring_passes() ? by_offspring : own; }
};

/// Only the victim's passes matter; those of the keeper and the sleeper are the same every time.
std::vector<pass_counts> passes_of_a_life(world& w) {
    std::vector<std::uint64_t> before;
    for (unsigned p = 0; p < detail::kill_point_count(); ++p)
        before.push_back(w.board().plan.passes[p]);
    w.board().is_offspring_to_die = false;
    family victim = w.start_victim();
    BOOST_REQUIRE_EQUAL(victim.wait(), 0);
    std::vector<pass_counts> passes;
    for (unsigned p = 0; p < detail::kill_point_count(); ++p) {
        const auto all = static_cast<unsigned>(w.board().plan.passes[p] - before[p]);
        const auto by_offspring = static_cast<unsigned>(w.board().offspring_passes[p]);
        passes.push_back({all - std::min(all, by_offspring), by_offspring});
    }
    BOOST_REQUIRE_EQUAL(w.ask(judge), "");
    return passes;
}

/// Kill points that other tests reach, not this scenario.
bool is_of_a_creator(unsigned point) {
    return is_about(point, "create.") || is_about(point, "retire.");
}
/// Kill points that are passed with the gate closed.
bool is_alone(unsigned point) { return is_about(point, "removal.") || is_about(point, "claim."); }
bool is_elsewhere(unsigned point) {
    return is_about(point, "recovery.") || is_about(point, "shape.") || is_of_a_creator(point);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(crash)

BOOST_AUTO_TEST_CASE(every_kill_point_is_reached_by_some_test) {
    const watchdog dog(120);
    world w;
    const auto passes = passes_of_a_life(w);
    std::set<std::string> names;
    for (unsigned p = 0; p < detail::kill_point_count(); ++p) {
        names.insert(name_of(p));
        if (!is_elsewhere(p)) BOOST_TEST_CONTEXT(name_of(p)) BOOST_TEST(passes[p].of_victim() > 0u);
    }
    BOOST_TEST(names.size() == detail::kill_point_count());
}

// --- the judge itself: it must notice each kind of thing that it is there for -----------------

namespace {

/// The judge's verdict after a process has done this.
std::string verdict_on(const std::function<void(const std::string&, crash_board&)>& deed) {
    world w;
    child doer([&] {
        deed(w.name(), w.board());
        return 0;
    });
    BOOST_REQUIRE_EQUAL(doer.wait(), 0);
    return w.ask(judge);
}

bool mentions(const std::string& verdict, const char* what) {
    return verdict.find(what) != std::string::npos;
}

void send_numbers(const std::string& name, std::initializer_list<int> numbers) {
    ServerSide output(name, "from victim", 8);
    output.start();
    for (const int i : numbers) output.pipe().enq(Shared(output.pool(), Tab{{"number", i}}));
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_judge_accepts_a_life_without_a_death) {
    const watchdog dog(60);
    BOOST_TEST(verdict_on([](const std::string& name, crash_board& board) {
                   live_a_whole_life(name, board);
               }) == "");
}

BOOST_AUTO_TEST_CASE(the_judge_notices_a_lost_packet) {
    const watchdog dog(60);
    BOOST_TEST(mentions(verdict_on([](const std::string& name, crash_board& board) {
                            send_numbers(name, {0, 1});
                            board.sent = 3;
                        }),
                        "from victim"));
    BOOST_TEST(mentions(verdict_on([](const std::string& name, crash_board&) {
                            ClientSide input(name, "to victim");
                            input.start();
                            input.pipe().deq();
                            input.pipe().deq();
                        }),
                        "to victim"));
}

BOOST_AUTO_TEST_CASE(the_judge_notices_a_doubled_packet_and_a_wrong_order) {
    const watchdog dog(60);
    BOOST_TEST(mentions(verdict_on([](const std::string& name, crash_board& board) {
                            send_numbers(name, {0, 1, 1});
                            board.sent = 2;
                        }),
                        "from victim"));
    BOOST_TEST(mentions(verdict_on([](const std::string& name, crash_board& board) {
                            send_numbers(name, {1, 0});
                            board.sent = 2;
                        }),
                        "from victim"));
}

BOOST_AUTO_TEST_CASE(the_judge_notices_a_lost_lease_and_a_lost_dead_letter) {
    const watchdog dog(60);
    const auto take = [](const std::string& name, int packets) {
        ClientSide side(name, "leased");
        side.start();
        for (int i = 0; i < packets; ++i) side.pipe().deq();
    };
    BOOST_TEST(mentions(verdict_on([&](const std::string& name, crash_board&) { take(name, 2); }),
                        "leased: 0..7"));
    BOOST_TEST(mentions(verdict_on([&](const std::string& name, crash_board& board) {
                            take(name, dead_letter + 1);
                            board.leases_done = dead_letter + 1;
                        }),
                        "the dead letter is lost"));
}

BOOST_AUTO_TEST_CASE(the_judge_notices_a_packet_of_a_source_that_is_lost_or_came_twice) {
    const watchdog dog(60);
    BOOST_TEST(mentions(verdict_on([](const std::string& name, crash_board& board) {
                            ClientSide side(name, "numbered");
                            side.start();
                            feed_from_source(side.pipe(), *side.pool(), board);
                            side.pipe().deq();
                        }),
                        "numbered: 1..4"));
    BOOST_TEST(mentions(verdict_on([](const std::string& name, crash_board&) {
                            ClientSide side(name, "numbered");
                            side.start();
                            side.pipe().enq(Shared(side.pool(), Tab{{"number", 1}}));
                        }),
                        "numbered: 1..4"));
}

BOOST_AUTO_TEST_CASE(the_judge_notices_a_temporary_pipe_that_is_left) {
    const watchdog dog(60);
    BOOST_TEST(mentions(verdict_on([](const std::string& name, crash_board&) {
                            ServerSide(name, reply_pipe, 2).start();
                        }),
                        "a temporary pipe is left"));
}

BOOST_AUTO_TEST_CASE(the_judge_notices_a_reference_too_many) {
    const watchdog dog(60);
    BOOST_TEST(mentions(verdict_on([](const std::string& name, crash_board&) {
                            ServerSide side(name, "from victim", 8);
                            side.start();
                            Val table = Shared(side.pool(), Tab());
                            ++detail::value_access::target(table)->refs;
                        }),
                        "not pristine"));
}

BOOST_AUTO_TEST_CASE(the_judge_notices_a_block_that_nobody_has) {
    const watchdog dog(60);
    BOOST_TEST(mentions(verdict_on([](const std::string& name, crash_board&) {
                            ServerSide side(name, "from victim", 8);
                            side.start();
                            auto user = detail::find_attachment(detail::arena_of(*side.pool()));
                            auto& lane = detail::lane_of_thread(*user->pool);
                            detail::allocate_space(*user->pool, *lane.heap, 100);
                        }),
                        "not pristine"));
}

BOOST_AUTO_TEST_CASE(the_judge_notices_a_lost_wake_up_and_a_broken_table) {
    const watchdog dog(120);
    BOOST_TEST(
        mentions(verdict_on([](const std::string&, crash_board& board) { board.woken_with = 1; }),
                 "the sleeper got"));
    BOOST_TEST(mentions(verdict_on([](const std::string& name, crash_board&) {
                            ServerSide side(name, "changing", 4);
                            side.start();
                            side.pipe().enq(Shared(side.pool(), Tab{{"first", "another text"}}));
                        }),
                        "a broken table"));
}

BOOST_AUTO_TEST_CASE(a_process_may_die_at_any_point_of_its_life) {
    const watchdog dog(6000);
    const long most = from_environment("VALPOOL_KILLS_PER_POINT", usual_kills_per_point);
    long kills = 0;
    long offspring_kills = 0;
    long pairs = 0;
    long poisoned = 0;
    auto w = std::make_unique<world>();
    const auto passes = passes_of_a_life(*w);
    for (unsigned p = 0; p < detail::kill_point_count(); ++p) {
        if (is_elsewhere(p)) continue;
        poisoned += w->board().poisoned;
        w.reset();  // first: the old world removes its kill plan
        w = std::make_unique<world>();
        for (const bool is_offspring : {false, true}) {
            w->board().is_offspring_to_die = is_offspring;
            const auto count = is_offspring ? passes[p].by_offspring : passes[p].own;
            const auto kills_here = std::min<long>(count, most);
            for (long i = 0; i < kills_here; ++i) {
                // Spread over all passes: what happens around a point differs from pass to pass.
                const long n = 1 + i * count / kills_here;
                w->arm(p, static_cast<unsigned>(n), SIGKILL);
                std::optional<child> second;  // is killed at the same time, wherever it is then
                if (i % 2 != 0) second.emplace(w->start_second_victim());
                family victim = w->start_victim();
                int end = victim.wait();
                if (is_offspring) end = w->board().offspring_end;
                if (second && second->kill_and_wait() == -SIGKILL) ++pairs;
                w->disarm();
                if (end == -SIGKILL) ++(is_offspring ? offspring_kills : kills);
                const std::string complaint = w->ask(judge);
                BOOST_TEST_CONTEXT(name_of(p) << ", pass " << n << ", "
                                              << (is_offspring ? "offspring" : "victim")
                                              << " ended with " << end)
                BOOST_REQUIRE_EQUAL(complaint, "");
            }
        }
    }
    BOOST_TEST_MESSAGE(kills << " kills at " << detail::kill_point_count() << " points, " << pairs
                             << " of them of two at once");
    BOOST_TEST_MESSAGE(offspring_kills << " kills of a child of fork");
    BOOST_TEST(kills > least_kills(500, most, usual_kills_per_point));
    BOOST_TEST(offspring_kills > 5);
    BOOST_TEST(poisoned > 0);
}

BOOST_AUTO_TEST_CASE(a_second_one_may_die_while_it_repairs) {
    const watchdog dog(6000);
    const long most =
        kills_per_pair(from_environment("VALPOOL_KILLS_PER_POINT", usual_kills_per_point));
    long kills = 0;
    std::vector<unsigned> recovery_points;
    std::vector<unsigned> first_points;
    for (unsigned p = 0; p < detail::kill_point_count(); ++p) {
        if (is_about(p, "recovery.") || is_about(p, "removal.")) recovery_points.push_back(p);
        for (const char* topic : {"ring.", "box.mut", "box.wrote", "hold.wrote", "slab.claimed",
                                  "out_ref.linked", "raw.marked", "pipe.filled", "tap.",
                                  "pipe.held", "fork.copied", "box.locked", "source."})
            if (is_about(p, topic)) first_points.push_back(p);
    }
    if (from_environment("VALPOOL_ALL_PAIRS", 0) != 0) {
        first_points.clear();
        for (unsigned p = 0; p < detail::kill_point_count(); ++p)
            if (!is_elsewhere(p)) first_points.push_back(p);
    }
    std::set<unsigned> reached;
    for (const unsigned first : first_points) {
        world w;
        const pass_counts counts = passes_of_a_life(w)[first];
        const auto passes = counts.of_victim();
        w.board().is_offspring_to_die = counts.only_offspring_passes();
        for (const unsigned second : recovery_points) {
            // Spread over the whole scenario, because what the first death leaves behind differs.
            // Only a few of all changes leave a box that has to be given up: enough are tried
            // always.
            const long steps = is_about(first, "box.mut") ? 8 * usual_kills_per_pair : most;
            const long count = std::min<long>(steps, passes);
            for (long i = 0; i < count; ++i) {
                const auto n = static_cast<unsigned>(1 + i * passes / count);
                w.arm(first, n, SIGKILL);
                family victim = w.start_victim();
                victim.wait();
                w.disarm();
                w.arm(second, 1, SIGKILL);
                // Attaching finds the dead process, and is killed in the middle of the repair.
                child repairer([&] {
                    w.be_the_victim();
                    ClientSide side(w.name(), "to sleeper");
                    side.start();
                    return 0;
                });
                const int end = repairer.wait();
                w.disarm();
                if (end == -SIGKILL) {
                    ++kills;
                    reached.insert(second);
                }
                const std::string complaint = w.ask(judge);
                BOOST_TEST_CONTEXT(name_of(first) << ", pass " << n << ", then " << name_of(second))
                BOOST_REQUIRE_EQUAL(complaint, "");
                const bool depends_on_first =
                    is_about(second, "recovery.poisoned") || is_about(second, "removal.");
                if (end != -SIGKILL && !depends_on_first) break;
            }
        }
    }
    BOOST_TEST_MESSAGE(kills << " repairers killed");
    BOOST_TEST(kills > least_kills(1000, most, usual_kills_per_pair));
    for (const unsigned p : recovery_points)
        BOOST_TEST_CONTEXT(name_of(p)) BOOST_TEST(reached.count(p) == 1u);
}

BOOST_AUTO_TEST_CASE(a_creator_may_die_at_any_point) {
    const watchdog dog(120);
    shared<detail::kill_plan> plan;
    detail::use_kill_plan(&*plan);
    for (unsigned p = 0; p < detail::kill_point_count(); ++p) {
        if (!is_of_a_creator(p)) continue;
        const pool_name name("creator");
        plan->orders[p].signal = SIGKILL;
        plan->orders[p].countdown = 1;
        child creator([&] {
            SHMMain pool(name, 1000000);
            pool.start();
            return 0;
        });
        BOOST_TEST_CONTEXT(name_of(p)) {
            BOOST_TEST(creator.wait() == -SIGKILL);
            SHMMain next(name, 1000000);
            BOOST_TEST(next.start() == STARTED);
            BOOST_TEST(next.pool()->isPristine());
        }
    }
    detail::use_kill_plan(nullptr);
}

namespace {
/// False when the process was stopped with the gate closed, as a repairer is: see stall_test.cpp.
bool others_work_while_one_is_stopped_at(world& w, unsigned p, unsigned nth) {
    w.arm(p, nth, SIGSTOP);
    family victim = w.start_victim();
    BOOST_TEST(eventually(
        [&] { return w.board().plan.fired[p].exchange(0) != 0 || victim.has_eldest_ended(); }));
    w.disarm();
    const bool is_open = w.ask(look_at_gate).empty();
    if (is_open) BOOST_REQUIRE_EQUAL(w.ask(check_normal_work), "");
    victim.kill_all_and_wait();
    BOOST_REQUIRE_EQUAL(w.ask(judge), "");
    return is_open;
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_process_that_is_stopped_at_any_point_blocks_nobody) {
    const watchdog dog(6000);
    auto w = std::make_unique<world>();
    const auto passes = passes_of_a_life(*w);
    for (unsigned p = 0; p < detail::kill_point_count(); ++p) {
        const unsigned count = passes[p].of_victim();
        if (is_elsewhere(p) || is_alone(p) || count == 0) continue;
        w->board().is_offspring_to_die = passes[p].only_offspring_passes();
        BOOST_TEST_CONTEXT(name_of(p)) {
            unsigned nth = (count + 1) / 2;
            while (nth != 0 && !others_work_while_one_is_stopped_at(*w, p, nth)) nth /= 2;
            BOOST_TEST(nth != 0u);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
