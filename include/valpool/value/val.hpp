#pragma once

/// Val: the dynamic value.

#include <valpool/alloc/streaming_pool.hpp>
#include <valpool/base/detail/config.hpp>
#include <valpool/object/detail/allocator.hpp>
#include <valpool/object/detail/mutation.hpp>
#include <valpool/value/detail/short_text.hpp>
#include <valpool/value/detail/type_rows.hpp>
#include <valpool/value/types.hpp>

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <iosfwd>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#ifdef None
#error "None is a macro (of X11?): #undef None before this, or include X11 behind it"
#undef None  // so that this message is the only one
#endif

namespace valpool {

class Val;
class Key;
class Tab;
class OTab;
class Tup;
class Proxy;
template <class T>
class Array;
template <bool Signed>
class big_int;
/// A list of values.
using Arr = Array<Val>;

namespace detail {

struct heap_block;
struct value_access;

/// The number type that a T counts as. An unscoped enumeration promotes as it does in C++, mostly
/// to int; one whose fixed type is smaller than an int keeps that type.
template <class T, bool = std::is_enum_v<T>>
struct number_behind {
    using type = T;
};
template <class T>
struct number_behind<T, true> {
private:
    using underlying = std::underlying_type_t<T>;
    static auto promoted() {
        if constexpr (!std::is_convertible_v<T, underlying>)
            return T();  // a scoped enumeration is not a number
        else if constexpr (sizeof(T) < sizeof(int))
            return underlying();
        else
            return +T();
    }

public:
    using type = decltype(promoted());
};
template <class T>
using number_like = typename number_behind<std::remove_cv_t<T>>::type;

template <class T>
using if_number = std::enable_if_t<number_tag<number_like<T>>() != 'Z', int>;
/// The types that a Val converts to implicitly. Not char: assigning to a string would be ambiguous.
template <class T>
using if_target = std::enable_if_t<
    number_tag<T>() != 'Z' && !std::is_same_v<T, char> && !std::is_same_v<T, long double>, int>;

/// What a Val can hold besides numbers and text.
template <class T>
struct is_held : std::false_type {};
template <>
struct is_held<Tab> : std::true_type {};
template <>
struct is_held<OTab> : std::true_type {};
template <>
struct is_held<Tup> : std::true_type {};
template <>
struct is_held<Proxy> : std::true_type {};
template <class T>
struct is_held<Array<T>> : std::true_type {};
template <bool Signed>
struct is_held<big_int<Signed>> : std::true_type {};
template <class T>
constexpr bool is_big_int = std::is_same_v<T, big_int<true>> || std::is_same_v<T, big_int<false>>;

/// For constructors that take a Val and nothing that converts to one.
template <class T>
using if_val = std::enable_if_t<std::is_same_v<T, Val>, int>;

/// The containers that are not templates.
template <class T>
using if_table_or_tuple = std::enable_if_t<
    std::disjunction_v<std::is_same<T, Tab>, std::is_same<T, OTab>, std::is_same<T, Tup>>, int>;

/// For constructors that take a pool because the original's do. They ignore it: the object lies on
/// the heap, and is copied into the pool when it is enqueued, shared, or becomes a part of a shared
/// value.
template <class Pool>
using if_pool = std::enable_if_t<std::is_same_v<Pool, StreamingPool*>, int>;
/// The pool that a container's memory lies in; null for the heap.
inline StreamingPool* pool_of_region(const box* region) noexcept {
    return region ? pool_of(*region) : nullptr;
}

/// Empty. A function that takes this base is a worse match for a Val than one that takes a Val.
struct value_base {};
/// A pointer that only a literal zero converts to. X11's None is the literal 0L when <X11/X.h>
/// comes after valpool's headers. The functions that take this pointer are deleted, so such a None
/// does not compile where valpool's None is usual. Literals of other types stay numbers: their
/// overloads match exactly.
struct None_is_a_macro_here_write_Val;
template <class T>
constexpr bool is_like_x11_none = std::is_same_v<T, long>;
template <class T>
using if_like_x11_none = std::enable_if_t<is_like_x11_none<T>, int>;
template <class T>
using unless_like_x11_none = std::enable_if_t<!is_like_x11_none<T>, int>;

VALPOOL_API bool are_equal(const Val& a, const Val& b);

template <class T>
using if_comparable = std::enable_if_t<number_tag<number_like<T>>() != 'Z' || is_held<T>::value ||
                                           (std::is_convertible_v<const T&, std::string_view> &&
                                            !std::is_same_v<T, Val>),
                                       int>;

}  // namespace detail

/// A value whose type is known at run time: None, a number, text, a container of values, or a proxy
/// (a handle that shares a container instead of owning one).
///
/// Value semantics: a copy of a plain container is deep and lies on the heap; a copy of a proxy
/// shares the container. Assignment keeps the memory of the destination. So `v["key"] = x` for a
/// shared v puts the copy of x into the pool: nothing reachable from a pooled value ever lies
/// outside its pool.
/// Exceptions: what allocates throws std::bad_alloc on the heap and PoolExhausted in a pool, and
/// leaves the destination as it was. A shared value that a process died in the middle of changing
/// is poisoned; reading or changing it throws PoisonedError.
/// Thread and process safety: as for a standard container; hold a TransactionLock to use shared
/// values that change. Handles of one shared value may be copied and dropped anywhere at any time.
/// Caveat: shared values that refer to each other in a circle are freed only by recovery.
/// Shape: 32 bytes; text of up to 20 bytes lies in the value itself.
/// Source: "C++ Cross-Process Shared Memory Tools", introduction; headaches 2 and 5.
class VALPOOL_API Val : public detail::value_base {
public:
    Val() noexcept : Val(nullptr, unwritten()) { begin_as_none(); }
    /// None, allocating from `memory` later (for containers).
    explicit Val(const detail::allocator<char>& memory) noexcept : alloc_(memory) { become_none(); }

