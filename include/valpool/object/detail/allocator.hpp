#pragma once

/// The one allocator of every container in a value: a null region means the process's heap.

#include <valpool/object/detail/region.hpp>

#include <boost/container/container_fwd.hpp>
#include <boost/interprocess/offset_ptr.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

namespace valpool {

class Val;

namespace detail {

struct short_text;

/// The address of something, or of what nobody will look at: that spares comparing with null.
template <class T>
T* get_some(const boost::interprocess::offset_ptr<T>& p) noexcept {
    return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(&p) +
                                static_cast<std::uintptr_t>(p.get_offset()));
}

/// Purpose: lets the same container type live on the heap and in a box.
/// It never propagates: the destination of an assignment keeps its own memory, so a value assigned
/// into a pooled value is copied into the pool.
/// Throws std::bad_alloc (heap) or PoolExhausted (box).
template <class T>
class allocator {
public:
    using value_type = T;
    using pointer = boost::interprocess::offset_ptr<T>;
    using const_pointer = boost::interprocess::offset_ptr<const T>;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::false_type;
    using propagate_on_container_swap = std::false_type;
    using is_always_equal = std::false_type;
    template <class U>
    struct rebind {
        using other = allocator<U>;
    };

    allocator() noexcept = default;
    explicit allocator(box* region) noexcept : region_(region) {}
    template <class U>
    allocator(const allocator<U>& other) noexcept : region_(other.region()) {}

    pointer allocate(size_type count) {
        static_assert(alignof(T) <= region_grain && alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
        if (count > max_size()) throw std::bad_array_new_length();
        const std::size_t size_bytes = count * sizeof(T);
        box* const b = region();
        return pointer(
            static_cast<T*>(b ? region_allocate(*b, size_bytes) : ::operator new(size_bytes)));
    }

    void deallocate(pointer memory, size_type count) noexcept {
        if (box* const b = region())
            region_deallocate(*b, memory.get(), count * sizeof(T));
        else
            ::operator delete(memory.get());
    }

    static size_type max_size() noexcept {
        return static_cast<size_type>(std::numeric_limits<difference_type>::max()) / sizeof(T);
    }

    /// A copy of a container is made on the heap, wherever the original lies.
    allocator select_on_container_copy_construction() const noexcept { return allocator(); }

    /// Passes the allocator on to elements that accept one, so that the elements of a container in
    /// a box also allocate in that box.
    template <class U, class... Args>
    void construct(U* place, Args&&... args) {
        if constexpr (std::is_same_v<U, Val> && (is_value_or_its_words<std::decay_t<Args>> && ...))
            // Not by an allocator, which would be converted for each value.
            ::new (static_cast<void*>(place)) U(std::forward<Args>(args)..., region());
        else if constexpr (std::is_constructible_v<U, Args&&..., const allocator<char>&>)
            ::new (static_cast<void*>(place))
                U(std::forward<Args>(args)..., allocator<char>(*this));
        else
            ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
    }
    /// What is going to be written: nothing is written here for a number.
    template <class U>
    void construct(U* place, const boost::container::default_init_t&) {
        ::new (static_cast<void*>(place)) U;
    }

    box* region() const noexcept { return region_.get(); }
    /// Of one that is known not to be the heap's.
    box* region_in_pool() const noexcept { return get_some(region_); }
    bool is_heap() const noexcept { return !region_; }

    friend bool operator==(const allocator& a, const allocator& b) noexcept {
        return a.region() == b.region();
    }
    friend bool operator!=(const allocator& a, const allocator& b) noexcept { return !(a == b); }

private:
    template <class T2>
    static constexpr bool is_value_or_its_words =
        std::is_same_v<T2, Val> || std::is_same_v<T2, short_text>;

    boost::interprocess::offset_ptr<box> region_;
};

}  // namespace detail
}  // namespace valpool
