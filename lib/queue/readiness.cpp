#include "queue/readiness.hpp"

#include "base/futex.hpp"
#include "base/system_error.hpp"
#include "process/fork.hpp"
#include "queue/wait_set.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <future>
#include <stdexcept>
#include <system_error>

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace valpool::detail {
namespace {

/// A thread that handles none of the program's signals.
std::thread start_quiet_thread(const std::function<void()>& body) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        std::thread result(body);
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return result;
    } catch (...) {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
}

int make_eventfd() {
    const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) throw_system_error("eventfd", "a descriptor for a queue", errno);
    return fd;
}

}  // namespace

readiness::readiness(queue_core& core, direction d)
    : core_(core), direction_(d), generation_(fork_generation()), fd_(make_eventfd()) {
    try {
        std::promise<void> admitted;
        watcher_ = start_quiet_thread([&, this] {
            if (is_admitted(admitted)) watch();
        });
        admitted.get_future().get();
    } catch (const std::system_error& e) {
        close(fd_);
        throw std::runtime_error(std::string("a thread that watches a queue: ") + e.what());
    } catch (...) {
        if (watcher_.joinable()) watcher_.join();
        close(fd_);
        throw;
    }
}

/// Whether this thread can wait in the queue; the constructor is told, and throws what kept it out.
bool readiness::is_admitted(std::promise<void>& answer) noexcept {
    try {
        core_.admit_thread();
        answer.set_value();
        return true;
    } catch (...) {
        answer.set_exception(std::current_exception());
        return false;
    }
}

readiness::~readiness() {
    {
        const std::lock_guard guard(mutex_);
        goes_on_.store(0, std::memory_order_release);
    }
    futex_wake(goes_on_);
    cleared_.notify_all();
    watcher_.join();
    close(fd_);
}

void readiness::end(readiness* r) noexcept {
    if (!r) return;
    if (r->is_own())
        delete r;
    else
        close(r->fd_);
}

bool readiness::is_own() const noexcept { return generation_ == fork_generation(); }

void readiness::settle_slowly() noexcept {
    if (!is_own()) return;
    const std::lock_guard guard(mutex_);
    if (!is_set_.load(std::memory_order_relaxed) || core_.is_ready(direction_)) return;
    eventfd_t value = 0;
    static_cast<void>(eventfd_read(fd_, &value));
    is_set_.store(false, std::memory_order_relaxed);
    cleared_.notify_one();
}

void readiness::watch() noexcept {
    std::unique_lock guard(mutex_);
    const auto has_ended = [this] { return goes_on_.load(std::memory_order_acquire) == 0; };
    while (!has_ended()) {
        guard.unlock();
        sleep_until_ready();
        guard.lock();
        if (has_ended() || !set()) continue;
        cleared_.wait(guard,
                      [&] { return !is_set_.load(std::memory_order_relaxed) || has_ended(); });
    }
}

/// With the mutex held. False when the queue is not ready (any more).
bool readiness::set() noexcept {
    // Sequentially consistent, against settle(): either it finds this flag, or this finds what its
    // operation did to the queue.
    is_set_.store(true, std::memory_order_seq_cst);
    if (core_.is_ready(direction_)) {
        static_cast<void>(eventfd_write(fd_, 1));
        return true;
    }
    is_set_.store(false, std::memory_order_relaxed);
    return false;
}

/// May return earlier.
void readiness::sleep_until_ready() noexcept {
    try {
        const std::chrono::nanoseconds nap = core_.before_sleep();
        wait_set set;
        set.add_word(goes_on_);
        core_.add_to(set, direction_);
        if (!core_.is_ready(direction_)) set.sleep(deadline::in(nap));
        core_.remove_from(set, direction_);
    } catch (const std::exception&) {
        // No memory for the set, or the pool is not this process's any more: look now and then.
        futex_wait(goes_on_, 1, deadline::in(std::chrono::milliseconds(100)));
    }
    // Somebody who waits in the queue itself may be quicker than the program's event loop.
    if (core_.is_ready(direction_)) core_.pass_on(direction_);
}

}  // namespace valpool::detail
