#pragma once

#include <valpool/object/detail/allocator.hpp>
#include <valpool/value/detail/value_access.hpp>
#include <valpool/value/val.hpp>

#include <boost/container/vector.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

#if __cplusplus >= 202002L
#include <span>
#endif

namespace valpool {

namespace detail {
VALPOOL_API Arr parse_list(const std::string& text);
/// For the elements of a list that is going to be filled, in that box (null: on the heap): as many
/// as most lists that this thread has begun of late came to need.
VALPOOL_API std::size_t usual_list_capacity(const box* region) noexcept;
/// Such a list has got so many elements, a power of two from list_steps_from on.
VALPOOL_API void note_list_length(std::size_t length) noexcept;
constexpr std::size_t list_steps_from = 4;
constexpr std::size_t list_steps_to = 16;

/// Boost's vector, with a quicker way to its first room.
template <class T>
class element_vector : public boost::container::vector<T, allocator<T>> {
    using base = boost::container::vector<T, allocator<T>>;

public:
    using base::base;
    element_vector() = default;

    /// Of one that has no room yet: as reserve, without what that does for elements.
    void reserve_first(std::size_t capacity) {
        // Twice, for a region that is known not to be null is written in fewer instructions.
        if (box* const b = this->get_stored_allocator().region())
            begin_with(region_allocate(*b, capacity * sizeof(T)), capacity, b);
        else
            begin_with(::operator new(capacity * sizeof(T)), capacity, nullptr);
    }

private:
    using with_capacity = boost::container::initial_capacity_t;
    using room_pointer = typename allocator<T>::pointer;

    element_vector(room_pointer room, std::size_t capacity, const allocator<T>& memory)
        : base(with_capacity(), room, capacity, memory) {}
    /// In place of this one, which owns nothing.
    VALPOOL_ALWAYS_INLINE void begin_with(void* room, std::size_t capacity, box* b) {
        if (!room) __builtin_unreachable();
        new (this) element_vector(room_pointer(static_cast<T*>(room)), capacity, allocator<T>(b));
    }
};
}  // namespace detail

/// A growing array. Numbers lie in contiguous memory, so that other code can read them in place.
/// An Arr (Array<Val>) is the list type of the dynamic values.
///
/// Exceptions: std::out_of_range for a bad index; std::length_error for a length or capacity that
/// no array can have, such as a negative one; std::bad_alloc, or PoolExhausted in a pool. An
/// operation that throws changes nothing. Thread safety: as for a standard container.
template <class T>
class Array {
public:
    using value_type = T;
    using iterator = T*;
    using const_iterator = const T*;

    enum { ARRAY_DEFAULT_CAPACITY = 2, ARRAY_NPOS = -1 };

