#pragma once

#include <csignal>
#include <functional>
#include <new>
#include <string>
#include <utility>

#include <sys/mman.h>
#include <sys/types.h>

namespace valpool::test {

/// A process that runs a function and exits with its result, without unwinding what it inherited.
class child {
public:
    explicit child(const std::function<int()>& body);
    ~child();  // kills it if it is still there
    child(child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
    child& operator=(child&& other) noexcept {
        std::swap(pid_, other.pid_);
        return *this;
    }
    child(const child&) = delete;
    child& operator=(const child&) = delete;

    pid_t pid() const noexcept { return pid_; }
    void signal(int number) const;
    /// Waits for its end. Returns the exit code, or minus the signal that killed it.
    int wait();
    int kill_and_wait() {
        signal(SIGKILL);
        return wait();
    }
    bool has_ended() const;
    /// By a signal, right now.
    bool has_stopped() const;

private:
    pid_t pid_ = 0;
};

/// A child with all that it forks. Those outlive it when it is killed, and their ends count as
/// deaths of their own; so the waits here last until they have ended as well.
class family {
public:
    explicit family(const std::function<int()>& body);

    int wait();
    int kill_and_wait() {
        eldest_.signal(SIGKILL);
        return wait();
    }
    /// Also kills processes that are stopped and so would never end.
    int kill_all_and_wait();
    bool has_eldest_ended() const { return eldest_.has_ended(); }

private:
    child eldest_;
};

/// A name that no other test has; it is removed from /dev/shm afterwards.
class pool_name {
public:
    explicit pool_name(const std::string& test);
    ~pool_name();
    pool_name(const pool_name&) = delete;
    pool_name& operator=(const pool_name&) = delete;
    const std::string& str() const noexcept { return name_; }
    operator const std::string&() const noexcept { return name_; }
    std::string path() const { return "/dev/shm/" + name_; }

private:
    std::string name_;
};

/// An object that processes forked from here share.
template <class T>
class shared {
public:
    shared() : at_(map()) { new (at_) T(); }
    ~shared() { munmap(at_, sizeof(T)); }
    shared(const shared&) = delete;
    shared& operator=(const shared&) = delete;
    T& operator*() const noexcept { return *static_cast<T*>(at_); }
    T* operator->() const noexcept { return static_cast<T*>(at_); }

private:
    static void* map() {
        void* const at =
            mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) throw std::bad_alloc();
        return at;
    }
    void* at_;
};

/// Ends the whole test with a signal when it hangs.
class watchdog {
public:
    explicit watchdog(unsigned seconds);
    ~watchdog();
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;
};

/// Polls for 20 seconds at most, until the condition holds.
bool eventually(const std::function<bool()>& is_so, int most_seconds = 20);

/// Not under AddressSanitizer. It does not see that a cancelled thread leaves its stack frames, and
/// reports what lies there next as a use of the old frame.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool can_cancel_threads = false;
#else
constexpr bool can_cancel_threads = true;
#endif

/// Not under ThreadSanitizer. check() reads what others may be writing at that moment, and looks
/// again at what seems wrong. The maker of a box writes it by plain stores, because only check()
/// can see it yet.
#if defined(__SANITIZE_THREAD__)
constexpr bool can_check_meanwhile = false;
#else
constexpr bool can_check_meanwhile = true;
#endif

/// A number from the environment, for the length of random tests.
long from_environment(const char* name, long otherwise);

}  // namespace valpool::test
