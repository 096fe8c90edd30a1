#pragma once

/// Waiting in the kernel with nothing around it: the limit for everything that sleeps.

#include <atomic>
#include <climits>
#include <cstdint>
#include <stdexcept>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace valpool::bench {

/// How an end waits: it looks again and again; or as what it is does by itself.
enum class waiting { spinning, as_usual };

/// A number, in shared memory, on a cache line of its own.
class alignas(128) futex_word {
public:
    /// Both return what it has become. The first one never spins, the second one never sleeps.
    std::uint32_t sleep_while(std::uint32_t old) noexcept {
        std::uint32_t now = old;
        while ((now = get()) == old) call(FUTEX_WAIT, old);
        return now;
    }
    std::uint32_t spin_while(std::uint32_t old) noexcept {
        std::uint32_t now = old;
        while ((now = get()) == old) {
        }
        return now;
    }
    void set(std::uint32_t number) noexcept { number_.store(number, std::memory_order_release); }
    void set_and_wake(std::uint32_t number) noexcept {
        set(number);
        call(FUTEX_WAKE, INT_MAX);
    }

private:
    std::uint32_t get() const noexcept {
        return number_.load(std::memory_order_acquire);  // pairs with the release in set
    }
    void call(int operation, std::uint32_t argument) noexcept {
        syscall(SYS_futex, &number_, operation, argument, nullptr, nullptr, 0);
    }
    std::atomic<std::uint32_t> number_{0};
};
static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t),
              "the kernel looks at it as a number");

/// Two processes that raise one number in turn, and so say whose turn it is.
class turns {
public:
    explicit turns(futex_word& word, waiting how) noexcept : word_(word), how_(how) {}

    /// Round trip `n`, counted from 1; 0 says that it is the last one.
    void there_and_back(std::uint32_t n) {
        const std::uint32_t sent = n == 0 ? last : 2 * n - 1;
        give(sent);
        if (wait_while(sent) != sent + 1) throw std::runtime_error("a wrong answer came back");
    }
    /// Waits for round trip `n`, and answers it after a look; false for the last one.
    template <class Look>
    bool answer(std::uint32_t n, Look look) {
        const std::uint32_t got = wait_while(2 * n - 2);
        if (got != last && got != 2 * n - 1) throw std::runtime_error("a wrong number came");
        if (got != last) look();
        give(got + 1);
        return got != last;
    }

private:
    static constexpr std::uint32_t last = ~std::uint32_t{1};

    void give(std::uint32_t number) noexcept {
        how_ == waiting::spinning ? word_.set(number) : word_.set_and_wake(number);
    }
    std::uint32_t wait_while(std::uint32_t old) noexcept {
        return how_ == waiting::spinning ? word_.spin_while(old) : word_.sleep_while(old);
    }

    futex_word& word_;
    waiting how_;
};

}  // namespace valpool::bench
