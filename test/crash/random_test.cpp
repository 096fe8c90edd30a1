#include "support/child.hpp"

#include "recovery/recovery.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <vector>

#include <unistd.h>

/// Processes that produce, transform, consume, share, fork and exit are killed at random moments.

using namespace valpool;
using namespace valpool::test;

namespace {

constexpr int max_workers = 4;
constexpr int max_packets = 100000;

/// One line for each worker: what it has done, as far as it has reported.
struct worker_log {
    std::atomic<int> sent;      // its packets 0 ... sent - 1 are enqueued for certain
    std::atomic<int> in_doubt;  // packets taken and not yet noted: at most one
};

struct random_board {
    std::array<worker_log, max_workers> workers;
    std::array<std::array<std::atomic<unsigned char>, max_packets / 10>, max_workers> seen;
    std::atomic<int> disorder;

    void clear() {
        for (worker_log& log : workers) log.sent = log.in_doubt = 0;
        for (auto& line : seen)
            for (auto& count : line) count = 0;
        disorder = 0;
    }
};

class random_world {
public:
    explicit random_world(std::mt19937::result_type seed)
        : random_(seed),
          name_("random"),
          main_(name_, 2000000),
          first_(name_, "first", 5),
          second_(name_, "second", 3) {
        main_.start();
        first_.start();
        second_.start();
    }

    /// Starts workers, kills some of them later, lets the others finish, and judges the pool.
    void round() {
        board_->clear();
        std::vector<child> workers;
        for (int i = 0; i < max_workers; ++i) {
            const auto seed = random_();
            workers.emplace_back([this, i, seed] { return work(i, seed); });
        }
        usleep(static_cast<useconds_t>(random_() % 4000));
        std::shuffle(workers.begin(), workers.end(), random_);
        const auto victims = 1 + random_() % 2;
        for (std::size_t v = 0; v < victims; ++v) {
            workers[v].signal(SIGKILL);
            usleep(static_cast<useconds_t>(random_() % 300));
        }
        for (std::size_t v = 0; v < workers.size(); ++v) {
            const int end = workers[v].wait();
            if (v < victims)
                BOOST_REQUIRE((end == -SIGKILL || end == 0));
            else
                BOOST_REQUIRE_EQUAL(end, 0);
        }
        judge();
    }

private:
    int work(int me, std::mt19937::result_type seed) {
        std::mt19937 random(seed);
        const int steps = 30 + static_cast<int>(random() % 60);
        std::vector<Val> kept;
        for (int step = 0; step < steps; ++step) {
            switch (random() % 8) {
                case 0:
                case 1:
                case 2: produce(me, random, kept); break;
                case 3:
                case 4: transform(me); break;
                case 5: consume(me); break;
                case 6: fork_and_share(kept, random); break;
                default: forget(kept, random); break;
            }
        }
        return 0;  // with values alive, for some of which no destructor runs
    }

    void produce(int me, std::mt19937& random, std::vector<Val>& kept) {
        worker_log& log = board_->workers[static_cast<std::size_t>(me)];
        Val packet = Shared(first_.pool(), Tab{{"from", me}, {"number", log.sent.load()}});
        if (random() % 2 == 0) packet["text"] = std::string(random() % 3000, 'x');
        if (!kept.empty()) packet["shared"] = kept[random() % kept.size()];
        if (random() % 4 == 0) kept.push_back(Shared(first_.pool(), Tab{{"mine", packet}}));
        const bool done = random() % 2 == 0 ? first_.pipe().enqueue(packet, 0.0)
                                            : first_.pipe().enqueue(std::move(packet), 0.0);
        if (done) ++log.sent;
    }

    /// A death between taking a packet and passing it on loses the packet.
    void transform(int me) {
        worker_log& log = board_->workers[static_cast<std::size_t>(me)];
        log.in_doubt = 1;
        Val packet;
        if (first_.pipe().dequeue(0.0, packet)) {
            packet["transformed"] = me;
            while (!second_.pipe().enqueue(packet, 0.0)) {
                Val other;
                if (second_.pipe().dequeue(0.0, other)) note(other);
            }
        }
        log.in_doubt = 0;
    }

