#pragma once

/// Free memory inside a box: pieces that were given back. They are merged with their neighbours at
/// once.
///
/// Only the one process that changes the box reads these structures. A crash in the middle leaves
/// the box poisoned, and nobody reads them any more.

#include "object/box_layout.hpp"

#include <valpool/object/detail/region.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>

namespace valpool::detail {

/// A bitmap of grains.
class grain_map {
public:
    explicit grain_map(std::uint64_t* words) noexcept : words_(words) {}

    bool has(std::uint32_t i) const noexcept { return (words_[i / 64] >> (i % 64) & 1) != 0; }
    /// Where the row of set bits right before `end` begins; `end` when there is none.
    std::uint32_t row_start(std::uint32_t end) const noexcept {
        while (end != 0) {
            const std::uint32_t n = (end - 1) % 64 + 1;
            const std::uint64_t clear = ~words_[(end - 1) / 64] << (64 - n);
            if (clear != 0) return end - static_cast<std::uint32_t>(std::countl_zero(clear));
            end -= n;
        }
        return 0;
    }
    /// Inverts `count` bits from `first` on, which are all set or all clear.
    void flip(std::uint32_t first, std::uint32_t count) noexcept {
        while (count != 0) {
            const std::uint32_t n = std::min(64 - first % 64, count);
            const std::uint64_t ones = n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
            words_[first / 64] ^= ones << (first % 64);
            first += n;
            count -= n;
        }
    }

private:
    std::uint64_t* words_;
};

/// The header of a free piece. It takes up all of the smallest piece.
struct free_piece {
    std::uint64_t next : 48;
    std::uint64_t grains : 16;
    std::uint64_t prev;
};
static_assert(sizeof(free_piece) == region_grain, "a piece of one grain is a piece");

/// The free pieces of a box, in lists by size. The lists are in a chunk of their own
/// (chunk::lists), which exists only while there are free pieces. So only the content of a box
/// decides how much it takes from the pool.
/// Shape: a list for each small size, and four more for larger pieces; `present` has a bit for each
/// list that is not empty. `box_map` is for the box's own block what chunk::free_map is for a
/// chunk: it says which grains are in a list.
/// Invariants: no two free pieces are neighbours, none lies right before box::bump, and none fills
/// a chunk (unless the pool could not take that chunk back).
struct free_lists {
    static constexpr unsigned exact = region_largest_small / region_grain;
    static constexpr unsigned count = exact + 4;
    static constexpr std::uint32_t box_grains = 1024;  // later grains are freed only with the box

    std::uint64_t present;
    std::uint64_t unused;
    std::uint64_t first[count];
    std::uint64_t box_map[box_grains / 64];

    /// The list for pieces of `grains` grains.
    static unsigned list_of(std::uint32_t grains) noexcept {
        if (grains <= exact) return grains - 1;
        const auto doublings = static_cast<unsigned>(std::bit_width(grains)) - 6;
        return exact + std::min(doublings, count - exact - 1);
    }

    void insert(arena& a, std::uint64_t offset, std::uint32_t grains) noexcept {
        const unsigned list = list_of(grains);
        const std::uint64_t head = first[list];
        auto& piece = *a.at<free_piece>(offset);
        piece.next = head & 0xffff'ffff'ffff;
        piece.grains = grains & 0xffff;
        piece.prev = 0;
        if (head != 0) a.at<free_piece>(head)->prev = offset;
        first[list] = offset;
        present |= std::uint64_t{1} << list;
    }
    /// Returns the size of the piece in grains.
    std::uint32_t remove(arena& a, std::uint64_t offset) noexcept {
        const free_piece& piece = *a.at<free_piece>(offset);
        const auto grains = static_cast<std::uint32_t>(piece.grains);
        const unsigned list = list_of(grains);
        if (piece.prev != 0)
            a.at<free_piece>(piece.prev)->next = piece.next;
        else
            first[list] = piece.next;
        if (piece.next != 0) a.at<free_piece>(piece.next)->prev = piece.prev;
        if (first[list] == 0) present &= ~(std::uint64_t{1} << list);
        return grains;
    }
    /// The smallest piece that has at least `grains` grains (at most `exact`); 0: none.
    std::uint64_t find(std::uint32_t grains) const noexcept {
        const std::uint64_t fitting = present & (~std::uint64_t{0} << (grains - 1));
        return fitting == 0 ? 0 : first[std::countr_zero(fitting)];
    }
};
static_assert(sizeof(chunk) + sizeof(free_lists) == 512, "a block of a class, all of it used");

/// A block that contains pieces: the box's own, or a chunk.
struct piece_block {
    std::uint64_t start;
    std::uint32_t grains;  // that have a bit in the map
    chunk* owner;          // null: the box itself
    std::uint64_t* words;  // null: the box's block, which has no map without lists

    std::uint32_t index_of(std::uint64_t offset) const noexcept {
        return static_cast<std::uint32_t>((offset - start) / region_grain);
    }
    std::uint64_t offset_of(std::uint32_t grain) const noexcept {
        return start + std::uint64_t{grain} * region_grain;
    }
    grain_map map() const noexcept { return grain_map(words); }
    void flip(std::uint32_t first, std::uint32_t count, bool to_free) const noexcept {
        map().flip(first, count);
        if (!owner) return;
        const std::uint32_t now = to_free ? owner->free_grains + count : owner->free_grains - count;
        owner->free_grains = static_cast<std::uint16_t>(now);
    }
    /// Of a chunk.
    std::size_t header_bytes() const noexcept { return pieces_header_bytes(grains * region_grain); }
    bool is_all_free() const noexcept {
        return owner && owner->free_grains == grains - header_bytes() / region_grain;
    }
};

}  // namespace valpool::detail