    Array() noexcept = default;
    /// An empty array with room for `capacity` elements.
    ///
    /// Constructors that take a pool do so because the original's do. They do not use it: the array
    /// lies on the heap, and is copied into the pool when it is enqueued or shared.
    explicit Array(std::size_t capacity, Allocator* = nullptr) {
        items_.reserve(checked_size(capacity));
    }
    template <class Pool, detail::if_pool<Pool> = 0>
    explicit Array(Pool) noexcept {}
    template <class Content, class Pool, detail::if_pool<Pool> = 0,
              std::enable_if_t<std::is_constructible_v<Array, const Content&> &&
                                   !std::is_arithmetic_v<Content>,
                               int> = 0>
    Array(const Content& content, Pool) : Array(content) {}
    /// A list from a Python literal; see parse.
    template <class Text, class E = T,
              std::enable_if_t<std::is_same_v<E, Val> &&
                                   (std::is_convertible_v<const Text&, const char*> ||
                                    std::is_same_v<Text, std::string>),
                               int> = 0>
    Array(const Text& text) : Array(detail::parse_list(text)) {}
    Array(std::initializer_list<T> items) : items_(items.begin(), items.end()) {}
    /// A copy of the array that `v` holds; std::logic_error when `v` does not hold an array of this
    /// type. In braces a Val is an element instead.
    template <class V, detail::if_val<V> = 0>
    explicit Array(const V& v) : Array(static_cast<Array&>(v)) {}
    template <class U>
    explicit Array(const detail::allocator<U>& memory) noexcept
        : items_(detail::allocator<T>(memory)) {}
    /// A copy of an empty array keeps its capacity: it is usually about to be filled.
    Array(const Array& other) : items_(copy_of(other, detail::allocator<T>())) {}
    /// Copies when `other` lies in a pool: an array on the heap must not refer to memory in a box.
    Array(Array&& other) {
        if (other.region())
            *this = static_cast<const Array&>(other);
        else
            items_.swap(other.items_);
    }
    Array(Array&& other, const detail::allocator<char>& memory)
        : items_(detail::allocator<T>(memory)) {
        if (other.region() == region())
            items_.swap(other.items_);
        else
            *this = static_cast<const Array&>(other);
    }
    Array(const Array& other, const detail::allocator<char>& memory)
        : items_(other.items_, detail::allocator<T>(memory)) {
        if (other.isEmpty() && other.items_.capacity() != 0)
            items_.reserve(other.items_.capacity());
    }
    Array& operator=(const Array& other) {
        if (this == &other) return *this;
        const detail::mutation guard(region());
        vector copy = copy_of(other, items_.get_allocator());
        items_.swap(copy);
        return *this;
    }
    Array& operator=(Array&& other) {
        if (this == &other) return *this;
        if (region() != other.region()) return *this = static_cast<const Array&>(other);
        const detail::mutation guard(region());
        vector taken(items_.get_allocator());
        taken.swap(other.items_);  // first: `other` may be a part of what is destroyed below
        items_.swap(taken);
        return *this;
    }
    ~Array() = default;

    T& operator[](std::size_t i) { return items_[checked(i)]; }
    const T& operator[](std::size_t i) const { return items_[checked(i)]; }
    T& at(std::size_t i) { return (*this)[i]; }
    const T& at(std::size_t i) const { return (*this)[i]; }
    /// Unchecked.
    T& operator()(std::size_t i) noexcept { return items_[i]; }
    const T& operator()(std::size_t i) const noexcept { return items_[i]; }