    template <class T, detail::if_number<T> = 0>
    Val(T number) noexcept : Val() {
        set_number<detail::number_like<T>>(number);
    }
    template <class T, detail::if_text<T> = 0>
    Val(const T& text) : Val() {
        detail::visit_text(
            text, [this](const detail::short_text& t) { set_short(t); },
            [this](std::string_view bytes) { set_bytes('a', bytes); });
    }
    Val(const Tab& t);
    Val(const OTab& t);
    Val(const Tup& t);
    template <class T>
    Val(const Array<T>& a);
    Val(const Proxy& p);
    Val(Proxy&& p);
    Val(const big_int<true>& n);
    Val(const big_int<false>& n);
    /// Adopts a container made by `new`: the value is a proxy on the heap. std::logic_error for
    /// null.
    Val(Tab* adopted);
    Val(OTab* adopted);
    Val(Tup* adopted);
    template <class T>
    Val(Array<T>* adopted);
    /// Deleted: any other pointer would silently become a bool.
    template <class T, std::enable_if_t<!std::is_convertible_v<T*, std::string_view>, int> = 0>
    Val(T*) = delete;
    Val(std::nullptr_t) = delete;

    /// The original's constructors take a pool. Here it is not used: the value lies on the heap,
    /// and is copied into the pool when it is enqueued, shared, or becomes a part of a shared
    /// value.
    template <class Content, class Pool, detail::if_pool<Pool> = 0>
    Val(const Content& content, Pool) : Val(content) {}
    /// Text, allocated from `memory`.
    Val(std::string_view text, const detail::allocator<char>& memory) : Val(memory) {
        set_bytes('a', text);
    }
    Val(const Val& other) : Val(other, static_cast<detail::box*>(nullptr)) {}
    /// Copies when `other` lies in a pool, and can throw like a copy; on the heap it never throws.
    Val(Val&& other) : Val(nullptr, unwritten()) { take_from(other, other.alloc_.is_heap()); }
    Val(const Val& other, const detail::allocator<char>& memory) : Val(other, memory.region()) {}
    Val(Val&& other, const detail::allocator<char>& memory) : Val(memory.region(), unwritten()) {
        take_from(other);
    }
    Val& operator=(const Val& other);
    Val& operator=(Val&& other);
    template <class T, detail::if_number<T> = 0>
    Val& operator=(T number) {
        if (!is_written_at_once()) return assign_number<detail::number_like<T>>(number);
        set_number<detail::number_like<T>>(number);
        return *this;
    }
    template <class T, detail::if_text<T> = 0>
    VALPOOL_ALWAYS_INLINE Val& operator=(const T& text) {
        return detail::visit_text(
            text, [this](const detail::short_text& t) -> Val& { return assign_short(t); },
            [this](std::string_view bytes) -> Val& { return assign_text(bytes); });
    }
    /// Stores a copy in the memory of this value. Templates, so that `v = {}` has one meaning only.
    template <class C, detail::if_table_or_tuple<C> = 0>
    Val& operator=(const C& content) {
        return assign(content);
    }
    template <class T>
    Val& operator=(const Array<T>& a);
    ~Val() {
        if (owns_something()) clear();
    }

