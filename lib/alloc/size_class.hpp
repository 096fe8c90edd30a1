#pragma once

/// Sizes of the blocks that a slab page is cut into.

#include <array>
#include <cstddef>
#include <cstdint>

namespace valpool::detail {

constexpr std::size_t block_granule = 64;  // a cache line: neighbours never share one
constexpr unsigned linear_classes = 8;     // 64, 128 ... 512
constexpr unsigned size_class_count = linear_classes + 4 * 5;  // then 4 per doubling, to 16 KiB

constexpr std::size_t class_size(unsigned size_class) noexcept {
    if (size_class < linear_classes) return (size_class + 1) * block_granule;
    const unsigned doubling = (size_class - linear_classes) / 4;
    const unsigned quarter = (size_class - linear_classes) % 4;
    return (std::size_t{512} << doubling) + (quarter + 1) * (std::size_t{128} << doubling);
}
constexpr std::size_t largest_class_size = class_size(size_class_count - 1);
static_assert(largest_class_size == 16384, "four classes a doubling from 512 to 16 KiB");

/// The same by a table, for callers whose class is not known at compile time.
class class_sizes {
public:
    constexpr class_sizes() noexcept {
        for (unsigned c = 0; c < size_class_count; ++c)
            sizes_[c] = static_cast<std::uint32_t>(class_size(c));
    }
    constexpr std::uint32_t operator[](std::size_t size_class) const noexcept {
        return sizes_[size_class];
    }

private:
    std::array<std::uint32_t, size_class_count> sizes_{};
};
inline constexpr class_sizes size_of_class{};

/// The smallest class that holds a given number of granules, by a table.
class granule_classes {
public:
    constexpr granule_classes() noexcept {
        std::size_t granules = 1;
        for (unsigned c = 0; c < size_class_count; ++c)
            for (; granules * block_granule <= class_size(c); ++granules)
                classes_[granules - 1] = static_cast<std::uint8_t>(c);
    }
    constexpr unsigned operator[](std::size_t granules_less_one) const noexcept {
        return classes_[granules_less_one];
    }

private:
    std::array<std::uint8_t, largest_class_size / block_granule> classes_{};
};
inline constexpr granule_classes class_of_granules{};

/// The smallest class that holds `size_bytes` (at least 1, at most largest_class_size).
constexpr unsigned size_class_of(std::size_t size_bytes) noexcept {
    const std::size_t granules_less_one = (size_bytes - 1) / block_granule;
    if (granules_less_one < linear_classes) [[likely]]
        return static_cast<unsigned>(granules_less_one);
    return class_of_granules[granules_less_one];
}

/// The index of the block that contains an offset in a page: multiplies instead of dividing.
class block_divider {
public:
    constexpr block_divider() noexcept {
        for (unsigned c = 0; c < size_class_count; ++c) {
            const auto granules = static_cast<std::uint32_t>(class_size(c) / block_granule);
            reciprocal_[c] = ((1U << shift) + granules - 1) / granules;
        }
    }
    /// `offset` from the page's start, at most 64 KiB.
    constexpr std::uint32_t index(std::size_t offset, unsigned size_class) const noexcept {
        return of_granule(offset / block_granule, size_class);
    }
    constexpr std::uint32_t of_granule(std::size_t granule, std::size_t size_class) const noexcept {
        return (static_cast<std::uint32_t>(granule) * reciprocal_[size_class]) >> shift;
    }

private:
    static constexpr unsigned shift = 20;  // exact for every granule of a 64 KiB page
    std::array<std::uint32_t, size_class_count> reciprocal_{};
};
inline constexpr block_divider block_index_of{};

}  // namespace valpool::detail