    void append(const T& item) {
        const detail::mutation guard(region());
        if (items_.size() < items_.capacity()) {
            items_.emplace_back(item);
            return;
        }
        append(made_here(item));  // a copy: the item may be an element of this array
    }
    /// Moves the item in; afterwards it is None or empty. An item that lies in other memory (heap
    /// or another box) or in this array is copied and stays as it is. The item must not be a
    /// container that this array is a part of.
    void append(T&& item) {
        if constexpr (std::is_same_v<T, Val>) {
            if (takes_more_at_once() && !is_element(item)) {
                items_.emplace_back(std::move(item));
                return;
            }
        }
        append_elsewhere(std::move(item));
    }
    void prepend(const T& item) { insertAt(0, item); }
    void prepend(T&& item) { insertAt(0, std::move(item)); }
    /// Appends.
    void insert(const T& item) { append(item); }
    void insert(T&& item) { append(std::move(item)); }
    void insert(std::size_t i, const T& item) { insertAt(i, item); }
    void insert(std::size_t i, T&& item) { insertAt(i, std::move(item)); }
    void insertAt(std::size_t i, const T& item) {
        if (i > items_.size()) throw_range(i);
        const detail::mutation guard(region());
        insertAt(i, made_here(item));  // a copy, as above
    }
    /// Moves or copies the item as append does.
    void insertAt(std::size_t i, T&& item) {
        if (i > items_.size()) throw_range(i);
        if (is_element(item)) return insertAt(i, std::as_const(item));
        const detail::mutation guard(region());
        // First everything that can fail (the room, then a copy out of other memory), then the
        // move.
        make_room();
        T taken = made_here(std::move(item));
        items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(i), std::move(taken));
    }
    /// The three return the removed element; out of a pool that is a copy on the heap.
    T removeAt(std::size_t i) {
        T removed(std::move(items_[checked(i)]));
        erase(i, 1);
        return removed;
    }
    T removeFirst() { return removeAt(0); }
    T removeLast() { return removeAt(items_.size() - 1); }
    /// Removes `count` elements from `i` on; std::out_of_range when there are fewer.
    void removeRange(std::size_t i, std::size_t count) {
        if (count > items_.size() - checked(i)) throw_range(i + count);
        erase(i, count);
    }
    /// Removes the first equal element; false when there is none.
    bool remove(const T& item) {
        const std::ptrdiff_t i = index(item);
        if (i >= 0) erase(static_cast<std::size_t>(i), 1);
        return i >= 0;
    }
    /// Removes all equal elements; returns how many there were.
    std::size_t removeAll(const T& item) {
        const T copy(item);  // it may be an element of this array
        const detail::mutation guard(region());
        const auto first =
            std::remove_if(begin(), end(), [&copy](const T& t) { return t == copy; });
        const auto count = static_cast<std::size_t>(end() - first);
        erase(items_.size() - count, count);
        return count;
    }
    /// Index of the first equal element, or -1.
    std::ptrdiff_t index(const T& item) const {
        for (std::size_t i = 0; i < items_.size(); ++i)
            if (items_[i] == item) return static_cast<std::ptrdiff_t>(i);
        return -1;
    }
    bool find(const T& item) const { return index(item) >= 0; }
    bool contains(const T& item) const { return find(item); }
    /// Copies the first equal element into `found`. When there is none, returns false and changes
    /// nothing.
    template <class Found>
    bool find(const T& item, Found& found) const {
        const std::ptrdiff_t i = index(item);
        if (i >= 0) found = static_cast<Found>(items_[static_cast<std::size_t>(i)]);
        return i >= 0;
    }
    /// Appends copies of the item until the capacity is used up.
    void fill(const T& item) { fill(item, capacity() - length()); }
    /// Appends `count` copies of the item.
    void fill(const T& item, std::size_t count) {
        const std::size_t before = items_.size();
        checked_size(count);
        const detail::mutation guard(region());
        const T copy = made_here(item);  // it may be an element of this array
        items_.reserve(checked_size(before + count));
        add_at_end(count, [&copy](std::size_t) -> const T& { return copy; });
    }
    /// Appends the elements of `other`.
    Array& operator+=(const Array& other) {
        const std::size_t count = other.length();
        const detail::mutation guard(region());
        items_.reserve(checked_size(items_.size() + count));
        add_at_end(count, [&other](std::size_t i) -> const T& { return other(i); });
        return *this;
    }
    /// Sets the capacity, but never below the length. The length stays as it is.
    void resize(std::size_t new_capacity) {
        const std::size_t room =
            std::max({checked_size(new_capacity), items_.size(), std::size_t{1}});
        const detail::mutation guard(region());
        if (room >= items_.capacity()) return items_.reserve(room);
        vector tighter(items_.get_allocator());
        tighter.reserve(room);
        for (T& item : items_) tighter.emplace_back(std::move(item));
        items_.swap(tighter);
    }
    /// Sets the length. New elements are zero or empty.
    void expandTo(std::size_t new_length) { set_length(new_length); }
    /// The same for numbers that are all going to be written: new elements have any value. That
    /// spares a walk through the memory: a stream of arrays gets faster by a third.
    void expandForOverwrite(std::size_t new_length) {
        static_assert(std::is_trivially_copyable_v<T>, "for arrays of numbers");
        set_length(new_length, boost::container::default_init);
    }
    /// Makes the array longer by `more` elements, or shorter when `more` is negative.
    void expandBy(std::ptrdiff_t more) { expandTo(items_.size() + static_cast<std::size_t>(more)); }
    /// Removes all elements. In a pool the memory is freed, too.
    void clear() {
        const detail::mutation guard(region());
        if (!region()) return items_.clear();
        vector empty(items_.get_allocator());
        items_.swap(empty);
    }
    /// As Val::prettyPrint.
    void prettyPrint(std::ostream& out, int indent = 0, int add = 4) const;
    void swap(Array& other) {
        if (region() == other.region()) {
            const detail::mutation guard(region());
            items_.swap(other.items_);
            return;
        }
        const detail::mutation guard(region());
        const detail::mutation other_guard(other.region());
        vector mine(other.items_, items_.get_allocator());
        vector theirs(items_, other.items_.get_allocator());
        items_.swap(mine);
        other.items_.swap(theirs);
    }