    /// Makes the value None and frees what it owned.
    void reset();
    void swap(Val& other);

    // The type of the value, read-only for users; see docs/values.md. Tags: s S i I l L x X b f d F
    // D numbers, a text, t Tab, q Q big integers, o OTab, u Tup, n Arr (subtype Z) or Array
    // (subtype: that of its elements), Z None. The tag is the first member so that its address
    // needs no offset: some processors then fuse the comparison and the branch after it.
    char tag;
    char subtype;
    bool isproxy;

    /// The pool that the value lies in, or that a proxy's container lies in; null on the heap.
    StreamingPool* allocator() const noexcept;
    /// Whether this is a proxy of a container that other processes may share.
    bool sharedAcrossProcesses() const noexcept { return isproxy && allocator() != nullptr; }

    /// Between numbers as a C cast; where C leaves the result undefined it saturates, and NaN gives
    /// 0. Text converts as far as it parses; None is 0; a container gives its length; a complex
    /// number gives its squared magnitude, unless the target is complex.
    template <class T, detail::if_target<T> = 0>
    operator T() const {
        const bool is_that = tag == detail::number_tag<T>() && !std::is_same_v<T, bool>;
        if (__builtin_expect(is_that, true))
            return static_cast<T>(slot<detail::stored_number<T>>());
        return convert<T>();
    }
    /// The same, checked: throws std::logic_error, naming both types and the value, when the value
    /// is of another kind or does not fit. Between numbers nothing may be lost but a real's
    /// precision. T can also be std::string, std::string_view (not a copy), a big integer, a
    /// container (a copy of it) or a reference to a container.
    template <class T>
    T as() const;
    /// To a big integer, for code that names the operator.
    template <class T, std::enable_if_t<detail::is_big_int<T>, int> = 0>
    operator T() const {
        return T(*this);
    }
    /// The raw bytes of text; the printed form of anything else.
    operator std::string() const;
    /// These need a value of exactly that type; otherwise std::logic_error that names the actual
    /// type.
    operator Tab&() const;
    operator OTab&() const;
    operator Tup&() const;
    template <class T>
    operator Array<T>&() const;
    operator Proxy&() const;

    /// The text without a copy; valid as long as the value is unchanged. std::logic_error for other
    /// types.
    std::string_view text() const {
        if (tag != 'a') throw_no_text();
        return bytes();
    }

    /// The element with this key in a Tab or OTab (inserts None when the key is new), or with this
    /// index in an Arr or Tup (std::out_of_range). std::logic_error for any other type.
    Val& operator[](const Val& key);
    const Val& operator[](const Val& key) const { return (*this)(key); }
    template <class T, detail::if_text<T> = 0>
    VALPOOL_ALWAYS_INLINE Val& operator[](const T& key) {
        return detail::visit_text(
            key, [this](const detail::short_text& t) -> Val& { return at_short_text(t); },
            [this](std::string_view bytes) -> Val& { return at_text(bytes); });
    }
    template <class T, detail::if_text<T> = 0>
    VALPOOL_ALWAYS_INLINE const Val& operator[](const T& key) const {
        return (*this)(key);
    }
    Val& operator[](const Key& key);
    const Val& operator[](const Key& key) const { return (*this)(key); }
    /// The same without insertion: std::out_of_range for a missing key.
    Val& operator()(const Val& key) const;
    Val& operator()(const Key& key) const;
    template <class T, detail::if_text<T> = 0>
    VALPOOL_ALWAYS_INLINE Val& operator()(const T& key) const {
        return detail::visit_text(
            key, [this](const detail::short_text& t) -> Val& { return get_short_text(t); },
            [this](std::string_view bytes) -> Val& { return get_text(bytes); });
    }

