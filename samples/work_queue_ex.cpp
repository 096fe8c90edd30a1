// Jobs for workers that may die: each job is done at least once, whoever is killed.

#include "command_line.hpp"

#include <valpool/valpool.hpp>

#include <csignal>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace valpool;

namespace {

const char usage[] =
    "usage: work_queue_ex POOL JOBS [options]\n"
    "Makes the memory pool POOL and JOBS jobs in it, and has them done by worker processes, some "
    "of\n"
    "which it kills at random. A worker leases a job, reports that it is done, and acknowledges "
    "it.\n"
    "So a job that was in work at a kill may be done twice; every other one is done once.\n"
    "  --workers N     at the same time (default 3)\n"
    "  --kills N       workers to kill, each of which is replaced (default 10)\n"
    "  --seed N        of the random numbers (default 1)\n"
    "  --work S        seconds that a job takes (default 0.001)\n"
    "example: work_queue_ex mempool 1000 --kills 20\n";

struct settings {
    std::string pool;
    int jobs = 0;
    int workers = 3;
    int kills = 10;
    int seed = 1;
    double work_s = 0.001;
};

/// A process of its own: leases jobs and does them, until there is an end mark.
void work(const settings& s) {
    ClientSide jobs(s.pool, "jobs");
    ClientSide results(s.pool, "results");
    if (jobs.start() != STARTED || results.start() != STARTED) return;
    for (;;) {
        Lease job = jobs.pipe().lease(1.0);
        if (!job) continue;
        if (job.value().isNone()) return;  // gives the mark back, for the other workers
        usleep(static_cast<useconds_t>(s.work_s * 1e6));
        results.pipe().enq(job.value());
        job.ack();
    }
}

pid_t start_worker(const settings& s) {
    const pid_t pid = fork();
    if (pid < 0) throw std::runtime_error("fork failed");
    if (pid != 0) return pid;
    int result = 0;
    try {
        work(s);
    } catch (const std::exception& e) {
        std::cerr << "worker: " << e.what() << "\n";
        result = 1;
    }
    _exit(result);
}

class work_queue {
public:
    explicit work_queue(const settings& s)
        : settings_(s),
          main_(s.pool, 4000000),
          jobs_(s.pool, "jobs", 16),
          results_(s.pool, "results", 16),
          done_(static_cast<std::size_t>(s.jobs)),
          random_(static_cast<unsigned>(s.seed)) {}

    int run() {
        main_.start();
        jobs_.start();
        results_.start();
        for (int i = 0; i < settings_.workers; ++i) workers_.push_back(start_worker(settings_));
        int next = 0;
        while (missing_ != 0 || killed_ != settings_.kills) {
            while (next < settings_.jobs && jobs_.pipe().try_enqueue(Tab{{"job", next}})) ++next;
            take_result();
            kill_now_and_then();
        }
        jobs_.pipe().enq(Val());
        for (const pid_t worker : workers_) waitpid(worker, nullptr, 0);
        return report();
    }

private:
    void take_result() {
        Val result;
        if (!results_.pipe().dequeue(0.01, result)) return;
        int& times = done_[static_cast<std::size_t>(static_cast<int>(result("job")))];
        if (++times == 1)
            --missing_;
        else
            ++twice_;
    }
    /// The kills are spread over the jobs, each at some instant of some worker's work.
    void kill_now_and_then() {
        const long long done = settings_.jobs - missing_;
        if (killed_ == settings_.kills ||
            done * (settings_.kills + 1) < (killed_ + 1LL) * settings_.jobs)
            return;
        usleep(static_cast<useconds_t>(random_() % 2000));
        pid_t& victim = workers_[random_() % workers_.size()];
        kill(victim, SIGKILL);
        waitpid(victim, nullptr, 0);
        ++killed_;
        victim = start_worker(settings_);
    }
    /// The last results of jobs that were done twice may still be on their way.
    int report() {
        for (Val result; results_.pipe().try_dequeue(result);) ++twice_;
        std::cout << settings_.jobs << " jobs done, " << twice_ << " of them again, " << killed_
                  << " workers killed\n";
        return twice_ <= killed_ ? 0 : 1;
    }

    const settings& settings_;
    SHMMain main_;
    ServerSide jobs_;
    ServerSide results_;
    std::vector<int> done_;
    std::mt19937 random_;
    std::vector<pid_t> workers_;
    int missing_ = settings_.jobs;
    int twice_ = 0;
    int killed_ = 0;
};

int run(const settings& s) { return work_queue(s).run(); }

}  // namespace

int main(int argc, char** argv) {
    settings s;
    command_line line(usage);
    line.text("POOL", s.pool);
    line.integer("JOBS", s.jobs, 1);
    line.integer("--workers", s.workers, 1);
    line.integer("--kills", s.kills, 0);
    line.integer("--seed", s.seed, 0);
    line.real("--work", s.work_s);
    return run_program(line, argc, argv, [&] { return run(s); });
}
