#pragma once

/// What the value layer's own parts need of a Val's inside.

#include <valpool/detail/hold.hpp>
#include <valpool/detail/out_ref.hpp>
#include <valpool/detail/type_rows.hpp>
#include <valpool/val.hpp>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

namespace valpool {
namespace detail {

[[noreturn]] VALPOOL_API void throw_length(std::size_t length, std::size_t most);
/// Before anything is allocated for it; std::length_error for more than there can be, such as a
/// negative number.
inline std::size_t checked_length(std::size_t length, std::size_t most) {
    if (length > most) throw_length(length, most);
    return length;
}

/// What proxies on the heap share: an adopted container.
struct heap_block {
    std::atomic<std::uint32_t> handles{1};
    bool has_lock = false;
    void* object = nullptr;
    void (*destroy)(void*) = nullptr;  // null: not adopted
    std::recursive_timed_mutex lock;
    std::atomic<std::uint32_t> lock_generation{0};  // the fork_generation that `lock` is of
};

struct VALPOOL_API value_access {
    /// Of text and big integers.
    static std::string_view bytes(const Val& v) noexcept { return v.bytes(); }
    /// Where header and content of a short text lie; see short_text.
    static const unsigned char* stored(const Val& v) noexcept { return v.stored(); }
    /// The content of a number of that type; of an integer of any type, its bits as an int_u8.
    template <class T>
    static const T& number(const Val& v) noexcept {
        return v.slot<T>();
    }
    /// False for numbers, None, and text that lies in the value itself.
    static bool owns_something(const Val& v) noexcept { return v.owns_something(); }
    static box* region(const Val& v) noexcept { return v.alloc_.region(); }
    /// A new value in that box, or on the heap: for who knows which, as an allocator would be
    /// converted each time. A copy, a text, None.
    static void new_copy(Val* place, const Val& v, box* region) { new (place) Val(v, region); }
    static void new_short(Val* place, const short_text& text, box* region) noexcept {
        (new (place) Val(region, Val::unwritten()))->set_short(text);
    }
    static Val* new_none(Val* place, box* region) noexcept {
        Val* const v = new (place) Val(region, Val::unwritten());
        v->become_none();
        return v;
    }
    /// On the heap, that is: what hold_of gives the hold of.
    static bool is_handle_of_box(const Val& v) noexcept {
        return v.isproxy && v.refers_to_box() && !region(v);
    }
    /// On the heap, a proxy to a container of that type in a box.
    static bool is_handle_of(const Val& v, char tag, char subtype) noexcept {
        return v.head() == short_text::header(tag, subtype, true, Val::place::in_box);
    }
    static bool is_handle_of_table(const Val& v) noexcept {
        return is_handle_of(v, 't', 'Z') || is_handle_of(v, 'o', 'Z');
    }
    /// What such a one keeps: where the box is, too, so that nobody who wants its content has to
    /// ask the hold first.
    struct box_handle {
        hold* share;
        box* target;
    };
    static hold* hold_of(const Val& v) noexcept { return v.slot<box_handle>().share; }
    static box* box_of(const Val& v) noexcept { return v.slot<box_handle>().target; }
    static heap_block* block_of(const Val& v) noexcept { return v.slot<heap_block*>(); }
    /// The box that a proxy refers to; null for what is no proxy to a box.
    static box* target(const Val& v) noexcept;

    /// The container itself, through a proxy if need be; throws PoisonedError. Null for the others.
    static void* container(const Val& v) {
        if (v.isproxy) return v.refers_to_box() ? container_in_box(v) : any_container(v);
        return is_container(v.tag) ? own_container(v) : nullptr;
    }
    /// The same for a container, which is quicker to say of a table.
    static void* container_of_known(const Val& v) {
        if (v.isproxy) return v.refers_to_box() ? container_in_box(v) : any_container(v);
        return own_container(v);
    }
    /// A container's that is no proxy.
    static void* own_container(const Val& v) noexcept {
        return get_some(v.slot<typename allocator<char>::pointer>());
    }
    /// As above; std::logic_error when it is not of that very type.
    template <class C>
    static C& container_of_type(const Val& v) {
        constexpr char tag = container_tags<C>::tag, subtype = container_tags<C>::subtype;
        // Said so that the shortest way is the one without jumps.
        void* const object = __builtin_expect(is_handle_of(v, tag, subtype), true)
                                 ? container_in_box(v)
                                 : any_container_of_type(v, tag, subtype);
        return *static_cast<C*>(object);
    }
    /// "Tab", "Array of int_4", ...
    static std::string type_name(char tag, char subtype = 'Z');
    static std::string type_name(const Val& v) { return type_name(v.tag, v.subtype); }
    /// "a value of type int_4, 5": for messages, so what is long is cut.
    static std::string description(const Val& v);

    /// Makes a value that owns nothing a copy of a container, in the value's own memory. Nothing
    /// has changed if that throws.
    template <class C>
    static void put(Val& v, const C& content) {
        allocator<C> memory(v.alloc_);
        const auto place = memory.allocate(1);
        try {
            new (static_cast<void*>(place.get())) C(content, v.alloc_);
        } catch (...) {
            memory.deallocate(place, 1);
            throw;
        }
        using object_pointer = typename allocator<char>::pointer;
        v.put_in_slot<object_pointer>(reinterpret_cast<char*>(place.get()));
        v.set_header(container_tags<C>::tag, container_tags<C>::subtype, false,
                     Val::place::elsewhere);
    }

    /// Makes a None value on the heap a proxy of a container on the heap.
    template <class C>
    static void adopt(Val& v, C* object, bool owns, bool locks) {
        // Whatever happens, an adopted container is not lost.
        std::unique_ptr<C> owner(owns ? object : nullptr);
        adopt_object(v, container_tags<C>::tag, container_tags<C>::subtype, object, locks);
        if (owns) block_of(v)->destroy = [](void* o) { delete static_cast<C*>(o); };
        static_cast<void>(owner.release());
    }
    /// Makes a None value on the heap a proxy, taking over one handle of the hold.
    static void adopt_hold(Val& v, hold* h) noexcept;
    /// The same for who knows what it holds: to read two bytes that have just been written one by
    /// one waits for all that was written before.
    static void adopt_hold(Val& v, hold* h, char tag, char subtype) noexcept;
    /// The handle of a proxy to a box, on the heap, which is None then.
    static hold* release_hold(Val& v) noexcept;
    static bool has_lock(const Val& v) noexcept;

private:
    static void* container_in_box(const Val& v) {
        box* const b = box_of(v);
        if (__builtin_expect(is_untouched(*b), true)) return b->root();
        return any_container(v);  // which looks closer
    }
    static void* any_container(const Val& v);
    static void* any_container_of_type(const Val& v, char tag, char subtype);
    static void adopt_object(Val& v, char tag, char subtype, void* object, bool locks);
};

}  // namespace detail
}  // namespace valpool