    /// The element that a row of keys and indexes leads to: v.at_path({"a", "b", 3}) is
    /// v("a")("b")(3). Throws what () throws, and says at which step. An empty path leads to the
    /// value itself.
    const Val& at_path(std::initializer_list<Val> path) const;

    bool contains(const Val& key) const;
    bool contains(const Key& key) const;
    /// Removes a table's entry with this key, or a list's first element that is equal. Returns
    /// whether there was one.
    bool remove(const Val& key);
    /// Appends to a list; in a table, inserts under the key entries(), which must be free
    /// (std::runtime_error). An array of numbers takes what as() gives (std::logic_error
    /// otherwise). An array of strings takes any value, in its printed form.
    void append(const Val& value);
    /// The same, and moves the value in as Array::append does.
    void append(Val&& value);
    template <class T, detail::if_number<T> = 0>
    void append(T number) {
        using word = detail::stored_number<detail::number_like<T>>;
        if constexpr (sizeof(word) <= sizeof(std::uint64_t)) {
            // In registers, not by way of a Val in memory.
            const auto value = static_cast<word>(static_cast<detail::number_like<T>>(number));
            std::uint64_t slot = 0;
            std::memcpy(&slot, &value, sizeof value);
            append_number(detail::short_text::header(detail::number_tag<detail::number_like<T>>(),
                                                     'Z', false, place::in_slot),
                          slot);
        } else {
            append(Val(number));
        }
    }
    /// Like append, but in a table the key is the number as text: '0', '1', ...
    void appendStr(const Val& value);
    /// Turns a container that this value owns into one that it shares: the value becomes a proxy on
    /// the heap. `lock`: TransactionLock works on it. Does nothing to a value that is a proxy
    /// already, or that is a part of a shared value. std::logic_error for what is not a container.
    void Proxyize(bool adopt = true, bool lock = false);
    /// The elements of a container, the bytes of a text; 0 for any other value.
    std::size_t length() const;
    std::size_t entries() const { return length(); }
    bool isNone() const noexcept { return tag == 'Z'; }

    /// Prints one element a line with `add` more spaces for each level, sorts the keys of a Tab,
    /// and ends with a newline. A value that is not a container prints as with operator<<.
    void prettyPrint(std::ostream& out, int indent = 0, int add = 4) const;

    // The comparisons are friends, so that they are found for Vals only. In a program that uses the
    // namespace they would otherwise compete with those of other types that convert to Val.

    /// Numbers compare by value whatever their types; other values of different types are unequal.
    /// A Tab equals an OTab regardless of order; two OTabs compare in order. NaN does not equal
    /// NaN.
    friend bool operator==(const detail::value_base& a, const detail::value_base& b) {
        return detail::are_equal(static_cast<const Val&>(a), static_cast<const Val&>(b));
    }
    friend bool operator!=(const detail::value_base& a, const detail::value_base& b) {
        return !detail::are_equal(static_cast<const Val&>(a), static_cast<const Val&>(b));
    }
    /// A strict weak order. None comes first, then numbers (NaN before the others), then text, then
    /// the other types. Tables are ordered by size, then by their sorted items; lists element by
    /// element.
    friend VALPOOL_API bool operator<(const Val& a, const Val& b);
    friend bool operator>(const Val& a, const Val& b) { return b < a; }
    friend bool operator<=(const Val& a, const Val& b) { return !(b < a); }
    friend bool operator>=(const Val& a, const Val& b) { return !(a < b); }

