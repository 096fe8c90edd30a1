#include "support/started_pool.hpp"

#include "alloc/slab.hpp"
#include "process/gate.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

/// Children that do not use the pool, or not at once: what they keep of their parent's, what they
/// cost, and how they get a slot of their own.

using namespace valpool;
using namespace valpool::test;

namespace {

int wait_for_ever() {
    for (;;) pause();
}

/// Values that contain their own number.
class numbered_values {
public:
    void add(const started_pool& p, int count) {
        for (int i = 0; i < count; ++i, ++next_) values_.emplace_back(next_, p.share(next_));
    }
    void drop_every(int nth) {
        std::erase_if(values_, [nth](const auto& v) { return v.first % nth == 0; });
    }
    void clear() { values_.clear(); }
    std::size_t size() const { return values_.size(); }
    bool are_intact() const {
        return std::all_of(values_.begin(), values_.end(),
                           [](const auto& v) { return v.second("i") == v.first; });
    }

private:
    int next_ = 0;
    std::vector<std::pair<int, Val>> values_;
};

bool is_refused(const std::function<void()>& action) {
    try {
        action();
    } catch (const std::runtime_error&) {
        return true;
    }
    return false;
}

/// So many values fill several blocks of a process's ledger.
constexpr int several_blocks = 400;

/// Takes all memory of a pool, including the reserve for bookkeeping.
class all_memory {
public:
    explicit all_memory(const started_pool& p)
        : lane_(detail::lane_of_thread(detail::arena_of(*p.pool()))) {
        while (const std::uint64_t piece = take()) pieces_.push_back(piece);
    }
    ~all_memory() {
        while (!pieces_.empty()) give_back_one();
    }
    all_memory(const all_memory&) = delete;
    all_memory& operator=(const all_memory&) = delete;
    void give_back_one() {
        const detail::inside pass(lane_);
        detail::free_space(*lane_.pool, *lane_.heap, pieces_.back());
        pieces_.pop_back();
    }

private:
    std::uint64_t take() {
        const detail::inside pass(lane_);
        return detail::allocate_space(*lane_.pool, *lane_.heap, sizeof(detail::ledger_block),
                                      detail::page_use::system);
    }
    detail::thread_lane& lane_;
    std::vector<std::uint64_t> pieces_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(idle_children)

BOOST_AUTO_TEST_CASE(eighty_of_them_leave_the_places_of_a_small_pool_to_others) {
    const watchdog dog(60);
    const phases now;
    // Forked before the pool exists, so it attaches like an unrelated process.
    const pool_name name("stranger");
    child stranger([&] {
        now.await(1);
        ClientSide client(name, "pipe");
        client.start();
        client.pipe().enq(Tab{{"i", 1}});
        return 0;
    });
    SHMMain main(name, 1000000);
    main.start();
    ServerSide server(name, "pipe", 4);
    server.start();
    const Val v = Shared(main.pool(), Tab{{"i", 7}});
    std::vector<child> crowd;
    for (int i = 0; i < 80; ++i) crowd.emplace_back(wait_for_ever);
    BOOST_TEST(check(main.pool()).living_processes.size() == 1u);
    now.reach(1);
    BOOST_TEST(server.pipe().deq()("i") == 1);
    BOOST_TEST(stranger.wait() == 0);
    child late([&] {
        server.pipe().enq(v);
        return Shared(main.pool(), Tab{{"i", 2}})("i") == 2 ? 0 : 1;
    });
    BOOST_TEST(server.pipe().deq()("i") == 7);
    BOOST_TEST(late.wait() == 0);
    BOOST_TEST(Shared(main.pool(), Tab{{"i", 3}})("i") == 3);
}

BOOST_AUTO_TEST_CASE(nothing_in_the_pool_contradicts_while_they_are_there) {
    const watchdog dog(60);
    started_pool p("sound");
    numbered_values values;
    values.add(p, several_blocks);
    child idle(wait_for_ever);
    p.expect_sound();
    values.clear();
    p.expect_sound();
    idle.kill_and_wait();
    p.expect_sound();
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(one_reads_what_it_inherited_long_after_its_parent_has_dropped_it) {
    const watchdog dog(60);
    started_pool p("reads");
    const phases now;
    numbered_values values;
    values.add(p, several_blocks);
    child idle([&] {
        now.await(1);
        return values.are_intact() ? 0 : 1;
    });
    values.clear();
    for (int i = 0; i < 3; ++i) p.put_under_pressure();
    BOOST_TEST(!p.pool()->isPristine());
    now.reach(1);
    BOOST_TEST(idle.wait() == 0);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(what_one_held_comes_back_when_it_is_killed_without_having_used_the_pool) {
    const watchdog dog(60);
    started_pool p("unused");
    numbered_values values;
    values.add(p, several_blocks);
    child idle(wait_for_ever);
    values.clear();
    BOOST_TEST(!p.pool()->isPristine());
    idle.kill_and_wait();
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_report_says_whose_values_they_are_while_one_lives_and_after_its_end) {
    const watchdog dog(60);
    started_pool p("whose");
    Val v = p.share(1);
    child idle(wait_for_ever);
    const pool_report before = check(p.pool());
    BOOST_TEST(before.parents.size() == 1u);
    BOOST_TEST(before.ended_families == 0u);
    idle.kill_and_wait();
    const pool_report after = check(p.pool());
    BOOST_TEST(after.parents.empty());
    BOOST_TEST(after.ended_families == 1u);
    BOOST_TEST(after.dead_processes.empty());
    BOOST_TEST(after.is_sound());
    std::ostringstream text;
    text << after;
    BOOST_TEST(text.str().find("awaits recovery") != std::string::npos);
    v.reset();
    p.expect_pristine();
    BOOST_TEST(check(p.pool()).ended_families == 0u);
}

BOOST_AUTO_TEST_CASE(what_one_held_comes_back_when_it_lets_go_of_it_and_lives_on) {
    const watchdog dog(60);
    started_pool p("lets_go");
    const phases now;
    numbered_values values;
    values.add(p, several_blocks);
    child other([&] {
        now.await(1);
        if (p.share(5)("i") != 5 || !values.are_intact()) return 1;
        values.clear();
        now.reach(2);
        return wait_for_ever();
    });
    values.clear();
    now.reach(1);
    BOOST_REQUIRE(now.is_reached(2));
    p.expect_pristine();
    BOOST_TEST(!other.has_ended());
}

BOOST_AUTO_TEST_CASE(each_has_what_its_parent_held_at_its_own_moment) {
    const watchdog dog(60);
    started_pool p("moments");
    const phases now;
    numbered_values values;
    std::vector<child> children;
    for (const bool uses : {false, true, false, true, false, true}) {
        values.add(p, 150);
        children.emplace_back([&, uses] {
            now.await(1);
            if (!values.are_intact()) return 1;
            if (uses && (p.share(5)("i") != 5 || !values.are_intact())) return 2;
            if (uses) values.clear();
            return 0;
        });
        values.drop_every(3);
    }
    values.clear();
    p.put_under_pressure();
    now.reach(1);
    for (child& c : children) BOOST_TEST(c.wait() == 0);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_grandchild_has_what_its_idle_parent_has) {
    const watchdog dog(60);
    started_pool p("grandchild");
    const phases now;
    numbered_values values;
    values.add(p, several_blocks);
    shared<std::atomic<int>> result;
    family idle([&] {
        child grandchild([&] {
            now.reach(1);
            now.await(2);
            *result = values.are_intact() ? 1 : -1;
            if (p.share(5)("i") != 5 || !values.are_intact()) *result = -2;
            return 0;
        });
        return wait_for_ever();
    });
    BOOST_REQUIRE(now.is_reached(1));
    values.clear();
    p.put_under_pressure();
    now.reach(2);
    BOOST_TEST(eventually([&] { return *result != 0; }));
    idle.kill_and_wait();
    BOOST_TEST(*result == 1);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(one_keeps_what_it_has_when_its_parent_is_dead) {
    const watchdog dog(60);
    started_pool p("orphan");
    const phases now;
    shared<std::atomic<int>> result;
    family parent([&] {
        numbered_values values;
        values.add(p, several_blocks);
        child orphan([&] {
            now.reach(1);
            now.await(2);
            *result = values.are_intact() ? 1 : -1;
            ServerSide server(p.name, "pipe", 4);
            server.start();
            server.pipe().enq(p.share(5));
            if (!values.are_intact()) *result = -2;
            return 0;
        });
        now.await(1);
        raise(SIGKILL);
        return 0;
    });
    BOOST_TEST(eventually([&] { return parent.has_eldest_ended(); }));
    ServerSide server(p.name, "pipe", 4);
    server.start();
    p.put_under_pressure();
    now.reach(2);
    BOOST_TEST(server.pipe().deq()("i") == 5);
    BOOST_TEST(parent.wait() == -SIGKILL);
    BOOST_TEST(*result == 1);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(the_first_thing_that_one_does_may_be_to_start_a_side) {
    const watchdog dog(60);
    started_pool p("sides");
    ServerSide server(p.name, "pipe", 4);
    server.start();
    const Val v = p.share(7);
    child other([&] {
        ClientSide client(p.name, "pipe");
        client.start();
        client.pipe().enq(v);
        ServerSide own(p.name, "own", 2);
        own.start();
        own.pipe().enq(v);
        return own.pipe().deq()("i") == 7 ? 0 : 1;
    });
    BOOST_TEST(server.pipe().deq()("i") == 7);
    BOOST_TEST(other.wait() == 0);
}

BOOST_AUTO_TEST_CASE(one_can_take_the_pool_over_from_its_dead_parent) {
    const watchdog dog(60);
    const pool_name name("takeover");
    const phases now;
    shared<std::atomic<int>> result;
    family owner([&] {
        SHMMain main(name, 1000000);
        main.start();
        Val v = Shared(main.pool(), Tab{{"i", 7}});
        child heir([&] {
            now.reach(1);
            now.await(2);
            SHMMain again(name, 1000000);
            again.start();
            *result = v("i") == 7 && again.pool() == main.pool() ? 1 : -1;
            v.reset();
            if (!again.pool()->isPristine()) *result = -2;
            return 0;
        });
        now.await(1);
        raise(SIGKILL);
        return 0;
    });
    BOOST_TEST(eventually([&] { return owner.has_eldest_ended(); }));
    now.reach(2);
    BOOST_TEST(owner.wait() == -SIGKILL);
    BOOST_TEST(*result == 1);
    BOOST_TEST(access(name.path().c_str(), F_OK) != 0);
}

BOOST_AUTO_TEST_CASE(one_may_exit_in_order_with_values_in_static_storage) {
    const watchdog dog(60);
    started_pool p("static");
    static Val kept;
    static thread_local Val kept_by_thread;
    kept = p.share(1);
    kept_by_thread = p.share(2);
    for (const bool uses : {false, true}) {
        child other([&, uses]() -> int {
            if (uses) p.share(3);
            std::exit(7);
        });
        BOOST_TEST(other.wait() == 7);
    }
    BOOST_TEST(kept("i") == 1);
    BOOST_TEST(kept_by_thread("i") == 2);
    kept.reset();
    kept_by_thread.reset();
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(threads_of_one_may_use_the_pool_for_the_first_time_at_once) {
    const watchdog dog(60);
    started_pool p("at_once");
    numbered_values values;
    values.add(p, several_blocks);
    for (int round = 0; round < 15; ++round) {
        child other([&] {
            std::atomic<int> here{0};
            std::atomic<int> good{0};
            const auto use = [&] {
                ++here;
                while (here < 3) std::this_thread::yield();
                good += p.share(5)("i") == 5 && values.are_intact();
            };
            std::thread first(use);
            std::thread second(use);
            use();
            first.join();
            second.join();
            return good == 3 ? 0 : 1;
        });
        BOOST_TEST(other.wait() == 0);
    }
    values.clear();
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(one_may_be_killed_at_any_time_after_its_birth) {
    const watchdog dog(60);
    started_pool p("killed");
    const auto seed = static_cast<std::mt19937::result_type>(
        from_environment("VALPOOL_SEED", static_cast<long>(std::random_device{}())));
    BOOST_TEST_MESSAGE("seed " << seed);
    std::mt19937 random(seed);
    numbered_values values;
    values.add(p, several_blocks);
    for (int round = 0; round < 150; ++round) {
        child other([&] {
            std::vector<Val> mine;
            for (int i = 0;; ++i) {
                mine.push_back(p.share(i));
                if (i == 50) values.clear();
                if (mine.size() == 100) mine.clear();
            }
            return 0;
        });
        const auto until = std::chrono::steady_clock::now() +
                           std::chrono::microseconds(round % 3 == 0 ? 0 : random() % 1500);
        while (std::chrono::steady_clock::now() < until) {
        }
        other.kill_and_wait();
        BOOST_REQUIRE(values.are_intact());
    }
    values.clear();
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_parent_of_many_short_lived_ones_does_not_keep_more_and_more) {
    const watchdog dog(60);
    started_pool p("churn");
    const auto most_used_in = [&](int rounds) {
        std::size_t most = 0;
        for (int round = 0; round < rounds; ++round) {
            numbered_values values;
            values.add(p, 100);
            child idle([] { return 0; });
            most = std::max(most, p.pool()->usedBytes());
            idle.wait();
        }
        return most;
    };
    const std::size_t at_first = most_used_in(10);
    const std::size_t later = most_used_in(60);
    BOOST_TEST(later < 3 * at_first);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_parent_whose_children_overlap_does_not_keep_more_and_more) {
    const watchdog dog(60);
    started_pool p("overlap");
    std::optional<child> last;
    std::size_t most_at_first = 0;
    std::size_t most_later = 0;
    for (int round = 0; round < 70; ++round) {
        numbered_values values;
        values.add(p, 100);
        last.emplace(wait_for_ever);  // the new child starts first, then the previous one is ended
        std::size_t& most = round < 10 ? most_at_first : most_later;
        most = std::max(most, p.pool()->usedBytes());
    }
    last.reset();
    BOOST_TEST(most_later < 3 * most_at_first);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(one_that_finds_no_place_finds_it_later) {
    const watchdog dog(60);
    started_pool p("refused");
    const phases now;
    const phases crowded;
    numbered_values values;
    values.add(p, 10);
    child late([&] {
        now.await(1);
        if (!is_refused([&] { p.share(1); })) return 1;
        if (!values.are_intact()) return 2;
        now.reach(2);
        now.await(3);
        if (!values.are_intact() || p.share(5)("i") != 5) return 3;
        values.clear();
        return 0;
    });
    shared<std::atomic<int>> ready;
    std::vector<child> crowd;
    for (int i = 0; i < 70; ++i)
        crowd.emplace_back([&] {
            is_refused([&] { p.share(1); });  // the last children find no slot
            ++*ready;
            return wait_for_ever();
        });
    BOOST_REQUIRE(eventually([&] { return *ready == 70; }));
    now.reach(1);
    BOOST_REQUIRE(eventually([&] { return now.is_reached(2) || late.has_ended(); }));
    crowd.clear();
    now.reach(3);
    BOOST_TEST(late.wait() == 0);
    values.clear();
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_first_use_that_finds_no_memory_changes_nothing) {
    const watchdog dog(60);
    started_pool p("no_memory");
    const phases now;
    numbered_values values;
    values.add(p, several_blocks);
    // It needs one block for each of the parent's blocks, and each time it fails at a later one.
    constexpr int tries = 4;
    child late([&] {
        for (int i = 0; i < tries; ++i) {
            now.await(2 * i + 1);
            if (!is_refused([&] { p.share(1); })) return 1;
            if (!values.are_intact()) return 2;
            now.reach(2 * i + 2);
        }
        now.await(2 * tries + 1);
        if (p.share(5)("i") != 5 || !values.are_intact()) return 3;
        values.clear();
        now.reach(2 * tries + 2);
        return wait_for_ever();
    });
    {
        all_memory all(p);
        for (int i = 0; i < tries; ++i) {
            now.reach(2 * i + 1);
            BOOST_TEST_REQUIRE(now.is_reached(2 * i + 2));
            p.expect_sound();
            all.give_back_one();
        }
    }
    now.reach(2 * tries + 1);
    BOOST_TEST_REQUIRE(now.is_reached(2 * tries + 2));
    values.clear();
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_fork_that_finds_no_memory_gives_the_child_no_share) {
    const watchdog dog(60);
    started_pool p("no_share");
    numbered_values values;
    values.add(p, several_blocks);
    {
        const all_memory all(p);
        child without([&] { return is_refused([&] { p.share(1); }) ? 0 : 1; });
        BOOST_TEST(without.wait() == 0);
    }
    child with([&] { return p.share(5)("i") == 5 && values.are_intact() ? 0 : 1; });
    BOOST_TEST(with.wait() == 0);
    values.clear();
    p.expect_pristine();
}

BOOST_AUTO_TEST_SUITE_END()