    T* data() noexcept { return items_.data(); }
    const T* data() const noexcept { return items_.data(); }
    std::size_t length() const noexcept { return items_.size(); }
    std::size_t size() const noexcept { return items_.size(); }
    std::size_t entries() const noexcept { return items_.size(); }
    /// How many elements fit without a new allocation. ARRAY_DEFAULT_CAPACITY while nothing is
    /// allocated.
    std::size_t capacity() const noexcept {
        return items_.capacity() ? items_.capacity() : std::size_t{ARRAY_DEFAULT_CAPACITY};
    }
    bool empty() const noexcept { return items_.empty(); }
    bool isEmpty() const noexcept { return items_.empty(); }
    iterator begin() noexcept { return data(); }
    iterator end() noexcept { return data() + length(); }
    const_iterator begin() const noexcept { return data(); }
    const_iterator end() const noexcept { return data() + length(); }

#if __cplusplus >= 202002L
    /// The elements in place; valid until the array changes its size.
    std::span<T> span() noexcept { return {data(), length()}; }
    std::span<const T> span() const noexcept { return {data(), length()}; }
#endif

    friend bool operator==(const Array& a, const Array& b) {
        if (a.length() != b.length()) return false;
        for (std::size_t i = 0; i < a.length(); ++i)
            if (!(a(i) == b(i))) return false;
        return true;
    }
    friend bool operator!=(const Array& a, const Array& b) { return !(a == b); }
    /// Element by element.
    friend bool operator<(const Array& a, const Array& b) {
        return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
    }
    friend bool operator>(const Array& a, const Array& b) { return b < a; }
    friend bool operator<=(const Array& a, const Array& b) { return !(b < a); }
    friend bool operator>=(const Array& a, const Array& b) { return !(a < b); }

    detail::box* region() const noexcept { return items_.get_stored_allocator().region(); }
    /// As Val::allocator.
    StreamingPool* allocator() const noexcept { return detail::pool_of_region(region()); }

private:
    friend class Val;
    using vector = detail::element_vector<T>;

    /// Whether an element can be added without further ado: into the room that there is, of a list
    /// that nobody else sees. That is what most additions are.
    bool takes_more_at_once() const noexcept {
        const detail::box* const b = region();
        const bool is_shared = b && b->published.load(std::memory_order_relaxed);
        return items_.size() < items_.capacity() && !is_shared && !is_step(items_.size());
    }
    /// Appends a value that owns nothing, by its words; false when that is not done at once. Twice,
    /// for a region that is known not to be null is written in fewer instructions.
    VALPOOL_ALWAYS_INLINE bool append_at_once(const detail::short_text& words) {
        if (items_.size() >= items_.capacity()) return false;
        const detail::allocator<T>& memory = items_.get_stored_allocator();
        if (memory.is_heap()) {
            emplace_in_room(words, nullptr);
            return true;
        }
        detail::box* const b = memory.region_in_pool();
        if (!b) __builtin_unreachable();
        if (b->published.load(std::memory_order_relaxed)) return false;
        emplace_in_room(words, b);
        return true;
    }
    VALPOOL_ALWAYS_INLINE void emplace_in_room(const detail::short_text& words, detail::box* b) {
        if (items_.size() == items_.capacity()) __builtin_unreachable();
        items_.emplace_back(words, b);
    }
    /// The first room of a list that nobody else sees; false if it is another one.
    bool takes_first_room() {
        const detail::box* const b = region();
        if (items_.capacity() != 0 || (b && b->published.load(std::memory_order_relaxed)))
            return false;
        items_.reserve_first(next_capacity(0));
        return true;
    }
    /// The same if need be with more room, or in a list that others see.
    void append_words(const detail::short_text& words) {
        const detail::mutation guard(region());
        make_room();
        items_.emplace_back(words);
    }

