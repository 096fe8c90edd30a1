#pragma once

/// The original's names for what the standard library has today. All of it works within one
/// process.

#include <valpool/base/detail/break_checker.hpp>

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

/// A recursive mutex, as in the original.
class Mutex {
public:
    /// The original's flag asks for a mutex that processes share. Here it has no effect: for shared
    /// values use a TransactionLock.
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

/// A condition variable with its own mutex. Call wait with the mutex locked exactly once.
class CondVar {
public:
    explicit CondVar(bool = false) {}
    /// Uses `mutex` instead of its own. It must live as long as this object.
    explicit CondVar(Mutex& mutex) : mutex_(&mutex) {}
    CondVar(const CondVar&) = delete;
    CondVar& operator=(const CondVar&) = delete;

    void lock() { mutex_->lock(); }
    void unlock() { mutex_->unlock(); }
    /// A flag to wait for, for programs that need nothing more.
    volatile bool& operator()() noexcept { return condition_; }
    /// Waits for a signal. It can return without one, so check your condition again.
    void wait() { changed_.wait(mutex_->mutex_); }
    /// Returns true when the time is up.
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

/// A thread with a name. A detached thread runs on its own; any other is joined, at the latest by
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

    /// Throws std::logic_error when the thread is started already: until it has been joined or,
    /// when detached, until its function has returned.
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
    /// Returns the result of the thread's function; null when there is no thread to wait for.
    /// std::logic_error for a detached thread.
    void* join() {
        if (detached_) throw std::logic_error("OCThread " + name_ + " is detached");
        if (!thread_.joinable()) return nullptr;
        thread_.join();
        started_ = false;
        return run_->result;
    }
    /// True from start() until the thread has been joined; for a detached thread, for ever.
    bool started() const noexcept { return started_; }
    const std::string& name() const noexcept { return name_; }
    const std::string& threadName() const noexcept { return name_; }
    void threadName(std::string name) { name_ = std::move(name); }

private:
    struct run {
        std::atomic<bool> goes_on{true};
        void* result = nullptr;
    };
    /// Marks the end of the thread, also when it is cancelled.
    struct end_mark {
        run& of;
        ~end_mark() { of.goes_on = false; }
    };

    std::string name_;
    bool detached_;
    std::thread thread_;
    bool started_ = false;
    std::shared_ptr<run> run_;  // null: never started
};

}  // namespace valpool
