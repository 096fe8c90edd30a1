#pragma once

#include "base/futex.hpp"

#include <new>
#include <utility>

#include <sys/mman.h>

namespace valpool::detail {

/// A shared word between a parent and a child that is forked while this object exists: the child
/// signals once that it is ready.
class handover {
public:
    handover() noexcept = default;
    /// Throws std::bad_alloc.
    static handover make() {
        void* const page =
            mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) throw std::bad_alloc();
        handover made;
        made.word_ = new (page) std::atomic<std::uint32_t>(0);
        return made;
    }
    ~handover() {
        if (word_) munmap(word_, bytes);
    }
    handover(handover&& other) noexcept : word_(std::exchange(other.word_, nullptr)) {}
    handover& operator=(handover&& other) noexcept {
        std::swap(word_, other.word_);
        return *this;
    }

    explicit operator bool() const noexcept { return word_ != nullptr; }
    void say_ready() noexcept {
        word_->store(1, std::memory_order_release);  // pairs with the acquire in is_ready
        futex_wake(*word_);
    }
    bool is_ready() const noexcept { return word_->load(std::memory_order_acquire) != 0; }
    /// False when the child was not ready by the deadline: it may have died.
    bool wait(deadline until) noexcept {
        while (!is_ready())
            if (!futex_wait(*word_, 0, until)) return is_ready();
        return true;
    }

private:
    static constexpr std::size_t bytes = sizeof(std::atomic<std::uint32_t>);
    std::atomic<std::uint32_t>* word_ = nullptr;
};

}  // namespace valpool::detail