    static vector copy_of(const Array& other, const detail::allocator<T>& memory) {
        return other.isEmpty() ? with_room(other.items_.capacity(), memory)
                               : vector(other.items_, memory);
    }
    static vector with_room(std::size_t capacity, const detail::allocator<T>& memory) {
        vector empty(memory);
        if (capacity != 0) empty.reserve(capacity);
        return empty;
    }
    void erase(std::size_t i, std::size_t count) {
        const detail::mutation guard(region());
        const auto first = items_.begin() + static_cast<std::ptrdiff_t>(i);
        items_.erase(first, first + static_cast<std::ptrdiff_t>(count));
        give_back_room();
    }
    /// Appends all or none. The caller has reserved the room.
    template <class Item>
    void add_at_end(std::size_t count, Item item) {
        const std::size_t before = items_.size();
        try {
            for (std::size_t i = 0; i < count; ++i) items_.emplace_back(item(i));
        } catch (...) {
            erase(before, items_.size() - before);
            throw;
        }
    }
    /// Copies or moves the item into the memory of this array: from there it can be moved into the
    /// array without failing.
    template <class Item>
    T made_here(Item&& item) const {
        if constexpr (std::is_constructible_v<T, Item&&, const detail::allocator<char>&>)
            return T(std::forward<Item>(item), detail::allocator<char>(items_.get_allocator()));
        else
            return std::forward<Item>(item);
    }
    /// Whether the item lies in this array: then it cannot be moved while the array makes room for
    /// it.
    bool is_element(const T& item) const noexcept {
        const std::less<const T*> is_before;
        return !is_before(&item, data()) && is_before(&item, data() + length());
    }
    VALPOOL_NOINLINE void append_elsewhere(T&& item) {
        if (is_element(item)) return append(std::as_const(item));
        const detail::mutation guard(region());
        make_room();
        items_.emplace_back(std::move(item));
    }
    /// `how` is what Boost's resize takes besides: nothing, or default_init.
    template <class... How>
    void set_length(std::size_t new_length, How... how) {
        checked_size(new_length);
        const detail::mutation guard(region());
        if (items_.capacity() == 0 && new_length != 0) items_.reserve_first(new_length);
        items_.resize(new_length, how...);
        give_back_room();
    }
    void make_room() {
        const std::size_t length = items_.size();
        if (length == items_.capacity()) items_.reserve(next_capacity(length));
        if constexpr (std::is_same_v<T, Val>)
            if (is_step(length)) detail::note_list_length(length);
    }
    static bool is_step(std::size_t length) noexcept {
        return (length & (length - 1)) == 0 && length >= detail::list_steps_from &&
               length <= detail::list_steps_to;
    }
    std::size_t next_capacity(std::size_t length) const noexcept {
        if constexpr (std::is_same_v<T, Val>)
            if (length == 0) return detail::usual_list_capacity(region());
        // In a pool, where others want the memory, by half once that is much.
        constexpr std::size_t much_bytes = 16384;
        const bool is_much = length > much_bytes / sizeof(T) && region();
        return std::max<std::size_t>(length + (is_much ? length / 2 : length), 4);
    }
    /// Only in a pool, where others need the memory: when at most a quarter of the capacity is in
    /// use, shrinks it to twice the length.
    void give_back_room() noexcept {
        constexpr std::size_t least_bytes = 1024;
        const std::size_t capacity = items_.capacity();
        if (items_.size() > capacity / 4 || capacity <= least_bytes / sizeof(T) || !region())
            return;
        try {
            vector smaller(items_.get_allocator());
            smaller.reserve(2 * items_.size());
            smaller.insert(smaller.end(), std::make_move_iterator(begin()),
                           std::make_move_iterator(end()));
            items_.swap(smaller);
        } catch (const std::exception&) {
            // The pool is full: the array keeps the room that it has.
        }
    }
    static std::size_t checked_size(std::size_t n) {
        return detail::checked_length(n, detail::allocator<T>().max_size());
    }
    std::size_t checked(std::size_t i) const {
        if (i >= items_.size()) throw_range(i);
        return i;
    }
    [[noreturn]] void throw_range(std::size_t i) const {
        throw std::out_of_range("index " + std::to_string(static_cast<std::ptrdiff_t>(i)) +
                                " is not in an array of " + std::to_string(items_.size()));
    }

