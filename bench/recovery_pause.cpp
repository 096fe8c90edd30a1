/// How long recovery from a death takes, and how long it keeps the others waiting.
///   recovery_pause [BOXES [DEATHS]]       defaults: 100000 shared values, 20 deaths
/// Prints milliseconds: median and maximum of the repair itself, and the longest gap between two
/// operations of a process that works on meanwhile.

#include "recovery/recovery.hpp"

#include <valpool/valpool.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace valpool;

namespace {

using clock_type = std::chrono::steady_clock;

double ms_between(clock_type::time_point from, clock_type::time_point to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

struct board {
    std::atomic<bool> is_ready{false};
    std::atomic<bool> stop{false};
    std::atomic<bool> is_measuring{false};
    std::atomic<std::int64_t> longest_gap_ns{0};
};

/// Passes packets to itself; notes the longest time that it could not.
int work(const std::string& name, board& b) {
    ServerSide side(name, "worker", 4);
    side.start();
    b.is_ready = true;
    auto last = clock_type::now();
    while (!b.stop) {
        side.pipe().enq(Shared(side.pool(), Tab{{"a", 1}, {"b", "text"}}));
        side.pipe().deq();
        const auto now = clock_type::now();
        const std::int64_t gap = std::chrono::nanoseconds(now - last).count();
        if (b.is_measuring && gap > b.longest_gap_ns) b.longest_gap_ns = gap;
        last = now;
    }
    return 0;
}

int hold_and_wait(const std::string& name, board& b) {
    ClientSide side(name, "worker");
    side.start();
    std::vector<Val> held;
    for (int i = 0; i < 100; ++i) held.push_back(Shared(side.pool(), Tab{{"i", i}}));
    b.is_ready = true;
    for (;;) pause();
}

template <class Body>
pid_t start(board& b, Body body) {
    b.is_ready = false;
    const pid_t pid = fork();
    if (pid == 0) _exit(body());
    while (!b.is_ready) usleep(100);
    return pid;
}

}  // namespace

int main(int argc, char** argv) {
    const long boxes = argc > 1 ? std::atol(argv[1]) : 100000;
    const long deaths = argc > 2 ? std::atol(argv[2]) : 20;
    const std::string name = "valpool_recovery_pause_" + std::to_string(getpid());
    auto& b = *new (mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                         -1, 0)) board;

    // The others attach on their own: forked before there is a pool.
    const pid_t worker = [&] {
        const pid_t pid = fork();
        if (pid == 0) _exit(work(name, b));
        return pid;
    }();
    SHMMain main(name, static_cast<std::size_t>(boxes) * 512 + (8 << 20));
    main.start();
    while (!b.is_ready) usleep(100);
    std::vector<Val> held;
    for (long i = 0; i < boxes; ++i)
        held.push_back(Shared(main.pool(), Tab{{"number", i}, {"name", "a record"}, {"x", 0.5}}));

    std::vector<double> repairs;
    auto user = detail::find_attachment(detail::arena_of(*main.pool()));
    std::int64_t longest_gap_ns = 0;
    for (long i = 0; i < deaths; ++i) {
        const pid_t victim = start(b, [&] { return hold_and_wait(name, b); });
        b.longest_gap_ns = 0;
        b.is_measuring = true;
        kill(victim, SIGKILL);
        waitpid(victim, nullptr, 0);
        for (;;) {
            const auto began = clock_type::now();
            const auto result = detail::recover_if_needed(*user.get());
            if (result == detail::recovery_result::done)
                repairs.push_back(ms_between(began, clock_type::now()));
            if (result == detail::recovery_result::nothing_dead) break;
            usleep(100);
        }
        usleep(1000);
        b.is_measuring = false;
        longest_gap_ns = std::max(longest_gap_ns, b.longest_gap_ns.load());
    }
    b.stop = true;
    waitpid(worker, nullptr, 0);
    std::sort(repairs.begin(), repairs.end());
    if (repairs.empty()) {
        std::cerr << "somebody else repaired every time\n";
        return 1;
    }
    std::cout << boxes << " shared values, " << repairs.size() << " of " << deaths
              << " repairs seen: median " << repairs[repairs.size() / 2] << " ms, maximum "
              << repairs.back() << " ms; longest gap of a working process "
              << static_cast<double>(longest_gap_ns) / 1e6 << " ms\n";
    return 0;
}
