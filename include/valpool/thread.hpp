#pragma once

/// The original's names for what the standard library has today: within one process.

#include <valpool/detail/break_checker.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace valpool {

/// Recursive, as the original's.
class Mutex {
public:
    /// Never shared between processes: what shared values need is a TransactionLock.
    explicit Mutex(bool = false) {}
    void lock() { mutex_.lock(); }
    void unlock() { mutex_.unlock(); }
    bool trylock() { return mutex_.try_lock(); }

private:
    friend class CondVar;
    std::recursive_mutex mutex_;
};

/// Holds a Mutex while it lives.
class ProtectScope {
public:
    explicit ProtectScope(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
    ~ProtectScope() { mutex_.unlock(); }
    ProtectScope(const ProtectScope&) = delete;
    ProtectScope& operator=(const ProtectScope&) = delete;

private:
    Mutex& mutex_;
};

/// A condition with a mutex of its own; wait with it locked, once.
class CondVar {
public:
    explicit CondVar(bool = false) {}
    /// With another's mutex, which must live as long.
    explicit CondVar(Mutex& mutex) : mutex_(&mutex) {}
    CondVar(const CondVar&) = delete;
    CondVar& operator=(const CondVar&) = delete;

    void lock() { mutex_->lock(); }
    void unlock() { mutex_->unlock(); }
    /// What is waited for, for who needs no more than a flag.
    volatile bool& operator()() noexcept { return condition_; }
    /// Until somebody signals; can return without that, so look at what you wait for again.
    void wait() { changed_.wait(mutex_->mutex_); }
    /// True when the time is up.
    bool timedwait(std::uint64_t timeout_us = 1000) {
        return timedwait_sec(static_cast<double>(timeout_us) * 1e-6);
    }
    bool timedwait_sec(double timeout_s) {
        return changed_.wait_for(mutex_->mutex_, std::chrono::duration<double>(timeout_s)) ==
               std::cv_status::timeout;
    }
    void signal() { changed_.notify_one(); }
    void broadcast() { changed_.notify_all(); }

private:
    Mutex own_;
    Mutex* mutex_ = &own_;
    volatile bool condition_ = false;
    std::condition_variable_any changed_;
};

/// A thread with a name. A detached one lives on by itself; another one is joined, at the latest by
/// the destructor.
class OCThread {
public:
    explicit OCThread(std::string name, bool detached = true)
        : name_(std::move(name)), detached_(detached) {}
    template <class Pointer, detail::if_pointer_like<Pointer> = 0>
    OCThread(std::string name, Pointer&& detached) = delete;
    ~OCThread() {
        if (thread_.joinable()) thread_.join();
    }
    OCThread(const OCThread&) = delete;
    OCThread& operator=(const OCThread&) = delete;

    /// Throws std::logic_error when it is running already: a joined one until it has been joined, a
    /// detached one until its function has returned.
    void start(void* (*function)(void*), void* data) {
        if (thread_.joinable() || (run_ && run_->goes_on))
            throw std::logic_error("OCThread " + name_ + ": started twice");
        // The thread may outlive this object.
        auto running = std::make_shared<run>();
        thread_ = std::thread([function, data, running] {
            const end_mark at_end{*running};
            running->result = function(data);
        });
        run_ = std::move(running);
        started_ = true;
        if (detached_) thread_.detach();
    }
    /// Returns what the thread's function has returned; null when there is nothing to wait for.
    /// std::logic_error for a detached thread.
    void* join() {
        if (detached_) throw std::logic_error("OCThread " + name_ + " is detached");
        if (!thread_.joinable()) return nullptr;
        thread_.join();
        started_ = false;
        return run_->result;
    }
    /// Until it has been joined; of a detached one, for ever.
    bool started() const noexcept { return started_; }
    const std::string& name() const noexcept { return name_; }
    const std::string& threadName() const noexcept { return name_; }
    void threadName(std::string name) { name_ = std::move(name); }

private:
    struct run {
        std::atomic<bool> goes_on{true};
        void* result = nullptr;
    };
    /// Also when the thread is cancelled.
    struct end_mark {
        run& of;
        ~end_mark() { of.goes_on = false; }
    };

    std::string name_;
    bool detached_;
    std::thread thread_;
    bool started_ = false;
    std::shared_ptr<run> run_;  // null: has never been started
};

}  // namespace valpool