    vector items_;
};

/// Each element followed by a space.
template <class T>
std::ostream& operator<<(std::ostream& out, const Array<T>& a) {
    for (const auto& item : a) out << item << ' ';
    return out;
}
/// A list prints as the Val that holds it.
VALPOOL_API std::ostream& operator<<(std::ostream& out, const Arr& a);

namespace detail {

class text_item;
template <class T>
using if_no_text_item = std::enable_if_t<!std::is_same_v<T, text_item>, int>;

/// An element of an array of strings: its text lies in the same memory (heap or box) as the array.
/// It is used like a std::string, but it is not one: a std::string& cannot refer to it, and its
/// bytes do not end with a zero.
class text_item {
public:
    using iterator = const char*;
    using const_iterator = const char*;
    static constexpr std::size_t npos = std::string::npos;

    text_item() { text_ = std::string_view(); }
    text_item(std::string_view text) { text_ = text; }
    text_item(const std::string& text) : text_item(std::string_view(text)) {}
    text_item(const char* text) : text_item(std::string_view(text)) {}
    explicit text_item(const allocator<char>& memory) : text_(memory) {
        text_ = std::string_view();
    }
    text_item(std::string_view text, const allocator<char>& memory) : text_(memory) {
        text_ = text;
    }
    text_item(const text_item& other, const allocator<char>& memory) : text_(other.text_, memory) {}
    text_item(text_item&& other, const allocator<char>& memory)
        : text_(std::move(other.text_), memory) {}
    text_item(const text_item&) = default;
    text_item(text_item&&) = default;
    text_item& operator=(const text_item&) = default;
    text_item& operator=(text_item&&) = default;
    text_item& operator=(std::string_view text) {
        text_ = text;
        return *this;
    }
    text_item& operator=(const std::string& text) { return *this = std::string_view(text); }
    text_item& operator=(const char* text) { return *this = std::string_view(text); }

    /// Never a null pointer, not even when empty: compilers warn when a null view is read.
    std::string_view view() const {
        return text_.isNone() ? std::string_view("", 0) : text_.text();
    }
    operator std::string_view() const { return view(); }
    operator std::string() const { return std::string(view()); }
    std::size_t size() const { return view().size(); }
    std::size_t length() const { return view().size(); }
    bool empty() const { return view().empty(); }
    char operator[](std::size_t i) const { return view()[i]; }
    /// std::out_of_range for an index beyond the end.
    char at(std::size_t i) const { return view().at(i); }
    const char* data() const { return view().data(); }
    const char* begin() const { return data(); }
    const char* end() const { return data() + size(); }
    std::string substr(std::size_t from = 0, std::size_t count = npos) const {
        return std::string(view().substr(from, count));
    }
    std::size_t find(std::string_view text, std::size_t from = 0) const {
        return view().find(text, from);
    }
    template <class T, if_text<T> = 0>
    text_item& operator+=(const T& text) {
        return *this = *this + text;
    }

