#pragma once

/// Access to the inside of a Val, for the parts of the value layer.

#include <valpool/object/detail/hold.hpp>
#include <valpool/object/detail/out_ref.hpp>
#include <valpool/value/detail/type_rows.hpp>
#include <valpool/value/val.hpp>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

namespace valpool {
namespace detail {

[[noreturn]] VALPOOL_API void throw_length(std::size_t length, std::size_t most);
/// Checks a length before anything is allocated for it. Throws std::length_error when it is larger
/// than `most`, as a negative number is after its conversion.
inline std::size_t checked_length(std::size_t length, std::size_t most) {
    if (length > most) throw_length(length, most);
    return length;
}

/// An adopted container, which proxies on the heap share.
struct heap_block {
    std::atomic<std::uint32_t> handles{1};
    bool has_lock = false;
    void* object = nullptr;
    void (*destroy)(void*) = nullptr;  // null: not adopted
    std::recursive_timed_mutex lock;
    std::atomic<std::uint32_t> lock_generation{0};  // fork_generation() of `lock`
};

struct VALPOOL_API value_access {
    /// The bytes of text and of big integers.
    static std::string_view bytes(const Val& v) noexcept { return v.bytes(); }
    /// The place of the header and content of a short text; see short_text.
    static const unsigned char* stored(const Val& v) noexcept { return v.stored(); }
    /// The content of a number of type T. For integers of any type, T may be int_u8: then it gives
    /// the bits.
    template <class T>
    static const T& number(const Val& v) noexcept {
        return v.slot<T>();
    }
    /// False for numbers, None, and text that lies in the value itself.
    static bool owns_something(const Val& v) noexcept { return v.owns_something(); }
    static box* region(const Val& v) noexcept { return v.alloc_.region(); }
    /// Make a new value in that box, or on the heap if `region` is null: a copy, a text, None. They
    /// take the box itself, because an allocator would have to be converted each time.
    static void new_copy(Val* place, const Val& v, box* region) { new (place) Val(v, region); }
    static void new_short(Val* place, const short_text& text, box* region) noexcept {
        (new (place) Val(region, Val::unwritten()))->set_short(text);
    }
    /// On the heap.
    static Val value_of_words(const short_text& words) noexcept { return Val(words, nullptr); }
    static Val* new_none(Val* place, box* region) noexcept {
        Val* const v = new (place) Val(region, Val::unwritten());
        v->become_none();
        return v;
    }
    /// Whether the value lies on the heap and is a proxy to a box: only then hold_of() and box_of()
    /// are valid.
    static bool is_handle_of_box(const Val& v) noexcept {
        return v.isproxy && v.refers_to_box() && !region(v);
    }
    /// Whether the value lies on the heap and is a proxy to a container of that type in a box.
    static bool is_handle_of(const Val& v, char tag, char subtype = 'Z') noexcept {
        return v.head() == short_text::header(tag, subtype, true, Val::place::in_box);
    }
    static bool is_handle_of_table(const Val& v) noexcept {
        return is_handle_of(v, 't') || is_handle_of(v, 'o');
    }
    /// Whether the value has a container of that type of its own.
    static bool is_own(const Val& v, char tag, char subtype = 'Z') noexcept {
        constexpr std::uint32_t all_bits = ~std::uint32_t{0};
        return (v.head() & all_bits) ==
               short_text::header(tag, subtype, false, Val::place::elsewhere);
    }
    /// The content of such a proxy. It has the box as well as the hold, so that access to the box's
    /// content need not read the hold first.
    struct box_handle {
        hold* share;
        box* target;
    };
    static hold* hold_of(const Val& v) noexcept { return v.slot<box_handle>().share; }
    static box* box_of(const Val& v) noexcept { return v.slot<box_handle>().target; }
    static heap_block* block_of(const Val& v) noexcept { return v.slot<heap_block*>(); }
    /// The box that a proxy refers to; null when the value is no proxy to a box.
    static box* target(const Val& v) noexcept;

    /// The container itself, through a proxy if need be; null when the value is no container.
    /// Throws PoisonedError.
    static void* container(const Val& v) {
        return v.isproxy || is_container(v.tag) ? container_of_known(v) : nullptr;
    }
    /// The same for what is known to be one: callers that asked for its tag already.
    static void* container_of_known(const Val& v) {
        if (v.isproxy) return v.refers_to_box() ? container_in_box(v) : container_of_proxy(v);
        return own_container(v);
    }
    /// A container's that is no proxy.
    static void* own_container(const Val& v) noexcept {
        return get_some(v.slot<typename allocator<char>::pointer>());
    }
    /// As above, but throws std::logic_error when the value is not a container of type C.
    template <class C>
    static C& container_of_type(const Val& v) {
        constexpr char tag = container_tags<C>::tag, subtype = container_tags<C>::subtype;
        // The hint makes the fast path the one without jumps.
        void* const object = __builtin_expect(is_handle_of(v, tag, subtype), true)
                                 ? container_in_box(v)
                             : is_own(v, tag, subtype) ? own_container(v)
                                                       : any_container_of_type(v, tag, subtype);
        return *static_cast<C*>(object);
    }
    /// "Tab", "Array of int_4", ...
    static std::string type_name(char tag, char subtype = 'Z');
    static std::string type_name(const Val& v) { return type_name(v.tag, v.subtype); }
    /// "a value of type int_4, 5": for messages, so long content is cut.
    static std::string description(const Val& v);

    /// Turns a value that owns nothing into a copy of a container, in the value's own memory. If
    /// that throws, nothing has changed.
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

    /// Turns a None value on the heap into a proxy of a container on the heap.
    template <class C>
    static void adopt(Val& v, C* object, bool owns, bool locks) {
        // The container to adopt is not lost if something throws.
        std::unique_ptr<C> owner(owns ? object : nullptr);
        adopt_object(v, container_tags<C>::tag, container_tags<C>::subtype, object, locks);
        if (owns) block_of(v)->destroy = [](void* o) { delete static_cast<C*>(o); };
        static_cast<void>(owner.release());
    }
    /// Turns a None value on the heap into a proxy, which takes over one handle of the hold.
    static void adopt_hold(Val& v, hold* h) noexcept;
    /// The same for callers that know the tag and subtype: reading them from the box, right after
    /// they were written as two single bytes, would have to wait for all stores before.
    static void adopt_hold(Val& v, hold* h, char tag, char subtype) noexcept;
    /// Takes the handle out of a proxy to a box, on the heap; the proxy becomes None.
    static hold* release_hold(Val& v) noexcept;
    static bool has_lock(const Val& v) noexcept;

private:
    static void* container_in_box(const Val& v) {
        box* const b = box_of(v);
        if (__builtin_expect(is_untouched(*b), true)) return b->root();
        return container_of_proxy(v);  // the slow path checks further
    }
    static void* container_of_proxy(const Val& v);
    static void* any_container_of_type(const Val& v, char tag, char subtype);
    static void adopt_object(Val& v, char tag, char subtype, void* object, bool locks);
};

}  // namespace detail
}  // namespace valpool
