#include "crash/step/sweep.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <random>
#include <sstream>
#include <string>
#include <vector>

/// Kills, and stops, a process after exactly N machine instructions of each operation, in an
/// ordinary build, while other processes live on in the same pool; then compares what is left with
/// what must be. The victim is traced. One run is recorded, instruction by instruction, and the
/// pool's file is compared after each. From then on a breakpoint, passed a certain number of times,
/// leads to the wanted N.

using namespace valpool;
using namespace valpool::test;

namespace {

constexpr unsigned most_seconds = 100000;  // for runs by hand; a hang is noticed long before

unsigned long seed_wanted() {
    return static_cast<unsigned long>(
        from_environment("VALPOOL_SEED", static_cast<long>(std::random_device{}())));
}

/// All operations, or the one that VALPOOL_STEP_ONLY names.
std::vector<operation> operations_wanted() {
    const char* const only = std::getenv("VALPOOL_STEP_ONLY");
    std::vector<operation> wanted = all_operations();
    std::erase_if(wanted, [only](const operation& op) {
        if (only) return op.name != only;
        // It takes long, and all of it is in "attach_and_repair" as well.
        return extent_wanted() == extent::sampled && op.name == "attach";
    });
    return wanted;
}

/// The time that is left for all modes together (VALPOOL_STEP_SECONDS), in equal parts. Recording
/// takes its part first.
double seconds_for_the_next() {
    using clock = std::chrono::steady_clock;
    static const auto start = clock::now();
    static double parts = 4.0 * static_cast<double>(operations_wanted().size());
    const std::chrono::duration<double> gone = clock::now() - start;
    const auto total = static_cast<double>(from_environment("VALPOOL_STEP_SECONDS", 110));
    constexpr double least = 0.2;  // for the case that hangs have used up the time
    return std::max(least, (total - gone.count()) / std::max(1.0, parts--));
}

std::string summary(mode m, const operation& op, const tally& t, double seconds) {
    std::ostringstream line;
    line << name_of(m) << ' ' << op.name << ": " << know(op).run.length() << " instructions, "
         << know(op).run.stores.size() << " stores; " << t.tried << " of " << t.candidates
         << " N tried, " << t.reached << (m == mode::stop ? " stops, " : " kills, ");
    if (m == mode::stop) line << t.waited << " waited for, ";
    line << t.bad << " bad; " << seconds << " s";
    return line.str();
}

void sweep_all(mode m) {
    const watchdog dog(most_seconds);
    const unsigned long seed = seed_wanted();
    BOOST_TEST_MESSAGE("seed " << seed);
    for (const operation& op : operations_wanted()) {
        const auto start = std::chrono::steady_clock::now();
        const auto complain = [](const std::string& what) { BOOST_ERROR(what); };
        try {
            sweep here(m, op, seed);
            const tally t = here.run(seconds_for_the_next(), complain);
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
            BOOST_TEST_MESSAGE(summary(m, op, t, took.count()));
            // Among a few pairs, perhaps none has reached both kills.
            if (m != mode::pair) BOOST_TEST(t.reached > 0);
        } catch (const std::exception& e) {
            BOOST_ERROR(op.name << ", " << name_of(m) << ": " << e.what());
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(crash_steps)

// --- the judge, and the stepping, themselves ---------------------------------------------------

namespace {

/// The judge's verdict after a process has done this, on top of an operation.
std::string verdict_on(const char* name, const std::function<void(victim_life&)>& deed) {
    world w;
    const operation& op = find_operation(name);
    w.expect(find_states(w, op));
    w.ask("judge");
    child doer([&] {
        victim_life life(w.name(), w.board());
        op.prepare(life);
        deed(life);
        return 0;
    });
    BOOST_REQUIRE_EQUAL(doer.wait(), 0);
    return w.ask("judge");
}

bool mentions(const std::string& verdict, const char* what) {
    return verdict.find(what) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_judge_accepts_an_operation_that_nobody_disturbs) {
    const watchdog dog(60);
    BOOST_TEST(verdict_on("store", [](victim_life&) {}) == "");
    BOOST_TEST(verdict_on("dequeue", [](victim_life& v) {
                   Val packet = v.out->pipe().deq();
                   v.board.received = 1;
               }) == "");
}

BOOST_AUTO_TEST_CASE(the_judge_notices_a_lost_a_doubled_and_a_disordered_packet) {
    const watchdog dog(120);
    const auto send = [](victim_life& v, std::initializer_list<int> numbers) {
        for (const int i : numbers) v.in->pipe().enq(v.packet(i));
    };
    BOOST_TEST(mentions(verdict_on("share",
                                   [&](victim_life& v) {
                                       send(v, {0, 1});
                                       v.board.sent = 3;
                                   }),
                        "from victim: 0..2 expected"));
    BOOST_TEST(mentions(verdict_on("share",
                                   [&](victim_life& v) {
                                       send(v, {0, 1, 1});
                                       v.board.sent = 2;
                                   }),
                        "from victim"));
    BOOST_TEST(mentions(verdict_on("share",
                                   [&](victim_life& v) {
                                       send(v, {1, 0});
                                       v.board.sent = 2;
                                   }),
                        "from victim"));
    BOOST_TEST(mentions(verdict_on("share",
                                   [](victim_life& v) {
                                       for (int i = 0; i < 2; ++i) v.out->pipe().deq();
                                   }),
                        "to victim"));
}

BOOST_AUTO_TEST_CASE(the_judge_notices_a_half_changed_table) {
    const watchdog dog(60);
    BOOST_TEST(mentions(verdict_on("store", [](victim_life& v) { v.values[0]["other"] = 1; }),
                        "a broken table"));
}

BOOST_AUTO_TEST_CASE(the_judge_notices_what_somebody_keeps) {
    const watchdog dog(60);
    world w;
    w.board().patience_s = 1;
    mortal somebody(w.name());  // what it holds is a leak to the judge
    BOOST_TEST(mentions(w.ask("judge"), "not pristine"));
}

BOOST_AUTO_TEST_CASE(the_judge_notices_a_wake_up_that_is_lost_and_a_peer_that_hangs) {
    const watchdog dog(120);
    BOOST_TEST(mentions(verdict_on("share", [](victim_life& v) { v.board.woken_with = 1; }),
                        "the sleeper got 0 of 1"));
    world w;
    w.board().patience_s = 1;
    w.hold_sleeper();
    BOOST_TEST(mentions(w.ask("judge"), "HANG: the sleeper does not answer"));
}

BOOST_AUTO_TEST_CASE(a_victim_stands_after_exactly_as_many_instructions_as_wanted) {
    const watchdog dog(120);
    const operation& op = find_operation("store");
    const recording& known = know(op).run;
    BOOST_TEST(known.length() > 1000);
    BOOST_TEST(known.stores.size() > 50u);
    world w;
    w.expect(know(op).states);
    for (long n = 0; n <= known.length(); n += 97) {
        BOOST_TEST_CONTEXT("after " << n) {
            const auto v = w.start(op);
            BOOST_TEST(v->run(known, n));
            BOOST_TEST(v->where() == known.stops[static_cast<std::size_t>(n)].place);
        }
        BOOST_REQUIRE_EQUAL(w.ask("judge"), "");
    }
}

// --- the operations ----------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_process_may_be_killed_after_any_instruction) { sweep_all(mode::kill); }

BOOST_AUTO_TEST_CASE(what_a_killed_process_was_at_may_be_used_before_anybody_has_repaired) {
    sweep_all(mode::unrepaired);
}

BOOST_AUTO_TEST_CASE(a_second_process_may_be_killed_after_any_instruction_of_its_repairing) {
    sweep_all(mode::pair);
}

BOOST_AUTO_TEST_CASE(a_process_that_is_stopped_after_any_instruction_keeps_nobody_from_anything) {
    sweep_all(mode::stop);
}

BOOST_AUTO_TEST_SUITE_END()
