#pragma once

/// Reading a pool's memory that others may be changing, and that may contain anything.

#include "alloc/arena.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <type_traits>

namespace valpool::detail {

/// What is there makes no sense, or is being changed.
struct unreadable : std::exception {
    const char* what() const noexcept override { return "this part of the pool cannot be read"; }
};

/// Copies out of the pages of an arena, and the keys that its tables share. Places are offsets from
/// the arena's start, so what was read there can be used in sums: a wrong one lies outside, and is
/// not read. Each copy goes into a digest. Two walks with the same digest have read the same.
class seen_memory {
public:
    explicit seen_memory(const arena& a) noexcept : arena_(a) {}

    const arena& pool() const noexcept { return arena_; }
    std::uint64_t digest() const noexcept { return digest_; }

    /// Throws unreadable for bytes that are elsewhere.
    void read(std::uint64_t offset, void* to, std::size_t size_bytes) {
        check(offset, size_bytes);
        // The thread sanitizer would see a race here, as it does in check(); so would the language.
        // Whoever reads here has to compare what it has read.
        std::memcpy(to, arena_.at<char>(offset), size_bytes);
        add(static_cast<const unsigned char*>(to), size_bytes);
    }
    template <class T>
    T read(std::uint64_t offset) {
        static_assert(std::is_trivially_copyable_v<T>);
        T copy;
        read(offset, &copy, sizeof copy);
        return copy;
    }
    /// Where the offset pointer at that place leads to; 0 for a null pointer.
    std::uint64_t target(std::uint64_t pointer_offset) {
        const auto distance = read<std::uint64_t>(pointer_offset);
        return distance == null_distance ? 0 : pointer_offset + distance;
    }
    void check(std::uint64_t offset, std::size_t size_bytes) const {
        // The pages come last, so they end with the arena.
        const bool is_shared_key = arena_.in_shapes(offset);
        const std::uint64_t end =
            is_shared_key ? arena_.shapes_offset + arena_.shape_bytes : arena_.size_bytes;
        if (!is_shared_key && !arena_.in_pages(offset)) throw unreadable();
        if (size_bytes > end - offset) throw unreadable();
    }

private:
    /// Boost's offset_ptr: an object never lies in the second byte of its own pointer.
    static constexpr std::uint64_t null_distance = 1;

    void add(const unsigned char* bytes, std::size_t count) noexcept {
        constexpr std::uint64_t factor = 0x9e3779b97f4a7c15;
        for (; count >= 8; bytes += 8, count -= 8) {
            std::uint64_t word;
            std::memcpy(&word, bytes, 8);
            digest_ = (std::rotl(digest_, 23) ^ word) * factor;
        }
        for (; count != 0; ++bytes, --count) digest_ = (std::rotl(digest_, 23) ^ *bytes) * factor;
    }

    const arena& arena_;
    std::uint64_t digest_ = 0;
};

}  // namespace valpool::detail