    // Templates, so that a std::string or a literal on one side is compared in place, without a
    // copy.
#define VALPOOL_COMPARE_TEXT(op)                               \
    template <class T, if_text<T> = 0>                         \
    friend bool operator op(const text_item& a, const T& b) {  \
        return a.view() op checked_text(b);                    \
    }                                                          \
    template <class T, if_text<T> = 0, if_no_text_item<T> = 0> \
    friend bool operator op(const T& a, const text_item& b) {  \
        return checked_text(a) op b.view();                    \
    }
    VALPOOL_COMPARE_TEXT(==)
    VALPOOL_COMPARE_TEXT(!=)
    VALPOOL_COMPARE_TEXT(<)
    VALPOOL_COMPARE_TEXT(>)
    VALPOOL_COMPARE_TEXT(<=)
    VALPOOL_COMPARE_TEXT(>=)
#undef VALPOOL_COMPARE_TEXT
    template <class T, if_text<T> = 0>
    friend std::string operator+(const text_item& a, const T& b) {
        return std::string(a.view()).append(checked_text(b));
    }
    template <class T, if_text<T> = 0, if_no_text_item<T> = 0>
    friend std::string operator+(const T& a, const text_item& b) {
        return std::string(checked_text(a)).append(b.view());
    }
    friend std::ostream& operator<<(std::ostream& out, const text_item& item) {
        return out << item.view();
    }

private:
    Val text_;
};

}  // namespace detail

/// An array of strings. The text lies in the same memory as the array.
template <>
class Array<std::string> : public Array<detail::text_item> {
public:
    using Array<detail::text_item>::Array;
    Array() = default;
    template <class V, detail::if_val<V> = 0>
    explicit Array(const V& v) : Array(static_cast<Array&>(v)) {}
    void prettyPrint(std::ostream& out, int indent = 0, int add = 4) const;
};

// --- how arrays become values and come out of them ---------------------------------------------

namespace detail {
template <class T>
constexpr char element_tag() noexcept {
    static_assert(
        std::is_same_v<T, Val> || std::is_same_v<T, std::string> || number_tag<T>() != 'Z',
        "a Val can hold arrays of numbers, of strings and of values");
    static_assert(!std::is_same_v<T, long double>, "a Val has no type for long double: use real_8");
    return std::is_same_v<T, std::string> ? 'a' : number_tag<T>();  // 'Z' for values
}
template <class E>
struct container_tags<Array<E>> {
    static constexpr char tag = 'n', subtype = element_tag<E>();
};
#define VALPOOL_CHECK_ELEMENT(its_tag, type, ...) \
    static_assert(element_tag<type>() == its_tag, "arrays of each of these can be in a Val");
VALPOOL_ELEMENT_TYPES(VALPOOL_CHECK_ELEMENT)
#undef VALPOOL_CHECK_ELEMENT
}  // namespace detail

template <class T>
Val::Val(const Array<T>& a) : Val() {
    detail::value_access::put(*this, a);
}

template <class T>
Val& Val::operator=(const Array<T>& a) {
    return a.items_.capacity() == 0 ? assign_empty<Array<T>>() : assign_container(a);
}

/// An empty container, as programs make it to fill it then.
template <class C>
VALPOOL_NOINLINE Val& Val::assign_empty() {
    if (!is_written_at_once()) return assign_container(C());
    using tags = detail::container_tags<C>;
    const auto put = [this](void* memory, detail::box* region) __attribute__((always_inline)) {
        put_in_slot<detail::allocator<char>::pointer>(
            reinterpret_cast<char*>(new (memory) C(detail::allocator<char>(region))));
        set_header(tags::tag, tags::subtype, false, place::elsewhere);
    };
    // Twice, for a region that is known not to be null is written in fewer instructions.
    if (alloc_.is_heap()) {
        put(::operator new(sizeof(C)), nullptr);
    } else {
        detail::box* const b = alloc_.region_in_pool();
        if (!b) __builtin_unreachable();
        put(detail::region_allocate(*b, sizeof(C)), b);
    }
    return *this;
}

template <class C>
Val& Val::assign_container(const C& content) {
    const detail::mutation guard(alloc_.region());
    if (!owns_something()) {
        detail::value_access::put(*this, content);
        return *this;
    }
    Val copy(alloc_);  // all that can fail comes before clear(); `content` may be a part of *this
    detail::value_access::put(copy, content);
    clear();
    take_from(copy);
    return *this;
}

template <class T>
Val::Val(Array<T>* adopted) : Val() {
    detail::value_access::adopt(*this, adopted, true, false);
}

template <class T>
Val::operator Array<T>&() const {
    return detail::value_access::container_of_type<Array<T>>(*this);
}

}  // namespace valpool
