#pragma once

/// A byte channel (see byte_channels.hpp) as fast as we can make one: a lock-free ring in shared
/// memory for one producer and one consumer, who write and read messages where they lie.
///  - Its memory is mapped twice in a row, so that every message is in one piece.
///  - Each side's cursor has lines of its own, and each side remembers what it last saw of the
///    other one's: that line is read only when the ring looks full, or empty.
///  - Each side fetches the lines of its next message ahead, so that they come all at once.
///  - Both wait as valpool does before it sleeps: they look, for as long as it pays, and give way.

#include "base/prefetch.hpp"
#include "queue/patience.hpp"
#include "support/process.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

namespace valpool::bench {

/// Memory that processes forked from here share, there a second time directly behind itself.
class mirrored_memory {
public:
    /// `bytes`: whole pages.
    explicit mirrored_memory(std::size_t bytes) : bytes_(bytes) {
        const int file = memfd_create("mirrored", MFD_CLOEXEC);
        if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) fail("memfd_create");
        void* const both = mmap(nullptr, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (both == MAP_FAILED) fail("mmap");
        at_ = static_cast<char*>(both);
        for (char* const half : {at_, at_ + bytes})
            if (mmap(half, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
                     file, 0) == MAP_FAILED)
                fail("mmap");
        close(file);
    }
    ~mirrored_memory() { munmap(at_, 2 * bytes_); }
    mirrored_memory(const mirrored_memory&) = delete;
    mirrored_memory& operator=(const mirrored_memory&) = delete;

    char* at(std::uint64_t position) const noexcept { return at_ + (position & (bytes_ - 1)); }

private:
    [[noreturn]] static void fail(const char* call) {
        throw std::system_error(errno, std::generic_category(), call);
    }
    std::size_t bytes_;
    char* at_;
};

class byte_ring {
    class patience {
    public:
        template <class Ready>
        void wait(Ready ready) {
            if (ready()) return;
            while (!budget_.spin(ready, is_crowded_)) {
                const std::int64_t before = now_ns();
                sched_yield();
                // Longer than the call takes by itself: somebody else has run.
                is_crowded_ = now_ns() - before > 1000;
            }
        }

    private:
        detail::spin_budget budget_;
        bool is_crowded_ = false;
    };

public:
    /// Full when the longest messages would be `capacity`.
    byte_ring(std::size_t capacity, std::size_t longest_message)
        : longest_(longest_message),
          most_bytes_(capacity * with_header(longest_message)),
          memory_(std::bit_ceil(most_bytes_ < page ? page : most_bytes_)) {}
    static std::string name() { return "a lock-free byte ring"; }
    static constexpr bool has_capacity = true;

    class sender {
    public:
        explicit sender(const byte_ring& r) : ring_(r) {}

        /// `fill(char* at, size_t most)` writes a message in place, and returns its size.
        template <class Fill>
        void put(Fill fill) {
            wait_for_room();
            char* const at = ring_.memory_.at(at_);
            const std::size_t size = fill(at + header, ring_.longest_);
            std::memcpy(at, &size, sizeof size);
            at_ += with_header(size);
            // Pairs with the acquire in receive.
            ring_.cursors_->written.store(at_, std::memory_order_release);
            detail::prefetch_to_write(ring_.memory_.at(at_), worth_fetching(size));
        }
        void send(std::string_view message) {
            put([message](char* at, std::size_t most) {
                if (message.size() > most) throw std::runtime_error("a message is too long");
                std::memcpy(at, message.data(), message.size());
                return message.size();
            });
        }

    private:
        void wait_for_room() {
            const std::uint64_t end = at_ + with_header(ring_.longest_);
            patience_.wait([&] {
                if (end - seen_ <= ring_.most_bytes_) return true;
                seen_ = ring_.cursors_->read.load(std::memory_order_acquire);  // release's
                return end - seen_ <= ring_.most_bytes_;
            });
        }
        const byte_ring& ring_;
        std::uint64_t at_ = 0;
        std::uint64_t seen_ = 0;  // of the other side's cursor
        patience patience_;
    };

    class receiver {
    public:
        explicit receiver(const byte_ring& r) : ring_(r) {}

        /// The next message, where it lies; until release().
        std::string_view receive() {
            patience_.wait([&] {
                if (at_ != seen_) return true;
                seen_ = ring_.cursors_->written.load(std::memory_order_acquire);  // put's
                return at_ != seen_;
            });
            const char* const at = ring_.memory_.at(at_);
            std::memcpy(&size_, at, sizeof size_);
            const std::uint64_t next = at_ + with_header(size_);
            detail::prefetch_to_read(at, worth_fetching(size_));
            // The next one will be about as long.
            if (next != seen_)
                detail::prefetch_to_read(ring_.memory_.at(next), worth_fetching(size_));
            return {at + header, size_};
        }
        void release() noexcept {
            at_ += with_header(size_);
            // Pairs with the acquire in wait_for_room: what was read has been read.
            ring_.cursors_->read.store(at_, std::memory_order_release);
        }

    private:
        const byte_ring& ring_;
        std::uint64_t at_ = 0;
        std::uint64_t seen_ = 0;
        std::size_t size_ = 0;
        patience patience_;
    };

private:
    static constexpr std::size_t header = sizeof(std::size_t);
    static constexpr std::size_t page = 4096;
    /// Of a longer message the hardware fetches the rest by itself.
    static std::size_t worth_fetching(std::size_t size) noexcept {
        return std::min(size, std::size_t{4096});
    }
    static constexpr std::size_t with_header(std::size_t size) {
        constexpr std::size_t alignment = 8;  // what FlexBuffers needs in place
        return (header + size + alignment - 1) / alignment * alignment;
    }

    struct cursors {
        alignas(128) std::atomic<std::uint64_t> written{0};
        alignas(128) std::atomic<std::uint64_t> read{0};
    };

    std::size_t longest_;
    std::size_t most_bytes_;
    mirrored_memory memory_;
    shared<cursors> cursors_;
};

}  // namespace valpool::bench
