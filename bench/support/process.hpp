#pragma once

/// Processes that measure together: started at once, watched, and always ended.

#include "base/clock.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/types.h>

namespace valpool::bench {

using clock_type = std::chrono::steady_clock;

inline double seconds_since(clock_type::time_point began) {
    return std::chrono::duration<double>(clock_type::now() - began).count();
}

/// On the clock that all processes share.
inline std::int64_t now_ns() { return detail::steady_now_ns(); }

/// What one of the processes does. An exception in it fails the whole measurement.
struct role {
    static constexpr int anywhere = -1;
    static constexpr int first_two = -2;
    int cpu = anywhere;  // one of those that this program may use, counted from 0; or one of these
    std::function<void()> body;
};

/// Whether roles are kept on the processors they name, if there are two at least. On by default.
void allow_pinning(bool on) noexcept;
/// Keeps this process there, as roles are kept; see role::cpu.
void pin_this_process(int cpu);

/// This process was told to end by SIGINT or SIGTERM.
struct interrupted : std::runtime_error {
    interrupted() : std::runtime_error("interrupted") {}
};

/// Forks one process for each role and waits until all have ended well.
/// Throws, after ending all of them: std::runtime_error with what the first one to fail said, or
/// when it takes longer than `limit`; interrupted.
void run_processes(const std::vector<role>& roles, std::chrono::seconds limit);

/// A program that serves the measurement, for as long as the object lives. Its output is dropped.
class background_program {
public:
    /// The first word is looked up in PATH.
    explicit background_program(const std::vector<std::string>& command);
    ~background_program();  // asks it to end, insists after five seconds
    background_program(const background_program&) = delete;
    background_program& operator=(const background_program&) = delete;

private:
    pid_t pid_;
};

/// A name for a pool or another object in /dev/shm that no other run has, gone afterwards.
class shm_name {
public:
    explicit shm_name(const std::string& what);
    ~shm_name();
    shm_name(const shm_name&) = delete;
    shm_name& operator=(const shm_name&) = delete;
    const std::string& str() const noexcept { return name_; }
    operator const std::string&() const noexcept { return name_; }

private:
    std::string name_;
};

/// An object, and if it wants them some bytes behind it, that processes forked from here share.
template <class T>
class shared {
public:
    shared() : shared(0, std::make_tuple()) {}
    template <class... Arguments>
    explicit shared(std::size_t bytes_behind, std::tuple<Arguments...> arguments)
        : bytes_(sizeof(T) + bytes_behind), at_(map(bytes_)) {
        std::apply([this](auto... each) { new (at_) T(each...); }, arguments);
    }
    ~shared() { munmap(at_, bytes_); }
    shared(const shared&) = delete;
    shared& operator=(const shared&) = delete;
    T& operator*() const noexcept { return *static_cast<T*>(at_); }
    T* operator->() const noexcept { return static_cast<T*>(at_); }

private:
    static void* map(std::size_t bytes) {
        void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (at == MAP_FAILED) throw std::bad_alloc();
        return at;
    }
    std::size_t bytes_;
    void* at_;
};

/// Where a known number of processes wait for each other, asleep: who waits must not disturb those
/// who are measured. In shared memory; used once.
class barrier {
public:
    void arrive_and_wait(std::uint32_t parties) noexcept;

private:
    std::atomic<std::uint32_t> arrived_{0};
};

}  // namespace valpool::bench
