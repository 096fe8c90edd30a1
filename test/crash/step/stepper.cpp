#include "crash/step/stepper.hpp"

#include "crash/step/line.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <unordered_map>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace valpool::test {

// --- the pool's bytes --------------------------------------------------------------------------

pool_view::pool_view(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (file < 0 || fstat(file, &status) != 0) throw std::runtime_error("no pool to look at");
    const auto size = static_cast<std::size_t>(status.st_size);
    void* const at = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (at == MAP_FAILED) throw std::runtime_error("cannot look at the pool");
    bytes_ = static_cast<const char*>(at);
    seen_.assign(bytes_, bytes_ + size);
}

pool_view::~pool_view() { munmap(const_cast<char*>(bytes_), seen_.size()); }

bool pool_view::has_changed() {
    if (std::memcmp(seen_.data(), bytes_, seen_.size()) == 0) return false;
    std::memcpy(seen_.data(), bytes_, seen_.size());
    return true;
}

// --- recording ---------------------------------------------------------------------------------

namespace {

class recorder {
public:
    recorder(tracee& thread, pool_view& view) : thread_(thread), view_(view) {
        view_.has_changed();
        note_place();
    }

    recording run() {
        while (thread_.step()) {
            note_place();
            if (view_.has_changed()) made_.stores.push_back(made_.length());
        }
        return std::move(made_);
    }

private:
    void note_place() {
        const unsigned long place = thread_.where();
        // A breakpoint on `rep movs` is hit once, however often the instruction repeats.
        const bool is_repeated = !made_.stops.empty() && made_.stops.back().place == place;
        made_.stops.push_back({place, is_repeated ? 0 : ++arrivals_[place]});
        const kind what = kind_of(place);
        if (what.is_in_libc) made_.in_libc.push_back(made_.length());
        if (what.enters_kernel)
            for (long n = made_.length() - 1; n <= made_.length() + 1; ++n)
                made_.calls.push_back(std::max(n, 0L));
    }

    struct kind {
        bool enters_kernel;
        bool is_in_libc;
    };
    kind kind_of(unsigned long place) {
        const auto [known, is_new] = kinds_.try_emplace(place);
        if (is_new) known->second = {thread_.is_before_a_system_call(), is_in_libc(place)};
        return known->second;
    }
    /// libc lies at the same address in this process, too.
    static bool is_in_libc(unsigned long place) {
        Dl_info info{};
        const bool is_known = dladdr(reinterpret_cast<void*>(place), &info) != 0;
        return is_known && std::strstr(info.dli_fname, "libc.so") != nullptr;
    }

    tracee& thread_;
    pool_view& view_;
    recording made_;
    std::unordered_map<unsigned long, unsigned long> arrivals_;
    std::unordered_map<unsigned long, kind> kinds_;
};

/// The place from which to single-step to n: a breakpoint costs time at each pass on the way.
long best_break(const recording& known, long n) {
    constexpr long most_steps = 300;
    long best = 0;
    long least = n;  // steps from the beginning
    for (long at = std::max(1L, n - most_steps); at <= n; ++at) {
        const auto arrival = static_cast<long>(known.stops[static_cast<std::size_t>(at)].arrival);
        const long cost = 2 * arrival + n - at;
        if (arrival == 0 || cost >= least) continue;
        best = at;
        least = cost;
    }
    return best;
}

}  // namespace

// --- the victim --------------------------------------------------------------------------------

/// The pipe through which the victim reports its ids.
struct victim::report_line {
    int ends[2];
    report_line() {
        if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    }
    traced_ids read_ids() const {
        traced_ids ids{};
        if (!wait_readable(ends[0], 20) || read(ends[0], &ids, sizeof ids) != sizeof ids)
            throw std::runtime_error("HANG: the victim does not come to its operation");
        return ids;
    }
};

victim::victim(const std::function<void(const marks&)>& life) : victim(life, report_line()) {}

victim::victim(const std::function<void(const marks&)>& life, report_line line)
    : process_([&] {
          close(line.ends[0]);
          life({[&] { be_traced(line.ends[1]); }, stop_for_the_tracer});
          return 0;
      }) {
    close(line.ends[1]);  // so that its death before the report closes the pipe
    try {
        ids_ = line.read_ids();
        thread_.emplace(ids_.thread);
    } catch (...) {
        close(line.ends[0]);
        kill();
        throw;
    }
    close(line.ends[0]);
}

victim::~victim() {
    if (!has_gone_) kill();
}

recording victim::record(pool_view& view) {
    recording made = recorder(*thread_, view).run();
    const auto tidy = [&](std::vector<long>& list) {
        while (!list.empty() && list.back() > made.length()) list.pop_back();
        std::sort(list.begin(), list.end());
        list.erase(std::unique(list.begin(), list.end()), list.end());
    };
    tidy(made.calls);
    tidy(made.stores);
    return made;
}

bool victim::run(const recording& known, long n) {
    long at = best_break(known, n);
    if (at > 0) {
        const auto& stop = known.stops[static_cast<std::size_t>(at)];
        if (!thread_->run_to(stop.place, stop.arrival)) return false;
    }
    for (; at < n; ++at)
        if (!thread_->step()) return false;
    return true;
}

void victim::kill() {
    has_gone_ = true;
    if (ids_.thread != 0 && ids_.thread != ids_.process) {
        ::kill(ids_.process, SIGKILL);
        // The process ends only when its tracer has seen the end of this thread.
        if (!thread_ || !thread_->end_status()) wait_for(ids_.thread, __WALL, 20);
    }
    process_.kill_and_wait();
}

std::string victim::finish() {
    thread_->release();
    std::optional<int> status;
    if (ids_.thread == ids_.process) status = thread_->end_status();
    if (!status) {
        if (!eventually([&] { return process_.has_eldest_ended(); }, 30)) {
            kill();
            return "HANG: the victim does not come to its end; ";
        }
    }
    has_gone_ = true;
    const int end =
        status ? (WIFEXITED(*status) ? WEXITSTATUS(*status) : -WTERMSIG(*status)) : process_.wait();
    if (status) process_.wait();
    return end == 0 ? "" : "the victim ended with " + std::to_string(end) + "; ";
}

}  // namespace valpool::test
