#include "cut_files.hpp"

#include "terminal.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tool {
namespace {

// The handler runs in the thread that has read.
thread_local volatile unsigned met_here = 0;
std::atomic<unsigned> unsaid{0};  // that nobody has thrown yet

struct mapping {
    std::uintptr_t start = 0;
    std::uintptr_t end = 0;
    bool is_writable = false;
};

/// Reads /proc/self/maps as a signal handler may: without the heap, and without a lock.
class map_reader {
public:
    map_reader() noexcept : fd_(open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
    ~map_reader() { close(fd_); }
    map_reader(const map_reader&) = delete;
    map_reader& operator=(const map_reader&) = delete;

    /// False when no mapping has that address.
    bool find(std::uintptr_t address, mapping& found) noexcept {
        for (char c = next(); c != 0; c = next()) {
            found.start = number(c);
            c = next();
            found.end = number(c);
            next();  // r
            found.is_writable = next() == 'w';
            if (found.start <= address && address < found.end) return true;
            while (c != '\n' && c != 0) c = next();
        }
        return false;
    }

private:
    /// The digits from `c` on; afterwards `c` is what stands behind them.
    std::uintptr_t number(char& c) noexcept {
        std::uintptr_t n = 0;
        for (;; c = next()) {
            if (c >= '0' && c <= '9')
                n = n * 16 + static_cast<std::uintptr_t>(c - '0');
            else if (c >= 'a' && c <= 'f')
                n = n * 16 + static_cast<std::uintptr_t>(c - 'a' + 10);
            else
                return n;
        }
    }
    /// 0 at the end.
    char next() noexcept {
        if (at_ == filled_) {
            const ssize_t count = read(fd_, buffer_, sizeof buffer_);
            at_ = 0;
            filled_ = count > 0 ? static_cast<std::size_t>(count) : 0;
            if (filled_ == 0) return 0;
        }
        return buffer_[at_++];
    }

    int fd_;
    char buffer_[1024];
    std::size_t at_ = 0;
    std::size_t filled_ = 0;
};

/// Puts zeros in the place of all that is mapped from there on: the file ends before it. Whatever
/// looks at a pool expects anything there.
bool read_zeros_from(std::uintptr_t address) noexcept {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    mapping its;
    if (!map_reader().find(address, its) || its.is_writable) return false;
    const std::uintptr_t start = address - address % page;
    return mmap(reinterpret_cast<void*>(start), its.end - start, PROT_READ,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

void on_bus_error(int, siginfo_t* info, void*) {
    const int error = errno;
    if (info->si_code == BUS_ADRERR &&
        read_zeros_from(reinterpret_cast<std::uintptr_t>(info->si_addr))) {
        met_here = met_here + 1;
        unsaid.fetch_add(1, std::memory_order_relaxed);
        errno = error;
        return;
    }
    constexpr char message[] =
        "valpool: the file of the memory pool has been cut short: nobody can use the pool any "
        "more\nend the programs that use it; then `valpool rm --damaged NAME` removes it\n";
    static_cast<void>(!write(STDERR_FILENO, message, sizeof message - 1));
    _exit(1);
}

}  // namespace

void survive_cut_files() noexcept {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, nullptr);
}

look::look() noexcept : met_before_(met_here) {}

bool look::met_cut_file() const noexcept { return met_here != met_before_; }

void look::expect_whole(const std::string& pool) const {
    if (!met_cut_file()) return;
    unsaid.fetch_sub(met_here - met_before_, std::memory_order_relaxed);
    throw std::runtime_error("the file of memory pool \"" + shown(pool) +
                             "\" was cut short while it was looked at\nend the programs that "
                             "use it; then `valpool rm --damaged " +
                             shown(pool) + "` removes it");
}

bool has_unsaid_cut_file() noexcept { return unsaid.load(std::memory_order_relaxed) != 0; }

}  // namespace tool