    void consume(int me) {
        worker_log& log = board_->workers[static_cast<std::size_t>(me)];
        log.in_doubt = 1;
        Val packet;
        if (second_.pipe().dequeue(0.0, packet)) note(packet);
        log.in_doubt = 0;
    }

    void note(const Val& packet) {
        const auto from = static_cast<std::size_t>(static_cast<int>(packet("from")));
        const auto number = static_cast<std::size_t>(static_cast<int>(packet("number")));
        ++board_->seen[from][number];
        if (packet.contains("shared") && !packet("shared").contains("mine")) ++board_->disorder;
    }

    void fork_and_share(std::vector<Val>& kept, std::mt19937& random) {
        const bool exits = random() % 2 == 0;
        child offspring([&] {
            for (Val& value : kept)
                if (!value.contains("mine")) ++board_->disorder;
            if (exits) kept.clear();
            return 0;
        });
        if (random() % 2 == 0) kept.clear();
    }

    static void forget(std::vector<Val>& kept, std::mt19937& random) {
        if (!kept.empty()) kept.erase(kept.begin() + static_cast<long>(random() % kept.size()));
    }

    void judge() {
        for (CQ* const pipe : {&first_.pipe(), &second_.pipe()}) {
            Val packet;
            while (pipe->dequeue(0.0, packet)) note(packet);
        }
        auto user = detail::find_attachment(detail::arena_of(*main_.pool()));
        BOOST_REQUIRE(eventually([&] {
            detail::recover_if_needed(*user.get());
            // Children of killed workers may live a little longer, also those that have used
            // nothing of what they inherited.
            const pool_report now = check(main_.pool());
            return now.living_processes.size() == 1 && now.dead_processes.empty() &&
                   now.parents.empty() && now.ended_families == 0;
        }));
        int doubts = 0;
        for (const worker_log& log : board_->workers) doubts += log.in_doubt;
        int lost = 0;
        for (std::size_t w = 0; w < max_workers; ++w) {
            const auto sent = static_cast<std::size_t>(board_->workers[w].sent);
            for (std::size_t i = 0; i < board_->seen[w].size(); ++i) {
                const int times = board_->seen[w][i];
                BOOST_REQUIRE_LE(times, 1);
                if (i < sent && times == 0) ++lost;
                // One packet more than the worker has reported may have arrived.
                if (i > sent) BOOST_REQUIRE_EQUAL(times, 0);
            }
        }
        // Each death in the middle of a hand-over loses at most one packet; in transform it also
        // loses the packet that the worker could not note yet.
        BOOST_REQUIRE_LE(lost, doubts * 2);
        BOOST_REQUIRE_EQUAL(board_->disorder.load(), 0);
        const pool_report report = check(main_.pool());
        BOOST_TEST_CONTEXT(report) {
            BOOST_REQUIRE(report.is_sound());
            BOOST_REQUIRE_EQUAL(report.boxes, 0u);
            BOOST_REQUIRE_EQUAL(report.leaked_bytes, 0u);
            BOOST_REQUIRE(main_.pool()->isPristine());
        }
    }

    std::mt19937 random_;
    pool_name name_;
    SHMMain main_;
    ServerSide first_;
    ServerSide second_;
    shared<random_board> board_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(random_kills)

BOOST_AUTO_TEST_CASE(processes_may_die_at_random_moments) {
    const watchdog dog(6000);
    const auto seed = static_cast<std::mt19937::result_type>(
        from_environment("VALPOOL_SEED", static_cast<long>(std::random_device{}())));
    const long rounds = from_environment("VALPOOL_RANDOM_ROUNDS", 500);
    BOOST_TEST_MESSAGE("seed " << seed << ", " << rounds << " rounds");
    random_world world(seed);
    for (long i = 0; i < rounds; ++i) BOOST_TEST_CONTEXT("round " << i) world.round();
}

BOOST_AUTO_TEST_SUITE_END()
