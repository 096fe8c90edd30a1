#include "process/raw_memory.hpp"

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"
#include "process/gate.hpp"
#include "process/reclaim.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <stdexcept>

namespace valpool {

using namespace detail;

namespace {

bool is_start(const arena& a, std::uint64_t offset) noexcept {
    return offset != 0 && space_start(a, offset) == offset;
}

std::atomic<std::uint64_t>& mark_at(char* header) noexcept {
    return reinterpret_cast<raw_header*>(header)->mark;
}

/// The counterpart of `inside` for the fast paths of raw memory. They give up at a closed gate.
/// They go on while a thread of their process forks, because a fork copies neither raw memory nor a
/// lane's heap.
class raw_pass {
public:
    raw_pass(const arena& a, thread_lane& l) noexcept : control_(*l.control) {
        assert(!l.is_inside());
        l.say_inside();
        is_open_ = a.entrance.closed.load(std::memory_order_seq_cst) == 0;
        if (!is_open_) leave();
    }
    explicit operator bool() const noexcept { return is_open_; }
    void count(std::int64_t pieces) noexcept { control_.raw_count += pieces; }
    void leave() noexcept { control_.activity.store(0, std::memory_order_release); }

private:
    lane& control_;
    bool is_open_;
};

/// Clears the mark before the memory becomes free. A kill in between leaks the memory until
/// recovery; a mark on free memory would keep it from everybody.
void forget_own(std::atomic<std::uint64_t>& mark) noexcept {
    mark.store(magic_freed, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

/// Takes the mark off memory that is given back, and returns the previous mark. If several threads
/// give the same memory back at once, only one gets a valid mark. The usual case, the thread that
/// allocated the memory, does not pay for that atomic exchange; so it does not notice another
/// thread that gives the memory back at the same instant.
std::uint64_t take_mark(const thread_lane& l, std::atomic<std::uint64_t>& mark) noexcept {
    std::uint64_t before = mark.load(std::memory_order_relaxed);
    if (raw_header::class_in(before, l.raw.mark) < size_class_count) {
        forget_own(mark);
        return before;
    }
    while (raw_header::magic_in(before) == magic_raw)
        if (mark.compare_exchange_weak(before, magic_freed)) break;
    return before;
}

[[noreturn]] void throw_not_allocated(std::uint64_t mark) {
    throw std::logic_error(raw_header::magic_in(mark) == magic_freed
                               ? "deallocate: this memory has been given back already"
                               : "deallocate: this is not an allocation of this pool");
}

std::uint64_t allocate_anew(thread_lane& l, std::size_t size_bytes) {
    arena& a = *l.pool;
    if (size_bytes > a.size_bytes) throw_exhausted(a, size_bytes);
    return find_or_throw(l, size_bytes, [&] {
        const inside pass(l);
        const std::uint64_t found = allocate_space(a, *l.heap, size_bytes + a.raw_header_bytes());
        if (found == 0) return found;
        VALPOOL_KILL_POINT("raw.allocated");
        auto& header = *a.at<raw_header>(found);
        const std::uint32_t kind = a.page(a.page_of(found)).kind.load(std::memory_order_relaxed);
        const std::uint32_t size_class = std::min<std::uint32_t>(kind - 1, size_class_count);
        header.mark.store(raw_header::with_class(l.raw.mark, size_class),
                          std::memory_order_release);
        VALPOOL_KILL_POINT("raw.marked");
        ++l.control->raw_count;
        return found;
    });
}

/// The slow path: the lane has nothing set aside, the gate is closed, or the size is larger than a
/// block.
[[gnu::noinline]] char* allocate_slowly(arena& a, std::size_t size_bytes) {
    const std::uint64_t offset = allocate_anew(lane_of_thread(a), size_bytes);
    return a.at<char>(offset + a.raw_header_bytes());
}

/// The slow path: for memory that does not go straight back into this lane's reserve, and for
/// addresses that are no allocation at all.
[[gnu::noinline]] void deallocate_slowly(arena& a, const char* memory) {
    if (!memory) return;
    thread_lane& l = lane_of_thread(a);
    const std::uint64_t offset = a.offset_of(memory) - a.raw_header_bytes();
    std::uint64_t mark = 0;
    {
        const inside pass(l);
        if (is_start(a, offset)) mark = take_mark(l, a.at<raw_header>(offset)->mark);
        if (raw_header::magic_in(mark) == magic_raw) {
            VALPOOL_KILL_POINT("raw.unmarked");
            if (raw_header::slot_in(mark) == l.at->slot) --l.control->raw_count;
            return free_space(a, *l.heap, offset);
        }
    }
    throw_not_allocated(mark);
}

/// Up to this size, memory and header fit into a block of the classes that are one granule apart: a
/// header takes at most one granule. The pages of every pool are large enough for such blocks.
constexpr std::size_t quick_bytes = std::size_t{linear_classes - 1} * block_granule;

/// Allocates from the lane's reserve, without a call or a locked instruction. The library itself
/// never allocates raw memory while it is inside.
char* allocate_quickly(arena& a, thread_lane& l, std::size_t size_bytes) {
    const std::size_t header_bytes = l.raw.header_bytes;
    std::size_t size_class = (size_bytes + header_bytes - 1) / block_granule;
    if (size_bytes > quick_bytes) {
        if (size_bytes > l.raw.most_bytes) return allocate_slowly(a, size_bytes);
        size_class = size_class_of(size_bytes + header_bytes);
    }
    block_group& reserve = l.heap->reserves[size_class];
    raw_pass pass(a, l);
    if (!pass) return allocate_slowly(a, size_bytes);
    const std::uint64_t mask = reserve.mask.load(std::memory_order_relaxed);
    if (mask == 0) {
        pass.leave();
        return allocate_slowly(a, size_bytes);
    }
    char* const memory = l.raw.first + take_lowest(reserve, mask, size_class);
    VALPOOL_KILL_POINT("raw.reserved");
    mark_at(memory - header_bytes)
        .store(raw_header::with_class(l.raw.mark, size_class), std::memory_order_release);
    VALPOOL_KILL_POINT("raw.marked_reserved");
    pass.count(1);
    pass.leave();
    return memory;
}

/// The same for the memory that lies `granule` granules behind raw.first. It takes that number
/// instead of the address, because the fast path has no register left to keep both.
[[gnu::noinline]] void deallocate_slowly(thread_lane& l, std::uint64_t granule) {
    deallocate_slowly(*l.pool, l.raw.first + granule * block_granule);
}

/// Puts memory straight back into this lane's reserve, also without a call or a locked instruction;
/// everything else takes the slow path.
void deallocate_quickly(arena& a, thread_lane& l, char* memory) {
    // An address that is not aligned like memory of the pool gets an absurdly large number.
    const std::uint64_t granule = std::rotr(static_cast<std::uint64_t>(memory - l.raw.first),
                                            std::countr_zero(block_granule));
    if (granule >= l.raw.all_granules) return deallocate_slowly(a, memory);
    raw_pass pass(a, l);
    if (!pass) return deallocate_slowly(l, granule);
    const auto give_up = [&] {
        pass.leave();
        deallocate_slowly(l, granule);
    };
    auto& mark = mark_at(memory - l.raw.header_bytes);
    const std::uint64_t size_class =
        raw_header::class_in(mark.load(std::memory_order_relaxed), l.raw.mark);
    if (size_class >= size_class_count) return give_up();
    block_group& reserve = l.heap->reserves[size_class];
    const std::uint64_t bit = bit_in(reserve, l.raw.page_granules, granule, size_class);
    if (bit == 0) return give_up();
    forget_own(mark);
    VALPOOL_KILL_POINT("raw.unmarked_reserved");
    put_back(reserve, bit);
    pass.count(-1);
    pass.leave();
}

}  // namespace

char* StreamingPool::allocate(std::size_t size_bytes) {
    arena& a = arena_of(*this);
    usable_lane& last = *current_lane;
    if (!last.is_for(a)) return allocate_slowly(a, size_bytes);
    return allocate_quickly(a, static_cast<thread_lane&>(last), size_bytes);
}

void StreamingPool::deallocate(char* memory) {
    arena& a = arena_of(*this);
    usable_lane& last = *current_lane;
    if (!last.is_for(a)) return deallocate_slowly(a, memory);
    deallocate_quickly(a, static_cast<thread_lane&>(last), memory);
}

namespace detail {
namespace {

/// The number of pieces of raw memory that belong to the lane's process.
std::int64_t raw_pieces(const thread_lane& l) noexcept {
    std::int64_t pieces = l.at->raw_count.load(std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < l.pool->lane_count; ++i) {
        const lane& other = l.pool->lane_at(i);
        // Acquire: pairs with leave, so that the thread's count is visible.
        if (other.owner.load(std::memory_order_relaxed) == l.at->slot + 1 &&
            other.activity.load(std::memory_order_acquire) == 0)
            pieces += other.raw_count;
    }
    return pieces;
}

}  // namespace

bool free_raw_memory(thread_lane& l) noexcept {
    arena& a = *l.pool;
    std::int64_t left = raw_pieces(l);
    bool is_open = true;
    const auto free_if_mine = [&](std::uint64_t offset) {
        auto& header = *a.at<raw_header>(offset);
        std::uint64_t mark = header.mark.load(std::memory_order_relaxed);
        if (raw_header::magic_in(mark) != magic_raw || raw_header::slot_in(mark) != l.at->slot)
            return;
        const maybe_inside pass(l);
        is_open = is_open && pass;
        if (!pass || !header.mark.compare_exchange_strong(mark, magic_freed)) return;
        free_space(a, *l.heap, offset);
        --left;
    };
    for (std::uint32_t p = 0; p < a.page_count && left > 0 && is_open; ++p)
        for_each_used_space(a, p, free_if_mine);
    return is_open;
}

}  // namespace detail

}  // namespace valpool
