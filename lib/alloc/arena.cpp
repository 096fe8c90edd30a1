#include "alloc/arena.hpp"

#include "base/round_up.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>

namespace valpool::detail {
namespace {

constexpr std::size_t largest_page = 65536;

/// Where everything lies in an arena. All offsets follow from the page size and the numbers of
/// pages and lanes, so a checker can compute them again and compare.
struct plan {
    std::size_t page_bytes;
    std::size_t page_count;
    std::size_t words, lanes;
    std::size_t slots, lane_lines, heaps, seats, table, stride, map, partial, partial_stride;
    std::size_t shapes, shape_bytes;
    std::size_t pages, end;
};

/// Small pools get small pages, so that there are enough pages for a few processes with a few size
/// classes each.
std::size_t page_bytes_for(std::size_t pool_bytes) noexcept {
    const std::size_t wanted = std::bit_floor(std::max(pool_bytes / 256, smallest_page_bytes));
    return std::min(wanted, largest_page);
}

/// Each lane costs about a kilobyte, so small pools have fewer.
std::size_t lane_count_for(std::size_t pool_bytes) noexcept {
    return std::clamp<std::size_t>(std::bit_floor(pool_bytes / 16384 + 1), 64, 1024);
}

/// Pages for pipes and bookkeeping.
std::size_t reserve_for(std::size_t pool_bytes, std::size_t page_bytes) noexcept {
    constexpr std::size_t most = std::size_t{1} << 20;
    return std::max<std::size_t>(std::min(pool_bytes / 4, most) / page_bytes, 16);
}

/// For the keys that tables share. Large enough for a hundred tables of twenty keys, and not worth
/// its memory in the smallest pools.
std::size_t shape_bytes_for(std::size_t pool_bytes) noexcept {
    constexpr std::size_t least_pool = std::size_t{1} << 20;
    constexpr std::size_t least = std::size_t{16} << 10, most = std::size_t{64} << 10;
    return pool_bytes < least_pool ? 0 : std::clamp(std::bit_floor(pool_bytes / 64), least, most);
}

plan make_plan(std::size_t page_bytes, std::size_t page_count, std::size_t lanes) noexcept {
    plan p{};
    p.page_bytes = page_bytes;
    p.page_count = page_count;
    p.words = page_bytes / block_granule / 64;
    p.lanes = lanes;
    std::size_t at = round_up(sizeof(arena), 64);
    const auto take = [&at](std::size_t size_bytes) {
        const std::size_t here = at;
        at = round_up(at + size_bytes, 64);
        return here;
    };
    p.slots = take(p.lanes * sizeof(process_slot));
    p.lane_lines = take(p.lanes * sizeof(lane));
    p.heaps = take(p.lanes * sizeof(lane_heap));
    p.seats = take(p.lanes * sizeof(seat));
    p.stride = round_up(sizeof(page_entry) + 2 * p.words * 8, p.words > 1 ? 64 : 8);
    p.table = take(page_count * p.stride);
    const std::size_t map_bytes = round_up(round_up(page_count, 64) / 8, 64);
    p.map = take(map_bytes);
    p.partial_stride = map_bytes;
    p.partial = take(map_bytes * size_class_count);
    p.shape_bytes = shape_bytes_for(page_bytes * page_count);
    p.shapes = take(p.shape_bytes);
    p.pages = round_up(at, smallest_page_bytes);
    p.end = p.pages + page_count * page_bytes;
    return p;
}

std::uint64_t random_nonce() {
    std::random_device source;
    return (std::uint64_t{source()} << 32) | source();
}

}  // namespace

arena_shape shape_for_pool(std::size_t pool_bytes) {
    constexpr std::size_t fewest_pages = 16;
    constexpr std::size_t absurd = std::size_t{1} << 47;
    if (pool_bytes > absurd)
        throw std::runtime_error("a pool of " + std::to_string(pool_bytes) +
                                 " bytes is larger than an address space");
    arena_shape shape;
    shape.page_bytes = page_bytes_for(pool_bytes);
    shape.value_pages =
        std::max(round_up(pool_bytes, shape.page_bytes) / shape.page_bytes, fewest_pages);
    shape.page_count = shape.value_pages + reserve_for(pool_bytes, shape.page_bytes);
    shape.lane_count = lane_count_for(pool_bytes);
    return shape;
}

arena_shape shape_within(std::size_t size_bytes) {
    arena_shape shape;
    shape.page_bytes = page_bytes_for(size_bytes);
    shape.page_count = size_bytes / shape.page_bytes;
    shape.lane_count = lane_count_for(size_bytes);
    while (shape.page_count > 0 && arena_bytes(shape) > size_bytes) {
        const std::size_t over = arena_bytes(shape) - size_bytes;
        const std::size_t fewer = std::max<std::size_t>(over / (2 * shape.page_bytes), 1);
        shape.page_count -= std::min(shape.page_count, fewer);
    }
    const std::size_t reserve =
        std::min(reserve_for(size_bytes, shape.page_bytes), shape.page_count / 8);
    shape.value_pages = shape.page_count - reserve;
    if (shape.page_count > 0) return shape;
    shape.page_count = 1;
    throw std::runtime_error(std::to_string(size_bytes) +
                             " bytes are too few for a pool: the smallest one needs " +
                             std::to_string(arena_bytes(shape)));
}

std::size_t arena_bytes(const arena_shape& shape) noexcept {
    return make_plan(shape.page_bytes, shape.page_count, shape.lane_count).end;
}

arena& format_arena(void* memory, const arena_shape& shape, std::size_t raw_align, bool by_file) {
    const plan p = make_plan(shape.page_bytes, shape.page_count, shape.lane_count);

    arena& a = *new (memory) arena;
    a.size_bytes = p.end;
    a.nonce = random_nonce();
    a.version = layout_version;
    a.page_shift = static_cast<std::uint32_t>(std::bit_width(p.page_bytes) - 1);
    a.page_count = static_cast<std::uint32_t>(p.page_count);
    a.words_per_page = static_cast<std::uint32_t>(p.words);
    a.lane_count = static_cast<std::uint32_t>(p.lanes);
    a.raw_align = static_cast<std::uint32_t>(raw_align);
    a.value_page_limit = static_cast<std::uint32_t>(shape.value_pages);
    a.bookkeeping_pages = static_cast<std::uint32_t>((shape.page_count - shape.value_pages) / 2);
    a.slots_offset = p.slots;
    a.lanes_offset = p.lane_lines;
    a.heaps_offset = p.heaps;
    a.seats_offset = p.seats;
    a.table_offset = p.table;
    a.table_stride = p.stride;
    a.map_offset = p.map;
    a.partial_offset = p.partial;
    a.partial_stride = p.partial_stride;
    a.shapes_offset = p.shapes;
    a.shape_bytes = p.shape_bytes;
    a.pages_offset = p.pages;
    a.shared_by_file = by_file;
    for (std::uint32_t i = 0; i < a.page_count; ++i)
        a.page_map()[i / 64].fetch_or(std::uint64_t{1} << (i % 64), std::memory_order_relaxed);
    a.magic = arena_magic;
    return a;
}

const char* arena_defect(const arena& a, std::size_t available) noexcept {
    if (available < sizeof(arena)) return "it is too short for a pool's header";
    if (a.magic != arena_magic) return "the pool's magic number is wrong";
    if (a.version != layout_version) return "its layout version differs";
    if (a.page_shift < 12 || a.page_shift > 16) return "its page size is impossible";
    if (a.lane_count < 1 || a.lane_count > raw_header::most_slots)
        return "its number of lanes is impossible";
    if (a.page_count == 0 || (std::uint64_t{a.page_count} << a.page_shift) > available)
        return "it is shorter than its pages";
    if (a.value_page_limit > a.page_count ||
        a.bookkeeping_pages != (a.page_count - a.value_page_limit) / 2)
        return "its share of pages for values is impossible";
    if (a.raw_align == 0 || a.raw_align > 64 || (a.raw_align & (a.raw_align - 1)) != 0)
        return "its alignment is impossible";
    const plan p = make_plan(std::size_t{1} << a.page_shift, a.page_count, a.lane_count);
    const bool sound = a.size_bytes == p.end && p.end <= available && a.slots_offset == p.slots &&
                       a.lanes_offset == p.lane_lines && a.heaps_offset == p.heaps &&
                       a.seats_offset == p.seats && a.table_offset == p.table &&
                       a.table_stride == p.stride && a.map_offset == p.map &&
                       a.partial_offset == p.partial && a.partial_stride == p.partial_stride &&
                       a.shapes_offset == p.shapes && a.shape_bytes == p.shape_bytes &&
                       a.pages_offset == p.pages && a.words_per_page == p.words;
    return sound ? nullptr : "its offsets contradict its sizes";
}

}  // namespace valpool::detail