    // Comparisons with another type on one side: without these, Val's conversions make other
    // operators an equally good match.
#define VALPOOL_COMPARE(op)                             \
    template <class T, detail::if_comparable<T> = 0>    \
    friend bool operator op(const Val& a, const T& b) { \
        return a op Val(b);                             \
    }                                                   \
    template <class T, detail::if_comparable<T> = 0>    \
    friend bool operator op(const T& a, const Val& b) { \
        return Val(a) op b;                             \
    }
    VALPOOL_COMPARE(<)
    VALPOOL_COMPARE(>)
    VALPOOL_COMPARE(<=)
    VALPOOL_COMPARE(>=)
#undef VALPOOL_COMPARE

    // A literal 0L matches the deleted overloads equally well, which is ambiguous and does not
    // compile. Other longs match only these.
#define VALPOOL_EQUAL(op)                                                                  \
    template <class T, detail::if_comparable<T> = 0, detail::unless_like_x11_none<T> = 0>  \
    friend bool operator op(const Val& a, const T& b) {                                    \
        return a op Val(b);                                                                \
    }                                                                                      \
    template <class T, detail::if_comparable<T> = 0, detail::unless_like_x11_none<T> = 0>  \
    friend bool operator op(const T& a, const Val& b) {                                    \
        return Val(a) op b;                                                                \
    }                                                                                      \
    template <class T, detail::if_like_x11_none<T> = 0>                                    \
    friend bool operator op(const detail::value_base& a, const T& b) {                     \
        return a op Val(b);                                                                \
    }                                                                                      \
    template <class T, detail::if_like_x11_none<T> = 0>                                    \
    friend bool operator op(const T& a, const detail::value_base& b) {                     \
        return Val(a) op b;                                                                \
    }                                                                                      \
    friend bool operator op(const Val&, detail::None_is_a_macro_here_write_Val*) = delete; \
    friend bool operator op(detail::None_is_a_macro_here_write_Val*, const Val&) = delete;
    VALPOOL_EQUAL(==)
    VALPOOL_EQUAL(!=)
#undef VALPOOL_EQUAL

private:
    friend struct detail::value_access;
    template <class T>
    friend class detail::allocator;

    Val& assign(const Tab& t);
    Val& assign(const OTab& t);
    Val& assign(const Tup& t);
    template <class C>
    Val& assign_empty();
    template <class C>
    Val& assign_container(const C& content);

    static constexpr std::size_t inline_text = detail::short_text::most;
    /// The fourth byte of the header: where the content lies.
    struct place {
        /// Values up to this one: text, or a big integer, of so many bytes right after the header.
        static constexpr unsigned char most_inline = inline_text;
        /// Numbers, None, and proxies that lie in a box: the content is in the slot.
        static constexpr unsigned char in_slot = 0;
        /// Proxies on the heap, by what they refer to.
        static constexpr unsigned char in_box = 1;
        static constexpr unsigned char in_heap_block = 2;
        /// Containers and long text: the content is in other memory, which the slot points to.
        static constexpr unsigned char elsewhere = 0xff;
    };
    /// Everything but short text lies in the slot: the words of the content that are aligned as
    /// words. The four bytes that share a word with the header are not part of it.
    static constexpr std::size_t slot_offset = 4;
    static constexpr std::size_t slot_bytes = inline_text - slot_offset;
    struct long_text {
        detail::allocator<char>::pointer bytes;
        std::uint32_t size;
        std::uint32_t capacity;
    };

