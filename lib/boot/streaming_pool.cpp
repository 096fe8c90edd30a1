#include <valpool/alloc/streaming_pool.hpp>

#include "alloc/slab.hpp"
#include "base/system_error.hpp"
#include "base/system_file.hpp"
#include "process/reclaim.hpp"
#include "recovery/watch.hpp"

#include <algorithm>
#include <bit>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

namespace valpool {

using namespace detail;

namespace {

/// Whether a forked child gets the very same memory, not a copy of it.
bool is_shared_mapping(const void* memory) {
    bool shared = false;
    const auto wanted = reinterpret_cast<std::uintptr_t>(memory);
    const bool is_told = for_each_line("/proc/self/maps", [&](const char* line) {
        std::uintptr_t first = 0;
        std::uintptr_t end = 0;
        char mode[5] = {};
        if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &first, &end, mode) == 3 &&
            wanted >= first && wanted < end)
            shared = mode[3] == 's';
        return true;
    });
    return shared || !is_told;  // unknown counts as shared: then a child's references are counted
}

}  // namespace

StreamingPool* StreamingPool::CreateStreamingPool(char* memory, std::size_t size_bytes, int align) {
    if (!memory) throw std::logic_error("CreateStreamingPool: no memory was given");
    if (align < 1 || align > 64 || !std::has_single_bit(static_cast<unsigned>(align)))
        throw std::logic_error(
            "CreateStreamingPool: the alignment must be a power of two up to 64, "
            "not " +
            std::to_string(align));
    if (size_bytes >
            std::numeric_limits<std::uintptr_t>::max() - reinterpret_cast<std::uintptr_t>(memory) ||
        size_bytes > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()))
        throw std::runtime_error("CreateStreamingPool: no memory can have " +
                                 byte_count(size_bytes) + " bytes");
    // The pool must be aligned to cache lines, but the caller's memory may start anywhere.
    void* start = memory;
    std::size_t left = size_bytes;
    if (!std::align(64, 1, start, left))
        throw std::runtime_error(std::to_string(size_bytes) + " bytes are too few for a pool");
    const arena_shape shape = shape_within(left);
    forget_bare(memory, size_bytes);
    std::memset(start, 0, arena_bytes(shape));
    arena& a = format_arena(start, shape, static_cast<std::size_t>(align), false);
    a.entrance.full_fences.store(1);
    attachment_user user = attach_bare(a, !is_shared_mapping(memory));
    ++user->users;  // Clean() takes this user away
    return &a;
}

void StreamingPool::Clean(StreamingPool* pool) {
    if (!pool) return;
    arena& a = arena_of(*pool);
    if (a.shared_by_file)
        throw std::logic_error("Clean: this pool belongs to a SHMMain, which removes it");
    if (!pool->isPristine()) throw std::logic_error("Clean: the pool is still in use");
    attachment_user user = find_attachment(a);
    if (user) --user->users;
    user.reset();
    a.magic = 0;
}

bool StreamingPool::contains(const void* memory) const noexcept {
    return arena_of(*this).contains(memory);
}

// These look for the dead: a caller that polls them waits for something that a dead process may
// hold.

bool StreamingPool::isPristine() const {
    const arena& a = arena_of(*this);
    look_now_and_then(a);
    return used_space(a) == a.system_bytes.load(std::memory_order_relaxed);
}

bool StreamingPool::isFull() const { return biggestFree() == 0; }

std::size_t StreamingPool::biggestFree() const {
    arena& a = arena_of(const_cast<StreamingPool&>(*this));
    thread_lane& l = lane_of_thread(a);
    look_now_and_then(l);
    give_back_set_aside(l);  // as a failing allocation does
    std::size_t block_bytes = largest_free_block(a);
    block_bytes = std::max(block_bytes, largest_set_aside(a, *l.heap));
    const std::size_t run_bytes = longest_free_run(a) << a.page_shift;
    const std::size_t largest = std::max(block_bytes, run_bytes);
    return largest - std::min(largest, a.raw_header_bytes());
}

std::size_t StreamingPool::bytes() const {
    const arena& a = arena_of(*this);
    return std::size_t{a.value_page_limit} << a.page_shift;
}

std::size_t StreamingPool::usedBytes() const {
    look_now_and_then(arena_of(*this));
    return used_space(arena_of(*this));
}

}  // namespace valpool