    template <class T>
    T& slot() noexcept {
        return *std::launder(reinterpret_cast<T*>(slot_memory()));
    }
    template <class T>
    const T& slot() const noexcept {
        return *std::launder(reinterpret_cast<const T*>(content_ + slot_offset));
    }
    unsigned char* slot_memory() noexcept { return content_ + slot_offset; }
    /// Constructs in place: an offset pointer would be recomputed at each copy.
    template <class T, class... Arguments>
    void put_in_slot(Arguments&&... arguments) noexcept {
        static_assert(sizeof(T) <= slot_bytes);
        new (slot_memory()) T{std::forward<Arguments>(arguments)...};
    }
    unsigned char* stored() noexcept { return reinterpret_cast<unsigned char*>(this); }
    const unsigned char* stored() const noexcept {
        return reinterpret_cast<const unsigned char*>(this);
    }
    /// Writes whole words, as all code here does: see short_text.
    void set_header(char new_tag, char new_subtype, bool is_proxy, unsigned char where) noexcept {
        set_head(detail::short_text::header(new_tag, new_subtype, is_proxy, where));
    }
    void set_head(std::uint64_t word) noexcept { std::memcpy(stored(), &word, sizeof word); }
    template <class T>
    void set_number(T number) noexcept {
        set_header(detail::number_tag<T>(), 'Z', false, place::in_slot);
        using word = detail::stored_number<T>;
        const word value = static_cast<word>(number);
        static_assert(sizeof(word) <= slot_bytes);
        unsigned char bytes[sizeof(word) < 8 ? 8 : sizeof(word)] = {};
        std::memcpy(bytes, &value, sizeof value);
        std::memcpy(slot_memory(), bytes, sizeof bytes);
    }
    void set_bytes(char new_tag, std::string_view bytes);
    void set_long(char new_tag, std::string_view bytes);
    std::string_view bytes() const noexcept {
        if (!is_elsewhere()) return {reinterpret_cast<const char*>(content_), place_};
        const long_text& t = slot<long_text>();
        return {t.bytes.get(), t.size};
    }
    [[noreturn]] void throw_no_text() const;
    /// For a value that is not a proxy: whether it owns memory besides its own.
    bool is_elsewhere() const noexcept { return place_ == place::elsewhere; }
    /// For a proxy on the heap.
    bool refers_to_box() const noexcept { return place_ == place::in_box; }
    /// True for text and big integers.
    bool has_bytes() const noexcept { return tag == 'a' || detail::is_big(tag); }
    std::uint64_t head() const noexcept {
        std::uint64_t word;
        std::memcpy(&word, stored(), sizeof word);
        return word;
    }
    /// False for a value whose destructor has nothing to do.
    bool owns_something() const noexcept { return owns_something(head()); }
    /// The same for a header that is already in a register.
    static bool owns_something(std::uint64_t head) noexcept {
        constexpr std::uint64_t more_than_inline = 0xe0U << 24;
        static_assert(place::most_inline < 0x20 && place::elsewhere >= 0xe0);
        return (head & (proxy_bits | more_than_inline)) != 0;
    }
    static constexpr std::uint64_t proxy_bits = 0xff0000;
    static bool is_proxy(std::uint64_t head) noexcept { return (head & proxy_bits) != 0; }
    void clear() noexcept;

    /// The private constructor below writes the allocator only; a constructor that delegates to it
    /// still has to write everything else.
    struct unwritten {};
    Val(detail::box* region, unwritten) noexcept : alloc_(region) {}
    /// A copy in `region`, or on the heap for null.
    Val(const Val& other, detail::box* region) : Val(region, unwritten()) { copy_from(other); }
    Val(Val&& other, detail::box* region) : Val(region, unwritten()) {
        take_from(other, other.alloc_.region() == region);
    }
    explicit Val(detail::box* region) noexcept : Val(region, unwritten()) { become_none(); }
    /// Of words that are those of a value that owns nothing.
    Val(const detail::short_text& words, detail::box* region) noexcept : Val(region, unwritten()) {
        set_short(words);
    }
    /// These expect *this to be None, or to have only its allocator written yet.
    void copy_from(const Val& other) {
        const detail::short_text bytes(other.stored());  // the raw words, whatever the type is
        if (!owns_something(bytes.head)) return set_short(bytes);
        begin_as_none();
        copy_what_is_owned(other);
    }
    void take_from(Val& other) { take_from(other, alloc_ == other.alloc_); }
    void take_from(Val& other, bool is_same_memory) {
        if (!is_same_memory) return copy_from(other);
        const detail::short_text bytes(other.stored());
        if (__builtin_expect(other.is_relocatable(bytes.head), true)) {
            set_short(bytes);
            other.become_none();
        } else {
            begin_as_none();
            take_what_is_owned(other);
        }
    }
    void begin_as_none() noexcept {
        become_none();
        std::memset(slot_memory(), 0, slot_bytes);  // the four bytes before share the header's word
    }
    void copy_what_is_owned(const Val& other);
    void copy_content(const Val& other);
    Val& assign_text(std::string_view text);
    Val& assign_any_text(std::string_view text);
    Val& assign_short(const detail::short_text& text) {
        if (!is_written_at_once()) return assign_words(text.head, text.second, text.third);
        set_short(text);
        return *this;
    }
    /// What most assignments find: a value that owns nothing, and that nobody else sees. What they
    /// do otherwise is apart: these are inlined.
    bool is_written_at_once() const noexcept {
        return !owns_something() && (alloc_.is_heap() || !alloc_.region_in_pool()->published.load(
                                                             std::memory_order_relaxed));
    }
    template <class T>
    VALPOOL_NOINLINE Val& assign_number(T number) {
        const detail::mutation guard(alloc_.region());
        if (owns_something()) clear();
        set_number<T>(number);
        return *this;
    }
    Val& assign_words(std::uint64_t head, std::uint64_t second, std::uint64_t third);
    void set_short(const detail::short_text& text) noexcept { text.store(stored()); }
    /// Whether the value's bytes can be moved: none of them depend on its own address. `header` is
    /// this value's header.
    bool is_relocatable(std::uint64_t header) const noexcept {
        return !owns_something(header) || (is_proxy(header) && alloc_.is_heap());
    }
    void take_what_is_owned(Val& other);
    void become_none() noexcept { set_header('Z', 'Z', false, place::in_slot); }
    template <class T>
    T convert() const;
    template <class T>
    T convert_checked() const;
    template <bool Signed>
    void check_is_whole() const;
    Val& at_text(std::string_view key);
    Val& at_short_text(const detail::short_text& key) {
        return at_short(key.head, key.second, key.third);
    }
    Val& at_short(std::uint64_t head, std::uint64_t second, std::uint64_t third);
    template <class... Words>
    Val& any_at_short(Words... key);
    Val& get_text(std::string_view key) const;
    Val& get_short_text(const detail::short_text& key) const {
        return get_short(key.head, key.second, key.third);
    }
    Val& get_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) const;
    void append_number(std::uint64_t head, std::uint64_t slot);
    template <class... Words>
    void append_elsewhere(Words... words);
    Val& at_long(const Key& key);
    Val& get_long(const Key& key) const;

    unsigned char place_;                            // see place
    alignas(4) unsigned char content_[inline_text];  // see slot_offset
    detail::allocator<char> alloc_;
};
static_assert(sizeof(Val) == 32, "an entry of a table is one cache line");

/// Whether both are handles of one container, or the same object.
VALPOOL_API bool is(const Val& a, const Val& b) noexcept;
inline bool IsProxy(const Val& v) noexcept { return v.isproxy; }

/// Prints the value as a Python literal; docs/values.md has every type's form.
VALPOOL_API std::ostream& operator<<(std::ostream& out, const Val& v);

template <class T>
T Val::as() const {
    using content = std::remove_cv_t<std::remove_reference_t<T>>;
    if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
        return T(text());
    } else if constexpr (detail::number_tag<T>() != 'Z') {
        using number = detail::stored_number<T>;
        if (__builtin_expect(tag == detail::number_tag<T>(), true))
            return static_cast<T>(slot<number>());
        return static_cast<T>(convert_checked<number>());
    } else if constexpr (detail::is_big_int<T>) {
        check_is_whole<std::is_same_v<T, big_int<true>>>();
        return T(*this);
    } else {
        static_assert(detail::is_held<content>::value, "a Val holds nothing of this type");
        return static_cast<content&>(*this);
    }
}

inline void swap(Val& a, Val& b) { a.swap(b); }

/// None, to be written where a value is expected.
inline const Val None;

}  // namespace valpool
